//! TFTP: packets, options, netascii, and read and write transfers as state machines.
//!
//! RFC 1350 (the protocol), 2347 (options), 2348 (`blksize`), 2349 (`timeout`, `tsize`) and 7440
//! (`windowsize`). Sockets, timers and file contents are the driver's; see [`Transfer`] and [`Reception`].

mod netascii;
mod options;
mod packet;
mod reception;
mod round_trip;
mod transfer;

pub use netascii::{Cursor, decode as decode_netascii, encoded_len as netascii_len};
pub use options::{OptionAck, RequestOptions};
pub use packet::{ErrorCode, Malformed, Mode, Packet, RawOptions, Request, encode_error};
pub use reception::{Reception, ReceptionEnd, Reply};
pub use transfer::{Action, Block, Blocks, Ending, Transfer, TransferConfig};
