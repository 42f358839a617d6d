//! Archives that come from elsewhere: zip, tar, tar.gz and gz are read entry by entry, in one pass, within limits. Nothing is
//! written to a disk here, and no name of an archive is ever a path of this machine.
//!
//! Refused as a whole: links, devices, sparse and encrypted entries, absolute names, `..`, backslashes, control characters, names that
//! stand twice (letter case ignored), and everything that is greater than [`Limits`] allow.

use std::{
    cell::Cell,
    collections::HashSet,
    io::{self, Read, Seek, SeekFrom},
    rc::Rc,
};

use flate2::read::MultiGzDecoder;

/// Longest name of an entry, in bytes.
const MAX_NAME: usize = 512;
/// Most bytes of headers before one entry of a tar archive: long names are kept in memory while they are read.
const MAX_TAR_HEADERS: u64 = 64 << 10;
/// An archive that is no greater than this unpacked is no bomb, whatever its ratio: a file of zeros is small.
const SMALL: u64 = 1 << 20;

/// How much an archive may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Greatest number of entries, folders too.
    pub entries: usize,
    /// Greatest size of one file, in bytes.
    pub entry_bytes: u64,
    /// Greatest size of all files together, in bytes.
    pub total_bytes: u64,
    /// How many times greater than the archive its contents may be, beyond the first MiB.
    pub ratio: u64,
}

impl Limits {
    /// Of a vendor pack.
    pub const PACK: Limits = Limits { entries: 8192, entry_bytes: 32 << 20, total_bytes: 128 << 20, ratio: 200 };
}

/// What an archive is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// PKZIP: stored or deflated entries.
    Zip,
    /// POSIX or GNU tar.
    Tar,
    /// A tar in gzip.
    TarGz,
    /// One file in gzip.
    Gz,
}

impl Kind {
    /// What the bytes at the beginning say; a gzip stream is looked into. 64 KiB are enough.
    pub fn sniff(start: &[u8]) -> Option<Kind> {
        let is_tar = |bytes: &[u8]| bytes.get(257..262) == Some(b"ustar".as_slice());
        if start.starts_with(b"PK\x03\x04") || start.starts_with(b"PK\x05\x06") {
            return Some(Kind::Zip);
        }
        if start.starts_with(&[0x1f, 0x8b]) {
            let mut block = Vec::new();
            // What is cut off in the middle gives what came before.
            let _ = MultiGzDecoder::new(start).take(512).read_to_end(&mut block);
            return Some(if is_tar(&block) { Kind::TarGz } else { Kind::Gz });
        }
        is_tar(start).then_some(Kind::Tar)
    }
}

/// Why an archive is not taken.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// Neither zip, tar, tar.gz nor gz.
    #[error("is neither a zip, a tar nor a gzip archive")]
    Unknown,
    /// The bytes are not what they should be.
    #[error("is damaged: {0}")]
    Damaged(String),
    /// An entry's name could mean something outside of the archive, or two things.
    #[error("entry {name:?}: {why}")]
    Name {
        /// The name, shortened.
        name: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// An entry that is no file and no folder, or one that cannot be read.
    #[error("entry {name:?} is {what}: only plain files and folders are taken")]
    Entry {
        /// The name.
        name: String,
        /// What it is.
        what: &'static str,
    },
    /// A limit is exceeded.
    #[error("is too great: more than {limit} {what}")]
    TooGreat {
        /// Of what there is too much.
        what: &'static str,
        /// How much is allowed.
        limit: u64,
    },
    /// What takes the entries failed.
    #[error("{0}")]
    Io(io::Error),
}

impl ArchiveError {
    fn name(name: &str, why: &'static str) -> Self {
        Self::Name { name: name.chars().take(80).collect(), why }
    }

    fn entry(name: &str, what: &'static str) -> Self {
        Self::Entry { name: name.to_owned(), what }
    }

    /// An error of a library, which may carry one of ours through it.
    fn damaged(error: io::Error) -> Self {
        error.downcast().unwrap_or_else(|e: io::Error| Self::Damaged(e.to_string()))
    }

    fn zip(error: zip::result::ZipError) -> Self {
        match error {
            zip::result::ZipError::Io(e) => Self::damaged(e),
            other => Self::Damaged(other.to_string()),
        }
    }
}

/// One file of an archive, while it is read.
pub struct Entry<'a> {
    /// Its path inside the archive: parts between `/`, no `.` and no `..`.
    pub name: &'a str,
    /// Its bytes. What is not read is passed over.
    pub bytes: &'a mut dyn Read,
}

/// Reads an archive, files only, in its order. The name of a gzip's file is that of its header, else `file`.
///
/// # Errors
/// [`ArchiveError`]; `each` may have been called for entries before the fault.
pub fn read<R: Read + Seek>(
    kind: Kind,
    mut archive: R,
    limits: &Limits,
    each: &mut dyn FnMut(Entry<'_>) -> io::Result<()>,
) -> Result<(), ArchiveError> {
    let packed = archive.seek(SeekFrom::End(0)).map_err(ArchiveError::Io)?;
    archive.rewind().map_err(ArchiveError::Io)?;
    let mut intake = Intake { names: HashSet::new(), left: Left::of(limits, packed), limits: *limits, each };
    match kind {
        Kind::Zip => zip_entries(archive, &mut intake),
        Kind::Tar => tar_entries(archive, &mut intake),
        Kind::TarGz => tar_entries(MultiGzDecoder::new(archive), &mut intake),
        Kind::Gz => {
            let bytes = flate2::read::GzDecoder::new(&mut archive);
            let name = bytes.header().and_then(|h| h.filename()).and_then(|n| std::str::from_utf8(n).ok());
            let name = name.filter(|n| safe_name(n).is_ok_and(|n| !n.is_empty() && !n.contains('/'))).unwrap_or("file").to_owned();
            drop(bytes);
            archive.rewind().map_err(ArchiveError::Io)?;
            intake.file(&name, &mut MultiGzDecoder::new(archive))
        }
    }
}

/// All files of an archive in memory, by name.
///
/// # Errors
/// As [`read`], and [`ArchiveError::Unknown`].
pub fn unpack(archive: &[u8], limits: &Limits) -> Result<std::collections::BTreeMap<String, Vec<u8>>, ArchiveError> {
    let kind = Kind::sniff(archive).ok_or(ArchiveError::Unknown)?;
    let mut files = std::collections::BTreeMap::new();
    read(kind, io::Cursor::new(archive), limits, &mut |entry| {
        let mut bytes = Vec::new();
        entry.bytes.read_to_end(&mut bytes)?;
        files.insert(entry.name.to_owned(), bytes);
        Ok(())
    })?;
    Ok(files)
}

/// Packs files as a tar.gz: the same files give the same bytes.
///
/// # Errors
/// A name that [`read`] would refuse.
pub fn pack_tar_gz<'a>(files: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> Result<Vec<u8>, ArchiveError> {
    let mut tar = tar::Builder::new(flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best()));
    for (name, bytes) in files {
        let name = safe_name(name)?;
        let mut header = tar::Header::new_ustar();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        header.set_mtime(0);
        tar.append_data(&mut header, &name, bytes).map_err(ArchiveError::Io)?;
    }
    tar.into_inner().and_then(flate2::write::GzEncoder::finish).map_err(ArchiveError::Io)
}

/// The name as parts between `/`, or why it is none. A folder's name is given without its last `/`; that of the archive's own root
/// (`./`) is empty.
fn safe_name(name: &str) -> Result<String, ArchiveError> {
    let refuse = |why| Err(ArchiveError::name(name, why));
    if name.len() > MAX_NAME {
        return refuse("the name is too long");
    }
    if name.starts_with('/') || name.as_bytes().get(1) == Some(&b':') {
        return refuse("the name is absolute");
    }
    if name.contains('\\') {
        return refuse("the name holds a backslash");
    }
    if name.chars().any(char::is_control) {
        return refuse("the name holds a control character");
    }
    let parts: Vec<&str> = name.split('/').filter(|p| !p.is_empty() && *p != ".").collect();
    if parts.contains(&"..") { refuse("the name leads out of the archive") } else { Ok(parts.join("/")) }
}

/// What may still come out of an archive.
struct Left {
    entries: u64,
    total: u64,
    /// What `total` began with, and what it is called.
    allowed: (u64, &'static str),
}

impl Left {
    fn of(limits: &Limits, packed: u64) -> Self {
        let by_ratio = packed.saturating_mul(limits.ratio).max(SMALL);
        let allowed = if by_ratio < limits.total_bytes {
            (by_ratio, "bytes unpacked, for an archive of this size")
        } else {
            (limits.total_bytes, "bytes unpacked")
        };
        Self { entries: limits.entries as u64, total: allowed.0, allowed }
    }
}

/// Where entries go: names and limits are looked at here, whatever the kind of archive.
struct Intake<'a> {
    names: HashSet<String>,
    left: Left,
    limits: Limits,
    each: &'a mut dyn FnMut(Entry<'_>) -> io::Result<()>,
}

impl Intake<'_> {
    /// Counts an entry and looks at its name.
    fn name(&mut self, raw: &[u8]) -> Result<String, ArchiveError> {
        match self.left.entries.checked_sub(1) {
            Some(left) => self.left.entries = left,
            None => return Err(ArchiveError::TooGreat { what: "entries", limit: self.limits.entries as u64 }),
        }
        let name = std::str::from_utf8(raw).map_err(|_| ArchiveError::name(&String::from_utf8_lossy(raw), "the name is not UTF-8"))?;
        safe_name(name)
    }

    fn file(&mut self, name: &str, bytes: &mut dyn Read) -> Result<(), ArchiveError> {
        if name.is_empty() || !self.names.insert(name.to_lowercase()) {
            let why = if name.is_empty() { "the name is empty" } else { "the name stands twice (letter case does not count)" };
            return Err(ArchiveError::name(name, why));
        }
        let entry = (self.limits.entry_bytes, "bytes in one file");
        let allowed = if entry.0 < self.left.total { entry } else { self.left.allowed };
        let (start, left) = (entry.0.min(self.left.total), Rc::new(Cell::new(entry.0.min(self.left.total))));
        let mut gauge = Gauge { inner: bytes, left: left.clone(), what: allowed.1, limit: allowed.0 };
        (self.each)(Entry { name, bytes: &mut gauge }).map_err(|e| e.downcast().unwrap_or_else(ArchiveError::Io))?;
        // What was passed over counts too: it may be a bomb that nobody wanted.
        io::copy(&mut gauge, &mut io::sink()).map_err(ArchiveError::damaged)?;
        self.left.total = self.left.total.saturating_sub(start.saturating_sub(left.get()));
        Ok(())
    }
}

/// Reads no more than what is left, and makes errors of the bytes beneath ours.
struct Gauge<R> {
    inner: R,
    left: Rc<Cell<u64>>,
    what: &'static str,
    limit: u64,
}

impl<R: Read> Read for Gauge<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        // A buffer within the limit by one byte more shows whether there is more.
        let most = usize::try_from(self.left.get().saturating_add(1)).unwrap_or(usize::MAX).min(buffer.len());
        let read = self.inner.read(buffer.get_mut(..most).unwrap_or_default()).map_err(|e| match e.kind() {
            io::ErrorKind::Interrupted => e,
            _ => io::Error::other(ArchiveError::damaged(e)),
        })?;
        match self.left.get().checked_sub(read as u64) {
            Some(left) => self.left.set(left),
            None => return Err(io::Error::other(ArchiveError::TooGreat { what: self.what, limit: self.limit })),
        }
        Ok(read)
    }
}

impl<R: Seek> Seek for Gauge<R> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.inner.seek(to)
    }
}

fn tar_entries(archive: impl Read, intake: &mut Intake<'_>) -> Result<(), ArchiveError> {
    let left = Rc::new(Cell::new(MAX_TAR_HEADERS));
    let headers = Gauge { inner: archive, left: left.clone(), what: "bytes of headers for one entry", limit: MAX_TAR_HEADERS };
    let mut archive = tar::Archive::new(headers);
    for entry in archive.entries().map_err(ArchiveError::damaged)? {
        let mut entry = entry.map_err(ArchiveError::damaged)?;
        let raw = entry.path_bytes().into_owned();
        let kind = entry.header().entry_type();
        if !kind.is_pax_global_extensions() {
            let name = intake.name(&raw)?;
            match kind {
                tar::EntryType::Regular | tar::EntryType::Continuous => {
                    left.set(u64::MAX);
                    intake.file(&name, &mut entry)?;
                }
                tar::EntryType::Directory => {}
                tar::EntryType::Symlink | tar::EntryType::Link => return Err(ArchiveError::entry(&name, "a link")),
                tar::EntryType::GNUSparse => return Err(ArchiveError::entry(&name, "a sparse file")),
                _ => return Err(ArchiveError::entry(&name, "a device or something else")),
            }
        }
        left.set(MAX_TAR_HEADERS);
    }
    // To the end of what was compressed: its checksum stands there.
    io::copy(&mut archive.into_inner(), &mut io::sink()).map_err(ArchiveError::damaged)?;
    Ok(())
}

fn zip_entries(archive: impl Read + Seek, intake: &mut Intake<'_>) -> Result<(), ArchiveError> {
    let most = SMALL + intake.limits.entries as u64 * 1024;
    let left = Rc::new(Cell::new(most));
    let directory = Gauge { inner: archive, left: left.clone(), what: "bytes of directory", limit: most };
    let mut archive = zip::ZipArchive::new(directory).map_err(ArchiveError::zip)?;
    left.set(u64::MAX);
    if archive.has_duplicate_names() {
        return Err(ArchiveError::name("", "a name stands twice"));
    }
    for index in 0..archive.len() {
        let data = archive.by_index_data(index).map_err(ArchiveError::zip)?;
        let name = intake.name(data.name_raw())?;
        let file_type = data.unix_mode().map_or(0, |mode| mode & 0o170_000);
        match file_type {
            _ if data.encrypted() => return Err(ArchiveError::entry(&name, "encrypted")),
            0o120_000 => return Err(ArchiveError::entry(&name, "a link")),
            0 | 0o100_000 | 0o040_000 => {}
            _ => return Err(ArchiveError::entry(&name, "a device or something else")),
        }
        if data.is_dir() {
            continue;
        }
        intake.file(&name, &mut archive.by_index(index).map_err(ArchiveError::zip)?)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
