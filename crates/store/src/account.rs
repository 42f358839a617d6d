//! Accounts: SIP identities that lines refer to.

use offhook_core::{Id, Result, account::Account, configuration::Configuration};

use crate::{Listed, Page, Store};

/// Which accounts.
#[derive(Clone, Debug, Default)]
pub struct AccountFilter {
    /// Of this tenant.
    pub tenant: Option<String>,
    /// That no line names.
    pub unassigned: bool,
    /// Text that stands in the name, letter case ignored.
    pub q: Option<String>,
}

/// How many lines name an account.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AccountUses {
    /// Lines of devices.
    pub devices: u64,
    /// Lines of profiles, tenants and the site.
    pub layers: u64,
}

impl Store {
    /// Makes an account. `fill` gets an empty one (new id, tenant `default`).
    ///
    /// # Errors
    /// `Conflict` when its tenant has one of that name.
    pub async fn create_account(&self, fill: impl FnOnce(&mut Account, &Configuration) -> Result<()> + Send + 'static) -> Result<Account> {
        todo!()
    }

    /// Changes an account. One in use keeps its name and tenant; one that several lines use stays shared.
    pub async fn update_account(
        &self,
        id: Id,
        if_match: Option<u64>,
        edit: impl FnOnce(&mut Account, &Configuration) -> Result<()> + Send + 'static,
    ) -> Result<Account> {
        todo!()
    }

    /// Deletes an account; one in use is a `Conflict` that tells by how many.
    pub async fn delete_account(&self, id: Id, if_match: Option<u64>) -> Result<()> {
        todo!()
    }

    /// The account of that id.
    pub async fn account(&self, id: Id) -> Result<Option<Account>> {
        todo!()
    }

    /// The account of that name in a tenant.
    pub async fn account_by_name(&self, tenant: &str, name: &str) -> Result<Option<Account>> {
        todo!()
    }

    /// One page of the accounts that fit, by tenant and name.
    pub async fn accounts(&self, filter: &AccountFilter, page: &Page<()>) -> Result<Listed<Account>> {
        todo!()
    }

    /// Who uses an account.
    pub async fn account_uses(&self, account: &Account) -> Result<AccountUses> {
        todo!()
    }
}
