//! Start and stop: errors of binding, and the drain.

use std::io::ErrorKind;
use std::net::UdpSocket;
use std::time::Duration;

use offhook_server::tftp::{TftpLimits, TftpServer, TransferOutcome};

use crate::shelf::{Server, error_code, pattern};

#[test]
fn the_bound_ports_are_told() {
    let listen = ["127.0.0.1:0", "127.0.0.2:0", "[::1]:0"].map(|address| address.parse().unwrap());
    let server = TftpServer::bind(&listen, TftpLimits::default()).unwrap();
    for (bound, asked) in server.local_addrs().iter().zip(listen) {
        assert_eq!(bound.ip(), asked.ip());
        assert_ne!(bound.port(), 0);
    }
}

#[test]
fn a_listener_that_cannot_bind_says_which_why_and_what_to_do() {
    let holder = UdpSocket::bind("127.0.0.1:0").unwrap();
    let taken = holder.local_addr().unwrap();
    let error = TftpServer::bind(&[taken], TftpLimits::default()).unwrap_err();
    let text = error.to_string();
    assert!(text.contains(&taken.to_string()) && text.contains("in use") && text.contains("choose another port"), "{text}");
    drop(holder);

    let elsewhere = "192.0.2.1:6969".parse().unwrap();
    let text = TftpServer::bind(&[elsewhere], TftpLimits::default()).unwrap_err().to_string();
    assert!(text.contains("192.0.2.1:6969") && text.contains("ip address"), "{text}");
}

#[test]
fn running_transfers_end_and_nothing_new_begins() {
    let content = pattern(5000);
    let server = Server::with(&[("a.cfg", &content)]);
    let (client, late) = (server.client(), server.client());
    client.ask("a.cfg");
    let (packet, transfer) = client.receive();
    server.stop.cancel();
    // The port is closed at some time after the cancel: then the system refuses in the server's stead.
    late.socket.connect(late.server).unwrap();
    late.socket.set_read_timeout(Some(Duration::from_millis(10))).unwrap();
    loop {
        let _ = late.socket.send(&crate::shelf::request(2, "x", "octet", ""));
        match late.socket.recv(&mut [0; 100]) {
            Err(error) if error.kind() == ErrorKind::ConnectionRefused => break,
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => panic!("{error}"),
        }
    }
    assert_eq!(client.read_on(packet, transfer), content);
    server.runtime.block_on(server.task).unwrap().unwrap();
    let ends: Vec<_> = server.seen.try_iter().filter(|seen| matches!(seen, crate::shelf::Seen::Ended(..))).collect();
    assert_eq!(ends.len(), 1);
}

#[test]
fn after_the_drain_the_rest_is_cut_off_and_told() {
    let limits = TftpLimits { drain: Duration::ZERO, ..TftpLimits::default() };
    let server = Server::start(&["127.0.0.1:0"], limits, &[("a.cfg", &pattern(5000))]);
    let client = server.client();
    client.ask("a.cfg");
    let (_, transfer) = client.receive();
    client.ack(1, transfer);
    client.receive();
    server.stop.cancel();
    assert_eq!(error_code(&client.receive().0), 0);
    server.runtime.block_on(server.task).unwrap().unwrap();
    let ends: Vec<_> = server.seen.try_iter().collect();
    assert!(
        matches!(&ends[..], [.., crate::shelf::Seen::Ended(_, end)] if end.outcome == TransferOutcome::Stopped && end.bytes == 512),
        "{ends:?}"
    );
}
