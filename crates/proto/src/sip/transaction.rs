//! The client transaction of a request that is no INVITE, over UDP (RFC 3261, 17.1.2): when to send again, and when to give up. Times are
//! since its beginning; nobody is asked what time it is.

use std::time::Duration;

/// Estimate of a round trip (RFC 3261, T1).
pub const T1: Duration = Duration::from_millis(500);
/// Longest time between two sendings (T2).
const T2: Duration = Duration::from_secs(4);
/// When to give up (timer F, 64 T1).
pub const TIMEOUT: Duration = Duration::from_secs(32);

/// What is to be done now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Send the request (again), then ask again at [`Client::wake`].
    Send,
    /// Nothing until [`Client::wake`].
    Wait,
    /// No answer came.
    GiveUp,
}

/// One transaction.
#[derive(Clone, Debug)]
pub struct Client {
    interval: Duration,
    at: Duration,
}

impl Default for Client {
    fn default() -> Self {
        Self { interval: T1, at: Duration::ZERO }
    }
}

impl Client {
    /// What is to be done at this time.
    pub fn next(&mut self, now: Duration) -> Next {
        if now >= TIMEOUT {
            return Next::GiveUp;
        }
        if now < self.at {
            return Next::Wait;
        }
        self.at = now.saturating_add(self.interval);
        self.interval = self.interval.saturating_mul(2).min(T2);
        Next::Send
    }

    /// A provisional answer came: the phone is there, it is asked again more slowly.
    pub fn provisional(&mut self) {
        self.interval = T2;
    }

    /// When to ask again.
    pub fn wake(&self) -> Duration {
        self.at.min(TIMEOUT)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_sends_eleven_times_in_thirty_two_seconds() {
        let mut client = Client::default();
        let (mut now, mut sent) = (Duration::ZERO, Vec::new());
        loop {
            match client.next(now) {
                Next::Send => sent.push(now.as_millis()),
                Next::Wait => {}
                Next::GiveUp => break,
            }
            now = client.wake();
        }
        assert_eq!(sent, [0, 500, 1500, 3500, 7500, 11_500, 15_500, 19_500, 23_500, 27_500, 31_500]);
        assert_eq!(now, TIMEOUT);
    }

    #[test]
    fn a_provisional_answer_slows_it_down() {
        let mut client = Client::default();
        assert_eq!(client.next(Duration::ZERO), Next::Send);
        client.provisional();
        assert_eq!(client.next(Duration::from_millis(400)), Next::Wait);
        assert_eq!(client.next(Duration::from_millis(500)), Next::Send);
        assert_eq!(client.wake(), Duration::from_millis(4500));
    }
}
