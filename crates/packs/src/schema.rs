//! The JSON Schema of a pack's two TOML files, made from the types that read them, and what of a file breaks it: every fault, each with
//! its line. What the words mean is checked in `load.rs`.

use std::{collections::BTreeMap, sync::LazyLock};

use jsonschema::{Validator, error::ValidationErrorKind};
use schemars::{JsonSchema, Schema, schema_for};
use serde_json::Value;

use crate::manifest::{AssetSpec, FileSpec, FormatSpec, Head, IdentifySpec, ImageSpec, ModelSpec, UploadSpec};

/// A whole `vendor.toml`.
#[derive(JsonSchema)]
#[schemars(title = "vendor.toml", deny_unknown_fields)]
#[allow(dead_code)]
struct Vendor {
    #[schemars(flatten)]
    head: Head,
    /// How a phone says what it is.
    #[schemars(default)]
    identify: Vec<IdentifySpec>,
    /// How files are written.
    #[schemars(default)]
    format: BTreeMap<String, FormatSpec>,
    /// What phones ask for.
    #[schemars(default)]
    file: Vec<FileSpec>,
    /// How stored assets are given to phones.
    #[schemars(default)]
    asset: Vec<AssetSpec>,
    /// What phones may send.
    #[schemars(default)]
    upload: Vec<UploadSpec>,
    /// Firmware images.
    #[schemars(default)]
    image: Vec<ImageSpec>,
}

/// A whole `models.toml`.
#[derive(JsonSchema)]
#[schemars(title = "models.toml", deny_unknown_fields)]
#[allow(dead_code)]
struct ModelsFile {
    /// For every model that does not say otherwise.
    #[schemars(default)]
    defaults: ModelSpec,
    /// When no model is known.
    #[schemars(default)]
    generic: ModelSpec,
    /// By canonical name.
    #[schemars(default)]
    models: BTreeMap<String, ModelSpec>,
}

/// The schema of `vendor.toml`.
pub fn vendor() -> Value {
    Schema::into(schema_for!(Vendor))
}

/// The schema of `models.toml`.
pub fn models() -> Value {
    Schema::into(schema_for!(ModelsFile))
}

static VENDOR: LazyLock<Option<Validator>> = LazyLock::new(|| jsonschema::validator_for(&vendor()).ok());
static MODELS: LazyLock<Option<Validator>> = LazyLock::new(|| jsonschema::validator_for(&models()).ok());

/// Which of the two files.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Of {
    Vendor,
    Models,
}

/// One thing that breaks a schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Broken {
    /// Line and field.
    pub place: String,
    /// The last part of the field.
    pub key: String,
    /// What is wrong and what is allowed.
    pub message: String,
}

/// Everything of the file that breaks its schema. A text that is no TOML has none.
pub(crate) fn faults(of: Of, text: &str) -> Vec<Broken> {
    let validator = match of {
        Of::Vendor => &*VENDOR,
        Of::Models => &*MODELS,
    };
    let (Some(validator), Ok(table)) = (validator, toml::from_str::<toml::Table>(text)) else { return Vec::new() };
    let Ok(value) = serde_json::to_value(&table) else { return Vec::new() };
    let mut out = Vec::new();
    for error in validator.iter_errors(&value) {
        let path: Vec<String> =
            error.instance_path().as_str().split('/').skip(1).map(|p| p.replace("~1", "/").replace("~0", "~")).collect();
        match error.kind() {
            ValidationErrorKind::AdditionalProperties { unexpected } | ValidationErrorKind::UnevaluatedProperties { unexpected } => {
                for key in unexpected {
                    let path: Vec<String> = path.iter().chain([key]).cloned().collect();
                    out.push(broken(text, &path, &value, "is no key here; docs/packs.md has those there are".to_owned()));
                }
            }
            ValidationErrorKind::Enum { options } => {
                let options: Vec<String> =
                    options.as_array().into_iter().flatten().map(|o| o.as_str().map_or_else(|| o.to_string(), str::to_owned)).collect();
                out.push(broken(text, &path, &value, format!("{} is not allowed: write {}", error.instance(), options.join(", "))));
            }
            _ => out.push(broken(text, &path, &value, error.to_string())),
        }
    }
    out
}

fn broken(text: &str, path: &[String], value: &Value, message: String) -> Broken {
    Broken { place: place(text, path, value), key: path.last().cloned().unwrap_or_default(), message }
}

/// `line 12, file "device".kind`
fn place(text: &str, path: &[String], value: &Value) -> String {
    let mut at = value;
    let mut shown = String::new();
    for part in path {
        let next = match at {
            Value::Array(items) => part.parse::<usize>().ok().and_then(|i| items.get(i)),
            other => other.get(part),
        };
        match (part.parse::<usize>(), next.and_then(|n| n.get("name")).and_then(Value::as_str)) {
            (Ok(_), Some(name)) => shown.push_str(&format!(" {name:?}")),
            (Ok(index), None) => shown.push_str(&format!("[{index}]")),
            _ if shown.is_empty() => shown.push_str(part),
            _ => shown.push_str(&format!(".{part}")),
        }
        at = next.unwrap_or(&Value::Null);
    }
    match line(text, path) {
        Some(line) if shown.is_empty() => format!("line {line}"),
        Some(line) => format!("line {line}, {shown}"),
        None => shown,
    }
}

/// Where the value of that path begins.
fn line(text: &str, path: &[String]) -> Option<usize> {
    let root = toml::de::DeTable::parse(text).ok()?;
    let mut start = root.span().start;
    let mut at = toml::de::DeValue::Table(root.into_inner());
    for part in path {
        let next = match at {
            toml::de::DeValue::Table(mut table) => table.remove(part.as_str())?,
            toml::de::DeValue::Array(items) => items.into_iter().nth(part.parse().ok()?)?,
            _ => return None,
        };
        start = next.span().start;
        at = next.into_inner();
    }
    Some(text.get(..start)?.matches('\n').count() + 1)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;
    use crate::files::PackFiles;

    #[test]
    fn every_built_in_pack_keeps_it() {
        for pack in PackFiles::built_in() {
            for (of, file) in [(Of::Vendor, "vendor.toml"), (Of::Models, "models.toml")] {
                let text = std::str::from_utf8(&pack.files[file]).unwrap();
                assert_eq!(faults(of, text), [], "{}/{file}", pack.id);
            }
        }
    }

    #[test]
    fn every_fault_is_told_with_line_and_field() {
        let text = "id = \"x\"\nversion = 1\nname = \"x\"\ncolour = \"red\"\n[[file]]\nname = \"a\"\nkind = \"devize\"\nformt = \"f\"\n[[file]]\nname = \"b\"\n";
        let told: Vec<String> = faults(Of::Vendor, text).iter().map(|f| format!("{}: {}", f.place, f.message)).collect();
        let all = told.join("\n");
        for part in [
            "line 2, version: ",
            "line 4, colour: ",
            "line 7, file \"a\".kind: ",
            "line 8, file \"a\".formt: ",
            "file \"b\": \"kind\" is a required",
        ] {
            assert!(all.contains(part), "{part} in\n{all}");
        }
        assert_eq!(faults(Of::Vendor, "id = "), []);
        assert!(faults(Of::Models, "[models.A]\naccounts = \"two\"\n[model.B]\n").len() == 2);
    }

    #[test]
    fn the_written_schemas_are_those_of_the_program() {
        for (name, schema) in [("vendor", vendor()), ("models", models())] {
            let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../../docs/pack.{name}.schema.json"));
            let text = format!("{}\n", serde_json::to_string_pretty(&schema).unwrap());
            if std::env::var_os("OFFHOOK_BLESS").is_some() {
                std::fs::write(&file, &text).unwrap();
            }
            assert_eq!(std::fs::read_to_string(&file).unwrap_or_default(), text, "OFFHOOK_BLESS=1 writes {}", file.display());
        }
    }
}
