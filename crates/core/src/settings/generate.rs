//! Passwords that are derived instead of kept: `"generate"` as a value.
//!
//! In a document such a value is kept as `{"generate": N}`; the counter N grows whenever somebody writes
//! `"generate"` again, and with it the password changes. Where several layers say it their counters are added up, so
//! that writing it in any of them gives another password. No secret is stored.

use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::document::{AccountValues, LineModel, Model};

/// What people write, and the name of the counter in the kept form.
pub(super) const GENERATE: &str = "generate";

/// Length of a derived text where the phone can hold it.
const LENGTH: usize = 12;

/// Characters that a derived text is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Alphabet {
    /// Small letters and digits, as a phone's keypad types them; none that looks like another (0 o, 1 l).
    Keypad,
    /// Digits, for PINs.
    Digits,
}

impl Alphabet {
    /// Its characters.
    pub const fn characters(self) -> &'static str {
        match self {
            Self::Keypad => "abcdefghijkmnpqrstuvwxyz23456789",
            Self::Digits => "0123456789",
        }
    }
}

/// What a family of telephones can take at one place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GeneratedForm {
    /// Its characters; none: those of the settings field.
    pub alphabet: Option<Alphabet>,
    /// Greatest length.
    pub max: usize,
    /// The length, where the family takes no other.
    pub length: Option<usize>,
}

impl Default for GeneratedForm {
    /// Whatever the field is.
    fn default() -> Self {
        Self { alphabet: None, max: usize::MAX, length: None }
    }
}

impl GeneratedForm {
    /// Alphabet and length that suit the family and a field with this alphabet and greatest length.
    pub(super) fn within(self, field: Alphabet, limit: usize) -> (Alphabet, usize) {
        // What must be digits stays digits, whoever says so.
        let alphabet = if field == Alphabet::Digits { field } else { self.alphabet.unwrap_or(field) };
        (alphabet, self.length.unwrap_or(LENGTH).min(self.max).min(limit))
    }
}

impl AccountValues {
    /// Puts a new text where `generate` was written. Several phones and the SIP server have the one value of an account, so it is made
    /// once, of these random bytes, and kept like one that a person chose: 12 characters that every keypad types.
    pub fn make_generated(&mut self, random: &[u8; 32]) {
        let shape = LineModel::shape();
        for (name, value) in self.tree_mut() {
            let alphabet = shape.field(name).and_then(|field| field.generate);
            if let (Some(alphabet), Some(counter)) = (alphabet, counter(value)) {
                *value = derive_generated(random, "account", name, counter, alphabet, LENGTH).into();
            }
        }
    }
}

/// The kept form with this counter.
pub(super) fn kept(counter: u64) -> Value {
    Value::Object(Map::from_iter([(GENERATE.to_owned(), counter.into())]))
}

/// The counter of a value in its kept form.
pub(super) fn counter(value: &Value) -> Option<u64> {
    let map = value.as_object().filter(|map| map.len() == 1)?;
    map.get(GENERATE)?.as_u64()
}

/// The text of `length` characters that `generate` stands for at `path` of a device.
/// HMAC-SHA256 (RFC 2104) of device, path and counter under the master key; each character is drawn without bias.
pub fn derive_generated(master_key: &[u8], device_id: &str, path: &str, counter: u64, alphabet: Alphabet, length: usize) -> String {
    let characters = alphabet.characters().as_bytes();
    // Bytes from here on would make the first characters of the alphabet likelier than the others.
    let fair = 256 - 256 % characters.len();
    let mut out = String::with_capacity(length);
    for block in 0u32.. {
        for byte in digest(master_key, device_id, path, counter, block) {
            if out.len() == length {
                return out;
            }
            let byte = usize::from(byte);
            if byte < fair
                && let Some(&character) = characters.get(byte % characters.len())
            {
                out.push(char::from(character));
            }
        }
    }
    out
}

fn digest(master_key: &[u8], device_id: &str, path: &str, counter: u64, block: u32) -> [u8; 32] {
    // A key of exactly one block (64 bytes) cannot be refused, whatever the length of the master key.
    let mut key = [0; 64];
    for (slot, byte) in key.iter_mut().zip(Sha256::digest(master_key)) {
        *slot = byte;
    }
    let mut mac = Hmac::<Sha256>::new(&key.into());
    mac.update(b"offhook generated value 1");
    for text in [device_id, path] {
        mac.update(&(text.len() as u64).to_be_bytes());
        mac.update(text.as_bytes());
    }
    mac.update(&counter.to_be_bytes());
    mac.update(&block.to_be_bytes());
    mac.finalize().into_bytes().into()
}
