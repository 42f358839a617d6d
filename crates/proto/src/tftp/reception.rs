//! One write transfer, seen from the server: a state machine without socket, clock or file.
//!
//! The driver gives it packets and times and does what the returned [`Reply`] says: sends a packet, keeps bytes. Times are `Duration`s
//! since any fixed moment of a monotonic clock.
//!
//! ```text
//! start ─► ACK 0 or OACK ─► DATA 1 ─► windows, each with its ACK ─► short block: complete ─► lingers for a lost last ACK
//!          at most 3 copies  the peer's address is real from here on
//! ```

use std::time::Duration;

use super::options::{DEFAULT_BLKSIZE, OptionAck, RequestOptions};
use super::packet::{ErrorCode, Packet, encode_error, encode_option_ack};
use super::transfer::TransferConfig;

/// What the driver has to do now, in this order: keep `bytes`, send `packet`, and stop when it is `over`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[must_use]
pub struct Reply<'a> {
    /// Bytes of the file, as they travel; they follow on those before.
    pub bytes: &'a [u8],
    /// To the peer.
    pub packet: Option<Vec<u8>>,
    /// Nothing more will come or go.
    pub over: Option<ReceptionEnd>,
}

/// How a write transfer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReceptionEnd {
    /// The whole file came, and the time in which the peer may have missed the last ACK is over.
    Completed,
    /// The peer sent an ERROR.
    PeerError(ErrorCode),
    /// The peer sent nothing any more, or never did.
    TimedOut,
    /// More came than is allowed; the peer was told.
    TooLarge,
}

/// So long a finished transfer answers copies of its last block.
const LINGER: Duration = Duration::from_secs(3);

/// The state of one write transfer.
#[derive(Debug, Clone)]
pub struct Reception {
    config: TransferConfig,
    options: OptionAck,
    blksize: u16,
    window: u16,
    most: u64,

    /// Blocks that came, in order.
    blocks: u64,
    /// The last block that was acknowledged.
    acked: u64,
    /// Bytes that came.
    received: u64,
    complete: bool,
    over: bool,
    /// Copies of the first packet that left.
    copies: u8,
    wait: Duration,
    progress_at: Duration,
    deadline: Duration,
}

impl Reception {
    /// A transfer of at most `most` bytes (as they travel) with the options of its request and the size that the request announces.
    #[must_use]
    pub fn new(config: &TransferConfig, request: &RequestOptions, announced: Option<u64>, most: u64) -> Reception {
        let blksize = request.blksize.map(|asked| asked.min(config.max_blksize).max(8));
        let bytes = blksize.unwrap_or(DEFAULT_BLKSIZE);
        let flight = u16::try_from(config.max_flight / u32::from(bytes)).unwrap_or(u16::MAX);
        let cap = config.max_windowsize.min(flight).clamp(1, 32_767);
        let windowsize = request.windowsize.map(|asked| asked.clamp(1, cap));
        let options = OptionAck { blksize, timeout: request.timeout, tsize: announced, windowsize };
        Reception {
            config: *config,
            blksize: bytes,
            window: windowsize.unwrap_or(1),
            most,
            blocks: 0,
            acked: 0,
            received: 0,
            complete: false,
            over: false,
            copies: 0,
            wait: options.wait().unwrap_or(config.first_wait).min(config.max_wait),
            options,
            progress_at: Duration::ZERO,
            deadline: Duration::ZERO,
        }
    }

    /// The first packet: the OACK when any option was accepted, else ACK 0.
    pub fn start(&mut self, now: Duration) -> Reply<'static> {
        self.progress_at = now;
        self.send_first(now)
    }

    /// A datagram from the peer of this transfer. All that makes no sense here is ignored.
    pub fn on_packet<'a>(&mut self, datagram: &'a [u8], now: Duration) -> Reply<'a> {
        match Packet::decode(datagram) {
            _ if self.over => Reply::default(),
            Ok(Packet::Data { block, data }) => self.on_data(block, data, now),
            // Who has heard the last ACK may say anything.
            Ok(Packet::Error { .. }) if self.complete => self.end(ReceptionEnd::Completed),
            Ok(Packet::Error { code, .. }) => self.end(ReceptionEnd::PeerError(code)),
            _ => Reply::default(),
        }
    }

    /// The peer sent its request again: it may have missed the first packet. Later repetitions change nothing.
    pub fn on_repeated_request(&mut self, now: Duration) -> Reply<'static> {
        let may_send = !self.over && self.blocks == 0 && self.copies < self.config.first_copies;
        if may_send { self.send_first(now) } else { Reply::default() }
    }

    /// To be called when [`Reception::deadline`] is reached; earlier calls do nothing.
    pub fn on_timeout(&mut self, now: Duration) -> Reply<'static> {
        if self.over || now < self.deadline {
            return Reply::default();
        }
        if self.complete {
            return self.end(ReceptionEnd::Completed);
        }
        let patience = self.config.patience.max(self.options.wait().unwrap_or_default().saturating_mul(3));
        let spent =
            if self.blocks > 0 { now.saturating_sub(self.progress_at) >= patience } else { self.copies >= self.config.first_copies };
        if spent {
            return self.end(ReceptionEnd::TimedOut);
        }
        self.wait = self.wait.saturating_mul(2).min(self.config.max_wait);
        if self.blocks > 0 { self.acknowledge(now) } else { self.send_first(now) }
    }

    /// When [`Reception::on_timeout`] is due; `None` once the transfer is over.
    #[must_use]
    pub fn deadline(&self) -> Option<Duration> {
        (!self.over).then_some(self.deadline)
    }

    /// The whole file has come.
    #[must_use]
    pub fn complete(&self) -> bool {
        self.complete
    }

    /// The peer has sent something after its request, so its address is not forged.
    #[must_use]
    pub fn proven(&self) -> bool {
        self.blocks > 0
    }

    /// Bytes that came, as they travelled.
    #[must_use]
    pub fn received(&self) -> u64 {
        self.received
    }

    /// When the peer last sent something new, or the start.
    #[must_use]
    pub fn progress_at(&self) -> Duration {
        self.progress_at
    }

    fn on_data<'a>(&mut self, block: u16, data: &'a [u8], now: Duration) -> Reply<'a> {
        // A wrapped number is told by its distance from the last block that came.
        let distance = block.wrapping_sub(self.blocks as u16);
        if distance != 1 || self.complete {
            // The last block again: its ACK was lost. Another one out of order: the first of a gap says where to go on (RFC 7440,
            // section 4). Older copies are not answered, lest every packet doubles (RFC 1123, section 4.2.3.1).
            let again = distance == 0 && (self.complete || self.acked == self.blocks);
            let gap = !self.complete && self.window > 1 && distance > 1 && distance <= self.window && self.acked < self.blocks;
            return if (again && self.blocks > 0) || gap { self.acknowledge(now) } else { Reply::default() };
        }
        if data.len() > usize::from(self.blksize) {
            return Reply::default();
        }
        self.received += data.len() as u64;
        if self.received > self.most {
            self.over = true;
            let packet = Some(encode_error(ErrorCode::DiskFull, "the file is too large"));
            return Reply { packet, over: Some(ReceptionEnd::TooLarge), ..Reply::default() };
        }
        self.blocks += 1;
        self.progress_at = now;
        self.wait = self.options.wait().unwrap_or(self.config.first_wait).min(self.config.max_wait);
        self.complete = data.len() < usize::from(self.blksize);
        let full = self.blocks - self.acked >= u64::from(self.window);
        let reply = if full || self.complete { self.acknowledge(now) } else { self.quiet(now) };
        Reply { bytes: data, ..reply }
    }

    fn acknowledge(&mut self, now: Duration) -> Reply<'static> {
        self.acked = self.blocks;
        self.arm(now);
        Reply { packet: Some(ack(self.blocks as u16)), ..Reply::default() }
    }

    fn quiet(&mut self, now: Duration) -> Reply<'static> {
        self.arm(now);
        Reply::default()
    }

    fn send_first(&mut self, now: Duration) -> Reply<'static> {
        self.copies = self.copies.saturating_add(1);
        self.arm(now);
        let packet = if self.options.is_empty() { ack(0) } else { encode_option_ack(&self.options) };
        Reply { packet: Some(packet), ..Reply::default() }
    }

    fn arm(&mut self, now: Duration) {
        self.deadline = now.saturating_add(if self.complete { LINGER } else { self.wait });
    }

    fn end(&mut self, end: ReceptionEnd) -> Reply<'static> {
        self.over = true;
        Reply { over: Some(end), ..Reply::default() }
    }
}

fn ack(block: u16) -> Vec<u8> {
    let mut out = Vec::with_capacity(4);
    Packet::Ack { block }.encode(&mut out);
    out
}

#[cfg(test)]
mod tests;
