//! What the name of a template means to a pack: one of its own, a model's, one device's file, or a part that others include.

use std::{net::IpAddr, sync::Arc};

use offhook_core::{
    Mac, Result,
    device::Device,
    request::{Request, Transport},
    sighting::FileKind,
    template::Scope,
};
use offhook_packs::{Catalog, Pack, Route};

use crate::app::{App, page::Page};

/// What is made of a template.
#[derive(Clone, Debug)]
pub enum Place {
    /// The pack has one of that name.
    Own,
    /// Files of this model.
    Model(String),
    /// The file of one device, as this route tells it.
    Device(Box<Route>),
    /// A file of no device, such as one that all phones ask for.
    File,
    /// Nothing by itself: others may include it.
    Part,
}

impl Place {
    /// Of a name, with `.tpl` at its end where it is a model's or a file's.
    pub fn of(catalog: &Catalog, pack: &Arc<Pack>, name: &str) -> Self {
        let stem = name.strip_suffix(".tpl").unwrap_or_default();
        let model = pack.canonical_model(stem).filter(|m| m.eq_ignore_ascii_case(stem));
        match (pack.template(name), model) {
            (_, Some(model)) => Self::Model(model.to_owned()),
            (Some(_), None) => Self::Own,
            (None, None) => match route(catalog, pack, stem) {
                Some(route) if route.kind() == FileKind::Device => Self::Device(Box::new(route)),
                Some(_) => Self::File,
                None => Self::Part,
            },
        }
    }

    /// The model.
    pub fn model(&self) -> Option<&str> {
        match self {
            Self::Model(name) => Some(name),
            _ => None,
        }
    }

    /// Whether it is one device's file.
    pub fn is_device(&self) -> bool {
        matches!(self, Self::Device(_))
    }
}

/// The file of the pack that phones ask for by this name.
fn route(catalog: &Catalog, pack: &Arc<Pack>, file: &str) -> Option<Route> {
    if file.is_empty() {
        return None;
    }
    let mut request = Request::new(Transport::Http, IpAddr::from([127, 0, 0, 1]));
    request.path = Some(format!("/{file}"));
    catalog.identify(&request, None).routes.into_iter().find(|r| Arc::ptr_eq(&r.pack, pack))
}

/// The devices whose file a template makes, in its scope. A name that tells a MAC address is one device's; any other is looked for
/// among the devices of the pack.
pub async fn devices(app: &App, pack: &Arc<Pack>, place: &Place, scope: &Scope) -> Result<Vec<Device>> {
    let Place::Device(route) = place else { return Ok(Vec::new()) };
    let in_scope = |d: &Device| scope.tenant().is_none_or(|t| t == d.tenant);
    if let Some(mac) = route.mac {
        return Ok(by_mac(app, mac).await?.into_iter().filter(in_scope).collect());
    }
    let mut found = Vec::new();
    let mut page = Page { limit: 1000, ..Page::default() };
    loop {
        let filter = offhook_store::DeviceFilter { tenant: scope.tenant().map(str::to_owned), ..Default::default() };
        let listed = app.store.devices(&filter, &page).await?;
        let same = |d: &Device| app.pipeline.file_names(d, pack).iter().any(|n| n.eq_ignore_ascii_case(&route.name));
        found.extend(listed.items.into_iter().filter(same));
        page.cursor = listed.next_cursor;
        if page.cursor.is_none() {
            return Ok(found);
        }
    }
}

async fn by_mac(app: &App, mac: Mac) -> Result<Option<Device>> {
    app.store.device_by_mac(mac).await
}
