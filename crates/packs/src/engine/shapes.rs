//! Filters for how families arrange and write things: pages of keys, colours.

use std::collections::BTreeMap;

use minijinja::{Environment, Error, ErrorKind, Value, value::Kwargs};

pub(super) fn add(environment: &mut Environment<'static>) {
    environment.add_filter("paged", paged);
    environment.add_filter("colour", colour);
}

/// Keys with where they are: `page`, `position` in it, `row` and `column`, all from 1.
fn paged(keys: &Value, per_page: usize, columns: Option<usize>, kwargs: Kwargs) -> Result<Value, Error> {
    let down: Option<bool> = kwargs.get("down")?;
    let columns = columns.or(kwargs.get("columns")?).unwrap_or(1);
    kwargs.assert_all_used()?;
    if per_page == 0 || columns == 0 {
        return Err(Error::new(ErrorKind::InvalidOperation, "a page has at least one key and one column"));
    }
    let rows = per_page.div_ceil(columns);
    let mut out = Vec::new();
    for key in keys.try_iter()? {
        let Some(n) = key.get_attr("n")?.as_usize().and_then(|n| n.checked_sub(1)) else { continue };
        let place = n % per_page;
        let (row, column) = if down.unwrap_or(true) { (place % rows, place / rows) } else { (place / columns, place % columns) };
        let mut at: BTreeMap<Value, Value> = BTreeMap::new();
        for name in key.try_iter()? {
            let value = key.get_item(&name)?;
            at.insert(name, value);
        }
        for (name, number) in [("page", n / per_page), ("position", place), ("row", row), ("column", column)] {
            at.insert(Value::from(name), Value::from(number + 1));
        }
        out.push(Value::from(at));
    }
    Ok(Value::from(out))
}

/// `#rrggbb` by a pattern: `{r}` `{g}` `{b}` in decimals, `{rr}` or `{RR}` in hexadecimal, `{number}` all as one number, `{rgb565}` in 16 bits.
fn colour(value: &Value, pattern: &str) -> Result<Value, Error> {
    let digits = value.as_str().and_then(|text| text.trim().strip_prefix('#')).filter(|d| d.len() == 6);
    let Some(number) = digits.and_then(|d| u32::from_str_radix(d, 16).ok()) else { return Ok(Value::UNDEFINED) };
    let [_, r, g, b] = number.to_be_bytes();
    let rgb565 = (u32::from(r >> 3) << 11) | (u32::from(g >> 2) << 5) | u32::from(b >> 3);
    let mut out = String::new();
    let mut rest = pattern;
    while let Some((before, after)) = rest.split_once('{') {
        let (part, after) = after.split_once('}').unwrap_or((after, ""));
        out.push_str(before);
        let channel = match part.bytes().next().map(|c| c.to_ascii_lowercase()) {
            Some(b'r') => r,
            Some(b'g') => g,
            _ => b,
        };
        out.push_str(&match part {
            "r" | "g" | "b" => channel.to_string(),
            "rr" | "gg" | "bb" => format!("{channel:02x}"),
            "RR" | "GG" | "BB" => format!("{channel:02X}"),
            "number" => number.to_string(),
            "rgb565" => rgb565.to_string(),
            _ => {
                return Err(Error::new(
                    ErrorKind::InvalidOperation,
                    format!("{part:?}: allowed are r g b, rr gg bb, RR GG BB, number, rgb565"),
                ));
            }
        });
        rest = after;
    }
    out.push_str(rest);
    Ok(Value::from(out))
}
