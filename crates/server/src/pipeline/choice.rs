//! Which pack serves a request, part of step 3. A pack that a person pinned stays whatever the phone says. Any other stays until the
//! phone tells that it is of another family; a block of MAC addresses, or what was learnt before, never moves it.

use std::sync::Arc;

use offhook_core::{
    Mac,
    device::Device,
    sighting::{Evidence, Field, FileKind, From, Sighting},
};
use offhook_packs::{Catalog, MacConflict, Pack, Route};

use super::identify::Seen;

/// What a phone says of itself counts when it is surer than what was learnt of it.
pub const SURE: u8 = 51;

/// The pack and the file.
pub struct Choice {
    /// The pack; none when nothing tells one, or when the device's is not loaded.
    pub pack: Option<Arc<Pack>>,
    /// The file, of whatever pack.
    pub route: Option<Route>,
    /// The file is not one of the device's pack.
    pub other_pack: bool,
    /// The pack is another one than is stored with the device.
    pub moved: bool,
}

/// Chooses for a known device, or for a phone that is not one.
pub fn choose(catalog: &Catalog, seen: &Seen, device: Option<&Device>) -> Choice {
    let routes = &seen.routes;
    let stored = device.and_then(|d| d.pack.as_deref());
    let own = stored.and_then(|key| catalog.pack(key));
    let stays = device.is_some_and(|d| d.pack_pinned) || stored.is_none() || seen.by_address;
    let better = if stays { None } else { better(catalog, seen, own) };
    if stored.is_some() && own.is_none() && better.is_none() {
        // Its pack is not loaded now: no other makes its own files, and it keeps its place.
        let route = routes.iter().find(|r| r.kind() != FileKind::Device && !r.credentials());
        let other_pack = route.is_none() && !routes.is_empty();
        return Choice { pack: None, route: route.or(routes.first()).cloned(), other_pack, moved: false };
    }
    if let Some(route) = own.filter(|_| better.is_none()).and_then(|own| seen.older.iter().find(|r| Arc::ptr_eq(&r.pack, own))) {
        return Choice { pack: own.cloned(), route: Some(route.clone()), other_pack: false, moved: false };
    }
    let chosen = catalog.choose(&seen.sighting, routes, better.map_or(stored, |p| Some(p.id())));
    let other_pack = chosen.route.is_none() && !routes.is_empty();
    Choice { pack: chosen.pack, route: chosen.route.or_else(|| routes.first().cloned()), other_pack, moved: better.is_some() }
}

/// The pack that the phone itself speaks for, when that is another one and knows the file: by a header, option 60 or a certificate
/// that is surer than what the own pack reads; without any, by a file name that no other maker asks for and the own pack does not know.
fn better<'a>(catalog: &'a Catalog, seen: &Seen, own: Option<&Arc<Pack>>) -> Option<&'a Arc<Pack>> {
    let own = own.map_or("", |p| p.id());
    let told = seen.sighting.evidence.iter().filter(|e| matches!(e.field, Field::Vendor | Field::Model) && !e.pack.is_empty());
    let said = told.clone().filter(|e| itself(e));
    let strength = |pack: &str| said.clone().filter(|e| e.pack == pack).map(|e| e.confidence).max().unwrap_or(0);
    let knows = |pack: &str| seen.routes.iter().any(|r| r.pack.id() == pack);
    let better = match said.clone().max_by_key(|e| e.confidence) {
        Some(best) => Some(best.pack.as_str()).filter(|p| best.confidence >= SURE && best.confidence > strength(own) && knows(p)),
        None if knows(own) => None,
        None => {
            let mut named = told.filter(|e| e.from == From::Path && e.field == Field::Vendor).map(|e| e.pack.as_str());
            named.next().filter(|first| named.all(|other| other == *first))
        }
    };
    better.filter(|p| *p != own).and_then(|p| catalog.pack(p))
}

/// Whether the phone says it of itself in this request, by other things than the name it asks for.
pub fn itself(evidence: &Evidence) -> bool {
    matches!(evidence.from, From::UserAgent | From::Header | From::Option60 | From::Certificate)
}

/// What the rules of one pack read of a field; the surest.
pub fn read_by(pack: &Pack, field: Field, sighting: &Sighting) -> Option<String> {
    let read = sighting.evidence.iter().filter(|e| e.field == field && e.pack == pack.id() && e.from != From::Oui);
    read.max_by_key(|e| e.confidence).map(|e| e.value.clone())
}

/// The file's name holds one MAC and the phone says in a header or certificate that it is another.
pub fn conflict(route: &Route, sighting: &Sighting) -> Option<MacConflict> {
    let said = sighting.evidence.iter().filter(|e| e.field == Field::Mac && itself(e));
    let says = said.max_by_key(|e| e.confidence).and_then(|e| Mac::parse(&e.value))?;
    route.mac.filter(|asked| *asked != says).map(|asked| MacConflict { asked, says })
}
