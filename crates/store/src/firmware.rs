//! Firmware files: their names in the database and in memory, their bytes as blobs.

use std::path::PathBuf;

use offhook_core::{Id, Result, firmware::Firmware};

use crate::{Blob, Store};

/// Stored firmware by name, letter case ignored.
#[derive(Clone, Debug, Default)]
pub struct Shelf {}

impl Shelf {
    /// The file of that name.
    pub fn get(&self, name: &str) -> Option<&Firmware> {
        todo!()
    }

    /// All files, by name.
    pub fn iter(&self) -> impl Iterator<Item = &Firmware> {
        std::iter::empty()
    }

    /// How many.
    pub fn len(&self) -> usize {
        todo!()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Store {
    /// Puts a blob on the shelf under a name.
    ///
    /// # Errors
    /// `Conflict` when the name is taken, letter case ignored; `Invalid` when it is no file name.
    pub async fn add_firmware(&self, name: &str, pack: &str, blob: Blob) -> Result<Firmware> {
        todo!()
    }

    /// Deletes a firmware file, and its bytes when no other has the same.
    pub async fn delete_firmware(&self, id: Id) -> Result<()> {
        todo!()
    }

    /// Where its bytes lie.
    pub fn firmware_path(&self, firmware: &Firmware) -> PathBuf {
        todo!()
    }

    /// Its bytes, for sending.
    ///
    /// # Errors
    /// `Internal` when the file is gone or has another size than was stored.
    pub async fn open_firmware(&self, firmware: &Firmware) -> Result<tokio::fs::File> {
        todo!()
    }
}
