//! What the tests share: a service with a few files, a running server, and a bare client.

use std::collections::HashMap;
use std::io::ErrorKind;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use bytes::Bytes;
use offhook_server::tftp::{Dropped, ErrorCode, ReadRequest, TftpAnswer, TftpLimits, TftpServer, TftpService, TransferEnd};
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// How long a packet that must come may take. Only a failing test waits for so long.
pub const SOON: Duration = Duration::from_secs(10);

/// What the service saw, in order.
#[derive(Debug, PartialEq)]
pub enum Seen {
    Asked(ReadRequest),
    Dropped(Dropped),
    Ended(String, TransferEnd),
}

/// A service with files by name. A name that starts with `slow/` is answered by another task.
pub struct Shelf {
    files: HashMap<String, Bytes>,
    seen: Sender<Seen>,
}

impl TftpService for Shelf {
    async fn read(&self, request: ReadRequest) -> TftpAnswer {
        let name = String::from_utf8_lossy(&request.name).into_owned();
        self.seen.send(Seen::Asked(request)).unwrap();
        if name.starts_with("slow/") {
            tokio::task::yield_now().await;
        }
        assert!(!name.ends_with("panic"), "asked for");
        if name == "never" {
            std::future::pending::<()>().await;
        }
        let Some(bytes) = self.files.get(name.trim_start_matches("slow/")).cloned() else {
            return TftpAnswer::Error { code: ErrorCode::FileNotFound, message: "no such file".to_owned() };
        };
        let seen = self.seen.clone();
        let done = move |end| seen.send(Seen::Ended(name, end)).unwrap();
        TftpAnswer::Content { bytes, done: Some(Box::new(done)) }
    }

    fn dropped(&self, _peer: SocketAddr, why: Dropped) {
        self.seen.send(Seen::Dropped(why)).unwrap();
    }
}

/// A server on loopback, and what its service saw.
pub struct Server {
    pub addresses: Vec<SocketAddr>,
    pub seen: Receiver<Seen>,
    pub stop: CancellationToken,
    pub task: JoinHandle<std::io::Result<()>>,
    pub runtime: Runtime,
}

impl Server {
    pub fn start(listen: &[&str], limits: TftpLimits, files: &[(&str, &[u8])]) -> Server {
        let listen: Vec<SocketAddr> = listen.iter().map(|address| address.parse().unwrap()).collect();
        Server::run(TftpServer::bind(&listen, limits).unwrap(), files)
    }

    pub fn run(server: TftpServer, files: &[(&str, &[u8])]) -> Server {
        let runtime = Runtime::new().unwrap();
        let addresses = server.local_addrs().to_vec();
        let (sender, seen) = channel();
        let files = files.iter().map(|(name, bytes)| ((*name).to_owned(), Bytes::copy_from_slice(bytes))).collect();
        let stop = CancellationToken::new();
        let task = runtime.spawn(server.serve(Arc::new(Shelf { files, seen: sender }), stop.clone()));
        Server { addresses, seen, stop, task, runtime }
    }

    /// On `127.0.0.1` with the default limits.
    pub fn with(files: &[(&str, &[u8])]) -> Server {
        Server::start(&["127.0.0.1:0"], TftpLimits::default(), files)
    }

    pub fn client(&self) -> Client {
        Client::new("127.0.0.1:0", self.addresses[0])
    }

    pub fn next(&self) -> Seen {
        self.seen.recv_timeout(SOON).expect("the service saw nothing")
    }

    /// The next end of a transfer, and of which file.
    pub fn next_end(&self) -> (String, TransferEnd) {
        loop {
            if let Seen::Ended(name, end) = self.next() {
                return (name, end);
            }
        }
    }

    /// The names asked for so far.
    pub fn asked(&self) -> Vec<String> {
        let asked = |seen| if let Seen::Asked(request) = seen { Some(String::from_utf8(request.name).unwrap()) } else { None };
        self.seen.try_iter().filter_map(asked).collect()
    }
}

/// A client that sends and receives single packets.
pub struct Client {
    pub socket: UdpSocket,
    pub server: SocketAddr,
}

impl Client {
    pub fn new(from: &str, server: SocketAddr) -> Client {
        let socket = UdpSocket::bind(from).unwrap();
        socket.set_read_timeout(Some(SOON)).unwrap();
        Client { socket, server }
    }

    pub fn send(&self, packet: &[u8]) {
        self.socket.send_to(packet, self.server).unwrap();
    }

    pub fn ask(&self, name: &str) {
        self.send(&request(1, name, "octet", ""));
    }

    /// The next packet and where it came from.
    pub fn receive(&self) -> (Vec<u8>, SocketAddr) {
        let mut packet = vec![0; 70_000];
        let (length, from) = self.socket.recv_from(&mut packet).expect("no packet came");
        packet.truncate(length);
        (packet, from)
    }

    /// Whether nothing is there. Sound after something else has shown that the server is done.
    pub fn has_nothing(&self) -> bool {
        self.socket.set_nonblocking(true).unwrap();
        let nothing = matches!(self.socket.recv(&mut [0; 10]), Err(error) if error.kind() == ErrorKind::WouldBlock);
        self.socket.set_nonblocking(false).unwrap();
        nothing
    }

    pub fn ack(&self, block: u16, to: SocketAddr) {
        self.socket.send_to(&ack(block), to).unwrap();
    }

    /// Reads the rest of a file whose first packet has arrived, block by block.
    pub fn read_on(&self, mut packet: Vec<u8>, transfer: SocketAddr) -> Vec<u8> {
        let mut file = Vec::new();
        let mut block = 0u16;
        loop {
            assert_eq!(packet[..4], [0, 3, (block.wrapping_add(1) >> 8) as u8, block.wrapping_add(1) as u8]);
            block = block.wrapping_add(1);
            file.extend_from_slice(&packet[4..]);
            self.ack(block, transfer);
            if packet.len() < 516 {
                return file;
            }
            packet = self.receive().0;
        }
    }
}

/// The bytes of a request. `options` are written `name=value name=value`.
pub fn request(opcode: u8, name: &str, mode: &str, options: &str) -> Vec<u8> {
    let mut packet = format!("\0{}{name}\0{mode}\0", opcode as char);
    for option in options.split_whitespace() {
        packet += &option.replace('=', "\0");
        packet += "\0";
    }
    packet.into_bytes()
}

pub fn ack(block: u16) -> [u8; 4] {
    let [high, low] = block.to_be_bytes();
    [0, 4, high, low]
}

/// Bytes that show when something is lost, doubled or swapped.
pub fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|n| (n ^ (n >> 8) ^ (n >> 16)) as u8).collect()
}

/// The code of an ERROR packet.
pub fn error_code(packet: &[u8]) -> u8 {
    assert_eq!(packet[..3], [0, 5, 0], "not an ERROR: {packet:?}");
    assert!(packet.len() < 100, "an ERROR is small");
    packet[3]
}
