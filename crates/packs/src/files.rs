//! The files of a pack, read from the binary or from a folder. What a pack serves can only be one of these: nothing is
//! opened by a name that a request or a manifest gives.

use std::{borrow::Cow, collections::BTreeMap, fs, io, path::Path};

use rust_embed::RustEmbed;
use sha2::{Digest, Sha256};

use crate::Origin;

/// Greatest size of one file of a pack, in bytes.
const MAX_FILE: u64 = 32 << 20;
/// Greatest number of files of a pack.
const MAX_FILES: usize = 4096;

#[derive(RustEmbed)]
#[folder = "../../vendors"]
#[exclude = "*/tests/*"]
#[exclude = "README.md"]
#[allow_missing = true]
struct BuiltIn;

/// A pack's id (its folder's name) and its files by path, `/` between parts.
#[derive(Clone, Debug)]
pub(crate) struct PackFiles {
    pub id: String,
    pub origin: Origin,
    pub files: BTreeMap<String, Cow<'static, [u8]>>,
}

impl Default for PackFiles {
    fn default() -> Self {
        Self { id: String::new(), origin: Origin::BuiltIn, files: BTreeMap::new() }
    }
}

impl PackFiles {
    /// The packs that are built into the binary.
    pub fn built_in() -> Vec<PackFiles> {
        let mut packs: BTreeMap<String, PackFiles> = BTreeMap::new();
        for path in BuiltIn::iter() {
            let Some((id, rest)) = path.split_once('/') else { continue };
            if rest.starts_with("tests/") {
                continue;
            }
            let Some(file) = BuiltIn::get(&path) else { continue };
            let pack = packs.entry(id.to_owned()).or_insert_with(|| PackFiles { id: id.to_owned(), ..PackFiles::default() });
            pack.files.insert(rest.to_owned(), file.data);
        }
        packs.into_values().collect()
    }

    /// A pack's folder, `id` or `id@version`, without its tests. Links are not followed.
    pub fn folder(dir: &Path) -> io::Result<PackFiles> {
        let name = folder_name(dir);
        let id = name.split('@').next().unwrap_or(&name).to_owned();
        let mut pack = PackFiles { id, origin: Origin::Folder, ..PackFiles::default() };
        pack.read(dir, "")?;
        Ok(pack)
    }

    fn read(&mut self, dir: &Path, below: &str) -> io::Result<()> {
        for entry in fs::read_dir(dir)? {
            let entry = entry?;
            let Ok(name) = entry.file_name().into_string() else { continue };
            let path = format!("{below}{name}");
            let kind = entry.file_type()?;
            if kind.is_dir() && path != "tests" && !name.starts_with('.') {
                self.read(&entry.path(), &format!("{path}/"))?;
            } else if kind.is_file() {
                if self.files.len() >= MAX_FILES || entry.metadata()?.len() > MAX_FILE {
                    return Err(io::Error::other(format!("{path}: a pack has at most {MAX_FILES} files of at most {MAX_FILE} bytes each")));
                }
                self.files.insert(path, Cow::Owned(fs::read(entry.path())?));
            }
        }
        Ok(())
    }

    /// SHA-256 over names and bytes; what is for people only does not count.
    pub fn digest(&self) -> [u8; 32] {
        let mut sum = Sha256::new();
        for (path, bytes) in self.files.iter().filter(|(path, _)| *path != "README.md") {
            for part in [path.as_bytes(), bytes.as_ref()] {
                sum.update((part.len() as u64).to_be_bytes());
                sum.update(part);
            }
        }
        sum.finalize().into()
    }

    /// Files below a folder with an ending, by the name between.
    pub fn below<'a>(&'a self, folder: &'a str, ending: &'a str) -> impl Iterator<Item = (&'a str, &'a [u8])> {
        self.files.iter().filter_map(move |(path, bytes)| {
            let name = path.strip_prefix(folder)?.strip_prefix('/')?.strip_suffix(ending)?;
            Some((name, bytes.as_ref()))
        })
    }
}

/// The last part of a folder's path, also of `.`.
pub(crate) fn folder_name(dir: &Path) -> String {
    let full = fs::canonicalize(dir).unwrap_or_else(|_| dir.to_owned());
    full.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default()
}

/// The folders of a folder of packs, by name. A folder that does not exist has none.
pub(crate) fn pack_folders(dir: &Path) -> io::Result<Vec<std::path::PathBuf>> {
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(e),
    };
    let mut folders = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if path.is_dir() && !folder_name(&path).starts_with('.') {
            folders.push(path);
        }
    }
    folders.sort();
    Ok(folders)
}
