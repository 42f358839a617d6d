//! What archives give, and what is refused of them. The archives are made by the libraries and, where no library writes such a
//! thing, byte by byte.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::{io::Write, sync::LazyLock};

use proptest::prelude::*;
use zip::write::SimpleFileOptions;

use super::*;

const LIMITS: Limits = Limits { entries: 8, entry_bytes: 100_000, total_bytes: 150_000, ratio: 200 };

fn zip_of(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(io::Cursor::new(Vec::new()));
    for (name, bytes) in files {
        zip.start_file(*name, SimpleFileOptions::default()).unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

/// One tar entry with any name and kind.
fn tar_entry(tar: &mut tar::Builder<Vec<u8>>, name: &[u8], kind: tar::EntryType, bytes: &[u8]) {
    let mut header = tar::Header::new_gnu();
    header.as_old_mut().name[..name.len()].copy_from_slice(name);
    header.set_entry_type(kind);
    header.set_size(bytes.len() as u64);
    header.set_mode(0o644);
    if kind == tar::EntryType::Symlink || kind == tar::EntryType::Link {
        header.set_link_name("/etc/passwd").unwrap();
    }
    header.set_cksum();
    tar.append(&header, bytes).unwrap();
}

fn tar_of(files: &[(&[u8], tar::EntryType, &[u8])]) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    files.iter().for_each(|(name, kind, bytes)| tar_entry(&mut tar, name, *kind, bytes));
    tar.into_inner().unwrap()
}

fn gz(bytes: &[u8]) -> Vec<u8> {
    let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    gz.write_all(bytes).unwrap();
    gz.finish().unwrap()
}

fn says<T>(result: Result<T, ArchiveError>) -> String {
    result.err().expect("should be refused").to_string()
}

const FILE: tar::EntryType = tar::EntryType::Regular;

#[test]
fn the_three_kinds_give_the_same_files() {
    let tar = tar_of(&[(b"./", tar::EntryType::Directory, b""), (b"./acme/vendor.toml", FILE, b"one"), (b"acme/b/c.tpl", FILE, b"two")]);
    let zip = zip_of(&[("acme/vendor.toml", b"one"), ("acme/b/c.tpl", b"two")]);
    for archive in [gz(&tar), tar, zip] {
        let files = unpack(&archive, &LIMITS).unwrap();
        let files: Vec<(&str, &[u8])> = files.iter().map(|(n, b)| (n.as_str(), b.as_slice())).collect();
        assert_eq!(files, [("acme/b/c.tpl", b"two".as_slice()), ("acme/vendor.toml", b"one")]);
    }
}

#[test]
fn a_gzip_alone_is_one_file() {
    let mut named = flate2::GzBuilder::new().filename("image.bin").write(Vec::new(), flate2::Compression::fast());
    named.write_all(b"bytes").unwrap();
    assert_eq!(unpack(&named.finish().unwrap(), &LIMITS).unwrap()["image.bin"], b"bytes");
    assert_eq!(unpack(&gz(b"bytes"), &LIMITS).unwrap()["file"], b"bytes");
    let mut sly = flate2::GzBuilder::new().filename("../../etc/passwd").write(Vec::new(), flate2::Compression::fast());
    sly.write_all(b"bytes").unwrap();
    assert_eq!(unpack(&sly.finish().unwrap(), &LIMITS).unwrap()["file"], b"bytes", "a name of a header that leads elsewhere is not used");
}

#[test]
fn packing_is_the_same_every_time_and_reads_back() {
    let long = format!("acme/{}.tpl", "x".repeat(150));
    let files = [("acme/vendor.toml", b"one".as_slice()), (&long, b"two")];
    let archive = pack_tar_gz(files).unwrap();
    assert_eq!(archive, pack_tar_gz(files).unwrap());
    assert_eq!(unpack(&archive, &LIMITS).unwrap()[&long], b"two");
    assert!(says(pack_tar_gz([("../x", b"".as_slice())])).contains("leads out"));
}

#[test]
fn names_that_lead_elsewhere_are_refused() {
    for (name, why) in [
        ("../vendor.toml", "leads out"),
        ("a/../../b", "leads out"),
        ("/etc/passwd", "absolute"),
        ("C:/windows", "absolute"),
        ("a\\b", "backslash"),
        ("a\nb", "control"),
    ] {
        assert!(says(unpack(&tar_of(&[(name.as_bytes(), FILE, b"x")]), &LIMITS)).contains(why), "tar {name:?}");
        assert!(says(unpack(&zip_of(&[(name, b"x")]), &LIMITS)).contains(why), "zip {name:?}");
    }
    assert!(says(unpack(&tar_of(&[(b"a\xff", FILE, b"x")]), &LIMITS)).contains("UTF-8"));
    assert!(says(unpack(&zip_of(&[("a\0b", b"x")]), &LIMITS)).contains("control"), "NUL");
}

#[test]
fn a_name_that_stands_twice_is_refused() {
    assert!(says(unpack(&tar_of(&[(b"a", FILE, b"1"), (b"A", FILE, b"2")]), &LIMITS)).contains("twice"));
    let mut zip = zip_of(&[("a", b"1"), ("b", b"2")]);
    assert!(unpack(&zip, &LIMITS).is_ok());
    // In the local header and in the directory.
    for at in 0..zip.len() - 46 {
        let name = match &zip[at..at + 4] {
            b"PK\x03\x04" => at + 30,
            b"PK\x01\x02" => at + 46,
            _ => continue,
        };
        zip[name] = b'a';
    }
    assert!(says(unpack(&zip, &LIMITS)).contains("twice"));
}

#[test]
fn links_and_devices_are_refused() {
    use tar::EntryType as T;
    for (kind, what) in [
        (T::Symlink, "a link"),
        (T::Link, "a link"),
        (T::Char, "a device"),
        (T::Block, "a device"),
        (T::Fifo, "a device"),
        (T::GNUSparse, ""),
    ] {
        let error = says(unpack(&tar_of(&[(b"a", kind, b"")]), &LIMITS));
        assert!(error.contains(what), "{kind:?}: {error}");
    }
    let mut zip = zip::ZipWriter::new(io::Cursor::new(Vec::new()));
    zip.add_symlink("a", "/etc/passwd", SimpleFileOptions::default()).unwrap();
    assert!(says(unpack(&zip.finish().unwrap().into_inner(), &LIMITS)).contains("a link"));
}

#[test]
fn an_encrypted_zip_is_refused() {
    let mut zip = zip_of(&[("a", b"1")]);
    for at in 0..zip.len() - 46 {
        match &zip[at..at + 4] {
            b"PK\x03\x04" => zip[at + 6] |= 1,
            b"PK\x01\x02" => zip[at + 8] |= 1,
            _ => {}
        }
    }
    assert!(says(unpack(&zip, &LIMITS)).contains("encrypted"));
}

#[test]
fn too_much_is_refused() {
    let many: Vec<String> = (0..9).map(|n| n.to_string()).collect();
    let many: Vec<(&[u8], tar::EntryType, &[u8])> = many.iter().map(|n| (n.as_bytes(), FILE, b"".as_slice())).collect();
    assert!(says(unpack(&tar_of(&many), &LIMITS)).contains("more than 8 entries"));
    let noise: Vec<u8> = (0..100_001_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    assert!(says(unpack(&zip_of(&[("a", &noise)]), &LIMITS)).contains("more than 100000 bytes in one file"));
    let three: &[(&[u8], _, &[u8])] = &[(b"a", FILE, &noise[..60_000]), (b"b", FILE, &noise[..60_000]), (b"c", FILE, &noise[..60_000])];
    assert!(says(unpack(&tar_of(three), &LIMITS)).contains("more than 150000 bytes unpacked"));
    // Exactly as much as is allowed.
    assert_eq!(unpack(&zip_of(&[("a", &noise[..100_000])]), &LIMITS).unwrap()["a"].len(), 100_000);
}

#[test]
fn a_bomb_does_not_go_off() {
    let limits = Limits { entries: 8, entry_bytes: 1 << 40, total_bytes: 1 << 40, ratio: 100 };
    let zeros = vec![0; 4 << 20];
    for bomb in [zip_of(&[("a", &zeros)]), gz(&zeros), gz(&tar_of(&[(b"a", FILE, &zeros)]))] {
        let mut most = 0;
        let kind = Kind::sniff(&bomb).unwrap();
        let result = read(kind, io::Cursor::new(&bomb), &limits, &mut |entry| {
            most = io::copy(entry.bytes, &mut io::sink())?;
            Ok(())
        });
        let error = says(result);
        assert!(error.contains("for an archive of this size"), "{error}");
        assert_eq!(most, 0);
        // One that is passed over is counted all the same.
        assert!(says(read(kind, io::Cursor::new(&bomb), &limits, &mut |_| Ok(()))).contains("for an archive of this size"));
    }
    // A long name is not held in memory.
    let mut tar = tar::Builder::new(Vec::new());
    tar_entry(&mut tar, b"././@LongLink", tar::EntryType::GNULongName, &vec![b'a'; 1 << 20]);
    tar_entry(&mut tar, b"a", FILE, b"x");
    assert!(says(unpack(&tar.into_inner().unwrap(), &limits)).contains("headers"));
}

#[test]
fn what_takes_the_entries_may_fail() {
    let error = read(Kind::Zip, io::Cursor::new(zip_of(&[("a", b"1")])), &LIMITS, &mut |_| Err(io::Error::other("the disk is full")));
    assert!(matches!(error, Err(ArchiveError::Io(e)) if e.to_string() == "the disk is full"));
}

#[test]
fn damage_is_told() {
    assert!(matches!(unpack(b"hello", &LIMITS), Err(ArchiveError::Unknown)));
    let mut zip = zip_of(&[("a", &[7; 5000])]);
    let middle = 35;
    zip[middle] ^= 0x55;
    assert!(says(unpack(&zip, &LIMITS)).contains("is damaged"));
    let whole = gz(&tar_of(&[(b"a", FILE, &[7; 5000])]));
    assert!(says(unpack(&whole[..whole.len() - 9], &LIMITS)).contains("is damaged"));
}

static SEEDS: LazyLock<[Vec<u8>; 3]> = LazyLock::new(|| {
    let tar = tar_of(&[(b"acme/vendor.toml", FILE, b"some text"), (b"b", FILE, &[1; 700]), (b"l", tar::EntryType::GNULongName, b"name")]);
    [zip_of(&[("acme/vendor.toml", b"some text"), ("b", &[1; 700])]), gz(&tar), tar]
});

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    /// No bytes panic, and nothing comes out that the limits forbid.
    #[test]
    fn no_bytes_panic(seed in 0..3_usize, changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..12), cut in 0..40_usize) {
        let mut bytes = SEEDS[seed].clone();
        for (at, value) in changes {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        bytes.truncate(bytes.len().saturating_sub(cut));
        for kind in [Kind::Zip, Kind::Tar, Kind::TarGz, Kind::Gz] {
            let (mut count, mut total) = (0, 0);
            let _ = read(kind, io::Cursor::new(&bytes), &LIMITS, &mut |entry| {
                prop_assert_name(entry.name);
                count += 1;
                total += io::copy(entry.bytes, &mut io::sink())?;
                Ok(())
            });
            prop_assert!(count <= LIMITS.entries && total <= LIMITS.total_bytes);
        }
        let _ = unpack(&bytes, &LIMITS);
    }

    /// The same for bytes that were never an archive.
    #[test]
    fn no_noise_panics(bytes in prop::collection::vec(any::<u8>(), 0..2000)) {
        for kind in [Kind::Zip, Kind::Tar, Kind::TarGz, Kind::Gz] {
            let _ = read(kind, io::Cursor::new(&bytes), &LIMITS, &mut |_| Ok(()));
        }
    }

    /// A name that is taken stays inside.
    #[test]
    fn names_stay_inside(name in "[a./\\\\:\u{0}é ]{0,12}") {
        if let Ok(name) = safe_name(&name) {
            prop_assert_name(&name);
        }
    }
}

fn prop_assert_name(name: &str) {
    assert!(!name.starts_with('/') && !name.contains('\\') && name.split('/').all(|p| p != ".." && p != "."), "{name:?}");
}
