//! Behaviour of a transfer, step by step. Whole transfers over a bad network are in `channel`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod channel;

use proptest::prelude::*;

use super::*;

const MS: Duration = Duration::from_millis(1);

fn at(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn options(blksize: u16, windowsize: u16) -> RequestOptions {
    RequestOptions { blksize: Some(blksize), windowsize: Some(windowsize), ..RequestOptions::default() }
}

fn plain(length: u64) -> Transfer {
    Transfer::new(&TransferConfig::default(), &RequestOptions::default(), length)
}

fn with(options: RequestOptions, length: u64) -> Transfer {
    Transfer::new(&TransferConfig::default(), &options, length)
}

fn ack(number: u16) -> Vec<u8> {
    let mut bytes = Vec::new();
    Packet::Ack { block: number }.encode(&mut bytes);
    bytes
}

fn blocks(first: u64, last: u64) -> Action {
    Action::SendBlocks(Blocks { first, last })
}

const COMPLETED: Action = Action::End(Ending::Completed);
const TIMED_OUT: Action = Action::End(Ending::TimedOut);

#[test]
fn without_options_block_1_comes_first() {
    let mut transfer = plain(1000);
    assert_eq!(transfer.start(at(0)), blocks(1, 1));
    assert_eq!(transfer.block(1), Block { header: [0, 3, 0, 1], bytes: 0..512 });
    assert_eq!(transfer.on_packet(&ack(1), at(1)), blocks(2, 2));
    assert_eq!(transfer.block(2), Block { header: [0, 3, 0, 2], bytes: 512..1000 });
    assert_eq!(transfer.on_packet(&ack(2), at(2)), COMPLETED);
    assert_eq!((transfer.acknowledged(), transfer.deadline()), (1000, None));
}

#[test]
fn an_empty_file_and_a_multiple_of_the_block_size_end_with_an_empty_block() {
    let mut empty = plain(0);
    assert_eq!(empty.start(at(0)), blocks(1, 1));
    assert_eq!(empty.block(1).bytes, 0..0);
    assert_eq!(empty.on_packet(&ack(1), at(1)), COMPLETED);

    let mut multiple = plain(1024);
    let _ = multiple.start(at(0));
    let _ = multiple.on_packet(&ack(1), at(1));
    assert_eq!(multiple.on_packet(&ack(2), at(2)), blocks(3, 3));
    assert_eq!(multiple.block(3).bytes, 1024..1024);
    assert_eq!(multiple.on_packet(&ack(3), at(3)), COMPLETED);
}

#[test]
fn options_are_acknowledged_before_any_data() {
    let asked = RequestOptions { blksize: Some(1428), timeout: Some(3), tsize: true, windowsize: Some(4) };
    let mut transfer = with(asked, 10_000);
    assert_eq!(transfer.start(at(0)), Action::SendOptionAck);
    assert_eq!(transfer.option_ack(), b"\0\x06tsize\x0010000\0blksize\x001428\0timeout\x003\0windowsize\x004\0");
    assert_eq!(transfer.on_packet(&ack(1), at(1)), Action::Wait, "nothing but ACK 0 answers an OACK");
    assert_eq!(transfer.on_packet(&ack(0), at(1)), blocks(1, 4));
}

#[test]
fn the_size_of_an_empty_file_is_not_told() {
    let mut transfer = with(RequestOptions { tsize: true, ..RequestOptions::default() }, 0);
    assert_eq!(transfer.start(at(0)), blocks(1, 1));
    let transfer = with(RequestOptions { tsize: true, blksize: Some(512), ..RequestOptions::default() }, 0);
    assert_eq!(transfer.option_ack(), b"\0\x06blksize\x00512\0");
}

#[test]
fn limits_lower_what_is_asked() {
    let config = TransferConfig { max_blksize: 1024, max_windowsize: 8, max_flight: 4096, ..TransferConfig::default() };
    let transfer = Transfer::new(&config, &options(65_464, 65_535), 10);
    assert_eq!(transfer.option_ack(), b"\0\x06blksize\x001024\0windowsize\x004\0");
    let transfer = Transfer::new(&config, &options(8, 65_535), 10);
    assert_eq!(transfer.option_ack(), b"\0\x06blksize\x008\0windowsize\x008\0");
}

#[test]
fn block_numbers_wrap_to_zero_and_go_on() {
    for window in [1, 64] {
        let length = 600_000;
        let mut transfer = with(options(8, window), length);
        let _ = transfer.start(at(0));
        let mut action = transfer.on_packet(&ack(0), at(1));
        let mut received = 0;
        while let Action::SendBlocks(run) = action {
            assert!(run.last - run.first < u64::from(window));
            for number in run.first..=run.last {
                let block = transfer.block(number);
                assert_eq!(block.bytes.start, received);
                assert_eq!(u16::from_be_bytes([block.header[2], block.header[3]]), (number % 65_536) as u16);
                received = block.bytes.end;
            }
            action = transfer.on_packet(&ack((run.last % 65_536) as u16), at(2));
        }
        assert_eq!((action, received), (COMPLETED, length));
    }
}

#[test]
fn before_the_first_ack_there_are_three_copies_at_most() {
    for mut transfer in [plain(10_000), with(options(1428, 16), 100_000)] {
        let first = transfer.start(at(0));
        assert_eq!(transfer.deadline(), Some(at(1000)));
        assert_eq!(transfer.on_timeout(at(999)), Action::Wait);
        assert_eq!(transfer.on_timeout(at(1000)), first);
        assert_eq!(transfer.deadline(), Some(at(3000)));
        assert_eq!(transfer.on_timeout(at(3000)), first);
        assert_eq!(transfer.on_timeout(at(7000)), TIMED_OUT);
        assert_eq!(transfer.on_packet(&ack(0), at(7001)), Action::Wait);
        assert_eq!(transfer.deadline(), None);
    }
}

#[test]
fn a_repeated_request_brings_the_first_packet_again_within_those_three() {
    let mut transfer = plain(10_000);
    let first = transfer.start(at(0));
    assert_eq!(transfer.on_repeated_request(at(10)), Action::Wait, "an echo of the first request");
    assert_eq!(transfer.on_repeated_request(at(300)), first);
    assert_eq!(transfer.on_repeated_request(at(600)), first);
    assert_eq!(transfer.on_repeated_request(at(900)), Action::Wait);
    assert_eq!(transfer.on_packet(&ack(1), at(901)), blocks(2, 2));
    assert_eq!(transfer.on_repeated_request(at(1500)), Action::Wait, "no restart");
}

#[test]
fn an_ack_0_does_not_prove_anything_when_block_1_is_out() {
    let mut transfer = plain(10_000);
    let _ = transfer.start(at(0));
    for n in 1..20 {
        assert_eq!(transfer.on_packet(&ack(0), at(n * 40)), Action::Wait);
    }
    assert!(!transfer.proven());
}

#[test]
fn a_duplicate_ack_is_answered_once_its_block_must_be_lost() {
    let mut transfer = plain(10_000);
    let _ = transfer.start(at(0));
    assert_eq!(transfer.on_packet(&ack(1), at(2)), blocks(2, 2));
    assert_eq!(transfer.on_packet(&ack(1), at(3)), Action::Wait);
    assert_eq!(transfer.on_packet(&ack(1), at(21)), Action::Wait);
    assert_eq!(transfer.on_packet(&ack(1), at(22)), blocks(2, 2), "20 ms after the last copy");
    assert_eq!(transfer.on_packet(&ack(1), at(23)), Action::Wait);

    let mut slow = plain(10_000);
    let _ = slow.start(at(0));
    assert_eq!(slow.on_packet(&ack(1), at(100)), blocks(2, 2));
    assert_eq!(slow.on_packet(&ack(1), at(299)), Action::Wait);
    assert_eq!(slow.on_packet(&ack(1), at(300)), blocks(2, 2), "two round trips of 100 ms");
}

#[test]
fn doubled_acks_never_double_the_traffic() {
    let mut transfer = plain(100 * 512);
    let _ = transfer.start(at(0));
    let mut sent = 1;
    for number in 1..=101u16 {
        for copy in 0..2 {
            if let Action::SendBlocks(run) = transfer.on_packet(&ack(number), at(u64::from(number)) + MS * copy / 2) {
                sent += run.last - run.first + 1;
            }
        }
    }
    assert_eq!((sent, transfer.repeated_blocks()), (101, 0));
}

#[test]
fn a_gap_in_a_window_goes_back_to_the_acknowledged_block() {
    let mut transfer = with(options(512, 4), 10_000);
    let _ = transfer.start(at(0));
    assert_eq!(transfer.on_packet(&ack(0), at(1)), blocks(1, 4));
    assert_eq!(transfer.on_packet(&ack(2), at(2)), blocks(3, 6));
    assert_eq!(transfer.repeated_blocks(), 2);
    assert_eq!(transfer.on_packet(&ack(2), at(3)), Action::Wait, "the window is on its way");
    assert_eq!(transfer.on_packet(&ack(1), at(3)), Action::Wait, "an old ACK");
    assert_eq!(transfer.on_packet(&ack(9), at(3)), Action::Wait, "of a block that never left");
    assert_eq!(transfer.on_packet(&ack(6), at(4)), blocks(7, 10));
    assert_eq!(transfer.on_timeout(at(4) + at(60)), blocks(7, 10));
}

#[test]
fn the_last_window_is_short() {
    let mut transfer = with(options(512, 16), 1000);
    let _ = transfer.start(at(0));
    assert_eq!(transfer.on_packet(&ack(0), at(1)), blocks(1, 2));
    assert_eq!(transfer.on_packet(&ack(2), at(2)), COMPLETED);
}

#[test]
fn the_wait_follows_the_round_trip_and_doubles_until_a_limit() {
    let mut transfer = plain(10_000);
    let _ = transfer.start(at(0));
    let _ = transfer.on_packet(&ack(1), at(1));
    let mut waits = Vec::new();
    let mut now = at(1);
    loop {
        let due = transfer.deadline().unwrap();
        waits.push((due - now).as_millis());
        now = due;
        match transfer.on_timeout(now) {
            Action::SendBlocks(run) => assert_eq!(run, Blocks { first: 2, last: 2 }),
            action => {
                assert_eq!(action, TIMED_OUT);
                break;
            }
        }
    }
    assert_eq!(waits, [50, 100, 200, 400, 800, 1600, 3200, 6400, 8000, 8000, 8000, 8000, 8000]);
}

#[test]
fn an_ack_of_a_repeated_block_is_no_measure() {
    let mut transfer = plain(10_000);
    let _ = transfer.start(at(0));
    let _ = transfer.on_timeout(at(1000));
    // Which copy does this answer? The doubled wait stays until a block is answered that left once.
    let _ = transfer.on_packet(&ack(1), at(1001));
    assert_eq!(transfer.deadline(), Some(at(3001)));
    let _ = transfer.on_packet(&ack(2), at(1003));
    assert_eq!(transfer.deadline(), Some(at(1053)));

    let mut negotiated = with(options(512, 4), 10_000);
    let _ = negotiated.start(at(0));
    let _ = negotiated.on_timeout(at(1000));
    let _ = negotiated.on_packet(&ack(0), at(1001));
    assert_eq!(negotiated.deadline(), Some(at(3001)), "nor is that of a repeated OACK");
}

#[test]
fn an_agreed_timeout_is_kept() {
    let asked = RequestOptions { timeout: Some(2), ..RequestOptions::default() };
    let mut transfer = with(asked, 10_000);
    let _ = transfer.start(at(0));
    assert_eq!(transfer.deadline(), Some(at(2000)));
    assert_eq!(transfer.on_packet(&ack(0), at(1)), blocks(1, 1));
    for n in 0..5 {
        assert_eq!(transfer.on_timeout(at(1 + n * 2000)), if n == 0 { Action::Wait } else { blocks(1, 1) });
    }

    // Nobody unproven can make us keep a transfer for minutes.
    let mut unproven = with(RequestOptions { timeout: Some(255), ..RequestOptions::default() }, 10_000);
    let _ = unproven.start(at(0));
    assert_eq!(unproven.deadline(), Some(at(8000)));
    let _ = unproven.on_packet(&ack(0), at(1));
    assert_eq!(unproven.deadline(), Some(at(255_001)));
}

#[test]
fn patience_ends_even_when_duplicate_acks_go_on() {
    let mut transfer = plain(10_000);
    let _ = transfer.start(at(0));
    let _ = transfer.on_packet(&ack(1), at(1));
    let mut now = at(1);
    let ending = loop {
        now += at(30);
        match transfer.on_packet(&ack(1), now) {
            Action::SendBlocks(_) => {}
            action => break action,
        }
    };
    assert_eq!(ending, TIMED_OUT);
    assert!(now < at(46_000));
}

#[test]
fn an_error_ends_at_once_and_all_else_is_ignored() {
    let mut transfer = plain(10_000);
    let _ = transfer.start(at(0));
    for stray in [&b""[..], b"\0", b"\0\x01a\0octet\0", b"\0\x03\0\x01data", b"\0\x06", b"\0\x09\0\x01", &ack(7)] {
        assert_eq!(transfer.on_packet(stray, at(1)), Action::Wait);
    }
    let error = super::super::encode_error(ErrorCode::DiskFull, "full");
    assert_eq!(transfer.on_packet(&error, at(2)), Action::End(Ending::PeerError(ErrorCode::DiskFull)));
    assert_eq!(transfer.on_packet(&ack(1), at(3)), Action::Wait);
    assert_eq!(transfer.on_timeout(at(10_000)), Action::Wait);
}

/// Something that may happen to a transfer.
#[derive(Debug, Clone)]
enum Happening {
    /// An ACK this far from the last acknowledged block, modulo 65,536.
    Ack(i32),
    Packet(Vec<u8>),
    Repeated,
    Wait(u64),
}

fn happening() -> impl Strategy<Value = Happening> {
    prop_oneof![
        4 => (-3i32..70).prop_map(Happening::Ack),
        1 => any::<i32>().prop_map(Happening::Ack),
        1 => proptest::collection::vec(any::<u8>(), 0..8).prop_map(Happening::Packet),
        1 => Just(Happening::Repeated),
        3 => prop_oneof![0u64..100, 0u64..100_000].prop_map(Happening::Wait),
    ]
}

proptest! {
    #[test]
    fn whatever_happens_no_more_than_a_window_leaves_and_nothing_beyond_the_file(
        length in prop_oneof![0u64..2000, any::<u64>()],
        blksize: u16, windowsize: u16, timeout: u8, plain: bool,
        happenings in proptest::collection::vec(happening(), 0..200),
    ) {
        let some = RequestOptions { timeout: Some(timeout), tsize: true, ..options(blksize, windowsize) };
        let mut transfer = with(if plain { RequestOptions::default() } else { some }, length);
        let mut now = at(0);
        let mut acked = 0u64;
        let mut action = transfer.start(now);
        for happening in happenings {
            if let Action::SendBlocks(run) = action {
                prop_assert!(run.first <= run.last && run.last - run.first < 64);
                prop_assert!(run.first > acked);
                acked = run.first - 1;
                prop_assert!(transfer.block(run.last).bytes.end <= length);
                prop_assert!(transfer.deadline().is_some_and(|deadline| deadline > now));
            }
            action = match happening {
                Happening::Ack(distance) => transfer.on_packet(&ack((acked as i64 + i64::from(distance)) as u16), now),
                Happening::Packet(bytes) => transfer.on_packet(&bytes, now),
                Happening::Repeated => transfer.on_repeated_request(now),
                Happening::Wait(ms) => {
                    now += at(ms);
                    transfer.on_timeout(now)
                }
            };
        }
        prop_assert!(transfer.acknowledged() <= length);
    }
}
