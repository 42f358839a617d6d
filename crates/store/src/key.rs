//! The master key and what is made with it: sealing of secrets, field by field, and keys derived for other purposes.
//!
//! A sealed value is [`SEALED`] and the Base64 of nonce (96 random bits) and AES-256-GCM ciphertext (NIST SP 800-38D).
//! Noun, id and path are authenticated with it, so that a value moved to another place does not open.

use std::{fs, io::Write, os::unix::fs::OpenOptionsExt, path::Path};

use aes_gcm::{
    Aes256Gcm, KeyInit,
    aead::{Aead, Nonce, Payload},
};
use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD};
use hmac::{Hmac, Mac};
use offhook_core::{
    Error, Result,
    clock::Entropy,
    settings::{Document, Model, RawSecrets, SEALED},
};
use serde_json::Value;
use sha2::Sha256;

const NONCE: usize = 12;

/// The master key of a store.
pub(crate) struct MasterKey([u8; 32]);

impl MasterKey {
    /// The key in the file; `None` when there is no such file.
    pub(crate) fn read(file: &Path) -> Result<Option<Self>, String> {
        let text = match fs::read_to_string(file) {
            Ok(text) => text,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(format!("the key file {} cannot be read: {e}", file.display())),
        };
        let key = from_hex(text.trim()).ok_or_else(|| {
            format!("{} is no key of this program: it holds 64 hexadecimal digits. Restore the right file from a backup.", file.display())
        })?;
        Ok(Some(Self(key)))
    }

    /// A new key, written to the file (mode 0600) and durable before it is used.
    pub(crate) fn create(file: &Path, entropy: &dyn Entropy) -> Result<Self, String> {
        let mut key = [0u8; 32];
        entropy.fill(&mut key);
        write_private(file, format!("{}\n", hex(&key)).as_bytes())
            .map_err(|e| format!("the key file {} cannot be written: {e}", file.display()))?;
        Ok(Self(key))
    }

    /// As its file has it.
    pub(crate) fn of_text(text: &str) -> Option<Self> {
        from_hex(text.trim()).map(Self)
    }

    /// What its file has. Only for a backup that is asked to hold it.
    pub(crate) fn to_text(&self) -> String {
        hex(&self.0)
    }

    /// A key for one purpose: HMAC-SHA-256 of the purpose (RFC 2104).
    pub(crate) fn derive(&self, purpose: &str) -> [u8; 32] {
        hmac(&self.0, &[b"offhook key for ", purpose.as_bytes()])
    }
}

fn hmac(key: &[u8; 32], parts: &[&[u8]]) -> [u8; 32] {
    // A key shorter than the hash's block is filled up with zeros: RFC 2104, section 2.
    let mut block = [0u8; 64];
    for (to, from) in block.iter_mut().zip(key) {
        *to = *from;
    }
    let mut mac = <Hmac<Sha256> as KeyInit>::new(&block.into());
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

/// Writes a file that only its owner may read, whole or not at all, and durably.
pub(crate) fn write_private(file: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut name = file.as_os_str().to_owned();
    name.push(".new");
    let new = Path::new(&name);
    let _ = fs::remove_file(new);
    let mut out = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(new)?;
    out.write_all(bytes)?;
    out.sync_all()?;
    fs::rename(new, file)?;
    match file.parent() {
        Some(folder) => sync_folder(folder),
        None => Ok(()),
    }
}

/// Makes the names in a folder durable.
pub(crate) fn sync_folder(folder: &Path) -> std::io::Result<()> {
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    fs::File::open(folder)?.sync_all()
}

/// Lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

fn from_hex(text: &str) -> Option<[u8; 32]> {
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    let mut key = [0u8; 32];
    for (byte, at) in key.iter_mut().zip((0..64).step_by(2)) {
        *byte = u8::from_str_radix(text.get(at..at + 2)?, 16).ok()?;
    }
    Some(key)
}

/// Seals and opens secrets.
pub(crate) struct Sealer {
    cipher: Aes256Gcm,
}

impl Sealer {
    /// With a key derived from the master key.
    pub(crate) fn new(master: &MasterKey) -> Self {
        Self { cipher: Aes256Gcm::new(&master.derive("seal").into()) }
    }

    /// A text sealed for one place.
    pub(crate) fn seal(&self, place: &str, text: &str, entropy: &dyn Entropy) -> Result<String> {
        let mut sealed = [0u8; NONCE].to_vec();
        entropy.fill(&mut sealed);
        let nonce = Nonce::<Aes256Gcm>::try_from(sealed.as_slice()).map_err(|_| internal("nonce"))?;
        let payload = Payload { msg: text.as_bytes(), aad: place.as_bytes() };
        sealed.extend(self.cipher.encrypt(&nonce, payload).map_err(|_| internal("sealing failed"))?);
        Ok(format!("{SEALED}{}", STANDARD_NO_PAD.encode(sealed)))
    }

    /// The text that was sealed for this place.
    pub(crate) fn open(&self, place: &str, sealed: &str) -> Result<String> {
        let wrong = || internal(&format!("the secret at {place} does not open: the stored value was changed or moved"));
        let bytes = STANDARD_NO_PAD.decode(sealed.strip_prefix(SEALED).ok_or_else(wrong)?).map_err(|_| wrong())?;
        let (nonce, ciphertext) = bytes.split_at_checked(NONCE).ok_or_else(wrong)?;
        let nonce = Nonce::<Aes256Gcm>::try_from(nonce).map_err(|_| wrong())?;
        let payload = Payload { msg: ciphertext, aad: place.as_bytes() };
        String::from_utf8(self.cipher.decrypt(&nonce, payload).map_err(|_| wrong())?).map_err(|_| wrong())
    }

    /// A document as JSON text, its secrets sealed. `place` is noun and id.
    pub(crate) fn seal_document<M: Model>(
        &self,
        place: &str,
        document: &Document<M>,
        raw: &RawSecrets,
        entropy: &dyn Entropy,
    ) -> Result<String> {
        let mut sealed = document.clone();
        sealed.for_each_secret_mut(raw, &mut |path, value| -> Result<()> {
            *value = Value::String(self.seal(&format!("{place} {path}"), &value.to_string(), entropy)?);
            Ok(())
        })?;
        Ok(Value::Object(sealed.tree().clone()).to_string())
    }

    /// The document of a JSON text that [`Sealer::seal_document`] made.
    pub(crate) fn open_document<M: Model>(&self, place: &str, text: &str) -> Result<Document<M>> {
        let unreadable = |why: String| internal(&format!("the document of {place} cannot be read: {why}"));
        let value: Value = serde_json::from_str(text).map_err(|e| unreadable(e.to_string()))?;
        let mut document = Document::<M>::from_stored(value).map_err(|fault| unreadable(format!("{}: {}", fault.path, fault.message)))?;
        if text.contains("\\u0001") {
            document.for_each_secret_mut(RawSecrets::none(), &mut |path, value| -> Result<()> {
                if let Some(sealed) = value.as_str().filter(|t| t.starts_with(SEALED)) {
                    let opened = self.open(&format!("{place} {path}"), sealed)?;
                    *value = serde_json::from_str(&opened).map_err(|e| unreadable(e.to_string()))?;
                }
                Ok(())
            })?;
        }
        Ok(document)
    }
}

fn internal(text: &str) -> Error {
    Error::Internal(text.to_owned())
}
