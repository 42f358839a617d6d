//! Packet by packet: addresses, repeated requests, strangers, refusals and caps.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::time::Duration;

use offhook_server::tftp::{Dropped, ErrorCode, TftpLimits, TftpServer, TransferOutcome};

use crate::shelf::{Client, Seen, Server, error_code, pattern, request};

#[test]
fn the_answer_comes_from_the_address_that_was_asked() {
    let server = Server::start(&["0.0.0.0:0"], TftpLimits::default(), &[("a.cfg", b"hello"), ("slow/a.cfg", b"hello")]);
    for asked in [Ipv4Addr::new(127, 0, 0, 2), Ipv4Addr::new(127, 0, 0, 1), Ipv4Addr::new(127, 1, 2, 3)] {
        for name in ["a.cfg", "slow/a.cfg"] {
            let client = Client::new("127.0.0.1:0", SocketAddr::new(asked.into(), server.addresses[0].port()));
            client.ask(name);
            let (packet, from) = client.receive();
            assert_eq!(packet, b"\0\x03\0\x01hello");
            assert_eq!(from.ip(), asked);
            assert_ne!(from.port(), client.server.port(), "each transfer has a port of its own");
            client.ack(1, from);
            let Seen::Asked(request) = server.next() else { panic!("not asked") };
            assert_eq!((request.local, request.peer), (IpAddr::from(asked), client.socket.local_addr().unwrap()));
            assert_eq!(server.next_end().1.outcome, TransferOutcome::Completed);
        }
        let client = Client::new("127.0.0.1:0", SocketAddr::new(asked.into(), server.addresses[0].port()));
        client.ask("none");
        let (packet, from) = client.receive();
        assert_eq!((error_code(&packet), from.ip()), (1, asked.into()));
        server.next();
    }
}

#[test]
fn both_families_share_a_port() {
    // The IPv6 port of the same number may be somebody else's by chance: then another one is tried.
    let bind_both = || {
        let four = UdpSocket::bind("0.0.0.0:0").unwrap().local_addr().unwrap();
        let six = SocketAddr::new(Ipv6Addr::UNSPECIFIED.into(), four.port());
        TftpServer::bind(&[four, six], TftpLimits::default()).ok()
    };
    let server = (0..50).find_map(|_| bind_both()).expect("IPv4 and IPv6 do not share a port");
    let server = Server::run(server, &[("a", b"a")]);
    for address in ["127.0.0.1:0", "[::1]:0"] {
        let own: SocketAddr = address.parse().unwrap();
        let client = Client::new(address, SocketAddr::new(own.ip(), server.addresses[0].port()));
        client.ask("a");
        let (packet, from) = client.receive();
        assert_eq!((client.read_on(packet, from), from.ip()), (b"a".to_vec(), own.ip()));
    }
}

#[test]
fn a_request_repeated_a_thousand_times_is_one_transfer() {
    let content = pattern(2000);
    let server = Server::with(&[("a.cfg", &content)]);
    let client = server.client();
    for _ in 0..1000 {
        client.ask("a.cfg");
    }
    let (packet, transfer) = client.receive();
    client.ack(1, transfer);
    let mut copies = 1;
    let second = loop {
        let (next, from) = client.receive();
        assert_eq!(from, transfer, "a second transfer");
        if next[..4] != packet[..4] {
            break next;
        }
        copies += 1;
    };
    assert!(copies <= 3, "{copies} copies before the first ACK");
    for _ in 0..100 {
        client.ask("a.cfg");
    }
    // The listener answers in order: with this answer it has seen all of them.
    let other = server.client();
    other.send(&request(2, "x", "octet", ""));
    other.receive();
    client.ack(2, transfer);
    client.ack(3, transfer);
    assert_eq!(second[..4], [0, 3, 0, 2]);
    client.ack(4, transfer);
    assert_eq!(server.next_end().1.bytes, 2000);
    assert_eq!(server.asked(), [""; 0], "asked once, before the end");
}

#[test]
fn another_name_from_the_same_port_is_a_new_transfer() {
    let server = Server::with(&[("old", &pattern(5000)), ("new", b"new")]);
    let client = server.client();
    client.ask("old");
    let (_, old) = client.receive();
    client.ask("new");
    let (packet, new) = client.receive();
    assert_ne!(old, new);
    assert_eq!(client.read_on(packet, new), b"new");
    let ends = [server.next_end(), server.next_end()].map(|(name, end)| (name, end.outcome));
    assert_eq!(ends, [("old".to_owned(), TransferOutcome::Replaced), ("new".to_owned(), TransferOutcome::Completed)]);
}

#[test]
fn a_phone_that_was_switched_off_and_on_gets_a_new_transfer() {
    let limits = TftpLimits { started_anew: Duration::ZERO, ..TftpLimits::default() };
    let content = pattern(2000);
    let server = Server::start(&["127.0.0.1:0"], limits, &[("a.cfg", &content)]);
    let client = server.client();
    client.ask("a.cfg");
    let (_, before) = client.receive();
    client.ack(1, before);
    client.receive();
    client.ask("a.cfg");
    let (packet, after) = loop {
        let (packet, from) = client.receive();
        if from != before {
            break (packet, from);
        }
    };
    assert_eq!(client.read_on(packet, after), content);
    let ends = [server.next_end(), server.next_end()].map(|(_, end)| end.outcome);
    assert_eq!(ends, [TransferOutcome::Replaced, TransferOutcome::Completed]);
}

#[test]
fn a_broadcast_request_is_ignored() {
    let server = Server::start(&["0.0.0.0:0"], TftpLimits::default(), &[("a.cfg", b"a")]);
    let client = Client::new("127.0.0.1:0", SocketAddr::from(([127, 255, 255, 255], server.addresses[0].port())));
    client.socket.set_broadcast(true).unwrap();
    client.ask("a.cfg");
    assert_eq!(server.next(), Seen::Dropped(Dropped::Broadcast));
    assert!(client.has_nothing());
}

#[test]
fn a_look_up_that_panics_costs_its_own_request_only() {
    let limits = TftpLimits { total: 1, ..TftpLimits::default() };
    let server = Server::start(&["127.0.0.1:0"], limits, &[("a", b"a")]);
    for name in ["panic", "slow/panic"] {
        server.client().ask(name);
        assert!(matches!(server.next(), Seen::Asked(_)));
        // There is room for one session: the next is let in once the panic has ended its own.
        let client = server.client();
        client.ask("a");
        while server.next() == Seen::Dropped(Dropped::OverTotal) {
            client.ask("a");
        }
        let (packet, transfer) = client.receive();
        assert_eq!(client.read_on(packet, transfer), b"a");
        server.next_end();
    }
}

#[test]
fn the_next_request_right_after_the_last_ack_is_served_and_the_first_transfer_complete() {
    let server = Server::with(&[("a", b"a")]);
    let client = server.client();
    for _ in 0..500 {
        client.ask("a");
        let (packet, transfer) = client.receive();
        assert_eq!(packet, b"\0\x03\0\x01a");
        client.ack(1, transfer);
    }
    for _ in 0..500 {
        assert_eq!(server.next_end().1.outcome, TransferOutcome::Completed);
    }
}

#[test]
fn a_look_up_that_is_not_wanted_any_more_is_given_up() {
    let server = Server::with(&[("a", b"a")]);
    let client = server.client();
    client.ask("never");
    client.ask("never");
    client.ask("slow/a");
    let (packet, transfer) = client.receive();
    assert_eq!(client.read_on(packet, transfer), b"a");
    server.stop.cancel();
    server.runtime.block_on(server.task).unwrap().unwrap();
    let asked: Vec<_> = server.seen.try_iter().filter(|seen| matches!(seen, Seen::Asked(_))).collect();
    assert_eq!(asked.len(), 2);
}

#[test]
fn a_stranger_gets_one_error_5_and_disturbs_nothing() {
    let content = pattern(3000);
    let server = Server::with(&[("a.cfg", &content)]);
    let (client, stranger) = (server.client(), server.client());
    client.ask("a.cfg");
    let (packet, transfer) = client.receive();
    for _ in 0..10 {
        stranger.ack(1, transfer);
        stranger.socket.send_to(b"\0\x05\0\0go away\0", transfer).unwrap();
    }
    assert_eq!(client.read_on(packet, transfer), content);
    let (_, end) = server.next_end();
    assert_eq!((end.outcome, end.repeated_blocks), (TransferOutcome::Completed, 0));
    assert_eq!(error_code(&stranger.receive().0), 5);
    assert!(stranger.has_nothing());
}

#[test]
fn an_error_of_the_peer_ends_its_transfer_at_once() {
    let server = Server::with(&[("a.cfg", &pattern(3000))]);
    let client = server.client();
    client.ask("a.cfg");
    let (_, transfer) = client.receive();
    client.socket.send_to(b"\0\x05\0\x03disk full\0", transfer).unwrap();
    let (_, end) = server.next_end();
    assert_eq!((end.outcome, end.bytes), (TransferOutcome::PeerError(ErrorCode::DiskFull), 0));
    assert!(client.has_nothing());
}

#[test]
fn what_is_no_good_read_request_gets_one_small_error_or_nothing() {
    let server = Server::with(&[("a.cfg", b"a")]);
    let long = "x".repeat(256);
    for (packet, why, code) in [
        (request(2, "x.cfg", "octet", ""), Dropped::Write, 2),
        (request(1, "a.cfg", "mail", ""), Dropped::Mode, 4),
        (request(1, "a.cfg", "xyz", ""), Dropped::Mode, 4),
        (request(1, "a.cfg", "", ""), Dropped::Mode, 4),
        (request(1, "", "octet", ""), Dropped::Name, 4),
        (request(1, &long, "octet", ""), Dropped::Name, 4),
        (request(1, &"x".repeat(500), "octet", ""), Dropped::Name, 4),
        (request(1, &"x".repeat(65_000), "octet", ""), Dropped::Malformed, 4),
        (b"\0\x01a.cfg".to_vec(), Dropped::Malformed, 4),
        (b"\0\0".to_vec(), Dropped::Malformed, 4),
        (b"\0\x03\0\x01data".to_vec(), Dropped::Malformed, 4),
        (b"\0\x04\0\x01".to_vec(), Dropped::Malformed, 4),
        (b"\0\x06".to_vec(), Dropped::Malformed, 4),
        (b"\0\x07".to_vec(), Dropped::Malformed, 4),
        (b"\xff\xff".to_vec(), Dropped::Malformed, 4),
        (b"".to_vec(), Dropped::Malformed, 4),
    ] {
        let client = server.client();
        client.send(&packet);
        assert_eq!(error_code(&client.receive().0), code, "{why:?}");
        assert_eq!(server.next(), Seen::Dropped(why));
        assert!(client.has_nothing());
    }
    let client = server.client();
    client.send(b"\0\x05\0\0an error\0");
    assert_eq!(server.next(), Seen::Dropped(Dropped::Malformed));
    assert!(client.has_nothing(), "an ERROR is never answered");
}

#[test]
fn options_are_negotiated() {
    let server = Server::with(&[("a.cfg", b"line\nline\n")]);
    for (options, acknowledged) in [
        ("blksize=1428 tsize=0 timeout=3 windowsize=4", &b"\0\x06tsize\x0010\0blksize\x001428\0timeout\x003\0windowsize\x004\0"[..]),
        ("BLKSIZE=65464 multicast=1", b"\0\x06blksize\x0065464\0"),
    ] {
        let client = server.client();
        client.send(&request(1, "a.cfg", "octet", options));
        let (packet, transfer) = client.receive();
        assert_eq!(packet, acknowledged);
        client.ack(0, transfer);
        assert_eq!(client.receive().0, b"\0\x03\0\x01line\nline\n");
        client.ack(1, transfer);
    }
    for options in ["blksize=7", "blksize=abc", "multicast=1", "timeout=0 windowsize=0"] {
        let client = server.client();
        client.send(&request(1, "a.cfg", "octet", options));
        let (packet, transfer) = client.receive();
        assert_eq!(packet, b"\0\x03\0\x01line\nline\n", "{options} is ignored");
        client.ack(1, transfer);
    }
    let client = server.client();
    client.send(&request(1, "a.cfg", "netascii", "tsize=0"));
    let (packet, transfer) = client.receive();
    assert_eq!(packet, b"\0\x06tsize\x0012\0", "the size as it travels");
    client.ack(0, transfer);
    assert_eq!(client.receive().0, b"\0\x03\0\x01line\r\nline\r\n");
    client.ack(1, transfer);
}

#[test]
fn a_window_travels_whole_and_from_a_gap_on_again() {
    let content = pattern(200 * 100);
    let server = Server::with(&[("fw.bin", &content)]);
    let client = server.client();
    client.send(&request(1, "fw.bin", "octet", "blksize=100 windowsize=64"));
    let (_, transfer) = client.receive();
    client.ack(0, transfer);
    let window = |first: usize, last: usize| {
        for number in first..=last {
            let (packet, _) = client.receive();
            assert_eq!(packet[..4], [0, 3, 0, number as u8]);
            let start = (number - 1) * 100;
            assert_eq!(&packet[4..], &content[start..content.len().min(start + 100)]);
        }
    };
    window(1, 64);
    client.ack(30, transfer);
    window(31, 94);
    client.ack(94, transfer);
    window(95, 158);
    client.ack(158, transfer);
    window(159, 201);
    client.ack(201, transfer);
    let (_, end) = server.next_end();
    assert_eq!((end.outcome, end.bytes, end.repeated_blocks), (TransferOutcome::Completed, 20_000, 34));
}

#[test]
fn caps_hold_per_source_and_in_all() {
    let limits = TftpLimits { per_source: 2, total: 3, ..TftpLimits::default() };
    let server = Server::start(&["127.0.0.1:0"], limits, &[("a", b"a")]);
    let from = |address: &str| Client::new(address, server.addresses[0]);
    let first = from("127.0.0.1:0");
    let mut running = Vec::new();
    let one = from("127.0.0.1:0");
    one.ask("a");
    running.push(one.receive());
    first.ask("a");
    let (packet, transfer) = first.receive();
    let third = from("127.0.0.1:0");
    third.ask("a");
    let drops = || loop {
        if let Seen::Dropped(why) = server.next() {
            return why;
        }
    };
    assert_eq!(drops(), Dropped::OverSource);
    let other = from("127.0.0.2:0");
    other.ask("a");
    running.push(other.receive());
    let last = from("127.0.0.3:0");
    last.ask("a");
    assert_eq!(drops(), Dropped::OverTotal);
    assert!(third.has_nothing() && last.has_nothing());

    assert_eq!(first.read_on(packet, transfer), b"a");
    server.next_end();
    last.ask("a");
    let (packet, transfer) = last.receive();
    assert_eq!(last.read_on(packet, transfer), b"a");
}

#[test]
fn a_boot_storm_loses_no_request() {
    let content = pattern(700);
    let server = Server::with(&[("a.cfg", &content)]);
    let phones: Vec<Client> = (0..600).map(|_| server.client()).collect();
    for phone in &phones {
        phone.ask("a.cfg");
    }
    for phone in &phones {
        let (packet, transfer) = phone.receive();
        assert_eq!(phone.read_on(packet, transfer), content);
    }
    assert_eq!(server.asked().len(), 600);
}
