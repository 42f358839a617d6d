//! Step 4: may this phone have this file? A pure function of what was resolved; the only place where a policy decides.

use offhook_core::{
    device::{Device, State},
    sighting::FileKind,
    trace::{Decision, Reason},
};
use offhook_packs::{MacConflict, Route, manifest::Source};

/// What the decision rests on.
pub struct Asked<'a> {
    /// The source is in a trusted network.
    pub trusted: bool,
    /// The device the request belongs to.
    pub device: Option<&'a Device>,
    /// The file, when a pack knows one.
    pub route: Option<&'a Route>,
    /// The file belongs to another MAC than the phone's own.
    pub conflict: Option<MacConflict>,
    /// Why an unknown phone has no device.
    pub no_device: Option<&'a Reason>,
    /// Another pack than the route's serves the device.
    pub other_pack: bool,
    /// An override makes the file, whatever the pack says of its source.
    pub replaced: bool,
    /// The device's pack, when it is not there.
    pub missing_pack: Option<&'a str>,
    /// The MAC is known only because the address was last this phone's.
    pub by_address: bool,
}

/// The decision under the policy `lan`: a device's file goes to its own phone from a trusted network on MAC alone; everybody
/// else is a stranger.
pub fn authorize(asked: &Asked<'_>) -> (Decision, Reason) {
    match refuse(asked) {
        Some(reason) => (Decision::Refused, reason),
        None => (Decision::Allowed, allow(asked)),
    }
}

fn refuse(asked: &Asked<'_>) -> Option<Reason> {
    if !asked.trusted {
        return Some(Reason::Stranger);
    }
    if asked.device.is_some_and(|d| d.state == State::Disabled) {
        return Some(Reason::Disabled);
    }
    let missing = || asked.missing_pack.map(|pack| Reason::PackMissing { pack: pack.to_owned() });
    let Some(route) = asked.route else { return Some(missing().unwrap_or(Reason::UnknownFile)) };
    if let Some(MacConflict { asked, says }) = asked.conflict {
        return Some(Reason::IdentityConflict { asked, says });
    }
    if asked.other_pack {
        return Some(missing().unwrap_or(Reason::OtherPack));
    }
    if route.source() == Source::None && !asked.replaced {
        return Some(Reason::NotOffered);
    }
    // Names and numbers of people are not for a phone that nobody approved.
    if asked.device.is_some_and(|d| d.state == State::Pending) && route.phonebook.is_some() {
        return Some(Reason::PendingDirectory);
    }
    if needs_device(route, asked.replaced) {
        let Some(device) = asked.device else { return Some(asked.no_device.cloned().unwrap_or(Reason::NoDevice)) };
        // A name with a MAC is its own device's only, whoever the address belonged to last.
        if let (Some(named), Some(own)) = (route.mac, device.mac)
            && named != own
        {
            return Some(Reason::IdentityConflict { asked: named, says: own });
        }
        // Without an identity in the name or of the asker, an address alone never opens a file with credentials.
        if route.credentials() && route.mac.is_none() && route.serial.is_none() {
            return Some(Reason::NoDevice);
        }
        if route.source() == Source::Upload {
            // Neither a phone that nobody approved nor an address alone may leave something in a device.
            match (device.state, asked.by_address && route.mac.is_none()) {
                (State::Ready, false) => {}
                (State::Ready, true) => return Some(Reason::NoDevice),
                _ => return Some(Reason::PendingUpload),
            }
        }
    }
    None
}

fn allow(asked: &Asked<'_>) -> Reason {
    if asked.route.is_some_and(|r| r.source() == Source::Upload) {
        return Reason::OwnUpload;
    }
    match (asked.device.map(|d| d.state), asked.route.map(|route| needs_device(route, asked.replaced))) {
        (Some(State::Pending), Some(true)) => Reason::PendingFile,
        (_, Some(true)) => Reason::OwnFile,
        _ => Reason::NoCredentials,
    }
}

/// Whether the file is made for one device, or sent by one. `replaced`: an override makes it, whatever the pack says of its source.
pub fn needs_device(route: &Route, replaced: bool) -> bool {
    let made = replaced || route.source() == Source::Template;
    route.credentials() || route.source() == Source::Upload || (route.kind() == FileKind::Device && made)
}
