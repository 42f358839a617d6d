//! Indexes of packs and firmware: a JSON document with a detached Ed25519 signature (RFC 8032) over its very bytes. Who runs one signs it
//! here; a server takes it only when the signature is that of the key it was told.

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use offhook_core::clock::Timestamp;
use offhook_packs::firmware::FirmwareEntry;
use ring::{
    rand::SystemRandom,
    signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey},
};
use serde::{Deserialize, Serialize};

/// What an index lists.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Index {
    /// Grows with each issue: an older one is not taken after a newer one.
    pub serial: u64,
    /// When it was made.
    pub created: Timestamp,
    /// It is not taken any more after this.
    pub expires: Timestamp,
    /// Packs, one entry for each version.
    pub packs: Vec<IndexPack>,
    /// Firmware, as in a pack's `firmware.toml`, each with `pack`; an address may be relative to the index.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub firmware: Vec<serde_json::Value>,
}

/// One version of a pack in an index.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IndexPack {
    /// The pack's id.
    pub id: String,
    /// Its version.
    pub version: String,
    /// For people.
    pub name: String,
    /// `current`, or `eol`: not offered to who does not have it.
    pub status: String,
    /// Where the archive is; relative to the index.
    pub url: String,
    /// Its size in bytes.
    pub size: u64,
    /// SHA-256 of its bytes, lower-case hexadecimal.
    pub sha256: String,
}

/// Why an index is not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IndexError {
    /// The pinned key is none.
    #[error("the key is not an Ed25519 public key in base64 (44 characters): `offhook pack index keygen` shows what one looks like")]
    Key,
    /// The signature is not of that key over these bytes.
    #[error("the signature is not that of the pinned key over this index: nothing of it is taken")]
    Signature,
    /// It is not the document that it should be.
    #[error("the index cannot be read: {0}")]
    Document(String),
    /// It is too old.
    #[error("the index expired at {0}: whoever runs it has to issue a new one")]
    Expired(Timestamp),
}

impl Index {
    /// Reads an index: the signature (base64) is looked at before anything else of it.
    ///
    /// # Errors
    /// [`IndexError`]
    pub fn read(bytes: &[u8], signature: &str, key: &str, now: Timestamp) -> Result<Self, IndexError> {
        let key = BASE64.decode(key.trim()).ok().filter(|k| k.len() == 32).ok_or(IndexError::Key)?;
        let signature = BASE64.decode(signature.trim()).map_err(|_| IndexError::Signature)?;
        UnparsedPublicKey::new(&ED25519, key).verify(bytes, &signature).map_err(|_| IndexError::Signature)?;
        let index: Self = serde_json::from_slice(bytes).map_err(|e| IndexError::Document(e.to_string()))?;
        if index.expires < now { Err(IndexError::Expired(index.expires)) } else { Ok(index) }
    }

    /// The firmware that it lists, addresses made absolute from the index's own, and what is wrong with the entries that are left out.
    pub fn firmware(&self, base: &str) -> (Vec<FirmwareEntry>, Vec<String>) {
        let base = match url::Url::parse(base) {
            Ok(base) => base,
            Err(error) => return (Vec::new(), vec![format!("{base:?} is no address: {error}")]),
        };
        let (mut entries, mut faults) = (Vec::new(), Vec::new());
        for (number, value) in self.firmware.iter().enumerate() {
            match firmware_entry(value, &base) {
                Ok(entry) => entries.push(entry),
                Err(fault) => faults.push(format!("firmware[{number}] {fault}")),
            }
        }
        (entries, faults)
    }
}

fn firmware_entry(value: &serde_json::Value, base: &url::Url) -> Result<FirmwareEntry, String> {
    let mut entry: FirmwareEntry = serde_json::from_value(value.clone()).map_err(|e| e.to_string())?;
    if entry.pack.is_empty() {
        return Err("pack is needed: the id of the pack whose phones it is for".into());
    }
    entry.url = base.join(&entry.url).map_err(|e| format!("url: {e}"))?.into();
    match entry.faults().first() {
        Some((field, message)) => Err(format!("{field} {message}")),
        None => Ok(entry),
    }
}

/// A key that signs indexes.
pub struct SigningKey(Ed25519KeyPair, Vec<u8>);

impl SigningKey {
    /// A new one.
    ///
    /// # Errors
    /// When this machine gives no randomness.
    pub fn generate() -> Result<Self, String> {
        let made = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).map_err(|e| format!("no key can be made: {e}"))?;
        Self::of(made.as_ref())
    }

    /// From the text of a key file.
    ///
    /// # Errors
    /// When it is none.
    pub fn parse(text: &str) -> Result<Self, String> {
        let bytes = BASE64.decode(text.trim()).map_err(|_| "it is no base64".to_owned())?;
        Self::of(&bytes)
    }

    fn of(pkcs8: &[u8]) -> Result<Self, String> {
        let pair = Ed25519KeyPair::from_pkcs8(pkcs8).map_err(|e| format!("it is no Ed25519 key: {e}"))?;
        Ok(Self(pair, pkcs8.to_vec()))
    }

    /// The text of a key file: PKCS #8 in base64. Secret.
    pub fn text(&self) -> String {
        BASE64.encode(&self.1)
    }

    /// What servers are told, in base64.
    pub fn public(&self) -> String {
        BASE64.encode(self.0.public_key().as_ref())
    }

    /// The signature over these bytes, in base64.
    pub fn sign(&self, bytes: &[u8]) -> String {
        BASE64.encode(self.0.sign(bytes).as_ref())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn index() -> Vec<u8> {
        let (created, expires) = (Timestamp::from_millis(1000), Timestamp::from_millis(9000));
        let pack = IndexPack {
            id: "acme".into(),
            version: "1.0.0".into(),
            name: "Acme".into(),
            status: "current".into(),
            url: "acme.tar.gz".into(),
            size: 1,
            sha256: "00".into(),
        };
        serde_json::to_vec(&Index { serial: 3, created, expires, packs: vec![pack], firmware: Vec::new() }).unwrap()
    }

    #[test]
    fn only_the_pinned_key_over_the_very_bytes() {
        let key = SigningKey::generate().unwrap();
        let same = SigningKey::parse(&key.text()).unwrap();
        assert_eq!(same.public(), key.public());
        let (bytes, now) = (index(), Timestamp::from_millis(5000));
        let signature = key.sign(&bytes);
        assert_eq!(Index::read(&bytes, &format!("{signature}\n"), &key.public(), now).unwrap().serial, 3);
        let other = SigningKey::generate().unwrap().public();
        assert_eq!(Index::read(&bytes, &signature, &other, now), Err(IndexError::Signature));
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            assert_eq!(Index::read(&changed, &signature, &key.public(), now), Err(IndexError::Signature));
        }
        assert_eq!(Index::read(&bytes, "", &key.public(), now), Err(IndexError::Signature));
        assert_eq!(Index::read(&bytes, &signature, "abc", now), Err(IndexError::Key));
        let late = Timestamp::from_millis(9001);
        assert_eq!(Index::read(&bytes, &signature, &key.public(), late), Err(IndexError::Expired(Timestamp::from_millis(9000))));
    }
}
