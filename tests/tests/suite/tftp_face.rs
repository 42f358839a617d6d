//! Hostile and odd TFTP against the real server, packet by packet; after each the server still serves a phone.

use std::{
    collections::BTreeSet,
    net::{SocketAddr, UdpSocket},
    time::Duration,
};

use offhook_tests::{Server, clients, clients::Tftp};
use reqwest::Method;
use serde_json::json;

const PHONE: &str = "SIP0002FD0A0B0C.cnf";
const CANARY: &str = "planted-canary-4711";

/// A socket that sends and receives single packets.
struct Client {
    socket: UdpSocket,
    server: SocketAddr,
}

impl Client {
    fn of(server: &Server) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        Self { socket, server: server.tftp() }
    }

    fn send(&self, packet: &[u8]) {
        self.socket.send_to(packet, self.server).unwrap();
    }

    fn receive(&self) -> (Vec<u8>, SocketAddr) {
        let mut packet = vec![0; 70_000];
        let (length, from) = self.socket.recv_from(&mut packet).expect("no packet came");
        packet.truncate(length);
        (packet, from)
    }

    /// What has come so far.
    fn waiting(&self) -> Vec<Vec<u8>> {
        self.socket.set_nonblocking(true).unwrap();
        let mut packets = Vec::new();
        let mut packet = vec![0; 70_000];
        while let Ok(length) = self.socket.recv(&mut packet) {
            packets.push(packet[..length].to_vec());
        }
        self.socket.set_nonblocking(false).unwrap();
        packets
    }
}

fn request(opcode: u16, name: &[u8], rest: &[u8]) -> Vec<u8> {
    [&opcode.to_be_bytes()[..], name, b"\0", rest].concat()
}

fn error_code(packet: &[u8]) -> u16 {
    assert_eq!(packet[..2], [0, 5], "no ERROR: {packet:?}");
    assert!(packet.len() < 100 && !String::from_utf8_lossy(packet).contains(CANARY));
    u16::from_be_bytes([packet[2], packet[3]])
}

/// A server with one known phone whose file has a canary.
fn with_phone() -> Server {
    let mut server = Server::start();
    server.plant_secret(CANARY);
    let lines = json!({ "1": { "username": "1001", "password": CANARY } });
    server.post("/devices", &json!({ "mac": "0002fd0a0b0c", "model": "CP-7960", "settings": { "lines": lines } }));
    server
}

/// An allowed phone gets its own file over TFTP and HTTP; the listener answers in order, so all that was sent before is done.
fn is_alive(server: &Server) {
    let bytes = Tftp::Hpa.fetch(server.tftp(), PHONE).unwrap();
    assert!(String::from_utf8_lossy(&bytes).contains(CANARY));
    assert_eq!(clients::curl(&server.phone_url(&format!("/{PHONE}")), &[]).body, bytes);
}

#[test]
fn b01_to_b04_names_that_are_none() {
    let server = with_phone();
    let long = |n: usize| vec![b'a'; n];
    let cases: [(Vec<u8>, &[u16], bool); 14] = [
        (b"../../etc/passwd".to_vec(), &[1, 2], false),
        (b"/etc/passwd".to_vec(), &[1, 2], false),
        (b"..\\..\\boot.ini".to_vec(), &[1, 2], false),
        (b"SIP0002FD0A0B0C.cnf/../../x".to_vec(), &[1, 2], false),
        (b"secret.key".to_vec(), &[1, 2], false),
        (b"offhook.db".to_vec(), &[1, 2], false),
        (b"%2e%2e/%2e%2e/etc/passwd".to_vec(), &[1, 2], false),
        (b"\xff\xfe\x01\r\nX".to_vec(), &[1, 4], false),
        (b"SIP0002FD0A0B0C.cnf ".to_vec(), &[1, 4], false),
        (b"SIP0002FD0A0B0C.cnf.".to_vec(), &[1, 4], false),
        (b"SIP0002FD0A0B0.cnf".to_vec(), &[1, 4], false),
        (long(500), &[1, 4], true),
        (long(65_000), &[1, 4], true),
        (Vec::new(), &[1, 4], false),
    ];
    for (name, codes, may_be_silent) in cases {
        let client = Client::of(&server);
        client.send(&request(1, &name, b"octet\0"));
        if may_be_silent {
            is_alive(&server);
            assert!(client.waiting().iter().all(|p| codes.contains(&error_code(p))), "{} bytes", name.len());
        } else {
            let code = error_code(&client.receive().0);
            assert!(codes.contains(&code), "{:?}: error {code}", String::from_utf8_lossy(&name));
        }
    }
    is_alive(&server);
    assert_eq!(server.get("/devices")["items"].as_array().unwrap().len(), 1, "no name made a device");
}

#[test]
fn g01_writing_is_refused_and_leaves_nothing() {
    let server = with_phone();
    let files = offhook_tests::files_below(&server.data());
    for name in ["x.cfg", PHONE, "../x.cfg"] {
        let client = Client::of(&server);
        client.send(&request(2, name.as_bytes(), b"octet\0"));
        let (packet, from) = client.receive();
        assert!(matches!(error_code(&packet), 2 | 4), "{packet:?}");
        client.socket.send_to(b"\0\x03\0\x01overwritten", from).unwrap();
    }
    is_alive(&server);
    assert_eq!(offhook_tests::files_below(&server.data()), files);
}

#[test]
fn g02_other_opcodes_get_one_error_at_most() {
    let server = with_phone();
    for opcode in [0, 3, 4, 5, 6, 7, 65_535_u16] {
        let client = Client::of(&server);
        client.send(&request(opcode, PHONE.as_bytes(), b"octet\0"));
        client.send(&opcode.to_be_bytes());
        is_alive(&server);
        let answers = client.waiting();
        assert!(answers.len() <= 2 && answers.iter().all(|p| error_code(p) == 4), "{opcode}: {answers:?}");
    }
    // Too short to be anything.
    let client = Client::of(&server);
    client.send(b"");
    client.send(b"\0");
    client.send(b"\0\x01");
    client.send(b"\0\x01no end");
    is_alive(&server);
    assert!(client.waiting().iter().all(|p| matches!(error_code(p), 0 | 4)));
}

#[test]
fn g03_tiny_blocks_of_a_large_file_are_served() {
    let server = with_phone();
    let image: Vec<u8> = (0..4_000_000_u32).map(|n| (n ^ (n >> 8) ^ (n >> 16)) as u8).collect();
    let _ = server.send(Method::POST, "/firmware?name=P0S3-8-12-00.sb2", Some(("application/octet-stream", image.clone()))).ok();
    let client = Client::of(&server);
    client.send(&request(1, b"P0S3-8-12-00.sb2", b"octet\0blksize\08\0"));
    let (oack, from) = client.receive();
    assert_eq!(oack, b"\0\x06blksize\08\0");
    for block in 0..2_000_u16 {
        let [high, low] = block.to_be_bytes();
        client.socket.send_to(&[0, 4, high, low], from).unwrap();
        let (data, _) = client.receive();
        let at = usize::from(block) * 8;
        assert_eq!(data[4..], image[at..at + 8], "block {block}");
    }
    // G05: an ERROR from its own port ends it at once: nothing is sent again.
    client.socket.send_to(b"\0\x05\0\0enough\0", from).unwrap();
    is_alive(&server);
    let seen = offhook_tests::server::until(|| {
        let items = server.get("/requests")["items"].clone();
        items.as_array().unwrap().iter().find(|r| r["path"] == "P0S3-8-12-00.sb2").cloned()
    });
    assert_eq!(seen.expect("the transfer did not end")["status"], 499);
    assert!(client.waiting().is_empty(), "sent again after the end");
}

#[test]
fn g04_a_request_sent_a_thousand_times_is_one_transfer() {
    let server = with_phone();
    let client = Client::of(&server);
    for _ in 0..1000 {
        client.send(&request(1, PHONE.as_bytes(), b"octet\0"));
    }
    let (first, transfer) = client.receive();
    assert_eq!(first[..4], [0, 3, 0, 1]);
    is_alive(&server);
    client.socket.set_nonblocking(true).unwrap();
    let (mut ports, mut packet, mut copies) = (BTreeSet::from([transfer]), vec![0; 2000], 1);
    while let Ok((_, from)) = client.socket.recv_from(&mut packet) {
        ports.insert(from);
        copies += 1;
    }
    assert_eq!(ports.len(), 1, "transfers: {ports:?}");
    assert!(copies <= 3, "{copies} copies of the first block to an address that never answered");
}

#[test]
fn g06_modes_that_are_none_are_refused() {
    let server = with_phone();
    for mode in [&b"mail\0"[..], b"xyz\0", b"\0", b"octe\0"] {
        let client = Client::of(&server);
        client.send(&request(1, PHONE.as_bytes(), mode));
        let code = error_code(&client.receive().0);
        assert!(matches!(code, 0 | 4), "{mode:?}: {code}");
    }
    for mode in [&b"OCTET\0"[..], b"netascii\0", b"Octet\0"] {
        let client = Client::of(&server);
        client.send(&request(1, PHONE.as_bytes(), mode));
        assert_eq!(client.receive().0[..4], [0, 3, 0, 1], "{mode:?}");
    }
    is_alive(&server);
}

#[test]
fn g07_block_numbers_go_round() {
    let server = with_phone();
    // 65 536 whole blocks and a bit.
    let image: Vec<u8> = (0..512 * 65_536_u32 + 100).map(|n| (n ^ (n >> 9) ^ (n >> 17)) as u8).collect();
    let _ = server.send(Method::POST, "/firmware?name=P0S3-8-12-00.sb2", Some(("application/octet-stream", image.clone()))).ok();
    assert!(Tftp::Hpa.fetch(server.tftp(), "P0S3-8-12-00.sb2").unwrap() == image, "the bytes differ");
}
