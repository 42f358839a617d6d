//! One XML document. A parameter is an element, an attribute, or an element named by an attribute. Elements of one name may be
//! told apart by an index, another attribute: `<x idx="1">` is the parameter `x[1]`.

use std::borrow::Cow;

use quick_xml::{
    Reader,
    events::{BytesStart, Event},
};

use super::{Losses, Parameter, Segment, indexed, name_only, nearest, replaced, segments};
use crate::{
    manifest::{Charset, FormatSpec, XmlParameter},
    paths::glob,
};

/// Deepest nesting that is read.
const DEPTH: usize = 64;

/// Options of the format.
#[derive(Clone, Debug)]
pub(super) struct Xml {
    parameter: XmlParameter,
    container: Option<String>,
    item: String,
    item_name: String,
    index: Option<String>,
    /// Names of parameters, with `*`, and the element that holds them instead of the container.
    containers: Vec<(String, String)>,
}

/// Where in a document a place is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Text,
    Tag,
    Attribute(char),
    Comment,
    Data,
    Instruction,
}

pub(super) fn resolve(text: &str, charset: Charset, losses: &mut Losses) -> String {
    let mut out = String::with_capacity(text.len());
    let mut place = Place::Text;
    for segment in segments(text) {
        match segment {
            Segment::Literal(text) => {
                for c in text.chars() {
                    out.push(c);
                    place = after(place, c, &out);
                }
            }
            Segment::Value(value) => {
                let value = nearest(value, charset, losses);
                let safe = match place {
                    Place::Text | Place::Attribute(_) => escape(&value),
                    Place::Tag => name_only(&value, losses, |c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-')),
                    Place::Comment => replaced(&value, losses, |c| (c == '-').then_some('_')),
                    Place::Data => replaced(&value, losses, |c| (c == ']').then_some(')')),
                    Place::Instruction => replaced(&value, losses, |c| matches!(c, '?' | '>').then_some('_')),
                };
                out.push_str(&safe);
            }
        }
    }
    out
}

/// The place after one more character of the template's own text.
fn after(place: Place, c: char, so_far: &str) -> Place {
    match (place, c) {
        (Place::Text, '<') => Place::Tag,
        (Place::Tag, '>') => Place::Text,
        (Place::Tag, '"' | '\'') => Place::Attribute(c),
        (Place::Tag, '?') if so_far.ends_with("<?") => Place::Instruction,
        (Place::Tag, '-') if so_far.ends_with("<!--") => Place::Comment,
        (Place::Tag, '[') if so_far.ends_with("<![CDATA[") => Place::Data,
        (Place::Attribute(q), _) if c == q => Place::Tag,
        (Place::Comment, '>') if so_far.ends_with("-->") => Place::Text,
        (Place::Data, '>') if so_far.ends_with("]]>") => Place::Text,
        (Place::Instruction, '>') if so_far.ends_with("?>") => Place::Text,
        _ => place,
    }
}

/// For text and attributes of either quote. No slash is escaped: crude parsers choke on it.
pub(crate) fn escape(value: &str) -> String {
    let mut out = String::with_capacity(value.len() + 16);
    for c in value.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&#34;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

fn unescape(text: &str) -> String {
    quick_xml::escape::unescape(text).map_or_else(|_| text.to_owned(), |t| t.into_owned())
}

fn is_name(name: &str) -> bool {
    let start = |c: char| c.is_ascii_alphabetic() || c == '_';
    name.starts_with(start) && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | ':'))
}

/// One element of a document, with the byte ranges that an edit needs.
struct Element {
    name: String,
    attributes: Vec<(String, String, std::ops::Range<usize>)>,
    start: std::ops::Range<usize>,
    /// Content; none for `<a/>`.
    content: Option<std::ops::Range<usize>>,
    leaf: bool,
    in_container: bool,
}

impl Xml {
    pub fn new(spec: &FormatSpec) -> Self {
        Self {
            parameter: spec.parameter.unwrap_or_default(),
            container: spec.container.clone(),
            item: spec.item.clone().unwrap_or_else(|| "item".to_owned()),
            item_name: spec.item_name.clone().unwrap_or_else(|| "name".to_owned()),
            index: spec.index.clone(),
            containers: spec.containers.clone().into_iter().collect(),
        }
    }

    /// All elements in the order of their starts. Checks that the document is well-formed.
    fn elements(&self, text: &str) -> Result<Vec<Element>, (usize, String)> {
        let mut reader = Reader::from_str(text);
        let mut elements: Vec<Element> = Vec::new();
        let mut open: Vec<usize> = Vec::new();
        loop {
            let before = usize::try_from(reader.buffer_position()).unwrap_or(0);
            let fault = |message: String| (text.get(..before).map_or(0, |t| t.matches('\n').count() + 1), message);
            let event = reader.read_event().map_err(|e| fault(format!("is no well-formed XML: {}", kind(&e))))?;
            let now = usize::try_from(reader.buffer_position()).unwrap_or(before);
            match event {
                Event::Start(start) | Event::Empty(start) if open.len() < DEPTH => {
                    let empty = text.get(before..now).is_some_and(|t| t.ends_with("/>"));
                    if open.is_empty() && !elements.is_empty() {
                        return Err(fault("has a second root element".to_owned()));
                    }
                    let element = self.element(&start, before..now, text, open.iter().filter_map(|&i| elements.get(i))).map_err(fault)?;
                    if let Some(parent) = open.last().and_then(|&i| elements.get_mut(i)) {
                        parent.leaf = false;
                    }
                    elements.push(element);
                    if !empty {
                        open.push(elements.len() - 1);
                    }
                }
                Event::Start(_) | Event::Empty(_) => return Err(fault("is nested too deep".to_owned())),
                Event::End(_) => {
                    if let Some(element) = open.pop().and_then(|i| elements.get_mut(i)) {
                        element.content = Some(element.start.end..before);
                    }
                }
                Event::Text(t) if open.is_empty() && !t.trim().is_empty() => return Err(fault("has text outside of its root".to_owned())),
                Event::Eof if !open.is_empty() => return Err(fault("ends before its elements do".to_owned())),
                Event::Eof if elements.is_empty() => return Err(fault("has no root element".to_owned())),
                Event::Eof => return Ok(elements),
                _ => {}
            }
        }
    }

    fn element<'a>(
        &self,
        start: &BytesStart<'_>,
        range: std::ops::Range<usize>,
        text: &str,
        parents: impl Iterator<Item = &'a Element>,
    ) -> Result<Element, String> {
        let name = start.name().as_ref().to_owned();
        let mut attributes = Vec::new();
        for attribute in start.attributes() {
            let attribute = attribute.map_err(|_| "has an attribute that is not well-formed or stands twice".to_owned())?;
            let key = attribute.key.as_ref().to_owned();
            let value = attribute.value.into_owned();
            let place =
                value_range(text.get(range.clone()).unwrap_or(""), &key).map_or(0..0, |r| r.start + range.start..r.end + range.start);
            attributes.push((key, value, place));
        }
        let holds = |element: &str| {
            self.container.as_deref().is_none_or(|c| c == element) || self.containers.iter().any(|(_, container)| container == element)
        };
        let in_container = parents.map(|p| p.name.as_str()).any(holds)
            || self.container.is_none()
            || (self.parameter == XmlParameter::Attribute && holds(&name));
        Ok(Element { name, attributes, start: range, content: None, leaf: true, in_container })
    }

    /// The name of the parameter that an element is, and where its value stands.
    fn parameters<'a>(&'a self, element: &'a Element) -> Vec<(Cow<'a, str>, std::ops::Range<usize>)> {
        if !element.in_container {
            return Vec::new();
        }
        let content = element.content.clone().unwrap_or(element.start.end..element.start.end);
        let attribute = |name: &str| element.attributes.iter().find(|(k, ..)| k == name).map(|(_, v, _)| v.as_str());
        let with_index = |name: &'a str| match self.index.as_deref().and_then(attribute) {
            Some(index) => format!("{name}[{index}]").into(),
            None => name.into(),
        };
        match self.parameter {
            XmlParameter::Element if element.leaf => vec![(with_index(&element.name), content)],
            XmlParameter::Item if element.name == self.item => {
                let name = element.attributes.iter().find(|(k, ..)| *k == self.item_name);
                name.map(|(_, v, _)| (with_index(v), content)).into_iter().collect()
            }
            XmlParameter::Attribute => element.attributes.iter().map(|(k, _, r)| (k.as_str().into(), r.clone())).collect(),
            _ => Vec::new(),
        }
    }

    pub fn parse(&self, text: &str) -> Result<Vec<Parameter>, (usize, String)> {
        let elements = self.elements(text)?;
        let mut out = Vec::new();
        for (name, range) in elements.iter().flat_map(|e| self.parameters(e)) {
            let line = text.get(..range.start).map_or(0, |t| t.matches('\n').count() + 1);
            out.push(Parameter { name: unescape(&name), value: unescape(text.get(range).unwrap_or("")), line });
        }
        Ok(out)
    }

    pub fn set(&self, text: &str, name: &str, value: &str, _losses: &mut Losses) -> Result<String, String> {
        let (word, index) = self.split(name);
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        if !index.chars().all(plain) || (self.parameter != XmlParameter::Item && !is_name(word)) {
            return Err("is no parameter name of this file's format".to_owned());
        }
        let elements = self.elements(text).map_err(|(_, e)| format!("the file {e}"))?;
        let value = escape(value);
        let mut edits: Vec<(std::ops::Range<usize>, String)> = Vec::new();
        for element in &elements {
            for (found, range) in self.parameters(element) {
                if !unescape(&found).eq_ignore_ascii_case(name) {
                    continue;
                }
                if element.content.is_some() || self.parameter == XmlParameter::Attribute {
                    edits.push((range, value.clone()));
                } else {
                    let tag = text.get(element.start.clone()).unwrap_or("").trim_end_matches("/>").trim_end();
                    edits.push((element.start.clone(), format!("{tag}>{value}</{}>", element.name)));
                }
            }
        }
        if edits.is_empty() {
            edits.push(self.addition(text, &elements, (word, index), &value)?);
        }
        let mut out = text.to_owned();
        for (range, new) in edits.into_iter().rev() {
            out.replace_range(range, &new);
        }
        Ok(out)
    }

    /// A parameter's name in two: without an index in this format, all of it.
    fn split<'a>(&self, name: &'a str) -> (&'a str, &'a str) {
        if self.index.is_some() { indexed(name) } else { (name, "") }
    }

    /// Where and what to add for a parameter that stands nowhere.
    fn addition(
        &self,
        text: &str,
        elements: &[Element],
        (name, index): (&str, &str),
        value: &str,
    ) -> Result<(std::ops::Range<usize>, String), String> {
        let own = self.containers.iter().find(|(pattern, _)| glob(pattern, name)).map(|(_, container)| container);
        let wanted = own.or(self.container.as_ref());
        let missing = || format!("the file has no <{}> to add it to", wanted.map_or("root", String::as_str));
        let container = elements.iter().find(|e| wanted.is_none_or(|c| e.name == *c)).ok_or_else(missing)?;
        if self.parameter == XmlParameter::Attribute {
            let tag = text.get(container.start.clone()).unwrap_or("");
            let at = container.start.start + tag.trim_end_matches(['/', '>']).trim_end().len();
            return Ok((at..at, format!(" {name}=\"{value}\"")));
        }
        let index = match &self.index {
            Some(attribute) if !index.is_empty() => format!(" {attribute}=\"{index}\""),
            _ => String::new(),
        };
        let element = match self.parameter {
            XmlParameter::Item => format!("<{0} {1}=\"{2}\"{index}>{value}</{0}>\n", self.item, self.item_name, escape(name)),
            _ => format!("<{name}{index}>{value}</{name}>\n"),
        };
        Ok(match &container.content {
            Some(content) => {
                // Before the indentation of the end tag, if it stands in a line of its own.
                let inner = text.get(content.clone()).unwrap_or("");
                let lines = inner.trim_end_matches([' ', '\t']);
                let at = if lines.ends_with('\n') { content.start + lines.len() } else { content.end };
                (at..at, element)
            }
            None => {
                let tag = text.get(container.start.clone()).unwrap_or("").trim_end_matches("/>").trim_end();
                (container.start.clone(), format!("{tag}>\n{element}</{}>", container.name))
            }
        })
    }
}

/// Where an attribute's value stands in a tag.
fn value_range(tag: &str, key: &str) -> Option<std::ops::Range<usize>> {
    let mut at = tag.find(char::is_whitespace)?;
    while at < tag.len() {
        let rest = tag.get(at..)?;
        let name_at = at + (rest.len() - rest.trim_start().len());
        let equals = name_at + tag.get(name_at..)?.find('=')?;
        let after = tag.get(equals + 1..)?;
        let quote_at = equals + 1 + (after.len() - after.trim_start().len());
        let quote = tag.get(quote_at..)?.chars().next()?;
        let end = quote_at + 1 + tag.get(quote_at + 1..)?.find(quote)?;
        if tag.get(name_at..equals)?.trim_end() == key {
            return Some(quote_at + 1..end);
        }
        at = end + 1;
    }
    None
}

/// The kind of a fault, without any text of the document.
fn kind(e: &quick_xml::Error) -> &'static str {
    match e {
        quick_xml::Error::Syntax(_) => "something is not closed",
        quick_xml::Error::IllFormed(_) => "an end does not fit its start",
        _ => "it cannot be read",
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::super::{Format, clean, mark, tests::*};
    use super::*;
    use proptest::prelude::*;

    const ELEMENT: &str = "kind = 'xml'\ncontainer = 'p'";
    const ATTRIBUTE: &str = "kind = 'xml'\nparameter = 'attribute'\ncontainer = 'p'";
    const ITEM: &str = "kind = 'xml'\nparameter = 'item'\ncontainer = 'p'";

    fn set(format: &Format, text: &str, name: &str, value: &str) -> Result<String, String> {
        format.set(text, name, value, Charset::Utf8, &mut Losses::default())
    }

    fn names(format: &Format, text: &str) -> Vec<(String, String)> {
        format.parse(text).unwrap().into_iter().map(|p| (p.name, p.value)).collect()
    }

    #[test]
    fn three_kinds_of_parameter() {
        let text = "<?xml version=\"1.0\"?>\n<r><p a=\"1&amp;\" b = '2'><x>3</x><item name=\"n\">4</item></p><q>5</q></r>\n";
        let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
        assert_eq!(names(&format(ELEMENT), text), [pair("x", "3"), pair("item", "4")]);
        assert_eq!(names(&format(ATTRIBUTE), text), [pair("a", "1&"), pair("b", "2"), pair("name", "n")]);
        assert_eq!(names(&format(ITEM), text), [pair("n", "4")]);
        assert_eq!(set(&format(ELEMENT), text, "X", "<").unwrap(), text.replace("<x>3<", "<x>&lt;<"));
        assert_eq!(set(&format(ELEMENT), text, "y", "1").unwrap(), text.replace("</p>", "<y>1</y>\n</p>"));
        assert_eq!(set(&format(ATTRIBUTE), text, "b", "\"").unwrap(), text.replace("'2'", "'&#34;'"));
        assert_eq!(set(&format(ATTRIBUTE), text, "c", "x").unwrap(), text.replace("'2'", "'2' c=\"x\""));
        assert_eq!(set(&format(ITEM), text, "n", "").unwrap(), text.replace("4", ""));
        assert_eq!(set(&format(ITEM), "<r><p/></r>", "m\"", "1").unwrap(), "<r><p>\n<item name=\"m&#34;\">1</item>\n</p></r>");
        assert_eq!(set(&format(ELEMENT), "<r><p><z/></p></r>", "z", "1").unwrap(), "<r><p><z>1</z></p></r>");
        assert_eq!(set(&format("kind = 'xml'"), "<r><z/></r>", "y", "1").unwrap(), "<r><z/><y>1</y>\n</r>");
    }

    #[test]
    fn an_index_and_a_container_by_name() {
        let format = format("kind = 'xml'\ncontainer = 'p'\nindex = 'idx'\ncontainers = { 'key*' = 'keys' }");
        let text = "<r><p><u idx='1' perm=\"R\">a</u><u idx=\"2\"/><t>z</t></p><keys><key idx=\"0\" context=\"1\">k</key></keys><other><u>n</u></other></r>";
        let found: Vec<_> = names(&format, text).into_iter().map(|(n, v)| format!("{n}={v}")).collect();
        assert_eq!(found, ["u[1]=a", "u[2]=", "t=z", "key[0]=k"]);
        assert_eq!(set(&format, text, "U[1]", "<").unwrap(), text.replace(">a<", ">&lt;<"));
        assert_eq!(set(&format, text, "u[2]", "b").unwrap(), text.replace("idx=\"2\"/>", "idx=\"2\">b</u>"));
        assert_eq!(set(&format, text, "u[3]", "c").unwrap(), text.replace("</p>", "<u idx=\"3\">c</u>\n</p>"));
        assert_eq!(set(&format, text, "key[0]", "l").unwrap(), text.replace(">k<", ">l<"));
        assert_eq!(set(&format, text, "key[7]", "m").unwrap(), text.replace("</keys>", "<key idx=\"7\">m</key>\n</keys>"));
        assert_eq!(set(&format, text, "u", "d").unwrap(), text.replace("</p>", "<u>d</u>\n</p>"));
        for bad in ["u[", "u[]", "[1]", "u[1", "u[\"]", "u[1][2]", "u[a b]"] {
            assert!(set(&format, text, bad, "1").is_err(), "{bad}");
        }
        assert!(set(&format, "<r><p/></r>", "key[1]", "1").unwrap_err().contains("<keys>"));
        for wrong in ["index = 'idx'", "containers = { a = 'b' }"] {
            let spec = toml::from_str(&format!("kind = 'xml'\nparameter = 'attribute'\n{wrong}")).unwrap();
            assert!(Format::new(&spec).is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_is_not_well_formed_is_told_with_its_line() {
        let format = format(ELEMENT);
        for bad in ["", "<a>\n<b>\n</a>", "<a>", "x<a/>", "<a/><b/>", "<a x=1/>", "<a x='1' x='2'/>"] {
            assert!(format.parse(bad).is_err(), "{bad:?}");
        }
        assert_eq!(format.parse("<a>\n<b>\n</a>").unwrap_err().0, 3);
        assert!(set(&format, "<r></r>", "x", "1").unwrap_err().contains("<p>"));
        assert!(set(&format, "<p></p>", "1x y", "1").is_err());
    }

    proptest! {
        #[test]
        fn a_value_is_one_value(value in hostile()) {
            let format = format(ELEMENT);
            let text = format!("<r><!-- {0} --><p a=\"{0}\" b='{0}'><x>{0}</x><y{0}>1</y{0}><![CDATA[{0}]]><z>9</z></p></r>", mark(&value));
            let parsed = format.parse(&format.resolve(&text, Charset::Utf8, &mut Losses::default())).unwrap();
            prop_assert_eq!(parsed.len(), 3);
            prop_assert_eq!(&parsed[0].value, &clean(&value).into_owned());
            prop_assert_eq!(&parsed[2].value, "9");
        }

        #[test]
        fn what_is_set_is_read(value in hostile(), kind in prop::sample::select(vec![ELEMENT, ATTRIBUTE, ITEM]), before in prop::sample::select(vec!["<r><p k=\"1\"/></r>", "<p></p>", "<p><k/><item name='k'/></p>"])) {
            let format = format(kind);
            let text = set(&format, before, "k", &value).unwrap();
            let found: Vec<_> = format.parse(&text).unwrap().into_iter().filter(|p| p.name == "k").collect();
            prop_assert_eq!(found.len(), 1);
            prop_assert_eq!(&found[0].value, &clean(&value).into_owned());
        }
    }
}
