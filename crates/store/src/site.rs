//! The site. Reading it is reading [`crate::Store::configuration`].

use offhook_core::{Result, configuration::Configuration, site::Site};

use crate::Store;

impl Store {
    /// Changes the site.
    pub async fn update_site(
        &self,
        if_match: Option<u64>,
        edit: impl FnOnce(&mut Site, &Configuration) -> Result<()> + Send + 'static,
    ) -> Result<Site> {
        todo!()
    }
}
