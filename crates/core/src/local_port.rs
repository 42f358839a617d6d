//! The port that stands for `local_port = "auto"`: one for each device, so that scanners of the usual port do not ring phones, and
//! phones behind one public address do not share a port. Which ports are taken is the store's to know.

use std::{collections::BTreeSet, net::IpAddr, ops::RangeInclusive};

use sha2::{Digest, Sha256};

use crate::Id;

/// The ports to choose from.
pub const PORTS: RangeInclusive<u16> = 10_000..=20_000;

/// Whether a device needs such a port, and the one it has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AutoPort {
    /// None of its lines asks for one.
    #[default]
    Unused,
    /// It has none yet.
    Wanted,
    /// It has one.
    Held {
        /// Among the devices behind this address the port is its own; none: its address is not known yet.
        address: Option<IpAddr>,
        /// The port.
        port: u16,
    },
}

impl AutoPort {
    /// The port that its files are made with.
    pub fn port_of(self, device: Id) -> u16 {
        match self {
            Self::Held { port, .. } => port,
            Self::Unused | Self::Wanted => preferred(device),
        }
    }
}

/// The port that a device gets where nobody has it.
pub fn preferred(device: Id) -> u16 {
    let digest = Sha256::digest(format!("local port {device}"));
    let number = digest.iter().take(8).fold(0u64, |n, byte| n << 8 | u64::from(*byte));
    let many = u64::from(*PORTS.end() - *PORTS.start()) + 1;
    u16::try_from(number % many).map_or(*PORTS.start(), |n| PORTS.start() + n)
}

/// The first free port from `wanted` on, round about; `wanted` itself when all are taken.
pub fn free(wanted: u16, taken: &BTreeSet<u16>) -> u16 {
    let from = if PORTS.contains(&wanted) { wanted } else { *PORTS.start() };
    (from..=*PORTS.end()).chain(*PORTS.start()..from).find(|p| !taken.contains(p)).unwrap_or(from)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::clock::Timestamp;

    #[test]
    fn ports_are_of_the_range_and_the_next_free_one_is_taken() {
        for n in 0..200 {
            assert!(PORTS.contains(&preferred(Id::from_parts(Timestamp::from_millis(n), [n as u8; 10]))));
        }
        assert_eq!(free(12_000, &BTreeSet::from([12_000, 12_001])), 12_002);
        assert_eq!(free(20_000, &BTreeSet::from([20_000])), 10_000);
        assert_eq!(free(5060, &BTreeSet::new()), 10_000);
        assert_eq!(free(10_005, &PORTS.collect()), 10_005);
    }
}
