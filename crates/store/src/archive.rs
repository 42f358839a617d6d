//! The file of a backup: a gzipped tar archive of
//!
//! ```text
//! tables/<table>/<number>.ndjson    rows, see dump.rs; in the order of its list, in pieces of about a mebibyte
//! blobs/<sha256>                    bytes that rows name
//! secret.key                        the master key, only when it was asked for
//! manifest.json                     the last: what must be in the archive, so that one that was cut is known for it
//! ```
//!
//! It is written and read piece by piece: memory does not grow with it.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, BufRead, BufReader, Read, Write},
    path::Path,
};

use flate2::{Compression, bufread::MultiGzDecoder, write::GzEncoder};
use offhook_core::{Error, Result};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{
    dump::{self, Sum, Summing, Table},
    key::{MasterKey, hex},
};

/// The form of the archive itself.
const FORMAT: u32 = 1;
const MANIFEST: &str = "manifest.json";
const KEY: &str = "secret.key";
/// So many bytes of rows are one file of the archive.
pub(crate) const PIECE: usize = 1 << 20;
/// No row is longer than this, in bytes: an installed pack is the longest.
const LONGEST: u64 = 256 << 20;

/// What an archive says it holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The form of the archive.
    pub format: u32,
    /// The program that wrote it.
    pub program: String,
    /// When, as RFC 3339 has it.
    pub created_at: String,
    /// The newest step of the schema.
    pub schema: i64,
    /// A text sealed with the master key, to know the key by.
    pub key_check: String,
    /// Whether the key is in the archive.
    pub with_key: bool,
    /// Each table with its rows.
    pub tables: BTreeMap<String, Sum>,
    /// How many blobs.
    pub blobs: u64,
    /// Their bytes.
    pub blob_bytes: u64,
}

impl Manifest {
    /// Of this program and this form; tables and blobs are yet to come.
    pub(crate) fn new(created_at: String, schema: i64, key_check: String, with_key: bool) -> Self {
        let program = format!("offhook {}", env!("CARGO_PKG_VERSION"));
        Self { format: FORMAT, program, created_at, schema, key_check, with_key, tables: BTreeMap::new(), blobs: 0, blob_bytes: 0 }
    }
}

/// Packs what comes; [`Packer::take`] gives what is ready to be sent.
pub(crate) struct Packer {
    out: GzEncoder<Vec<u8>>,
    /// Seconds since 1970 for the files of the archive.
    time: u64,
}

impl Packer {
    pub(crate) fn new(time: u64) -> Self {
        Self { out: GzEncoder::new(Vec::new(), Compression::fast()), time }
    }

    /// A file whose bytes are at hand.
    pub(crate) fn file(&mut self, name: &str, bytes: &[u8]) -> io::Result<()> {
        self.begin(name, bytes.len() as u64)?;
        self.bytes(bytes)?;
        self.end(bytes.len() as u64)
    }

    /// A file of that size; its bytes follow, then [`Packer::end`].
    pub(crate) fn begin(&mut self, name: &str, size: u64) -> io::Result<()> {
        let mut header = tar::Header::new_ustar();
        header.set_path(name)?;
        header.set_size(size);
        header.set_mode(0o600);
        header.set_mtime(self.time);
        header.set_entry_type(tar::EntryType::Regular);
        header.set_cksum();
        self.out.write_all(header.as_bytes())
    }

    pub(crate) fn bytes(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.out.write_all(bytes)
    }

    /// Fills up to whole blocks of 512 bytes.
    pub(crate) fn end(&mut self, size: u64) -> io::Result<()> {
        let over = usize::try_from(size % 512).unwrap_or_default();
        if over == 0 { Ok(()) } else { self.out.write_all(&[0; 512][over..]) }
    }

    /// The key.
    pub(crate) fn key(&mut self, key: &MasterKey) -> io::Result<()> {
        self.file(KEY, format!("{}\n", key.to_text()).as_bytes())
    }

    /// The manifest and the end; what is left to be sent.
    pub(crate) fn finish(mut self, manifest: &Manifest) -> io::Result<Vec<u8>> {
        self.file(MANIFEST, &serde_json::to_vec_pretty(manifest)?)?;
        self.out.write_all(&[0; 1024])?;
        self.out.finish()
    }

    /// What was packed since.
    pub(crate) fn take(&mut self) -> Vec<u8> {
        std::mem::take(self.out.get_mut())
    }
}

/// A piece of an archive on its way to a reader.
pub(crate) enum Found<'a> {
    /// A row of a table.
    Row(Table, String),
    /// Bytes of a blob, by its sum, with its size.
    Blob(String, u64, &'a mut dyn Read),
    /// The key, as its file has it.
    Key(String),
}

fn broken(why: impl std::fmt::Display) -> Error {
    Error::invalid("", format!("this is no whole backup of Offhook: {why}"))
}

/// Reads an archive from its beginning to its end and hands over what is found. What a blob's reader is not asked for is passed over.
///
/// # Errors
/// `Invalid` when it is cut, changed, or no backup at all; and those of `each`.
pub(crate) fn read(file: &Path, mut each: impl FnMut(Found<'_>) -> Result<()>) -> Result<Manifest> {
    let open = File::open(file).map_err(|e| Error::Unavailable(format!("{} cannot be read: {e}", file.display())))?;
    let mut archive = tar::Archive::new(MultiGzDecoder::new(BufReader::new(open)));
    let (mut sums, mut blobs, mut blob_bytes) = (BTreeMap::<String, Summing>::new(), 0, 0);
    let mut manifest: Option<Manifest> = None;
    for entry in archive.entries().map_err(broken)? {
        let mut entry = entry.map_err(broken)?;
        if manifest.is_some() {
            return Err(broken("something follows its manifest"));
        }
        let name = String::from_utf8(entry.path_bytes().into_owned()).map_err(|_| broken("a name in it is no text"))?;
        let size = entry.size();
        match name.split('/').collect::<Vec<_>>().as_slice() {
            ["tables", table, _] => {
                let known = dump::table_of(table).ok_or_else(|| {
                    broken(format_args!("it has the table {table:?}, which this program does not know: a newer one made it"))
                })?;
                let sum = sums.entry((*table).to_owned()).or_default();
                let mut lines = BufReader::new(entry);
                let mut line = String::new();
                loop {
                    line.clear();
                    if (&mut lines).take(LONGEST).read_line(&mut line).map_err(broken)? == 0 {
                        break;
                    }
                    let row = line.strip_suffix('\n').ok_or_else(|| broken(format_args!("a row of {table} is cut")))?;
                    sum.add(row);
                    each(Found::Row(known, row.to_owned()))?;
                }
            }
            ["blobs", sha256] => {
                let mut summed = Summed { inner: &mut entry, sum: Sha256::new() };
                each(Found::Blob((*sha256).to_owned(), size, &mut summed))?;
                io::copy(&mut summed, &mut io::sink()).map_err(broken)?;
                if hex(&summed.sum.finalize()) != *sha256 {
                    return Err(broken(format_args!("the bytes of {sha256} are not those that were saved")));
                }
                blobs += 1;
                blob_bytes += size;
            }
            [KEY] => {
                let mut text = String::new();
                entry.take(1024).read_to_string(&mut text).map_err(broken)?;
                each(Found::Key(text))?;
            }
            [MANIFEST] => {
                let mut text = Vec::new();
                entry.take(PIECE as u64).read_to_end(&mut text).map_err(broken)?;
                manifest = Some(serde_json::from_slice(&text).map_err(broken)?);
            }
            _ => return Err(broken(format_args!("{name:?} does not belong into one"))),
        }
    }
    // To the end of the compressed bytes, which have a sum of their own.
    let mut rest = BufReader::new(archive.into_inner());
    loop {
        let piece = rest.fill_buf().map_err(broken)?;
        if piece.is_empty() {
            break;
        }
        if piece.iter().any(|b| *b != 0) {
            return Err(broken("something follows its end"));
        }
        let length = piece.len();
        rest.consume(length);
    }
    let manifest = manifest.ok_or_else(|| broken("its manifest, which comes last, is missing: it was cut"))?;
    if manifest.format != FORMAT {
        return Err(broken(format_args!("it has the form {}, this program knows {FORMAT}: a newer program made it", manifest.format)));
    }
    let found: BTreeMap<String, Sum> = sums.into_iter().map(|(name, sum)| (name, sum.finish())).collect();
    for (name, told) in &manifest.tables {
        let empty = || Summing::default().finish();
        if found.get(name).cloned().unwrap_or_else(empty) != *told {
            return Err(broken(format_args!("the rows of {name} are not those that were saved")));
        }
    }
    if found.keys().any(|name| !manifest.tables.contains_key(name)) || (blobs, blob_bytes) != (manifest.blobs, manifest.blob_bytes) {
        return Err(broken("it does not hold what its manifest says"));
    }
    Ok(manifest)
}

struct Summed<'a, R> {
    inner: &'a mut R,
    sum: Sha256,
}

impl<R: Read> Read for Summed<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.sum.update(buffer.get(..read).unwrap_or_default());
        Ok(read)
    }
}
