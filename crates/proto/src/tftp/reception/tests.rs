//! Receiving a file, packet by packet.
#![allow(clippy::unwrap_used, clippy::panic)]

use super::*;

const SEC: Duration = Duration::from_secs(1);

fn data(block: u16, bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    Packet::Data { block, data: bytes }.encode(&mut out);
    out
}

fn plain(most: u64) -> Reception {
    Reception::new(&TransferConfig::default(), &RequestOptions::default(), None, most)
}

fn acks(reply: &Reply<'_>) -> Option<u16> {
    match Packet::decode(reply.packet.as_deref()?).unwrap() {
        Packet::Ack { block } => Some(block),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_file_in_blocks_of_512() {
    let mut r = plain(2000);
    assert_eq!(acks(&r.start(Duration::ZERO)), Some(0));
    let (first, second) = (data(1, &[1; 512]), data(2, &[2; 100]));
    let reply = r.on_packet(&first, SEC);
    assert_eq!((acks(&reply), reply.bytes.len()), (Some(1), 512));
    let copy = r.on_packet(&first, SEC);
    assert_eq!((acks(&copy), copy.bytes.len()), (Some(1), 0), "the ACK may be lost; bytes come once");
    let reply = r.on_packet(&second, SEC);
    assert_eq!((acks(&reply), reply.bytes, r.complete(), r.received()), (Some(2), [2; 100].as_slice(), true, 612));
    assert_eq!(acks(&r.on_packet(&second, SEC)), Some(2), "it lingers for a lost last ACK");
    assert_eq!(r.on_timeout(5 * SEC).over, Some(ReceptionEnd::Completed));
    assert_eq!(r.deadline(), None);
    assert_eq!(r.on_packet(&second, 6 * SEC), Reply::default());
}

#[test]
fn an_empty_file_and_one_of_whole_blocks() {
    let mut r = plain(2000);
    let _ = r.start(Duration::ZERO);
    assert_eq!(acks(&r.on_packet(&data(1, &[]), SEC)), Some(1));
    assert!(r.complete() && r.received() == 0);
    let mut r = plain(2000);
    let _ = r.start(Duration::ZERO);
    let _ = r.on_packet(&data(1, &[0; 512]), SEC);
    assert!(!r.complete());
    let _ = r.on_packet(&data(2, &[]), SEC);
    assert!(r.complete());
}

#[test]
fn options_are_answered_and_windows_acknowledged_once() {
    let options = RequestOptions { blksize: Some(8), windowsize: Some(3), timeout: None, tsize: true };
    let mut r = Reception::new(&TransferConfig::default(), &options, Some(30), 100);
    let first = r.start(Duration::ZERO).packet.unwrap();
    assert_eq!(first, b"\0\x06tsize\x0030\0blksize\x008\0windowsize\x003\0");
    let mut sent = Vec::new();
    for (block, bytes) in [(1, [1; 8].as_slice()), (2, &[2; 8]), (3, &[3; 8]), (4, &[4; 6])] {
        sent.push(acks(&r.on_packet(&data(block, bytes), SEC)));
    }
    assert_eq!(sent, [None, None, Some(3), Some(4)]);
    assert!(r.complete() && r.received() == 30);
}

#[test]
fn a_gap_in_a_window_is_told_once() {
    let options = RequestOptions { blksize: Some(8), windowsize: Some(4), ..RequestOptions::default() };
    let mut r = Reception::new(&TransferConfig::default(), &options, None, 100);
    let _ = r.start(Duration::ZERO);
    assert_eq!(acks(&r.on_packet(&data(1, &[0; 8]), SEC)), None);
    assert_eq!(acks(&r.on_packet(&data(3, &[0; 8]), SEC)), Some(1));
    assert_eq!(acks(&r.on_packet(&data(4, &[0; 8]), SEC)), None, "one ACK for a gap");
    assert_eq!(acks(&r.on_packet(&data(2, &[0; 8]), SEC)), None);
    assert_eq!(r.received(), 16);
}

#[test]
fn too_much_ends_it() {
    let mut r = plain(600);
    let _ = r.start(Duration::ZERO);
    let _ = r.on_packet(&data(1, &[0; 512]), SEC);
    let two = data(2, &[0; 100]);
    let reply = r.on_packet(&two, SEC);
    assert_eq!((reply.over, reply.bytes), (Some(ReceptionEnd::TooLarge), [].as_slice()));
    assert_eq!(reply.packet.unwrap()[..4], [0, 5, 0, 3]);
}

#[test]
fn who_says_nothing_gets_three_packets() {
    let mut r = plain(600);
    let (mut now, mut packets) = (Duration::ZERO, 1);
    let _ = r.start(now);
    let over = loop {
        now = r.deadline().unwrap();
        let reply = r.on_timeout(now);
        packets += usize::from(reply.packet.is_some());
        if let Some(over) = reply.over {
            break over;
        }
    };
    assert_eq!((over, packets), (ReceptionEnd::TimedOut, 3));
}

#[test]
fn who_falls_silent_is_asked_again_and_given_up() {
    let mut r = plain(6000);
    let _ = r.start(Duration::ZERO);
    let _ = r.on_packet(&data(1, &[0; 512]), SEC);
    let mut packets = 0;
    let over = loop {
        let now = r.deadline().unwrap();
        let reply = r.on_timeout(now);
        if let Some(over) = reply.over {
            assert!(now > SEC + TransferConfig::default().patience - 10 * SEC);
            break over;
        }
        assert_eq!(acks(&reply), Some(1));
        packets += 1;
    };
    assert_eq!(over, ReceptionEnd::TimedOut);
    assert!((3..15).contains(&packets), "{packets}");
}

#[test]
fn block_numbers_wrap() {
    let options = RequestOptions { blksize: Some(8), ..RequestOptions::default() };
    let mut r = Reception::new(&TransferConfig::default(), &options, None, u64::MAX);
    let _ = r.start(Duration::ZERO);
    for n in 1..=70_000u32 {
        let packet = data(n as u16, &[0; 8]);
        assert_eq!(r.on_packet(&packet, SEC).bytes.len(), 8, "{n}");
    }
    let _ = r.on_packet(&data(70_001u32 as u16, &[1; 3]), SEC);
    assert_eq!((r.complete(), r.received()), (true, 560_003));
}

#[test]
fn nonsense_and_errors() {
    let mut r = plain(600);
    let _ = r.start(Duration::ZERO);
    for nonsense in [b"".as_slice(), b"\0\x04\0\0", b"\xff", b"\0\x03\0", &data(9, b"x"), &data(1, &[0; 513])] {
        assert_eq!(r.on_packet(nonsense, SEC), Reply::default(), "{nonsense:?}");
    }
    assert_eq!(r.on_packet(b"\0\x05\0\x00no\0", SEC).over, Some(ReceptionEnd::PeerError(ErrorCode::NotDefined)));
}
