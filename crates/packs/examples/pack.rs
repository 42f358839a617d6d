//! Checks a pack's folder and runs its tests: `cargo run -p offhook-packs --example pack -- [--bless] DIR…`. For authors who have no
//! built server at hand; `offhook pack` does the same.
#![allow(clippy::print_stdout)]

use std::{path::Path, process::ExitCode};

use offhook_packs::{check_pack, test_pack};

fn main() -> ExitCode {
    let (flags, folders): (Vec<String>, Vec<String>) = std::env::args().skip(1).partition(|a| a.starts_with("--"));
    let bless = flags.iter().any(|f| f == "--bless");
    let mut failed = false;
    for folder in folders {
        let (checked, tested) = (check_pack(Path::new(&folder)), test_pack(Path::new(&folder), bless));
        checked.faults.iter().for_each(|f| println!("{f}"));
        tested.written.iter().for_each(|f| println!("written: {f}"));
        tested.failures.iter().for_each(|f| println!("failed: {f}"));
        println!(
            "{folder}: {} models, {} files rendered, {} tests passed, {} failed",
            checked.models,
            checked.files,
            tested.passed,
            tested.failures.len()
        );
        failed |= !checked.faults.is_empty() || !tested.failures.is_empty();
    }
    if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}
