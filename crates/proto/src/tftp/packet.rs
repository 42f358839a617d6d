//! The packets: bytes to values and back (RFC 1350 section 5, RFC 2347).
//!
//! Decoding borrows from the datagram and allocates nothing. What options mean is in `options`.

use super::{OptionAck, RequestOptions};

/// Opcodes, RFC 1350 section 5 and RFC 2347.
const READ: u16 = 1;
const WRITE: u16 = 2;
const DATA: u16 = 3;
const ACK: u16 = 4;
const ERROR: u16 = 5;
const OPTION_ACK: u16 = 6;

/// One TFTP packet, borrowed from its datagram.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Packet<'a> {
    /// RRQ: the peer wants to read a file.
    Read(Request<'a>),
    /// WRQ: the peer wants to write a file.
    Write(Request<'a>),
    /// DATA: one block of a file; a block shorter than the block size is the last one.
    Data {
        /// Number of the block, from 1, modulo 65,536.
        block: u16,
        /// Its bytes.
        data: &'a [u8],
    },
    /// ACK: everything up to this block has arrived; 0 acknowledges an OACK.
    Ack {
        /// Number of the block, modulo 65,536.
        block: u16,
    },
    /// ERROR: ends a transfer and is never acknowledged.
    Error {
        /// What went wrong.
        code: ErrorCode,
        /// Text for people; any bytes.
        message: &'a [u8],
    },
    /// OACK: the options that the server accepts (RFC 2347).
    OptionAck(RawOptions<'a>),
}

/// A read or write request as it stands in its packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request<'a> {
    /// File name: any bytes but NUL, maybe none.
    pub name: &'a [u8],
    /// Mode as the peer spelt it; [`Mode::parse`] knows which one it is.
    pub mode: &'a [u8],
    /// The options, still raw.
    pub options: RawOptions<'a>,
}

impl Request<'_> {
    /// The options that we know, with values that their RFCs allow.
    #[must_use]
    pub fn known_options(&self) -> RequestOptions {
        RequestOptions::parse(self.options.pairs())
    }

    /// The size of the file, when a write request tells it (RFC 2349).
    #[must_use]
    pub fn announced_size(&self) -> Option<u64> {
        let value = self.options.pairs().find(|(name, _)| name.eq_ignore_ascii_case(b"tsize"))?.1;
        str::from_utf8(value).ok()?.parse().ok()
    }
}

/// Option names and values as they stand in a packet: NUL-terminated strings, pairwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RawOptions<'a>(&'a [u8]);

impl<'a> RawOptions<'a> {
    /// Options from bytes that hold `name NUL value NUL` any number of times.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        RawOptions(bytes)
    }

    /// Name and value of each complete pair; a torn last one is left out.
    pub fn pairs(self) -> impl Iterator<Item = (&'a [u8], &'a [u8])> {
        let mut rest = self.0;
        std::iter::from_fn(move || {
            let (name, after) = split_string(rest)?;
            let (value, after) = split_string(after)?;
            rest = after;
            Some((name, value))
        })
    }
}

/// The transfer modes we serve. `mail` is obsolete (RFC 1350 section 1) and not among them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mode {
    /// Bytes as they are.
    Octet,
    /// Text with line ends of RFC 764: LF travels as CR LF, CR as CR NUL.
    Netascii,
}

impl Mode {
    /// The mode of this spelling, in any case; `None` for all others.
    #[must_use]
    pub fn parse(text: &[u8]) -> Option<Mode> {
        if text.eq_ignore_ascii_case(b"octet") {
            Some(Mode::Octet)
        } else if text.eq_ignore_ascii_case(b"netascii") {
            Some(Mode::Netascii)
        } else {
            None
        }
    }
}

/// Error codes of RFC 1350 (appendix) and RFC 2347.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorCode {
    /// 0: see the message.
    NotDefined,
    /// 1: file not found.
    FileNotFound,
    /// 2: access violation.
    AccessViolation,
    /// 3: disk full or allocation exceeded.
    DiskFull,
    /// 4: illegal TFTP operation.
    IllegalOperation,
    /// 5: unknown transfer ID.
    UnknownTransferId,
    /// 6: file already exists.
    FileExists,
    /// 7: no such user.
    NoSuchUser,
    /// 8: options refused (RFC 2347).
    OptionRefused,
    /// Any other number that a peer may invent.
    Other(u16),
}

impl ErrorCode {
    /// The number on the wire.
    #[must_use]
    pub fn value(self) -> u16 {
        match self {
            ErrorCode::NotDefined => 0,
            ErrorCode::FileNotFound => 1,
            ErrorCode::AccessViolation => 2,
            ErrorCode::DiskFull => 3,
            ErrorCode::IllegalOperation => 4,
            ErrorCode::UnknownTransferId => 5,
            ErrorCode::FileExists => 6,
            ErrorCode::NoSuchUser => 7,
            ErrorCode::OptionRefused => 8,
            ErrorCode::Other(value) => value,
        }
    }
}

impl From<u16> for ErrorCode {
    fn from(value: u16) -> Self {
        match value {
            0 => ErrorCode::NotDefined,
            1 => ErrorCode::FileNotFound,
            2 => ErrorCode::AccessViolation,
            3 => ErrorCode::DiskFull,
            4 => ErrorCode::IllegalOperation,
            5 => ErrorCode::UnknownTransferId,
            6 => ErrorCode::FileExists,
            7 => ErrorCode::NoSuchUser,
            8 => ErrorCode::OptionRefused,
            value => ErrorCode::Other(value),
        }
    }
}

/// Why a datagram is no TFTP packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// Fewer bytes than the packet's fixed part.
    #[error("the packet is shorter than its fixed part")]
    Short,
    /// The first two bytes are none of 1 to 6.
    #[error("{0} is no TFTP opcode (1 to 6 are)")]
    Opcode(u16),
    /// A request whose file name or mode does not end.
    #[error("the file name or mode has no closing zero byte")]
    Unterminated,
}

impl<'a> Packet<'a> {
    /// Reads a datagram.
    ///
    /// Lenient where phones are sloppy: bytes after an ACK, a message without its closing zero byte
    /// and a torn option at the end are let pass.
    ///
    /// # Errors
    /// [`Malformed`] says what is missing.
    pub fn decode(datagram: &'a [u8]) -> Result<Packet<'a>, Malformed> {
        let (opcode, rest) = split_u16(datagram).ok_or(Malformed::Short)?;
        match opcode {
            READ => Ok(Packet::Read(decode_request(rest)?)),
            WRITE => Ok(Packet::Write(decode_request(rest)?)),
            OPTION_ACK => Ok(Packet::OptionAck(RawOptions(rest))),
            DATA | ACK | ERROR => {
                let (number, rest) = split_u16(rest).ok_or(Malformed::Short)?;
                Ok(match opcode {
                    DATA => Packet::Data { block: number, data: rest },
                    ACK => Packet::Ack { block: number },
                    _ => Packet::Error { code: ErrorCode::from(number), message: split_string(rest).map_or(rest, |(message, _)| message) },
                })
            }
            other => Err(Malformed::Opcode(other)),
        }
    }

    /// Appends the packet's bytes. NUL bytes inside a name, mode or message would end it early and
    /// are left out.
    pub fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Packet::Read(request) => encode_request(READ, request, out),
            Packet::Write(request) => encode_request(WRITE, request, out),
            Packet::Data { block, data } => {
                put_u16(out, DATA);
                put_u16(out, *block);
                out.extend_from_slice(data);
            }
            Packet::Ack { block } => {
                put_u16(out, ACK);
                put_u16(out, *block);
            }
            Packet::Error { code, message } => {
                put_u16(out, ERROR);
                put_u16(out, code.value());
                put_string(out, message);
            }
            Packet::OptionAck(options) => {
                put_u16(out, OPTION_ACK);
                for (name, value) in options.pairs() {
                    put_string(out, name);
                    put_string(out, value);
                }
            }
        }
    }
}

/// The bytes of an ERROR packet.
#[must_use]
pub fn encode_error(code: ErrorCode, message: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(message.len() + 5);
    Packet::Error { code, message: message.as_bytes() }.encode(&mut out);
    out
}

/// The first four bytes of a DATA packet.
pub(super) fn data_header(block: u16) -> [u8; 4] {
    let [high, low] = block.to_be_bytes();
    [0, DATA as u8, high, low]
}

/// The bytes of an OACK packet.
pub(super) fn encode_option_ack(options: &OptionAck) -> Vec<u8> {
    let mut out = Vec::with_capacity(64);
    put_u16(&mut out, OPTION_ACK);
    options.for_each(|name, value| {
        put_string(&mut out, name.as_bytes());
        put_string(&mut out, value.to_string().as_bytes());
    });
    out
}

fn decode_request(bytes: &[u8]) -> Result<Request<'_>, Malformed> {
    let (name, rest) = split_string(bytes).ok_or(Malformed::Unterminated)?;
    let (mode, rest) = split_string(rest).ok_or(Malformed::Unterminated)?;
    Ok(Request { name, mode, options: RawOptions(rest) })
}

fn encode_request(opcode: u16, request: &Request<'_>, out: &mut Vec<u8>) {
    put_u16(out, opcode);
    put_string(out, request.name);
    put_string(out, request.mode);
    for (name, value) in request.options.pairs() {
        put_string(out, name);
        put_string(out, value);
    }
}

fn split_u16(bytes: &[u8]) -> Option<(u16, &[u8])> {
    let (number, rest) = bytes.split_first_chunk::<2>()?;
    Some((u16::from_be_bytes(*number), rest))
}

/// The string up to the first NUL, and what follows it.
fn split_string(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = bytes.iter().position(|&byte| byte == 0)?;
    let (string, rest) = bytes.split_at_checked(end)?;
    Some((string, rest.get(1..)?))
}

fn put_u16(out: &mut Vec<u8>, value: u16) {
    out.extend_from_slice(&value.to_be_bytes());
}

fn put_string(out: &mut Vec<u8>, string: &[u8]) {
    out.extend(string.iter().filter(|&&byte| byte != 0));
    out.push(0);
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use proptest::prelude::*;

    use super::*;

    fn string() -> impl Strategy<Value = Vec<u8>> {
        proptest::collection::vec(1u8..=255, 0..40)
    }

    fn options() -> impl Strategy<Value = Vec<u8>> {
        proptest::collection::vec((string(), string()), 0..5).prop_map(|pairs| {
            let mut out = Vec::new();
            for (name, value) in pairs {
                put_string(&mut out, &name);
                put_string(&mut out, &value);
            }
            out
        })
    }

    fn round_trip(packet: &Packet<'_>) {
        let mut bytes = Vec::new();
        packet.encode(&mut bytes);
        assert_eq!(Packet::decode(&bytes).as_ref(), Ok(packet));
    }

    proptest! {
        #[test]
        fn what_is_encoded_decodes_to_the_same(
            name in string(), mode in string(), options in options(),
            block: u16, data: Vec<u8>,
        ) {
            let request = Request { name: &name, mode: &mode, options: RawOptions::new(&options) };
            round_trip(&Packet::Read(request.clone()));
            round_trip(&Packet::Write(request));
            round_trip(&Packet::Data { block, data: &data });
            round_trip(&Packet::Ack { block });
            round_trip(&Packet::Error { code: ErrorCode::from(block), message: &mode });
            round_trip(&Packet::OptionAck(RawOptions::new(&options)));
        }

        #[test]
        fn no_datagram_makes_the_decoder_panic(datagram: Vec<u8>, opcode in 0u16..8) {
            let mut with_opcode = opcode.to_be_bytes().to_vec();
            with_opcode.extend_from_slice(&datagram);
            for bytes in [datagram, with_opcode] {
                if let Ok(Packet::Read(request) | Packet::Write(request)) = Packet::decode(&bytes) {
                    let _ = (request.known_options(), Mode::parse(request.mode));
                }
            }
        }

        #[test]
        fn error_codes_keep_their_number(value: u16) {
            prop_assert_eq!(ErrorCode::from(value).value(), value);
        }
    }

    #[test]
    fn a_request_of_a_real_phone_is_read() {
        let bytes = b"\0\x01SIP000A0B0C0D0E.cnf\0OcTeT\0tsize\x000\0BLKSIZE\x001428\0torn";
        let Ok(Packet::Read(request)) = Packet::decode(bytes) else { panic!("no read request") };
        assert_eq!(request.name, b"SIP000A0B0C0D0E.cnf");
        assert_eq!(Mode::parse(request.mode), Some(Mode::Octet));
        let pairs: Vec<_> = request.options.pairs().collect();
        assert_eq!(pairs, [(&b"tsize"[..], &b"0"[..]), (b"BLKSIZE", b"1428")]);
    }

    #[test]
    fn faults_are_told_apart() {
        assert_eq!(Packet::decode(b""), Err(Malformed::Short));
        assert_eq!(Packet::decode(b"\0\x04\0"), Err(Malformed::Short));
        assert_eq!(Packet::decode(b"\0\x01name"), Err(Malformed::Unterminated));
        assert_eq!(Packet::decode(b"\0\x01name\0octet"), Err(Malformed::Unterminated));
        assert_eq!(Packet::decode(b"\0\0xx"), Err(Malformed::Opcode(0)));
        assert_eq!(Packet::decode(b"\xff\xffxx"), Err(Malformed::Opcode(65_535)));
    }

    #[test]
    fn mail_is_no_mode_of_ours() {
        for text in [&b"mail"[..], b"", b"octets", b"binary"] {
            assert_eq!(Mode::parse(text), None);
        }
        assert_eq!(Mode::parse(b"NETASCII"), Some(Mode::Netascii));
    }

    #[test]
    fn an_error_is_encoded_with_its_text() {
        assert_eq!(encode_error(ErrorCode::FileNotFound, "no\0pe"), b"\0\x05\0\x01nope\0");
    }
}
