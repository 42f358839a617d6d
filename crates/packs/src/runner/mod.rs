//! What an author of packs runs: the check of everything that can be known without a phone, and the pack's own tests.

mod check;
mod golden;
mod recognition;
mod sample;
mod stored;

use std::{collections::BTreeMap, fmt, path::Path, sync::Arc};

use offhook_core::settings::Effective;
use serde::Serialize;

use crate::{Catalog, DeviceFacts, Model, Pack, PackFault, files::folder_name};

/// What a check saw.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct CheckReport {
    /// Models that files were rendered for, the generic one too.
    pub models: usize,
    /// Files that were rendered.
    pub files: usize,
    /// Everything that is wrong.
    pub faults: Vec<PackFault>,
}

/// What the tests of a pack gave.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct TestReport {
    /// Tests that passed: one for each identification and each file of a case.
    pub passed: usize,
    /// Expected files that were written because they were asked for.
    pub written: Vec<String>,
    /// What failed.
    pub failures: Vec<TestFailure>,
}

/// One thing that failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TestFailure {
    /// Case, below `tests/`.
    pub case: String,
    /// File, or field of an identification.
    pub file: String,
    /// The first difference, or what is wrong.
    pub message: String,
}

impl fmt::Display for TestFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}: {}", self.case, self.file, self.message)
    }
}

impl TestReport {
    fn fail(&mut self, case: &str, file: impl Into<String>, message: impl Into<String>) {
        self.failures.push(TestFailure { case: case.to_owned(), file: file.into(), message: message.into() });
    }
}

/// A made-up device of a model with rich settings, for checks that need every model and have no devices. An empty name is the generic one.
pub fn sample_device(pack: &Pack, model: &Model) -> (DeviceFacts, Effective) {
    (check::facts(model, None), sample::settings(model, check::PLAIN, pack.id()))
}

/// Checks a pack's folder: every fault of its files, then a device with rich settings for every model, rendered and read back.
pub fn check_pack(dir: &Path) -> CheckReport {
    match Catalog::of_folder(dir) {
        Ok(catalog) => catalog.packs().first().map(check::check).unwrap_or_default(),
        Err(faults) => CheckReport { faults, ..CheckReport::default() },
    }
}

/// The second half of the check, of a pack that could be loaded.
pub(crate) fn check_loaded(pack: Pack) -> CheckReport {
    check::check(&Arc::new(pack))
}

/// Runs the tests of a pack's folder, the pack alone. `bless` writes the expected files instead of comparing them.
pub fn test_pack(dir: &Path, bless: bool) -> TestReport {
    match Catalog::of_folder(dir) {
        Ok(catalog) => test_pack_among(&catalog, dir, bless),
        Err(faults) => {
            let mut report = TestReport::default();
            faults.iter().for_each(|f| report.fail("", format!("{}: {}", f.file, f.place), &f.message));
            report
        }
    }
}

/// The same among all packs of a catalog, which must hold the folder's pack.
pub fn test_pack_among(catalog: &Catalog, dir: &Path, bless: bool) -> TestReport {
    let mut report = TestReport::default();
    let id = folder_name(dir);
    match catalog.pack(&id) {
        Some(pack) => {
            recognition::run(catalog, &dir.join("tests/identify.toml"), &mut report);
            golden::run(catalog, pack, &dir.join("tests"), bless, &mut report);
        }
        None => report.fail("", id, "the catalog has no such pack"),
    }
    report
}

/// The parameters of every file of a sample device of that model (empty: the generic one), by the file's name in the manifest.
pub(crate) fn sample_files(pack: &Arc<Pack>, model: &str) -> BTreeMap<String, BTreeMap<String, String>> {
    check::parameters(pack, pack.model(Some(model).filter(|m| !m.is_empty())))
}

/// The faults of a test's TOML as text.
fn toml_fault(e: &toml::de::Error, text: &str) -> String {
    format!("{} {}", crate::models::line_of(e, text), e.message())
}
