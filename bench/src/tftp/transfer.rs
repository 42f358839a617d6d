//! One transfer of the load client: what it asked, what it has, what it says next.

use std::{
    net::{SocketAddr, UdpSocket},
    time::{Duration, Instant},
};

use super::Load;

/// Repetitions without progress, then the client gives up.
const TRIES: u32 = 6;

/// Where a packet brought the transfer.
pub(super) enum Step {
    Going,
    Done,
    Failed(String),
}

pub(super) struct Transfer {
    socket: UdpSocket,
    /// The server's port for this transfer, once it answered.
    peer: Option<SocketAddr>,
    begun: Instant,
    late: Instant,
    tries: u32,
    blksize: usize,
    window: usize,
    in_window: usize,
    /// Number of the next block, without roll-over.
    next: u64,
    received: usize,
    gap_told: bool,
}

impl Transfer {
    pub(super) fn begin(socket: UdpSocket, load: &Load) -> Self {
        let now = Instant::now();
        let transfer = Self {
            socket,
            peer: None,
            begun: now,
            late: now + load.timeout,
            tries: 0,
            blksize: 512,
            window: 1,
            in_window: 0,
            next: 1,
            received: 0,
            gap_told: false,
        };
        transfer.ask(load);
        transfer
    }

    pub(super) fn socket(&self) -> &UdpSocket {
        &self.socket
    }

    pub(super) fn window(&self) -> usize {
        self.window
    }

    pub(super) fn age(&self) -> Duration {
        self.begun.elapsed()
    }

    /// The server did not do what the options asked for.
    pub(super) fn lowered(&self, load: &Load) -> bool {
        self.peer.is_some()
            && (self.blksize != usize::from(load.blksize.unwrap_or(512)) || self.window != usize::from(load.windowsize.unwrap_or(1)))
    }

    /// Nothing: it is not late. False: it gives up.
    pub(super) fn repeat_if_late(&mut self, now: Instant, load: &Load) -> Option<bool> {
        if now < self.late {
            return None;
        }
        if self.tries == TRIES {
            return Some(false);
        }
        self.late = now + load.timeout * (1 << self.tries.min(2));
        self.tries += 1;
        if self.peer.is_some() {
            self.acknowledge();
        } else {
            self.ask(load);
        }
        Some(true)
    }

    pub(super) fn receive(&mut self, packet: &[u8], from: SocketAddr, load: &Load) -> Step {
        if *self.peer.get_or_insert(from) != from {
            // Our repeated request began a second transfer (RFC 1350, section 4).
            let _ = self.socket.send_to(b"\0\x05\0\x05another transfer goes on\0", from);
            return Step::Going;
        }
        match packet {
            [0, 3, high, low, data @ ..] => self.block(u16::from_be_bytes([*high, *low]), data, load),
            [0, 5, _, code, text @ ..] => Step::Failed(format!("error {code} {}", String::from_utf8_lossy(text).trim_end_matches('\0'))),
            [0, 6, options @ ..] => self.options(options, load),
            _ => Step::Failed("not TFTP".to_owned()),
        }
    }

    fn ask(&self, load: &Load) {
        let mut request = [b"\0\x01", load.file.as_bytes(), b"\0octet\0"].concat();
        let options = [("blksize", load.blksize), ("windowsize", load.windowsize)];
        for (name, value) in options.into_iter().filter_map(|(name, value)| Some((name, value?))) {
            request.extend(format!("{name}\0{value}\0").into_bytes());
        }
        // What is not sent is lost, and repeated in time.
        let _ = self.socket.send_to(&request, load.server);
    }

    /// Acknowledges the last block that is here.
    fn acknowledge(&mut self) {
        self.in_window = 0;
        let [.., high, low] = (self.next - 1).to_be_bytes();
        if let Some(peer) = self.peer {
            let _ = self.socket.send_to(&[0, 4, high, low], peer);
        }
    }

    fn moved_on(&mut self, load: &Load) {
        self.tries = 0;
        self.late = Instant::now() + load.timeout;
    }

    fn options(&mut self, options: &[u8], load: &Load) -> Step {
        if self.next > 1 {
            return Step::Going;
        }
        let mut texts = options.split(|b| *b == 0).map(String::from_utf8_lossy);
        while let (Some(name), Some(value)) = (texts.next(), texts.next()) {
            let asked = match name.to_lowercase().as_str() {
                "blksize" => load.blksize,
                "windowsize" => load.windowsize,
                _ => None,
            };
            match (value.parse::<u16>(), asked) {
                (Ok(value), Some(asked)) if value <= asked && name.to_lowercase() == "blksize" => self.blksize = value.into(),
                (Ok(value), Some(asked)) if value <= asked => self.window = value.into(),
                _ => return Step::Failed(format!("an option that was not asked for: {name} {value}")),
            }
        }
        self.moved_on(load);
        self.acknowledge();
        Step::Going
    }

    fn block(&mut self, number: u16, data: &[u8], load: &Load) -> Step {
        let ahead = number.wrapping_sub(self.next as u16);
        if ahead != 0 {
            // A gap is told once; the block before this one came again because our answer was lost.
            let again = number == (self.next - 1) as u16;
            if again || (ahead < 0x8000 && !self.gap_told) {
                self.gap_told = !again;
                self.acknowledge();
            }
            return Step::Going;
        }
        if data.len() > self.blksize || load.content.get(self.received..self.received + data.len()) != Some(data) {
            return Step::Failed("not the file's content".to_owned());
        }
        self.received += data.len();
        self.next += 1;
        self.in_window += 1;
        self.gap_told = false;
        self.moved_on(load);
        let last = data.len() < self.blksize;
        if last || self.in_window >= self.window {
            self.acknowledge();
        }
        match last {
            true if self.received == load.content.len() => Step::Done,
            true => Step::Failed(format!("{} bytes of {}", self.received, load.content.len())),
            false => Step::Going,
        }
    }
}
