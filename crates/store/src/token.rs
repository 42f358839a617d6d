//! API tokens: only their SHA-256 is kept.

use std::path::Path;

use offhook_core::{
    Id, Result,
    clock::Timestamp,
    token::{Role, Token},
};

use crate::Store;

impl Store {
    /// Makes a token. The text is given this once and never again.
    pub async fn create_token(&self, label: &str, role: Role, expires_at: Option<Timestamp>) -> Result<(Token, String)> {
        todo!()
    }

    /// The valid token of that text; none when it is unknown, revoked or expired. Notes its use, to the minute.
    pub async fn verify_token(&self, text: &str) -> Result<Option<Token>> {
        todo!()
    }

    /// All tokens, by the time they were made.
    pub async fn tokens(&self) -> Result<Vec<Token>> {
        todo!()
    }

    /// Revokes a token.
    pub async fn revoke_token(&self, id: Id) -> Result<()> {
        todo!()
    }

    /// Makes an admin token when there is none that is valid, and writes its text to the file (mode 0600).
    /// Says whether it did.
    pub async fn ensure_admin_token(&self, file: &Path) -> Result<bool> {
        todo!()
    }
}
