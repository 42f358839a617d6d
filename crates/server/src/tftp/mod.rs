//! The TFTP listener: sockets, timers and caps around the state machine of `offhook_proto::tftp`.
//!
//! It knows nothing of phones. What a name stands for is asked from a [`TftpService`]; how a
//! transfer went is told to the answer's [`TransferHook`]. One task drives all listeners and all
//! transfers, each transfer on a port of its own.

mod driver;
mod phones;
mod receiving;
mod sending;
mod server;
mod sessions;
mod sockets;
mod sys;
mod timers;

use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use bytes::Bytes;
pub use offhook_proto::tftp::{ErrorCode, Mode, TransferConfig};
pub use phones::PhoneFiles;
pub use server::TftpServer;
pub use sockets::BindError;

/// What answers the read requests of phones.
pub trait TftpService: Send + Sync + 'static {
    /// What the request gets. A future that is ready at once is the fast path: it costs no task.
    /// Dropped when the peer's port asks for something else meanwhile.
    fn read(&self, request: ReadRequest) -> impl Future<Output = TftpAnswer> + Send;

    /// What a write request gets, likewise.
    fn write(&self, request: ReadRequest) -> impl Future<Output = TftpAnswer> + Send {
        self.dropped(request.peer, Dropped::Write);
        async { TftpAnswer::Error { code: ErrorCode::AccessViolation, message: "writing is not allowed".into() } }
    }

    /// A datagram to the listener got no look-up. Called from the listener's task: be quick.
    fn dropped(&self, _peer: SocketAddr, _why: Dropped) {}
}

/// A request, to read or to write, that passed the caps and is well formed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadRequest {
    /// The name asked for: 1 to [`TftpLimits::max_name`] bytes, none of them NUL, else anything.
    pub name: Vec<u8>,
    /// Octet or netascii. Content is always given as it is stored; the listener converts.
    pub mode: Mode,
    /// Who asks.
    pub peer: SocketAddr,
    /// The address of ours that was asked, also when the listener is bound to a wildcard.
    pub local: IpAddr,
}

/// What a read request gets.
pub enum TftpAnswer {
    /// The bytes of the file.
    Content {
        /// Shared, never copied. A big file can be a memory map ([`Bytes::from_owner`]).
        bytes: Bytes,
        /// Told once how the transfer ended.
        done: Option<TransferHook>,
    },
    /// Of a write request: the file may come.
    Accept {
        /// At most so many bytes.
        most: u64,
        /// Told once how it ended, with the file when it came whole.
        done: ReceiveHook,
    },
    /// An ERROR packet, sent once.
    Error {
        /// Its code.
        code: ErrorCode,
        /// Its text; cut at 200 bytes.
        message: String,
    },
}

/// Called once, from the listener's task, when a transfer is over or could not begin: be quick.
pub type TransferHook = Box<dyn FnOnce(TransferEnd) + Send>;

/// The same of a file that comes: with its bytes when the outcome is `Completed`, else without any.
pub type ReceiveHook = Box<dyn FnOnce(TransferEnd, Bytes) + Send>;

/// How a transfer went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TransferEnd {
    /// Why it ended.
    pub outcome: TransferOutcome,
    /// Bytes of the file, as it travelled, that the peer acknowledged.
    pub bytes: u64,
    /// Blocks that were sent again, each further copy counted.
    pub repeated_blocks: u64,
    /// From the request's arrival to the end.
    pub took: Duration,
}

/// Why a transfer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TransferOutcome {
    /// The peer acknowledged the last block: it has the whole file.
    Completed,
    /// The peer sent an ERROR packet.
    PeerError(ErrorCode),
    /// The peer did not answer any more, or never did.
    TimedOut,
    /// The same port asked for something else.
    Replaced,
    /// The server stopped before the transfer was over.
    Stopped,
    /// The peer sent more than is allowed.
    TooLarge,
    /// The system gave no socket, or refused to send.
    Failed,
}

/// Why a datagram to the listener got no look-up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dropped {
    /// No TFTP request: an unknown opcode, a torn packet, a packet of no transfer. Answered with error 4 at most.
    Malformed,
    /// A write request to a service that takes none, answered with error 2.
    Write,
    /// A mode that is neither octet nor netascii, answered with error 4.
    Mode,
    /// An empty or too long file name, answered with error 4.
    Name,
    /// Sent to a broadcast or multicast address; ignored (RFC 1123 section 4.2.3.5).
    Broadcast,
    /// The source has [`TftpLimits::per_source`] transfers already; ignored, phones ask again.
    OverSource,
    /// There are [`TftpLimits::total`] transfers already; ignored, phones ask again.
    OverTotal,
}

/// Caps and times of the listener.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TftpLimits {
    /// Transfers and look-ups at once, in all. Each transfer costs a socket: the process's limit of open
    /// files is raised to twice this number, and if that is not to be had, half of the limit counts here.
    pub total: usize,
    /// The same from one source address. Generous, because a whole office may sit behind one.
    pub per_source: usize,
    /// Longest file name, in bytes.
    pub max_name: usize,
    /// Receive buffer of a listening socket, in bytes. The system may give less: without
    /// `CAP_NET_ADMIN` at most `net.core.rmem_max`.
    pub receive_buffer: usize,
    /// A peer that was silent for so long in the middle of a transfer, and then sends the same request
    /// again from the same port, gets a new transfer: it is a phone that was switched off and on.
    pub started_anew: Duration,
    /// Running transfers may go on for so long after the server was told to stop.
    pub drain: Duration,
    /// Times and option limits of each transfer.
    pub transfer: TransferConfig,
}

impl Default for TftpLimits {
    fn default() -> Self {
        TftpLimits {
            total: 16_384,
            per_source: 2_048,
            max_name: 255,
            receive_buffer: 4 * 1024 * 1024,
            started_anew: Duration::from_secs(5),
            drain: Duration::from_secs(8),
            transfer: TransferConfig::default(),
        }
    }
}
