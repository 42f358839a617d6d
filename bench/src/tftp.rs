//! Load over TFTP: thousands of transfers at once on one thread, a socket for each as phones have, every byte compared.
//!
//! The client is a patient phone: it repeats its request or last acknowledgement after a second, then after two and four
//! (RFC 1350; options of RFC 2347, 2348 and 7440).

use std::{
    collections::BTreeMap,
    io,
    net::{Ipv4Addr, SocketAddr, UdpSocket},
    time::{Duration, Instant},
};

use crate::tftp::poll::Poll;

mod poll;
mod transfer;

use transfer::{Step, Transfer};

/// What to fetch, how, and how much of it.
#[derive(Clone, Debug)]
pub struct Load {
    /// Where the requests go.
    pub server: SocketAddr,
    /// The file's name.
    pub file: String,
    /// What must arrive, byte for byte.
    pub content: Vec<u8>,
    /// Transfers at the same time.
    pub at_once: usize,
    /// When no further transfer begins.
    pub until: Until,
    /// Bytes per block; not set: the option is not sent.
    pub blksize: Option<u16>,
    /// Blocks per acknowledgement; not set: the option is not sent.
    pub windowsize: Option<u16>,
    /// Until the client repeats itself for the first time.
    pub timeout: Duration,
    /// The part of the received packets that is thrown away, 0 to 1.
    pub loss: f64,
    /// Phones with addresses of their own, in 127.0.0.0/8; 0: all are 127.0.0.1.
    pub sources: u32,
}

/// When no further transfer begins.
#[derive(Clone, Copy, Debug)]
pub enum Until {
    /// After so many.
    Transfers(u64),
    /// After this time.
    Elapsed(Duration),
}

/// What came of it.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// Transfers that ended well.
    pub done: u64,
    /// Bytes of those.
    pub bytes: u64,
    /// Transfers that did not, by what went wrong.
    pub errors: BTreeMap<String, u64>,
    /// Packets that the client had to repeat.
    pub repeats: u64,
    /// Transfers whose options the server ignored or lowered.
    pub lowered: u64,
    /// From the first request to the end of the last transfer.
    pub took: Duration,
    /// How long each transfer took, shortest first.
    pub times: Vec<Duration>,
}

impl Outcome {
    /// The time within which this part of the transfers (0 to 1) ended.
    #[must_use]
    pub fn within(&self, part: f64) -> Duration {
        let last = self.times.len().saturating_sub(1);
        self.times.get((last as f64 * part).round() as usize).copied().unwrap_or_default()
    }

    /// Transfers that failed.
    #[must_use]
    pub fn failed(&self) -> u64 {
        self.errors.values().sum()
    }
}

impl Load {
    /// Runs it to its end.
    ///
    /// # Errors
    /// When this machine gives no more sockets.
    pub fn run(&self) -> io::Result<Outcome> {
        Run { load: self, poll: Poll::new()?, slots: Vec::new(), free: Vec::new(), begun: 0, dice: Dice(1), outcome: Outcome::default() }
            .go()
    }
}

/// After so many new transfers the answers of running ones are read, even in a burst.
const BURST: u64 = 64;

struct Run<'a> {
    load: &'a Load,
    poll: Poll,
    slots: Vec<Option<Transfer>>,
    free: Vec<usize>,
    begun: u64,
    dice: Dice,
    outcome: Outcome,
}

impl Run<'_> {
    fn go(mut self) -> io::Result<Outcome> {
        self.slots.resize_with(self.load.at_once, || None);
        self.free = (0..self.load.at_once).rev().collect();
        let begin = Instant::now();
        let mut looked = begin;
        let mut buffer = vec![0; 65536];
        loop {
            let more = match self.load.until {
                Until::Transfers(n) => self.begun < n,
                Until::Elapsed(time) => begin.elapsed() < time,
            };
            if more {
                self.begin_some()?;
            } else if self.free.len() == self.slots.len() {
                break;
            }
            let patience = if more && !self.free.is_empty() { 0 } else { 5 };
            for slot in self.poll.ready(patience)? {
                self.receive(slot, &mut buffer);
            }
            if looked.elapsed() > Duration::from_millis(5) {
                looked = Instant::now();
                self.repeat_late_ones(looked);
            }
        }
        self.outcome.took = begin.elapsed();
        self.outcome.times.sort_unstable();
        Ok(self.outcome)
    }

    fn begin_some(&mut self) -> io::Result<()> {
        for _ in 0..BURST {
            if matches!(self.load.until, Until::Transfers(n) if self.begun >= n) {
                break;
            }
            let Some(slot) = self.free.pop() else { break };
            let socket = UdpSocket::bind((self.source(), 0))?;
            socket.set_nonblocking(true)?;
            self.poll.add(&socket, slot)?;
            self.slots[slot] = Some(Transfer::begin(socket, self.load));
            self.begun += 1;
        }
        Ok(())
    }

    /// The address of the next phone: 127.1.0.1 and on, 250 in each network of 256.
    fn source(&self) -> Ipv4Addr {
        match u32::try_from(self.begun.checked_rem(u64::from(self.load.sources)).unwrap_or_default()) {
            Ok(phone) if self.load.sources > 0 => Ipv4Addr::from_bits(0x7F01_0001 + phone / 250 * 256 + phone % 250),
            _ => Ipv4Addr::LOCALHOST,
        }
    }

    fn receive(&mut self, slot: usize, buffer: &mut [u8]) {
        let Some(transfer) = &mut self.slots[slot] else { return };
        // No more than a window at once: others wait too.
        for _ in 0..transfer.window() {
            let (length, from) = match transfer.socket().recv_from(buffer) {
                Ok(received) => received,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(error) => return self.end(slot, Some(error.to_string())),
            };
            if self.dice.below(self.load.loss) {
                continue;
            }
            match transfer.receive(&buffer[..length], from, self.load) {
                Step::Going => {}
                Step::Done => return self.end(slot, None),
                Step::Failed(why) => return self.end(slot, Some(why)),
            }
        }
    }

    fn repeat_late_ones(&mut self, now: Instant) {
        for slot in 0..self.slots.len() {
            let Some(transfer) = &mut self.slots[slot] else { continue };
            match transfer.repeat_if_late(now, self.load) {
                Some(true) => self.outcome.repeats += 1,
                Some(false) => self.end(slot, Some("no answer".to_owned())),
                None => {}
            }
        }
    }

    fn end(&mut self, slot: usize, error: Option<String>) {
        let Some(transfer) = self.slots[slot].take() else { return };
        self.free.push(slot);
        self.outcome.lowered += u64::from(transfer.lowered(self.load));
        match error {
            Some(why) => *self.outcome.errors.entry(why).or_default() += 1,
            None => {
                self.outcome.done += 1;
                self.outcome.bytes += self.load.content.len() as u64;
                self.outcome.times.push(transfer.age());
            }
        }
    }
}

/// The same losses in every run (xorshift64).
struct Dice(u64);

impl Dice {
    fn below(&mut self, part: f64) -> bool {
        if part <= 0.0 {
            return false;
        }
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        ((self.0 >> 11) as f64 / (1_u64 << 53) as f64) < part
    }
}
