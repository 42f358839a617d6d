//! Step 2: what do the facts say it is? The packs' rules read the request; what was learnt before fills the gaps.

use offhook_core::{
    request::Request,
    sighting::{Field, Sighting},
};
use offhook_packs::{Catalog, Route};

use super::{
    choice,
    gate::Gated,
    learnt::{Learnt, by_memory},
};

/// What the request tells.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Of the phone.
    pub sighting: Sighting,
    /// Files that the path may mean, best first.
    pub routes: Vec<Route>,
    /// Files of versions that serve only devices that are pinned to them.
    pub older: Vec<Route>,
    /// The MAC is known only because the address was last this phone's.
    pub by_address: bool,
}

/// Reads the request. Without `learnt` the request stands for itself.
pub fn identify(catalog: &Catalog, request: &Request, gated: &Gated, learnt: Option<&Learnt>) -> Seen {
    let identified = catalog.identify(request, None);
    let mut seen = Seen { sighting: identified.sighting, routes: identified.routes, older: identified.older, by_address: false };
    if let Some(learnt) = learnt {
        if seen.routes.len() > 1
            && !says_its_family(&seen.sighting)
            && let Some(facts) = seen.sighting.mac.and_then(|mac| learnt.facts(mac))
        {
            // Several packs know the name: what the phone was seen to be tells whose it is.
            seen.routes = catalog.identify(request, Some(&facts)).routes;
        }
        learnt.complete(&mut seen.sighting);
        by_address(&mut seen, request, gated, learnt);
    }
    seen
}

/// The phone tells its family in this request; what it told before adds nothing.
fn says_its_family(sighting: &Sighting) -> bool {
    sighting.evidence.iter().any(|e| e.field == Field::Vendor && choice::itself(e) && e.confidence >= choice::SURE)
}

/// Whether the address may tell what the request does not.
pub fn asks_the_address(seen: &Seen, gated: &Gated) -> bool {
    seen.sighting.mac.is_none() && gated.trusted && !gated.nat
}

/// The phone that last spoke from this address, unless the request shows another one.
pub fn by_address(seen: &mut Seen, request: &Request, gated: &Gated, learnt: &Learnt) {
    if !asks_the_address(seen, gated) {
        return;
    }
    let Some(mac) = learnt.owner(request.source) else { return };
    let mut remembered = Sighting { mac: Some(mac), ..Sighting::default() };
    learnt.complete(&mut remembered);
    let differs = |now: &Option<String>, then: &Option<String>| matches!((now, then), (Some(a), Some(b)) if a != b);
    let other = differs(&seen.sighting.vendor, &remembered.vendor) || differs(&seen.sighting.model, &remembered.model);
    if !other {
        seen.sighting.mac = Some(mac);
        seen.sighting.evidence.push(by_memory(Field::Mac, mac.to_string()));
        seen.by_address = true;
        learnt.complete(&mut seen.sighting);
    }
}
