//! Profiles. Reading them is reading [`crate::Store::configuration`].

use offhook_core::{Id, Result, configuration::Configuration, profile::Profile};

use crate::Store;

impl Store {
    /// Makes a profile. `fill` gets an empty one with a new id.
    ///
    /// # Errors
    /// `Conflict` when its scope has one of that name; `Invalid` with field paths for unknown parents, a cycle, an unknown tenant or account.
    pub async fn create_profile(&self, fill: impl FnOnce(&mut Profile, &Configuration) -> Result<()> + Send + 'static) -> Result<Profile> {
        todo!()
    }

    /// Changes a profile. One in use keeps its name and tenant.
    pub async fn update_profile(
        &self,
        id: Id,
        if_match: Option<u64>,
        edit: impl FnOnce(&mut Profile, &Configuration) -> Result<()> + Send + 'static,
    ) -> Result<Profile> {
        todo!()
    }

    /// Deletes a profile; one in use is a `Conflict` that names its users.
    pub async fn delete_profile(&self, id: Id, if_match: Option<u64>) -> Result<()> {
        todo!()
    }
}
