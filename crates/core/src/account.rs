//! An account: a SIP identity that lines refer to, so that a password is kept once.

use crate::{Id, clock::Timestamp, settings::AccountValues};

/// An account as it is stored. Its SIP values are those of a line.
#[derive(Clone, Debug, PartialEq)]
pub struct Account {
    /// Its id.
    pub id: Id,
    /// The tenant it belongs to.
    pub tenant: String,
    /// Its unique name within the tenant: what a line's `account` says. The SIP user name unless said otherwise.
    pub name: String,
    /// The line values that it gives to every line that names it.
    pub values: AccountValues,
    /// Several lines may use it.
    pub shared: bool,
    /// The code that a person types on a phone to claim it.
    pub code: Option<String>,
    /// Grows by one with each change; the ETag.
    pub revision: u64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}
