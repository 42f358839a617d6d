//! The retransmission timer: an estimate of the round trip after RFC 6298, with back-off.

use std::time::Duration;

/// Smoothed round trip, its variation, and how often in a row the timer ran out.
#[derive(Debug, Clone, Copy)]
pub(super) struct RoundTrip {
    measured: Option<Measured>,
    back_off: u32,
}

#[derive(Debug, Clone, Copy)]
struct Measured {
    smoothed: Duration,
    variation: Duration,
}

impl RoundTrip {
    pub(super) fn new() -> Self {
        RoundTrip { measured: None, back_off: 0 }
    }

    /// Takes the round trip of a packet that was sent once (Karn), and ends the back-off.
    pub(super) fn sample(&mut self, taken: Duration) {
        self.back_off = 0;
        self.measured = Some(match self.measured {
            None => Measured { smoothed: taken, variation: taken / 2 },
            // RFC 6298 section 2.3, alpha 1/8 and beta 1/4.
            Some(old) => {
                Measured { variation: old.variation / 4 * 3 + old.smoothed.abs_diff(taken) / 4, smoothed: old.smoothed / 8 * 7 + taken / 8 }
            }
        });
    }

    /// Doubles the wait until the next sample.
    pub(super) fn back_off(&mut self) {
        self.back_off = self.back_off.saturating_add(1);
    }

    /// How long to wait for an answer: `first` before anything is measured, never below `min`, and
    /// never above `max` however often it was doubled.
    pub(super) fn wait(&self, first: Duration, min: Duration, max: Duration) -> Duration {
        let base = match self.measured {
            None => first,
            Some(m) => m.smoothed.saturating_add(m.variation.saturating_mul(4)).max(min),
        };
        let factor = 1u32.checked_shl(self.back_off.min(16)).unwrap_or(u32::MAX);
        base.saturating_mul(factor).min(max)
    }

    /// The smoothed round trip, once known.
    pub(super) fn smoothed(&self) -> Option<Duration> {
        self.measured.map(|measured| measured.smoothed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: Duration = Duration::from_secs(1);
    const MIN: Duration = Duration::from_millis(50);
    const MAX: Duration = Duration::from_secs(5);

    #[test]
    fn the_wait_follows_the_measured_round_trip() {
        let mut trip = RoundTrip::new();
        assert_eq!(trip.wait(FIRST, MIN, MAX), FIRST);
        trip.sample(Duration::from_millis(100));
        assert_eq!(trip.wait(FIRST, MIN, MAX), Duration::from_millis(300));
        for _ in 0..100 {
            trip.sample(Duration::from_millis(1));
        }
        assert_eq!(trip.wait(FIRST, MIN, MAX), MIN);
        trip.sample(Duration::from_secs(100));
        assert_eq!(trip.wait(FIRST, MIN, MAX), MAX);
    }

    #[test]
    fn back_off_doubles_to_the_cap_and_a_sample_ends_it() {
        let mut trip = RoundTrip::new();
        trip.sample(Duration::from_millis(1));
        let waits: Vec<_> = (0..9)
            .map(|_| {
                let wait = trip.wait(FIRST, MIN, MAX).as_millis();
                trip.back_off();
                wait
            })
            .collect();
        assert_eq!(waits, [50, 100, 200, 400, 800, 1600, 3200, 5000, 5000]);
        for _ in 0..100 {
            trip.back_off();
        }
        assert_eq!(trip.wait(FIRST, MIN, MAX), MAX);
        trip.sample(Duration::from_millis(1));
        assert_eq!(trip.wait(FIRST, MIN, MAX), MIN);
    }
}
