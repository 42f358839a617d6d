//! One running transfer: its socket, its bytes, and the state machine that says what to send.

use std::io::{self, IoSlice};
use std::net::{SocketAddr, UdpSocket};
use std::ops::Range;
use std::time::Duration;

use bytes::Bytes;
use offhook_proto::tftp::{Action, Blocks, Cursor, Ending, ErrorCode, Mode, RequestOptions, Transfer, encode_error, netascii_len};
use socket2::{MsgHdr, SockAddr, SockRef};

use super::sys::Control;
use super::{TransferConfig, TransferHook};

/// Datagrams that the kernel cuts out of one buffer at most (udp(7)), and the buffer's greatest size.
const SEGMENTS: usize = 64;
const SEGMENTED_BYTES: usize = 65_000;

/// Datagrams taken from one transfer's socket before a new request of its peer is looked at.
const CATCH_UP: usize = 16;

/// A transfer with its socket.
pub(super) struct Sending {
    socket: UdpSocket,
    peer: SocketAddr,
    to: SockAddr,
    source: Source,
    transfer: Transfer,
    pub(super) done: Option<TransferHook>,
    /// The kernel cuts windows into datagrams for us; off once it refused (a path with a small MTU).
    segmenting: bool,
    stray_told: bool,
}

/// Buffers that all transfers of a listener share.
#[derive(Default)]
pub(super) struct Scratch {
    /// Blocks in netascii.
    converted: Vec<u8>,
}

impl Sending {
    pub(super) fn new(
        socket: UdpSocket,
        peer: SocketAddr,
        content: Bytes,
        mode: Mode,
        config: &TransferConfig,
        options: &RequestOptions,
        done: Option<TransferHook>,
    ) -> Sending {
        let source = Source::new(content, mode);
        let transfer = Transfer::new(config, options, source.len());
        Sending { socket, peer, to: peer.into(), source, transfer, done, segmenting: true, stray_told: false }
    }

    pub(super) fn transfer(&self) -> &Transfer {
        &self.transfer
    }

    pub(super) fn start(&mut self, now: Duration, scratch: &mut Scratch) -> Option<Ending> {
        let action = self.transfer.start(now);
        self.perform(action, scratch)
    }

    /// The socket has something to read: one datagram is taken.
    pub(super) fn on_readable(&mut self, now: Duration, scratch: &mut Scratch) -> Option<Ending> {
        self.receive(now, scratch).unwrap_or(None)
    }

    /// Takes what has arrived already. A peer may have sent its last ACK just before a new request from
    /// the same port, and the two wait at different sockets.
    pub(super) fn catch_up(&mut self, now: Duration, scratch: &mut Scratch) -> Option<Ending> {
        for _ in 0..CATCH_UP {
            match self.receive(now, scratch) {
                Ok(None) => {}
                Ok(ending) => return ending,
                Err(_) => break,
            }
        }
        None
    }

    fn receive(&mut self, now: Duration, scratch: &mut Scratch) -> io::Result<Option<Ending>> {
        // An ACK has 4 bytes; of an ERROR only the code matters.
        let mut datagram = [0; 64];
        let (length, from) = self.socket.recv_from(&mut datagram)?;
        if from.ip() != self.peer.ip() || from.port() != self.peer.port() {
            self.answer_stray(from);
            return Ok(None);
        }
        let action = self.transfer.on_packet(datagram.get(..length).unwrap_or_default(), now);
        Ok(self.perform(action, scratch))
    }

    pub(super) fn on_timeout(&mut self, now: Duration, scratch: &mut Scratch) -> Option<Ending> {
        let action = self.transfer.on_timeout(now);
        self.perform(action, scratch)
    }

    pub(super) fn on_repeated_request(&mut self, now: Duration, scratch: &mut Scratch) -> Option<Ending> {
        let action = self.transfer.on_repeated_request(now);
        self.perform(action, scratch)
    }

    /// Tells the peer that we end this.
    pub(super) fn abort(&self, message: &str) {
        let _ = self.socket.send_to(&encode_error(ErrorCode::NotDefined, message), self.peer);
    }

    /// A packet from elsewhere does not disturb the transfer, and its sender is told (RFC 1350 section
    /// 4): once, so that nobody can use us to send more.
    fn answer_stray(&mut self, from: SocketAddr) {
        if !self.stray_told {
            self.stray_told = true;
            let _ = self.socket.send_to(&encode_error(ErrorCode::UnknownTransferId, "unknown transfer ID"), from);
        }
    }

    /// What cannot be sent now counts as lost on the way: the timer repeats it or gives up.
    fn perform(&mut self, action: Action, scratch: &mut Scratch) -> Option<Ending> {
        match action {
            Action::Wait => None,
            Action::SendOptionAck => {
                let _ = self.socket.send_to(&self.transfer.option_ack(), self.peer);
                None
            }
            Action::SendBlocks(blocks) => {
                let _ = self.send_blocks(blocks, scratch);
                None
            }
            Action::End(ending) => Some(ending),
        }
    }

    fn send_blocks(&mut self, blocks: Blocks, scratch: &mut Scratch) -> io::Result<()> {
        let (first, last) = (self.transfer.block(blocks.first), self.transfer.block(blocks.last));
        let start = first.bytes.start;
        let bytes = self.source.window(start..last.bytes.end, scratch);
        let out = Out { socket: SockRef::from(&self.socket), to: &self.to, transfer: &self.transfer, start, bytes };
        let segment = self.transfer.blksize().saturating_add(4);
        let mut next = blocks.first;
        while self.segmenting && next < blocks.last {
            let room = SEGMENTS.min(SEGMENTED_BYTES / usize::from(segment)).max(1) as u64;
            let end = blocks.last.min(next + room - 1);
            match out.send_segmented(next, end, segment) {
                Ok(()) => next = end + 1,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Err(error),
                Err(_) => self.segmenting = false,
            }
        }
        (next..=blocks.last).try_for_each(|number| out.send(number))
    }
}

/// A window on its way out.
struct Out<'a> {
    socket: SockRef<'a>,
    to: &'a SockAddr,
    transfer: &'a Transfer,
    /// Which byte of the file `bytes` begins with.
    start: u64,
    bytes: &'a [u8],
}

impl Out<'_> {
    fn part(&self, range: Range<u64>) -> &[u8] {
        let index = |at: u64| at.saturating_sub(self.start) as usize;
        self.bytes.get(index(range.start)..index(range.end)).unwrap_or_default()
    }

    fn send(&self, number: u64) -> io::Result<()> {
        let block = self.transfer.block(number);
        let parts = [IoSlice::new(&block.header), IoSlice::new(self.part(block.bytes))];
        self.socket.sendmsg(&MsgHdr::new().with_addr(self.to).with_buffers(&parts), 0).map(drop)
    }

    /// Sends up to [`SEGMENTS`] blocks with one call: the kernel cuts the buffer into datagrams.
    fn send_segmented(&self, first: u64, last: u64, segment: u16) -> io::Result<()> {
        let mut headers = [[0; 4]; SEGMENTS];
        for (header, number) in headers.iter_mut().zip(first..=last) {
            *header = self.transfer.block(number).header;
        }
        let mut parts = [IoSlice::new(&[]); 2 * SEGMENTS];
        let mut count = 0;
        for ((pair, header), number) in parts.chunks_exact_mut(2).zip(&headers).zip(first..=last) {
            if let [head, data] = pair {
                *head = IoSlice::new(header);
                *data = IoSlice::new(self.part(self.transfer.block(number).bytes));
                count += 2;
            }
        }
        let control = Control::segments(segment);
        let parts = parts.get(..count).unwrap_or_default();
        let message = MsgHdr::new().with_addr(self.to).with_buffers(parts).with_control(control.bytes());
        self.socket.sendmsg(&message, 0).map(drop)
    }
}

/// Where the bytes of a transfer come from.
enum Source {
    Octet(Bytes),
    /// Converted window by window; `mark` is the place of byte `at` of the converted stream.
    Netascii {
        content: Bytes,
        mark: Cursor,
        at: u64,
    },
}

impl Source {
    fn new(content: Bytes, mode: Mode) -> Source {
        match mode {
            Mode::Octet => Source::Octet(content),
            Mode::Netascii => Source::Netascii { content, mark: Cursor::default(), at: 0 },
        }
    }

    /// Bytes as they travel.
    fn len(&self) -> u64 {
        match self {
            Source::Octet(content) => content.len() as u64,
            Source::Netascii { content, .. } => netascii_len(content),
        }
    }

    /// The bytes of a window. Windows may be asked for again, but never begin before an earlier one
    /// did.
    fn window<'a>(&'a mut self, range: Range<u64>, scratch: &'a mut Scratch) -> &'a [u8] {
        match self {
            Source::Octet(content) => content.get(range.start as usize..range.end as usize).unwrap_or_default(),
            Source::Netascii { content, mark, at } => {
                mark.skip(content, range.start.saturating_sub(*at));
                *at = range.start;
                scratch.converted.resize(range.end.saturating_sub(range.start) as usize, 0);
                let mut cursor = *mark;
                cursor.fill(content, &mut scratch.converted);
                &scratch.converted
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn netascii_windows_are_pieces_of_the_converted_stream() {
        let content: Vec<u8> = (0..2000u32).map(|n| [b'\r', b'\n', b'x', 0][(n % 7 % 4) as usize]).collect();
        let mut source = Source::new(Bytes::from(content.clone()), Mode::Netascii);
        let mut whole = vec![0; source.len() as usize];
        Cursor::default().fill(&content, &mut whole);
        let mut scratch = Scratch::default();
        for (start, end) in [(0, 100), (0, 100), (37, 512), (37, 40), (600, 600), (1000, 1512), (whole.len(), whole.len())] {
            assert_eq!(source.window(start as u64..end as u64, &mut scratch), &whole[start..end]);
        }
    }
}
