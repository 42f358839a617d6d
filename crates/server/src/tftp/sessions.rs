//! Who is being served: one session per peer address and port, with the counts that the caps need.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use tokio::task::AbortHandle;

use super::receiving::Receiving;
use super::sending::Sending;

/// A session's name. The generation tells a session from a later one in the same slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct SessionId {
    slot: u32,
    generation: u32,
}

impl SessionId {
    pub(super) fn token(self) -> u64 {
        u64::from(self.generation) << 32 | u64::from(self.slot)
    }

    pub(super) fn from_token(token: u64) -> SessionId {
        SessionId { slot: token as u32, generation: (token >> 32) as u32 }
    }
}

/// One peer's request, from its arrival to its end.
pub(super) struct Session {
    pub(super) peer: SocketAddr,
    /// Fingerprint of the request, by which a repetition is known.
    pub(super) request: u64,
    pub(super) arrived: Duration,
    /// The earliest entry among the timers.
    pub(super) entered: Option<Duration>,
    pub(super) state: State,
}

/// How far a session is.
pub(super) enum State {
    /// The service has not answered yet.
    LookingUp(Option<AbortHandle>),
    /// The file is on its way. Boxed, so that a table of look-ups stays small.
    Sending(Box<Sending>),
    /// A file comes.
    Receiving(Box<Receiving>),
}

/// All sessions of a server.
#[derive(Default)]
pub(super) struct Sessions {
    slots: Vec<(u32, Option<Session>)>,
    free: Vec<u32>,
    by_peer: HashMap<SocketAddr, SessionId>,
    by_source: HashMap<IpAddr, usize>,
    receiving: usize,
}

impl Sessions {
    pub(super) fn len(&self) -> usize {
        self.by_peer.len()
    }

    pub(super) fn of_peer(&self, peer: SocketAddr) -> Option<SessionId> {
        self.by_peer.get(&peer).copied()
    }

    /// Sessions in which a file comes.
    pub(super) fn receiving(&self) -> usize {
        self.receiving
    }

    /// A look-up becomes a file that comes.
    pub(super) fn receives(&mut self, id: SessionId, what: Receiving) {
        if let Some(session) = self.get_mut(id) {
            session.state = State::Receiving(Box::new(what));
            self.receiving += 1;
        }
    }

    /// Sessions of the source that this peer belongs to.
    pub(super) fn of_source(&self, peer: SocketAddr) -> usize {
        self.by_source.get(&source(peer)).copied().unwrap_or(0)
    }

    pub(super) fn get_mut(&mut self, id: SessionId) -> Option<&mut Session> {
        let (generation, session) = self.slots.get_mut(id.slot as usize)?;
        if *generation == id.generation { session.as_mut() } else { None }
    }

    /// Adds a session; the peer must have none.
    pub(super) fn insert(&mut self, session: Session) -> SessionId {
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push((0, None));
            (self.slots.len() - 1) as u32
        });
        let peer = session.peer;
        let mut generation = 0;
        if let Some(place) = self.slots.get_mut(slot as usize) {
            generation = place.0;
            place.1 = Some(session);
        }
        let id = SessionId { slot, generation };
        self.by_peer.insert(peer, id);
        *self.by_source.entry(source(peer)).or_default() += 1;
        id
    }

    pub(super) fn remove(&mut self, id: SessionId) -> Option<Session> {
        let (generation, place) = self.slots.get_mut(id.slot as usize)?;
        if *generation != id.generation {
            return None;
        }
        let session = place.take()?;
        *generation = generation.wrapping_add(1);
        self.receiving -= usize::from(matches!(session.state, State::Receiving(_)));
        self.free.push(id.slot);
        self.by_peer.remove(&session.peer);
        if let Some(count) = self.by_source.get_mut(&source(session.peer)) {
            *count -= 1;
            if *count == 0 {
                self.by_source.remove(&source(session.peer));
            }
        }
        Some(session)
    }

    /// Every session there is.
    pub(super) fn ids(&self) -> Vec<SessionId> {
        self.by_peer.values().copied().collect()
    }
}

/// What counts as one source: an IPv4 address, or an IPv6 /64, all of which one host can own.
fn source(peer: SocketAddr) -> IpAddr {
    match peer.ip() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session(peer: &str) -> Session {
        let peer = peer.parse().unwrap_or_else(|_| SocketAddr::from(([0, 0, 0, 0], 0)));
        Session { peer, request: 0, arrived: Duration::ZERO, entered: None, state: State::LookingUp(None) }
    }

    #[test]
    fn a_name_of_an_ended_session_means_nothing() {
        let mut sessions = Sessions::default();
        let first = sessions.insert(session("10.0.0.1:1000"));
        assert!(sessions.remove(first).is_some());
        let second = sessions.insert(session("10.0.0.1:1000"));
        assert_ne!(first, second);
        assert!(sessions.get_mut(first).is_none());
        assert!(sessions.remove(first).is_none());
        assert!(sessions.get_mut(SessionId::from_token(second.token())).is_some());
        assert_eq!(sessions.len(), 1);
    }

    #[test]
    fn sources_are_counted() {
        let mut sessions = Sessions::default();
        let ids: Vec<_> = ["10.0.0.1:1", "10.0.0.1:2", "10.0.0.2:1", "[2001:db8::1]:1", "[2001:db8::2]:1", "[2001:db8:0:1::2]:1"]
            .map(|peer| sessions.insert(session(peer)))
            .into();
        let count = |sessions: &Sessions, peer| sessions.of_source(session(peer).peer);
        assert_eq!(count(&sessions, "10.0.0.1:9"), 2);
        assert_eq!(count(&sessions, "[2001:db8::3]:9"), 2);
        for id in ids {
            sessions.remove(id);
        }
        assert_eq!(count(&sessions, "10.0.0.1:9"), 0);
        assert!(sessions.by_source.is_empty() && sessions.by_peer.is_empty());
    }
}
