//! From what was decided to bytes: composes, takes out the secrets that a file may not hold, and renders, in a process of the tenant's
//! own where its template asks for that. Nothing is kept here.

use std::sync::Arc;

use offhook_core::{configuration::LayerSelector, device::State};
use offhook_packs::{DeviceFacts, Overlay, RenderError, RenderInput, Rendered, Rendering, Resources, Route, ServerFacts};
use offhook_store::Serving;

use super::{
    Inner, Moment, Note, compose,
    render::{self, OnShelf},
};
use crate::sandbox::Failure;

/// Which file, and for whom.
#[derive(Clone, Copy)]
pub(super) struct Wanted<'a> {
    pub route: &'a Route,
    /// What selects the shared layers.
    pub selector: &'a LayerSelector,
    /// The device; none: the file is a family's.
    pub own: Option<&'a Serving>,
    /// As the phone reaches it.
    pub server: &'a ServerFacts,
    /// Whether secrets stand in the bytes.
    pub reveal: bool,
    /// Whether the bytes are encrypted, where the file has a key.
    pub encrypt: bool,
}

/// What became of it.
pub(super) struct MadeOf {
    pub made: Result<Rendered, Failure>,
    /// Of composing alone.
    pub notes: Vec<Note>,
    pub layers: Vec<String>,
    /// Id of the device; empty for a family's file.
    pub device: String,
    pub resources: Arc<Resources>,
}

impl Inner {
    /// Composes and renders one file.
    pub(super) async fn make_of(&self, wanted: Wanted<'_>, moment: &Moment, overlay: Option<&Arc<Overlay>>) -> MadeOf {
        let Wanted { route, selector, own, server, reveal, encrypt } = wanted;
        let mut composed = match own {
            Some(serving) => compose::of_device(&moment.configuration, serving, &route.pack, server, &self.generate_key),
            None => compose::of_family(&moment.configuration, selector, &route.pack, server),
        };
        let effective = &mut composed.effective;
        let pending = own.is_some_and(|s| s.device.state == State::Pending);
        let encryption_key = route.encryption_key(effective).filter(|_| encrypt);
        let raw_secrets = moment.packs.catalog.raw_secrets();
        if !route.credentials() || pending {
            effective.without_secrets(raw_secrets);
        } else if !reveal {
            effective.mask(raw_secrets);
        }
        let names = moment.configuration.address_maps.names(&selector.tenant);
        let facts = own.map_or_else(|| family_facts(selector), render::device_facts);
        let resources = moment.resources(&self.stored, &selector.tenant);
        let begun = {
            let input = RenderInput {
                device: &facts,
                tenant: &selector.tenant,
                server: &server.named(names),
                settings: effective,
                shelf: &OnShelf(&moment.shelf),
                resources: &resources,
                encryption_key,
                names,
                overlay,
            };
            route.pack.begin(route, &input)
        };
        let made = self.complete(&selector.tenant, begun).await;
        MadeOf { made, notes: composed.notes, layers: composed.layers, device: facts.id, resources }
    }

    /// Whether a template can be rendered, wherever that is; the bytes are not made.
    pub(super) async fn try_out(&self, tenant: &str, begun: Result<Rendering, RenderError>) -> Result<(), Failure> {
        match begun.map_err(Failure::Template)? {
            Rendering::Done(_) => Ok(()),
            Rendering::Elsewhere(pending) => self.sandbox.render(tenant, pending.job()).await.map(drop),
        }
    }

    /// What needs a tenant's template is rendered in a process of the tenant's own.
    async fn complete(&self, tenant: &str, begun: Result<Rendering, RenderError>) -> Result<Rendered, Failure> {
        match begun.map_err(Failure::Template)? {
            Rendering::Done(made) => Ok(made),
            Rendering::Elsewhere(pending) => {
                let made = self.sandbox.render(tenant, pending.job()).await?;
                pending.finish(made).map_err(Failure::Template)
            }
        }
    }
}

/// What a common or model file may know of the requester.
pub(super) fn family_facts(selector: &LayerSelector) -> DeviceFacts {
    let LayerSelector { vendor, model, firmware, .. } = selector.clone();
    DeviceFacts { vendor, model, firmware, ..DeviceFacts::default() }
}
