//! One write transfer: its socket, the bytes that came, and the state machine that says what to answer.

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::time::Duration;

use bytes::Bytes;
use offhook_proto::tftp::{ErrorCode, Mode, Reception, ReceptionEnd, Reply, decode_netascii, encode_error};

use super::ReceiveHook;

/// Datagrams taken from one transfer's socket at a time.
const CATCH_UP: usize = 64;

/// A write transfer with its socket.
pub(super) struct Receiving {
    socket: UdpSocket,
    peer: SocketAddr,
    mode: Mode,
    reception: Reception,
    /// In memory: what a phone may send is small, and only approved ones get here.
    content: Vec<u8>,
    pub(super) done: Option<ReceiveHook>,
    stray_told: bool,
}

impl Receiving {
    pub(super) fn new(socket: UdpSocket, peer: SocketAddr, mode: Mode, reception: Reception, done: ReceiveHook) -> Receiving {
        Receiving { socket, peer, mode, reception, content: Vec::new(), done: Some(done), stray_told: false }
    }

    pub(super) fn reception(&self) -> &Reception {
        &self.reception
    }

    /// The file, once it is whole; as it is to be stored.
    pub(super) fn content(&mut self) -> Bytes {
        let content = std::mem::take(&mut self.content);
        Bytes::from(match self.mode {
            Mode::Octet => content,
            Mode::Netascii => decode_netascii(&content),
        })
    }

    pub(super) fn start(&mut self, now: Duration) -> Option<ReceptionEnd> {
        let reply = self.reception.start(now);
        self.perform(&reply)
    }

    pub(super) fn on_timeout(&mut self, now: Duration) -> Option<ReceptionEnd> {
        let reply = self.reception.on_timeout(now);
        self.perform(&reply)
    }

    pub(super) fn on_repeated_request(&mut self, now: Duration) -> Option<ReceptionEnd> {
        let reply = self.reception.on_repeated_request(now);
        self.perform(&reply)
    }

    /// Takes what has arrived. `buffer` holds the greatest datagram.
    pub(super) fn receive(&mut self, now: Duration, buffer: &mut [u8]) -> Option<ReceptionEnd> {
        for _ in 0..CATCH_UP {
            match self.receive_one(now, buffer) {
                Ok(None) => {}
                Ok(end) => return end,
                Err(_) => break,
            }
        }
        None
    }

    fn receive_one(&mut self, now: Duration, buffer: &mut [u8]) -> io::Result<Option<ReceptionEnd>> {
        let (length, from) = self.socket.recv_from(buffer)?;
        if from.ip() != self.peer.ip() || from.port() != self.peer.port() {
            if !self.stray_told {
                self.stray_told = true;
                let _ = self.socket.send_to(&encode_error(ErrorCode::UnknownTransferId, "unknown transfer ID"), from);
            }
            return Ok(None);
        }
        let reply = self.reception.on_packet(buffer.get(..length).unwrap_or_default(), now);
        self.content.extend_from_slice(reply.bytes);
        Ok(self.perform(&reply))
    }

    /// Tells the peer that we end this.
    pub(super) fn abort(&self, message: &str) {
        let _ = self.socket.send_to(&encode_error(ErrorCode::NotDefined, message), self.peer);
    }

    /// What cannot be sent now counts as lost on the way.
    fn perform(&self, reply: &Reply<'_>) -> Option<ReceptionEnd> {
        if let Some(packet) = &reply.packet {
            let _ = self.socket.send_to(packet, self.peer);
        }
        reply.over
    }
}
