//! JSON from outside, read strictly: bounded in depth and in the number of values, and no name twice in one object, so that nobody reads
//! another document than its author meant.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// Objects and lists within each other; `serde_json` refuses deeper ones by itself at 128.
const DEPTH: usize = 64;
/// Values of one document, those within others too.
const VALUES: usize = 500_000;

/// Where and what is wrong; never the text itself, which may hold a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JsonFault {
    /// The line, from 1.
    pub line: usize,
    /// The column in bytes, from 1; 0 at the start of a line.
    pub column: usize,
    /// What is wrong.
    pub message: String,
}

impl fmt::Display for JsonFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}: {}", self.line, self.column, self.message)
    }
}

/// The document of a text.
///
/// # Errors
/// The first fault with its place.
pub fn read(bytes: &[u8]) -> Result<Value, JsonFault> {
    let mut left = VALUES;
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let value = Node { depth: 0, left: &mut left }.deserialize(&mut reader);
    value.and_then(|value| reader.end().map(|()| value)).map_err(|error| {
        let text = error.to_string();
        let message = text.split(" at line ").next().unwrap_or_default().to_owned();
        JsonFault { line: error.line(), column: error.column(), message }
    })
}

/// One value and those within it.
struct Node<'a> {
    depth: usize,
    left: &'a mut usize,
}

impl<'de> DeserializeSeed<'de> for Node<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        if self.depth > DEPTH {
            return Err(D::Error::custom(format!("more than {DEPTH} objects and lists within each other are not allowed")));
        }
        *self.left = self.left.checked_sub(1).ok_or_else(|| D::Error::custom(format!("more than {VALUES} values are not allowed")))?;
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Node<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::String(text.to_owned()))
    }

    fn visit_string<E>(self, text: String) -> Result<Value, E> {
        Ok(Value::String(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(Node { depth: self.depth + 1, left: self.left })? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            if map.contains_key(&name) {
                let short: String = name.chars().take(64).collect();
                return Err(A::Error::custom(format!("the name {short:?} stands in one object twice")));
            }
            let value = members.next_value_seed(Node { depth: self.depth + 1, left: self.left })?;
            map.insert(name, value);
        }
        Ok(Value::Object(map))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn depth_width_and_names_are_bounded() {
        for deep in [100, 10_000] {
            let text = format!("{}{}", "[".repeat(deep), "]".repeat(deep));
            assert!(read(text.as_bytes()).unwrap_err().message.contains("within each other"), "{deep}");
        }
        assert!(read(format!("[{}1]", "1,".repeat(VALUES)).as_bytes()).unwrap_err().message.contains("values"));
        let twice = read(b"{\"a\": 1,\n \"b\": {\"c\": 1, \"c\": 2}}").unwrap_err();
        assert_eq!((twice.line, twice.message.as_str()), (2, "the name \"c\" stands in one object twice"));
        assert!(read(b"{} x").is_err() && read(b"").is_err() && read(b"\"\\ud800\"").is_err());
    }

    proptest! {
        #[test]
        fn what_is_right_is_read_as_it_is(numbers in prop::collection::vec(any::<i64>(), 0..5), text in ".*", real in -1e9..1e9f64) {
            let value = json!({"n": numbers, "t": text, "x": {"y": [null, true, real]}});
            prop_assert_eq!(read(value.to_string().as_bytes()).unwrap(), value);
        }

        #[test]
        fn any_bytes_are_taken(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = read(&bytes);
        }
    }
}
