//! Ciphers that families of telephones can take files in. Each is a documented form with a name of its own; which family takes
//! which is data of its pack (`encrypt` of a `[[file]]`). The same key and content always give the same bytes, so that a phone
//! that asks again sees that nothing changed: where a form wants chance, it is derived from both.
//!
//! None of these forms tells whether a file was altered: they keep secrets from those who read the wire, no more.

use aes::{
    Aes128, Aes256,
    cipher::{BlockCipherEncrypt, BlockModeEncrypt, KeyInit, KeyIvInit, block_padding::Pkcs7},
};
use cbc::Encryptor;
use hmac::{Hmac, Mac};
use md5::Md5;
use offhook_core::settings::Effective;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use sha2::{Digest, Sha256};

/// `encrypt = { … }` of a `[[file]]`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EncryptSpec {
    /// The form.
    pub cipher: Cipher,
    /// Settings path of the key. The file is encrypted when it has a value.
    pub key: String,
    /// Settings path of the key that counts when that has none.
    pub fallback_key: Option<String>,
}

impl EncryptSpec {
    /// The key that is set.
    pub(crate) fn key_in(&self, settings: &Effective) -> Option<String> {
        let paths = std::iter::once(&self.key).chain(&self.fallback_key);
        let texts = paths.filter_map(|path| settings.value(path).and_then(Value::as_str));
        texts.map(str::to_owned).find(|text| !text.is_empty())
    }
}

/// A form of encrypted file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Cipher {
    /// What `openssl enc -aes-256-cbc -md md5` writes: `Salted__`, eight bytes of salt, then the text; key and initialisation
    /// vector from passphrase and salt by MD5 (EVP_BytesToKey, one round).
    #[serde(rename = "aes-256-cbc-openssl-md5")]
    OpensslMd5,
    /// The same with SHA-256, the default of OpenSSL since 1.1.0.
    #[serde(rename = "aes-256-cbc-openssl-sha256")]
    OpensslSha256,
    /// The key's characters are the key: 16 of them AES-128, 32 AES-256. No initialisation vector (zeros); padding of PKCS #7.
    AesCbcZeroIv,
    /// 64 hexadecimal digits: 32 are the key of AES-128, 32 the initialisation vector; padding of PKCS #7.
    #[serde(rename = "aes-128-cbc-key-and-iv")]
    AesCbcKeyAndIv,
    /// The key's characters are the key, 16 or 32 of them. Each block alone; line feeds fill the last one, as there is no padding.
    AesEcb,
    /// The same with padding of PKCS #7.
    #[serde(rename = "aes-ecb-pkcs7")]
    AesEcbPkcs7,
}

impl Cipher {
    /// Encrypts a file.
    ///
    /// # Errors
    /// What a key must be. Never tells the key.
    pub(crate) fn encrypt(self, key: &str, plain: &[u8]) -> Result<Vec<u8>, String> {
        match self {
            Self::OpensslMd5 => Ok(openssl::<Md5>(key, plain)),
            Self::OpensslSha256 => Ok(openssl::<Sha256>(key, plain)),
            Self::AesCbcZeroIv => with_characters(key, |key| cbc128(key, &[0; 16], plain), |key| cbc256(key, &[0; 16], plain)),
            Self::AesCbcKeyAndIv => {
                let wrong =
                    || format!("the key must be 64 hexadecimal digits, key and initialisation vector; it has {}", key.chars().count());
                let bytes = hexadecimal(key).ok_or_else(wrong)?;
                let (key, iv) = bytes.split_first_chunk::<16>().ok_or_else(wrong)?;
                Ok(cbc128(key, iv.try_into().map_err(|_| wrong())?, plain))
            }
            Self::AesEcb => blocks(key, &filled(plain, plain.len().next_multiple_of(BLOCK) - plain.len(), b'\n')),
            Self::AesEcbPkcs7 => {
                let pad = BLOCK - plain.len() % BLOCK;
                blocks(key, &filled(plain, pad, u8::try_from(pad).unwrap_or_default()))
            }
        }
    }
}

fn cbc128(key: &[u8; 16], iv: &[u8; 16], plain: &[u8]) -> Vec<u8> {
    Encryptor::<Aes128>::new(key.into(), iv.into()).encrypt_padded_vec::<Pkcs7>(plain)
}

fn cbc256(key: &[u8; 32], iv: &[u8; 16], plain: &[u8]) -> Vec<u8> {
    Encryptor::<Aes256>::new(key.into(), iv.into()).encrypt_padded_vec::<Pkcs7>(plain)
}

fn with_characters(key: &str, of_16: impl Fn(&[u8; 16]) -> Vec<u8>, of_32: impl Fn(&[u8; 32]) -> Vec<u8>) -> Result<Vec<u8>, String> {
    if let Ok(key) = key.as_bytes().try_into() {
        return Ok(of_16(key));
    }
    if let Ok(key) = key.as_bytes().try_into() {
        return Ok(of_32(key));
    }
    Err(format!("the key must have 16 or 32 characters of ASCII; it has {}", key.chars().count()))
}

/// Bytes of a block of AES.
const BLOCK: usize = 16;

fn filled(plain: &[u8], count: usize, with: u8) -> Vec<u8> {
    let mut out = plain.to_vec();
    out.resize(plain.len() + count, with);
    out
}

/// Whole blocks, each alone.
fn blocks(key: &str, whole: &[u8]) -> Result<Vec<u8>, String> {
    with_characters(key, |key| ecb(&Aes128::new(key.into()), whole), |key| ecb(&Aes256::new(key.into()), whole))
}

fn ecb<C: BlockCipherEncrypt>(cipher: &C, whole: &[u8]) -> Vec<u8> {
    let mut out = whole.to_vec();
    for block in out.chunks_exact_mut(BLOCK) {
        if let Ok(block) = block.try_into() {
            cipher.encrypt_block(block);
        }
    }
    out
}

fn openssl<D: Digest>(passphrase: &str, plain: &[u8]) -> Vec<u8> {
    let salt = salt(passphrase.as_bytes(), plain);
    let (key, iv) = bytes_to_key::<D>(passphrase.as_bytes(), &salt);
    [b"Salted__", &salt[..], &cbc256(&key, &iv, plain)].concat()
}

/// EVP_BytesToKey of OpenSSL with one round: digests of (digest before, passphrase, salt) until there are enough bytes.
fn bytes_to_key<D: Digest>(passphrase: &[u8], salt: &[u8]) -> ([u8; 32], [u8; 16]) {
    let mut bytes = Vec::new();
    let mut last = Vec::new();
    while bytes.len() < 48 {
        last = D::new().chain_update(&last).chain_update(passphrase).chain_update(salt).finalize().to_vec();
        bytes.extend(&last);
    }
    let (mut key, mut iv) = ([0; 32], [0; 16]);
    for (slot, byte) in key.iter_mut().chain(&mut iv).zip(bytes) {
        *slot = byte;
    }
    (key, iv)
}

/// Other for every content, and not to be guessed without the key.
fn salt(key: &[u8], plain: &[u8]) -> [u8; 8] {
    // A block of 64 bytes is a key that cannot be refused.
    let mut block = [0; 64];
    for (slot, byte) in block.iter_mut().zip(Sha256::digest(key)) {
        *slot = byte;
    }
    let mut mac = <Hmac<Sha256> as KeyInit>::new(&block.into());
    mac.update(b"offhook salt 1");
    mac.update(plain);
    let mut salt = [0; 8];
    for (slot, byte) in salt.iter_mut().zip(mac.finalize().into_bytes()) {
        *slot = byte;
    }
    salt
}

fn hexadecimal(text: &str) -> Option<[u8; 32]> {
    let mut out = [0; 32];
    if text.len() != 64 || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    for (i, slot) in out.iter_mut().enumerate() {
        *slot = u8::from_str_radix(text.get(2 * i..2 * i + 2)?, 16).ok()?;
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use std::{
        io::Write,
        process::{Command, Stdio},
    };

    use super::*;

    const TEXT: &[u8] = b"line1_password: \"secret\"\n# more than one block, and not a whole number of them\n";

    fn decrypted(encrypted: &[u8], arguments: &[&str]) -> Vec<u8> {
        let mut command = Command::new("openssl")
            .args(["enc", "-d"])
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        command.stdin.take().unwrap().write_all(encrypted).unwrap();
        let output = command.wait_with_output().unwrap();
        assert!(output.status.success(), "{arguments:?}");
        output.stdout
    }

    fn hex(text: &str) -> String {
        text.bytes().map(|b| format!("{b:02x}")).collect()
    }

    #[test]
    fn what_openssl_writes() {
        for (cipher, digest) in [(Cipher::OpensslMd5, "md5"), (Cipher::OpensslSha256, "sha256")] {
            for text in [TEXT, b"", &[0xFF; 4096]] {
                let encrypted = cipher.encrypt("SecretPhrase", text).unwrap();
                assert!(encrypted.starts_with(b"Salted__"));
                assert_eq!(decrypted(&encrypted, &["-aes-256-cbc", "-md", digest, "-k", "SecretPhrase"]), text);
            }
        }
    }

    #[test]
    fn keys_of_characters() {
        let (short, long) = ("0123456789abcdef", "0123456789abcdef0123456789ABCDEF");
        for (key, name) in [(short, "128"), (long, "256")] {
            let cbc = Cipher::AesCbcZeroIv.encrypt(key, TEXT).unwrap();
            assert_eq!(decrypted(&cbc, &[&format!("-aes-{name}-cbc"), "-K", &hex(key), "-iv", &"0".repeat(32)]), TEXT);
            let ecb = Cipher::AesEcb.encrypt(key, TEXT).unwrap();
            let plain = decrypted(&ecb, &[&format!("-aes-{name}-ecb"), "-nopad", "-K", &hex(key)]);
            assert_eq!(plain.strip_prefix(TEXT).unwrap(), b"\n".repeat(TEXT.len().next_multiple_of(16) - TEXT.len()));
            for text in [TEXT, b"", &[7; 32]] {
                let padded = Cipher::AesEcbPkcs7.encrypt(key, text).unwrap();
                assert_eq!(decrypted(&padded, &[&format!("-aes-{name}-ecb"), "-K", &hex(key)]), text);
            }
        }
        for key in ["", "short", "0123456789abcdeé"] {
            let fault = Cipher::AesCbcZeroIv.encrypt(key, TEXT).unwrap_err();
            assert!(fault.contains("16 or 32 characters") && (key.is_empty() || !fault.contains(key)), "{fault}");
        }
    }

    #[test]
    fn key_and_vector_in_digits() {
        let (key, iv) = ("00112233445566778899AABBCCDDEEFF", "0f0e0d0c0b0a09080706050403020100");
        let encrypted = Cipher::AesCbcKeyAndIv.encrypt(&format!("{key}{iv}"), TEXT).unwrap();
        assert_eq!(decrypted(&encrypted, &["-aes-128-cbc", "-K", key, "-iv", iv]), TEXT);
        assert!(Cipher::AesCbcKeyAndIv.encrypt(key, TEXT).unwrap_err().contains("it has 32"));
        assert!(Cipher::AesCbcKeyAndIv.encrypt(&"é".repeat(32), TEXT).is_err());
    }

    #[test]
    fn the_same_gives_the_same_and_salt_tells_nothing() {
        let encrypt = |key, text| Cipher::OpensslMd5.encrypt(key, text).unwrap();
        assert_eq!(encrypt("k", TEXT), encrypt("k", TEXT));
        assert_ne!(encrypt("k", TEXT)[8..16], encrypt("k", b"other")[8..16]);
        assert_ne!(encrypt("k", TEXT)[8..16], encrypt("l", TEXT)[8..16]);
    }
}
