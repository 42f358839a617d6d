//! One read transfer, seen from the server: a state machine without socket, clock or file.
//!
//! The driver gives it packets and times and does what the returned [`Action`] says. The machine
//! speaks of a file by numbers of bytes only, so that a driver may serve it from memory, from a
//! mapped file or through a conversion, and never has to copy it. Times are `Duration`s since any
//! fixed moment of a monotonic clock.
//!
//! ```text
//! start ─► first packet out (OACK, or block 1) ─► first ACK ─► windows ─► last block's ACK
//!          one packet, at most 3 copies            the peer's address is real from here on
//! ```

use std::ops::Range;
use std::time::Duration;

use super::options::{DEFAULT_BLKSIZE, OptionAck, RequestOptions};
use super::packet::{ErrorCode, Packet, data_header, encode_option_ack};
use super::round_trip::RoundTrip;

/// Limits and times of a transfer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TransferConfig {
    /// Greatest block size we agree to, in bytes.
    pub max_blksize: u16,
    /// Greatest window we agree to, in blocks (RFC 7440). At most 32,767 is used, so that block
    /// numbers stay clear.
    pub max_windowsize: u16,
    /// Greatest number of bytes in flight; the window is made smaller to keep to it.
    pub max_flight: u32,
    /// Wait for an answer before any round trip is known.
    pub first_wait: Duration,
    /// Shortest wait for an answer, however fast the network is.
    pub min_wait: Duration,
    /// Longest wait for an answer, however often it was doubled.
    pub max_wait: Duration,
    /// Copies of the first packet in all, as long as nothing proves that the peer's address is
    /// real: what a forged request can make us send.
    pub first_copies: u8,
    /// Time without any progress after which we give up: long enough for a phone that writes its flash
    /// memory. With the waits doubling from `min_wait` to `max_wait` it bounds the repetitions to about a
    /// dozen. With a negotiated timeout it is at least three times that.
    pub patience: Duration,
}

impl Default for TransferConfig {
    fn default() -> Self {
        TransferConfig {
            max_blksize: 65_464,
            max_windowsize: 64,
            max_flight: 128 * 1024,
            first_wait: Duration::from_secs(1),
            min_wait: Duration::from_millis(50),
            max_wait: Duration::from_secs(8),
            first_copies: 3,
            patience: Duration::from_secs(45),
        }
    }
}

/// What the driver has to do now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Action {
    /// Nothing, until a packet arrives or [`Transfer::deadline`] is reached.
    Wait,
    /// Send [`Transfer::option_ack`].
    SendOptionAck,
    /// Send these blocks, in order.
    SendBlocks(Blocks),
    /// The transfer is over; nothing more is to be sent.
    End(Ending),
}

/// A run of blocks, by absolute number from 1 (not modulo 65,536).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Blocks {
    /// The first one.
    pub first: u64,
    /// The last one; never before the first.
    pub last: u64,
}

/// One DATA packet: its header and which bytes of the file follow it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// Opcode and block number.
    pub header: [u8; 4],
    /// The bytes of the file, as it travels. Empty for the last block of a file whose size is a
    /// multiple of the block size.
    pub bytes: Range<u64>,
}

/// How a transfer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// The peer acknowledged the last block.
    Completed,
    /// The peer sent an ERROR.
    PeerError(ErrorCode),
    /// The peer did not answer any more, or never did.
    TimedOut,
}

/// The state of one read transfer.
#[derive(Debug, Clone)]
pub struct Transfer {
    config: TransferConfig,
    length: u64,
    options: OptionAck,
    blksize: u16,
    window: u16,
    last_block: u64,

    /// Highest acknowledged block.
    acked: u64,
    /// Highest block in flight; `acked` when none is.
    flying: u64,
    /// Highest block that ever left.
    highest: u64,
    /// The first packet has been acknowledged.
    proven: bool,
    ended: bool,
    /// Copies of the first packet that left.
    copies: u8,
    repeated_blocks: u64,

    round_trip: RoundTrip,
    /// The flight is the first copy of all that its ACK will answer, so that its round trip may be
    /// measured (Karn's rule).
    timed: bool,
    sent_at: Duration,
    progress_at: Duration,
    deadline: Duration,
}

/// A duplicate ACK brings the window again only when its last copy left at least this long ago:
/// phones' own timers are far above it, echoes of one packet far below.
const MIN_HOLD: Duration = Duration::from_millis(20);
/// The same before any round trip is known.
const BLIND_HOLD: Duration = Duration::from_millis(100);

impl Transfer {
    /// A transfer of `length` bytes (as they travel: after the netascii conversion) with the options
    /// of its request. Nothing is sent before [`Transfer::start`].
    #[must_use]
    pub fn new(config: &TransferConfig, request: &RequestOptions, length: u64) -> Transfer {
        let blksize = request.blksize.map(|asked| asked.min(config.max_blksize).max(8));
        let bytes = blksize.unwrap_or(DEFAULT_BLKSIZE);
        let flight = u16::try_from(config.max_flight / u32::from(bytes)).unwrap_or(u16::MAX);
        let cap = config.max_windowsize.min(flight).clamp(1, 32_767);
        // Of an empty file it is left out, which RFC 2347 allows: curl takes 0 for a fault.
        let tsize = (request.tsize && length > 0).then_some(length);
        let windowsize = request.windowsize.map(|asked| asked.clamp(1, cap));
        Transfer {
            config: *config,
            length,
            options: OptionAck { blksize, timeout: request.timeout, tsize, windowsize },
            blksize: bytes,
            window: windowsize.unwrap_or(1),
            last_block: length / u64::from(bytes) + 1,
            acked: 0,
            flying: 0,
            highest: 0,
            proven: false,
            ended: false,
            copies: 0,
            repeated_blocks: 0,
            round_trip: RoundTrip::new(),
            timed: false,
            sent_at: Duration::ZERO,
            progress_at: Duration::ZERO,
            deadline: Duration::ZERO,
        }
    }

    /// The first packet: the OACK when any option was accepted, else block 1.
    pub fn start(&mut self, now: Duration) -> Action {
        self.progress_at = now;
        self.send_first(now)
    }

    /// A datagram from the peer of this transfer. All that makes no sense here is ignored.
    pub fn on_packet(&mut self, datagram: &[u8], now: Duration) -> Action {
        if self.ended {
            return Action::Wait;
        }
        match Packet::decode(datagram) {
            Ok(Packet::Ack { block }) => self.on_ack(block, now),
            Ok(Packet::Error { code, .. }) => self.end(Ending::PeerError(code)),
            _ => Action::Wait,
        }
    }

    /// The peer sent its request again: it may have missed the first packet. Later repetitions are
    /// late copies and change nothing.
    pub fn on_repeated_request(&mut self, now: Duration) -> Action {
        let may_send = !self.ended && !self.proven && self.copies < self.config.first_copies;
        if may_send && self.held_long_enough(now) { self.send_first(now) } else { Action::Wait }
    }

    /// To be called when [`Transfer::deadline`] is reached; earlier calls do nothing.
    pub fn on_timeout(&mut self, now: Duration) -> Action {
        if self.ended || now < self.deadline {
            return Action::Wait;
        }
        let spent = if self.proven { self.out_of_patience(now) } else { self.copies >= self.config.first_copies };
        if spent {
            return self.end(Ending::TimedOut);
        }
        self.round_trip.back_off();
        if self.proven { self.send_window(now) } else { self.send_first(now) }
    }

    /// When [`Transfer::on_timeout`] is due; `None` once the transfer is over.
    #[must_use]
    pub fn deadline(&self) -> Option<Duration> {
        (!self.ended).then_some(self.deadline)
    }

    /// The OACK packet.
    #[must_use]
    pub fn option_ack(&self) -> Vec<u8> {
        encode_option_ack(&self.options)
    }

    /// The DATA packet of an absolute block number, 1 for the first.
    #[must_use]
    pub fn block(&self, number: u64) -> Block {
        let size = u64::from(self.blksize);
        let start = number.saturating_sub(1).saturating_mul(size).min(self.length);
        let end = start.saturating_add(size).min(self.length);
        Block { header: data_header(number as u16), bytes: start..end }
    }

    /// Bytes per block.
    #[must_use]
    pub fn blksize(&self) -> u16 {
        self.blksize
    }

    /// Bytes of the file that the peer has acknowledged.
    #[must_use]
    pub fn acknowledged(&self) -> u64 {
        self.acked.saturating_mul(u64::from(self.blksize)).min(self.length)
    }

    /// Blocks that left more than once, each further copy counted.
    #[must_use]
    pub fn repeated_blocks(&self) -> u64 {
        self.repeated_blocks
    }

    /// The peer has acknowledged something, so its address is not forged.
    #[must_use]
    pub fn proven(&self) -> bool {
        self.proven
    }

    /// When the peer last acknowledged something new, or the start.
    #[must_use]
    pub fn progress_at(&self) -> Duration {
        self.progress_at
    }

    fn on_ack(&mut self, block: u16, now: Duration) -> Action {
        if !self.proven {
            let answers = if self.options.is_empty() { 1 } else { 0 };
            if block != answers {
                return Action::Wait;
            }
            self.proven = true;
            if answers == 0 {
                return self.progress(0, now);
            }
        }
        // A wrapped number is told by its distance from the last acknowledged block.
        let distance = u64::from(block.wrapping_sub(self.acked as u16));
        if distance == 0 {
            self.on_duplicate_ack(now)
        } else if distance <= self.flying - self.acked {
            self.progress(distance, now)
        } else {
            Action::Wait
        }
    }

    /// The peer has `count` blocks more. When that is not the whole flight it saw a gap, and wants
    /// all from there on again (RFC 7440 section 4).
    fn progress(&mut self, count: u64, now: Duration) -> Action {
        self.acked += count;
        if self.timed && self.acked == self.flying {
            self.round_trip.sample(now.saturating_sub(self.sent_at));
        }
        self.progress_at = now;
        if self.acked >= self.last_block {
            return self.end(Ending::Completed);
        }
        self.send_window(now)
    }

    /// The peer repeats its last ACK: it misses what follows. Answering each of them would double
    /// the traffic for ever (the sorcerer's apprentice, RFC 1123 section 4.2.3.1), answering none
    /// leaves the loss to our timer; so one is answered if the last copy must have arrived or died.
    fn on_duplicate_ack(&mut self, now: Duration) -> Action {
        if !self.held_long_enough(now) {
            return Action::Wait;
        }
        if self.out_of_patience(now) {
            return self.end(Ending::TimedOut);
        }
        self.send_window(now)
    }

    fn held_long_enough(&self, now: Duration) -> bool {
        let hold = match self.round_trip.smoothed() {
            Some(smoothed) => smoothed.saturating_mul(2).max(MIN_HOLD),
            None => BLIND_HOLD,
        };
        now.saturating_sub(self.sent_at) >= hold
    }

    fn out_of_patience(&self, now: Duration) -> bool {
        let agreed = self.options.wait().unwrap_or_default().saturating_mul(3);
        now.saturating_sub(self.progress_at) >= self.config.patience.max(agreed)
    }

    fn send_first(&mut self, now: Duration) -> Action {
        self.copies = self.copies.saturating_add(1);
        if self.options.is_empty() {
            return self.send_window(now);
        }
        self.timed = self.copies == 1;
        self.arm(now);
        Action::SendOptionAck
    }

    /// Sends the window after the last acknowledged block; before the first ACK that is one block.
    fn send_window(&mut self, now: Duration) -> Action {
        let first = self.acked + 1;
        let last = (self.acked + u64::from(self.window)).min(self.last_block);
        let known = self.highest.min(last);
        self.repeated_blocks += (known + 1).saturating_sub(first);
        self.timed = last > self.highest;
        self.highest = self.highest.max(last);
        self.flying = last;
        self.arm(now);
        Action::SendBlocks(Blocks { first, last })
    }

    fn arm(&mut self, now: Duration) {
        self.sent_at = now;
        self.deadline = now.saturating_add(self.wait());
    }

    /// The negotiated timeout is taken as it is (RFC 2349), but nobody who has not answered yet can
    /// make us wait long.
    fn wait(&self) -> Duration {
        let config = &self.config;
        match self.options.wait() {
            Some(agreed) if self.proven => agreed,
            Some(agreed) => agreed.min(config.max_wait),
            None => self.round_trip.wait(config.first_wait, config.min_wait, config.max_wait),
        }
    }

    fn end(&mut self, ending: Ending) -> Action {
        self.ended = true;
        Action::End(ending)
    }
}

#[cfg(test)]
mod tests;
