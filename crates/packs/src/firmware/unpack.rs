//! From a download to the files of a firmware: the steps of a recipe over files without a name on any disk.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, Read, Seek, Write},
};

use super::{FirmwareEntry, UnpackOp, UnpackStep, plain_name};
use crate::{
    archive::{self, ArchiveError, Kind, Limits},
    paths::glob,
};

/// Why a download did not become the files.
#[derive(Debug, thiserror::Error)]
pub enum UnpackError {
    /// A file is no archive of that kind, or one that is not taken.
    #[error("step {step}: {file} {error}")]
    Archive {
        /// Number of the step, from 1.
        step: usize,
        /// The file.
        file: String,
        /// What is wrong with it.
        error: ArchiveError,
    },
    /// A step names a file that is not there, or makes two of one name.
    #[error("step {step}: {why}; there are: {}", names(.there))]
    Step {
        /// Number of the step, from 1.
        step: usize,
        /// What is wrong.
        why: String,
        /// The files at hand.
        there: Vec<String>,
    },
    /// What must be stored did not come out.
    #[error("{} did not come out of the download; what came: {}", names(.missing), names(.there))]
    Missing {
        /// Names that are missing.
        missing: Vec<String>,
        /// Names that came.
        there: Vec<String>,
    },
    /// The disk's.
    #[error("the disk says: {0}")]
    Io(#[from] io::Error),
}

fn names(list: &[String]) -> String {
    const SHOWN: usize = 12;
    let mut text = list.iter().take(SHOWN).cloned().collect::<Vec<_>>().join(", ");
    match list.len() {
        0 => text.push_str("nothing"),
        n if n > SHOWN => text.push_str(&format!(" and {} more", n - SHOWN)),
        _ => {}
    }
    text
}

/// The files at hand, by name. A copy shares the file.
type Files = BTreeMap<String, File>;

/// The files of an entry out of its download, under the names that the entry gives them. `temp` makes an empty file that goes
/// by itself; everything that comes out of archives is within `limits`.
///
/// # Errors
/// [`UnpackError`]; then nothing is kept.
pub fn unpack(
    entry: &FirmwareEntry,
    download: File,
    limits: &Limits,
    temp: &dyn Fn() -> io::Result<File>,
) -> Result<Vec<(String, File)>, UnpackError> {
    let mut files = Files::new();
    // Without a recipe the download is the file, whatever the server calls it.
    let alone = entry.files.first().filter(|_| entry.unpack.is_empty());
    files.insert(alone.map_or_else(|| entry.download_name(), String::as_str).to_owned(), download);
    for (at, step) in entry.unpack.iter().enumerate() {
        files = apply(at + 1, step, files, limits, temp)?;
    }
    let (mut out, mut missing) = (Vec::new(), Vec::new());
    for wanted in &entry.files {
        match files.keys().find(|n| n.eq_ignore_ascii_case(wanted)).cloned().and_then(|n| files.remove(&n)) {
            Some(mut file) => {
                file.rewind()?;
                out.push((wanted.clone(), file));
            }
            None => missing.push(wanted.clone()),
        }
    }
    if missing.is_empty() { Ok(out) } else { Err(UnpackError::Missing { missing, there: files.into_keys().collect() }) }
}

fn apply(
    number: usize,
    step: &UnpackStep,
    files: Files,
    limits: &Limits,
    temp: &dyn Fn() -> io::Result<File>,
) -> Result<Files, UnpackError> {
    let fault = |why: String, there: &Files| UnpackError::Step { step: number, why, there: there.keys().cloned().collect() };
    if step.op == UnpackOp::Cp {
        let mut files = files;
        for (old, new) in &step.rename {
            let Some(file) = find(&files, old) else { return Err(fault(format!("there is no {old}"), &files)) };
            // The same open file would share its position.
            let copy = copy(file, temp)?;
            if find(&files, new).is_some() {
                return Err(fault(format!("{new} is there already"), &files));
            }
            files.insert(new.clone(), copy);
        }
        return Ok(files);
    }
    let mut out = Files::new();
    for (name, file) in files {
        for (path, file) in opened(number, step.op, &name, file, &step.select, limits, temp)? {
            let base = path.rsplit('/').next().unwrap_or(&path);
            let new = step.rename.iter().find(|(old, _)| old.eq_ignore_ascii_case(base)).map_or(base, |(_, new)| new);
            if !plain_name(new) {
                return Err(fault(format!("{path:?} is no name for a firmware file"), &out));
            }
            if find(&out, new).is_some() {
                return Err(fault(format!("two files are called {new}: select one of them"), &out));
            }
            out.insert(new.to_owned(), file);
        }
    }
    match out.is_empty() {
        true => Err(fault("nothing is left: correct `select`".into(), &out)),
        false => Ok(out),
    }
}

/// The files that a step makes of one, by path, those selected.
fn opened(
    step: usize,
    op: UnpackOp,
    name: &str,
    mut file: File,
    select: &[String],
    limits: &Limits,
    temp: &dyn Fn() -> io::Result<File>,
) -> Result<Vec<(String, File)>, UnpackError> {
    let wanted = |path: &str| select.is_empty() || select.iter().any(|p| glob(p, path) || glob(p, path.rsplit('/').next().unwrap_or(path)));
    let error = |error| UnpackError::Archive { step, file: name.to_owned(), error };
    if matches!(op, UnpackOp::Select | UnpackOp::Cp) {
        return Ok(if wanted(name) { vec![(name.to_owned(), file)] } else { Vec::new() });
    }
    let mut start = Vec::new();
    file.rewind()?;
    (&mut file).take(64 << 10).read_to_end(&mut start)?;
    let found = Kind::sniff(&start);
    let kind = match (op, found) {
        (UnpackOp::Zip, Some(Kind::Zip)) => Kind::Zip,
        (UnpackOp::Tar, Some(kind @ (Kind::Tar | Kind::TarGz))) => kind,
        (UnpackOp::Gz, Some(Kind::Gz | Kind::TarGz)) => Kind::Gz,
        _ => {
            let word = match op {
                UnpackOp::Zip => "is no zip archive",
                UnpackOp::Tar => "is no tar archive",
                _ => "is no gzip file",
            };
            return Err(error(ArchiveError::Damaged(word.to_owned())));
        }
    };
    let mut out = Vec::new();
    let result = archive::read(kind, file, limits, &mut |entry| {
        let path = match op {
            UnpackOp::Gz => name.strip_suffix(".gz").or_else(|| name.strip_suffix(".GZ")).unwrap_or(name),
            _ => entry.name,
        };
        if wanted(path) {
            let mut file = temp()?;
            io::copy(entry.bytes, &mut file)?;
            file.flush()?;
            out.push((path.to_owned(), file));
        }
        Ok(())
    });
    result.map(|()| out).map_err(error)
}

fn find<'f>(files: &'f Files, name: &str) -> Option<&'f File> {
    files.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, file)| file)
}

fn copy(mut from: &File, temp: &dyn Fn() -> io::Result<File>) -> io::Result<File> {
    let mut to = temp()?;
    from.rewind()?;
    io::copy(&mut from, &mut to)?;
    Ok(to)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use super::*;

    fn temp() -> io::Result<File> {
        tempfile::tempfile()
    }

    fn file(bytes: &[u8]) -> File {
        let mut file = temp().unwrap();
        file.write_all(bytes).unwrap();
        file
    }

    fn entry(files: &[&str], steps: &str) -> FirmwareEntry {
        let steps: BTreeMap<String, Vec<UnpackStep>> = toml::from_str(steps).unwrap();
        FirmwareEntry {
            pack: String::new(),
            version: "1".into(),
            models: Vec::new(),
            title: String::new(),
            url: "https://a.example/x/pack.zip?token=1".into(),
            size: 1,
            sha256: "0".repeat(64),
            files: files.iter().map(|f| (*f).to_owned()).collect(),
            unpack: steps.into_values().flatten().collect(),
        }
    }

    fn zip(files: &[(&str, &[u8])]) -> Vec<u8> {
        let mut writer = zip::ZipWriter::new(io::Cursor::new(Vec::new()));
        for (name, bytes) in files {
            writer.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
            writer.write_all(bytes).unwrap();
        }
        writer.finish().unwrap().into_inner()
    }

    fn run(entry: &FirmwareEntry, download: &[u8]) -> Result<Vec<(String, Vec<u8>)>, String> {
        assert_eq!(entry.faults(), []);
        let files = unpack(entry, file(download), &Limits::PACK, &temp).map_err(|e| e.to_string())?;
        Ok(files
            .into_iter()
            .map(|(name, mut file)| {
                let mut bytes = Vec::new();
                file.read_to_end(&mut bytes).unwrap();
                (name, bytes)
            })
            .collect())
    }

    #[test]
    fn the_download_alone_is_the_file() {
        assert_eq!(run(&entry(&["a.rom"], ""), b"rom").unwrap(), [("a.rom".to_owned(), b"rom".to_vec())]);
    }

    #[test]
    fn a_tar_in_a_zip_with_a_copy() {
        let inner = archive::pack_tar_gz([("img/P0S3-1.sb2", b"sb2".as_slice()), ("img/readme.txt", b"x".as_slice())]).unwrap();
        let outer = zip(&[("release/files.tgz", &inner), ("release/notes.pdf", b"pdf")]);
        let steps = r#"
            [[step]]
            op = "zip"
            select = ["*.tgz"]
            [[step]]
            op = "tar"
            select = ["*.SB2"]
            rename = { "P0S3-1.sb2" = "P0S3-01.sb2" }
            [[step]]
            op = "cp"
            rename = { "P0S3-01.sb2" = "OS.bin" }
        "#;
        let files = run(&entry(&["p0s3-01.SB2", "OS.bin"], steps), &outer).unwrap();
        assert_eq!(files, [("p0s3-01.SB2".to_owned(), b"sb2".to_vec()), ("OS.bin".to_owned(), b"sb2".to_vec())]);
    }

    #[test]
    fn gzip_loses_its_ending() {
        let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gz.write_all(b"image").unwrap();
        let mut one = entry(&["fw.bin"], "[[step]]\nop = \"gz\"\n");
        one.url = "http://a.example/fw.bin.gz".into();
        assert_eq!(run(&one, &gz.finish().unwrap()).unwrap(), [("fw.bin".to_owned(), b"image".to_vec())]);
    }

    #[test]
    fn what_does_not_fit_is_said() {
        let both = zip(&[("a/x.bin", b"1"), ("b/X.BIN", b"2")]);
        let zip_step = "[[step]]\nop = \"zip\"\n";
        assert!(run(&entry(&["x.bin"], zip_step), &both).unwrap_err().contains("two files are called"));
        let selected = "[[step]]\nop = \"zip\"\nselect = [\"b/*\"]\n";
        assert_eq!(run(&entry(&["x.bin"], selected), &both).unwrap(), [("x.bin".to_owned(), b"2".to_vec())]);
        assert!(run(&entry(&["x.bin"], zip_step), b"no archive").unwrap_err().contains("no zip"));
        let error = run(&entry(&["y.bin"], selected), &both).unwrap_err();
        assert!(error.contains("y.bin did not come out") && error.contains("X.BIN"), "{error}");
        let nothing = "[[step]]\nop = \"zip\"\nselect = [\"*.rom\"]\n";
        assert!(run(&entry(&["x.bin"], nothing), &both).unwrap_err().contains("nothing is left"));
        let copy = "[[step]]\nop = \"cp\"\nrename = { \"a\" = \"b\" }\n";
        assert!(run(&entry(&["b"], copy), b"x").unwrap_err().contains("there is no a"));
    }

    #[test]
    fn traversal_and_bombs_are_refused() {
        let steps = "[[step]]\nop = \"zip\"\n";
        for name in ["../x.bin", "/x.bin", "a\\x.bin"] {
            assert!(run(&entry(&["x.bin"], steps), &zip(&[(name, b"1")])).is_err(), "{name}");
        }
        let bomb = zip(&[("x.bin", &vec![0; 64 << 20])]);
        assert!(run(&entry(&["x.bin"], steps), &bomb).unwrap_err().contains("too great"));
        assert_eq!(entry(&[".x"], "").faults().len(), 1);
    }

    #[test]
    fn faults_are_found_at_once() {
        let mut bad = entry(&["a/b", "A.rom", "a.rom"], "[[step]]\nop = \"cp\"\n");
        (bad.url, bad.size, bad.sha256) = ("ftp://x/y".into(), 0, "xyz".into());
        let fields: Vec<_> = bad.faults().iter().map(|f| f.0).collect();
        assert_eq!(fields, ["url", "size", "sha256", "files", "files", "unpack"]);
        bad.url = "https://user:pw@a.example/x".into();
        assert_eq!(bad.faults()[0].0, "url");
    }
}
