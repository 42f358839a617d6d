//! Every pack of the repository: no fault, its own tests pass alone and among all packs, and it is what the binary holds.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

use std::{fs, path::PathBuf, time::Instant};

use offhook_core::request::{Request, Transport};
use offhook_packs::{Catalog, check_pack, test_pack, test_pack_among};

fn folders() -> Vec<PathBuf> {
    let vendors = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../vendors");
    let mut folders: Vec<_> =
        fs::read_dir(vendors).unwrap().map(|e| e.unwrap().path()).filter(|p| p.join("vendor.toml").exists()).collect();
    folders.sort();
    folders
}

#[test]
fn no_pack_has_a_fault() {
    for folder in folders() {
        let report = check_pack(&folder);
        let faults: Vec<String> = report.faults.iter().map(ToString::to_string).collect();
        assert!(faults.is_empty(), "{}:\n{}", folder.display(), faults.join("\n"));
        assert!(report.models > 1 && report.files > 0, "{}: {report:?}", folder.display());
    }
}

#[test]
fn every_pack_passes_its_tests_alone_and_among_all() {
    let catalog = Catalog::embedded();
    for folder in folders() {
        for report in [test_pack(&folder, false), test_pack_among(&catalog, &folder, false)] {
            let failures: Vec<String> = report.failures.iter().map(ToString::to_string).collect();
            assert!(failures.is_empty(), "{}:\n{}", folder.display(), failures.join("\n"));
            assert!(report.passed > 0, "{}: no tests", folder.display());
        }
    }
}

#[test]
fn all_packs_are_built_in() {
    let (catalog, faults) = Catalog::load(None);
    assert_eq!(faults, []);
    let built_in: Vec<&str> = catalog.packs().iter().map(|p| p.id()).collect();
    let known: Vec<String> = folders().iter().map(|f| f.file_name().unwrap().to_string_lossy().into_owned()).collect();
    assert_eq!(built_in, known);
}

/// Printed with `--nocapture`; asserts nothing of time, which depends on the machine.
#[test]
fn identification_is_cheap() {
    let catalog = Catalog::embedded();
    let mut http = Request::new(Transport::Http, "10.0.0.9".parse().unwrap());
    http.path = Some("/001565aabbcc.cfg".to_owned());
    http.headers = vec![("user-agent".to_owned(), "Yealink SIP-T46S 66.86.0.15 00:15:65:aa:bb:cc".to_owned())];
    let mut tftp = Request::new(Transport::Tftp, "10.0.0.9".parse().unwrap());
    tftp.path = Some("SIP0002FDAABBCC.cnf".to_owned());
    let mut scanner = http.clone();
    scanner.path = Some("/wp-login.php".to_owned());
    scanner.headers = vec![("user-agent".to_owned(), "curl/8.5.0".to_owned())];
    for (name, request) in [("http", &http), ("tftp", &tftp), ("scanner", &scanner)] {
        let n: u32 = 20_000;
        let start = Instant::now();
        for _ in 0..n {
            std::hint::black_box(catalog.identify(std::hint::black_box(request), None));
        }
        println!("identify {name}: {:?}", start.elapsed() / n);
    }
}
