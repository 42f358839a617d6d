//! Blobs: bytes kept as files below `data_dir/blobs`, named by their SHA-256, whole or not there.

use offhook_core::Result;

use crate::Store;

/// Bytes on their way into the store; dropped before it is finished, nothing remains.
pub struct BlobWriter {}

impl BlobWriter {
    /// Appends bytes.
    pub async fn write(&mut self, bytes: &[u8]) -> Result<()> {
        todo!()
    }

    /// How many bytes came so far.
    pub fn written(&self) -> u64 {
        todo!()
    }

    /// Makes the bytes durable under their name.
    pub async fn finish(self) -> Result<Blob> {
        todo!()
    }
}

/// Durable bytes that nothing refers to yet; dropped before something does, they are removed.
pub struct Blob {}

impl Blob {
    /// SHA-256, lower-case hexadecimal.
    pub fn sha256(&self) -> &str {
        todo!()
    }

    /// Bytes.
    pub fn size(&self) -> u64 {
        todo!()
    }
}

impl Store {
    /// Begins a blob.
    pub async fn new_blob(&self) -> Result<BlobWriter> {
        todo!()
    }
}
