//! Which session is due next.
//!
//! Most deadlines move later with every packet and never come, so an entry is not moved: when it
//! comes up, its session says whether it is really due, and else is entered again.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

/// Deadlines of sessions, earliest first.
#[derive(Debug, Default)]
pub(super) struct Timers<K: Ord>(BinaryHeap<Reverse<(Duration, K)>>);

impl<K: Ord + Copy> Timers<K> {
    pub(super) fn new() -> Self {
        Timers(BinaryHeap::new())
    }

    pub(super) fn enter(&mut self, at: Duration, key: K) {
        self.0.push(Reverse((at, key)));
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// The earliest entry's time.
    pub(super) fn next(&self) -> Option<Duration> {
        self.0.peek().map(|Reverse((at, _))| *at)
    }

    /// Takes the earliest entry if its time has come.
    pub(super) fn due(&mut self, now: Duration) -> Option<(Duration, K)> {
        if self.next()? > now {
            return None;
        }
        self.0.pop().map(|Reverse(entry)| entry)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_come_up_in_the_order_of_their_times() {
        let at = Duration::from_millis;
        let mut timers = Timers::new();
        for (time, key) in [(30, 'c'), (10, 'a'), (20, 'b')] {
            timers.enter(at(time), key);
        }
        assert_eq!(timers.next(), Some(at(10)));
        assert_eq!(timers.due(at(9)), None);
        assert_eq!(timers.due(at(25)), Some((at(10), 'a')));
        assert_eq!(timers.due(at(25)), Some((at(20), 'b')));
        assert_eq!(timers.due(at(25)), None);
    }
}
