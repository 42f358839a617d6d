//! The reference and the schema in `docs/` are those that the model gives.

use std::path::PathBuf;

use crate::settings::{json_schema, reference_markdown};

const REFRESH: &str = "OFFHOOK_BLESS";

fn check(name: &str, wanted: &str) {
    let file: PathBuf = [env!("CARGO_MANIFEST_DIR"), "..", "..", "docs", name].iter().collect();
    if std::env::var_os(REFRESH).is_some() {
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(&file, wanted).unwrap();
    }
    let found = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(found == wanted, "docs/{name} is not what the model says; refresh it: {REFRESH}=1 cargo test -p offhook-core generated");
}

#[test]
fn the_reference_is_current() {
    check("settings.md", &reference_markdown());
}

#[test]
fn the_schema_is_current() {
    check("settings.schema.json", &format!("{:#}\n", json_schema("#")));
}
