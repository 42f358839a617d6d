//! Tenants. Reading them is reading [`crate::Store::configuration`].

use offhook_core::{Result, configuration::Configuration, tenant::Tenant};

use crate::Store;

impl Store {
    /// Makes a tenant. `fill` gets an empty one with a new id.
    ///
    /// # Errors
    /// `Conflict` when there is one of that name, or when another claims one of its networks.
    pub async fn create_tenant(&self, fill: impl FnOnce(&mut Tenant, &Configuration) -> Result<()> + Send + 'static) -> Result<Tenant> {
        todo!()
    }

    /// Changes a tenant; its name stays.
    pub async fn update_tenant(
        &self,
        name: &str,
        if_match: Option<u64>,
        edit: impl FnOnce(&mut Tenant, &Configuration) -> Result<()> + Send + 'static,
    ) -> Result<Tenant> {
        todo!()
    }

    /// Deletes a tenant. `default` stays; one that owns devices, accounts or profiles is a `Conflict` that tells how many.
    pub async fn delete_tenant(&self, name: &str, if_match: Option<u64>) -> Result<()> {
        todo!()
    }
}
