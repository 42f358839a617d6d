//! The model as reference documentation (Markdown).

use std::fmt::Write;

use super::field::{Field, Kind, Shape};
use super::model::SETTINGS;
use super::variable;

const HEAD: &str = "\
# Settings

This page is made from the description of the settings in `crates/core/src/settings/model`; do not edit it by hand.

The settings of the site, of a tenant, of a profile and of a device are the same partial document: what is left out
comes from the layers below. Objects merge key by key, lists and single values are replaced, and `unset` takes away what
lower layers gave. An object whose `type` changes is replaced as a whole.

- `N` stands for a number, written as text (`\"lines\": { \"1\": { … } }`); `[]` for the items of a list, whose numbers in
  a path count from 0 (`lines.1.servers[0].host`). A name with dots is quoted in a path: `raw.PACK.\"name.with.dots\"`.
- Control characters and line ends (C0, DEL, C1, U+2028, U+2029) are refused in every text; blanks at the ends are kept.
- 🔒 marks secrets: encrypted at rest, shown as `********`. Writing the mask back keeps the stored value. The password of
  a URL (`https://user:password@host/`) is a secret wherever it stands.
- 🎲 marks secrets that may be `\"generate\"`: the server then derives one for each device, and another one when
  `\"generate\"` is written again.
- A required field must stand in every item of its list.
";

/// The reference of all settings, in Markdown. An object that stands in several places is described at the first one.
pub fn reference_markdown() -> String {
    let mut out = HEAD.to_owned();
    out.push_str("\n## Variables\n\nTexts may use these; nothing else is replaced. `$${` is a literal `${`. A variable that stands for nothing is empty.\n\n");
    for (name, doc) in variable::documented() {
        put(&mut out, format_args!("- `{name}`: {doc}\n"));
    }
    let (sections, simple): (Vec<&'static Field>, Vec<_>) = SETTINGS.fields.iter().partition(|field| below(&field.kind).is_some());
    out.push_str("\n## At the top\n\n");
    let rows: Vec<Row> = simple.into_iter().map(|field| Row { path: field.name.to_owned(), field, item: false, like: None }).collect();
    table(&mut out, &rows);
    let mut described = Vec::new();
    for field in sections {
        section(&mut out, field, &mut described);
    }
    out
}

/// The fields below a field, with what stands between the names.
fn below(kind: &Kind) -> Option<(&'static str, &'static Shape)> {
    match kind {
        Kind::Object(shape) => Some(("", shape)),
        Kind::Numbered { of, .. } => Some((".N", of)),
        Kind::List { of: Kind::Object(shape), .. } => Some(("[]", shape)),
        _ => None,
    }
}

struct Row {
    path: String,
    field: &'static Field,
    /// The field of an item of a list.
    item: bool,
    /// Where the fields below it are described already.
    like: Option<String>,
}

/// Shapes, and where they were described.
type Described = Vec<(&'static Shape, String)>;

fn section(out: &mut String, field: &'static Field, described: &mut Described) {
    let Some((step, shape)) = below(&field.kind) else { return };
    put(out, format_args!("\n## `{}`\n\n{} Allowed: {}.\n\n", field.name, field.doc, allowed(field)));
    let mut rows = Vec::new();
    let mut rules = Vec::new();
    collect(&format!("{}{step}", field.name), shape, step == "[]", described, &mut rows, &mut rules);
    table(out, &rows);
    if !rules.is_empty() {
        out.push('\n');
    }
    for (at, rule) in rules {
        put(out, format_args!("- `{at}`: {rule}.\n"));
    }
}

fn collect(
    at: &str,
    shape: &'static Shape,
    item: bool,
    described: &mut Described,
    rows: &mut Vec<Row>,
    rules: &mut Vec<(String, &'static str)>,
) {
    described.push((shape, at.to_owned()));
    rules.extend(shape.rules.iter().map(|rule| (at.to_owned(), rule.says)));
    for field in shape.fields {
        let path = format!("{at}.{}", field.name);
        let below = below(&field.kind);
        let like =
            below.and_then(|(_, shape)| described.iter().find(|(known, _)| std::ptr::eq(*known, shape)).map(|(_, path)| path.clone()));
        let further = below.filter(|_| like.is_none());
        rows.push(Row { path: path.clone(), field, item, like });
        if let Some((step, shape)) = further {
            collect(&format!("{path}{step}"), shape, step == "[]", described, rows, rules);
        }
    }
}

fn table(out: &mut String, rows: &[Row]) {
    out.push_str("| field | meaning | allowed | default |\n|---|---|---|---|\n");
    for Row { path, field, item, like } in rows {
        let mut allowed = allowed(field);
        if let Some(like) = like {
            put(&mut allowed, format_args!(", with the fields of `{like}`"));
        }
        let cells =
            [format!("`{path}`{}", marks(field, *item)), field.doc.to_owned(), allowed, field.default.unwrap_or_default().to_owned()];
        put(out, format_args!("| {} |\n", cells.map(|cell| cell.replace('|', "\\|")).join(" | ")));
    }
}

fn marks(field: &Field, item: bool) -> String {
    let mut marks = String::new();
    for (mark, holds) in [(" 🔒", field.secret), (" 🎲", field.generate.is_some()), (" (required)", item && field.required)] {
        if holds {
            marks.push_str(mark);
        }
    }
    marks
}

fn allowed(field: &Field) -> String {
    let mut text = match &field.kind {
        Kind::Object(_) => "an object".to_owned(),
        Kind::List { of: Kind::Object(_), max, .. } => format!("a list of at most {max} objects"),
        Kind::Numbered { max, .. } => format!("objects by number, from `\"1\"` to `\"{max}\"`"),
        kind => kind.allows(),
    };
    if let Some(unit) = field.unit {
        put(&mut text, format_args!(" ({unit})"));
    }
    for scope in field.not_in {
        put(&mut text, format_args!("; not in {}", scope.name()));
    }
    text
}

/// Writing into a `String` cannot fail.
fn put(out: &mut String, text: std::fmt::Arguments<'_>) {
    let _ = out.write_fmt(text);
}
