//! Whole transfers over a network that loses, doubles, delays and reorders, with a plain model client.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::super::super::{Cursor, Mode, decode_netascii, netascii_len};
use super::*;

/// What the network does to packets; chances in 256.
#[derive(Debug, Clone, Copy)]
struct Network {
    lose: u8,
    double: u8,
    delay_ms: u64,
    jitter_ms: u64,
    seed: u64,
}

impl Network {
    fn random(&mut self, below: u64) -> u64 {
        self.seed ^= self.seed << 13;
        self.seed ^= self.seed >> 7;
        self.seed ^= self.seed << 17;
        (self.seed >> 11) % below.max(1)
    }
}

#[derive(Debug)]
enum Event {
    ToServer(Vec<u8>),
    ToClient(Vec<u8>),
    ClientTimer(u64),
}

/// A client after the letter of the RFCs: acknowledges whole windows, and on a gap or its timer what it
/// has in order.
struct Client {
    blksize: usize,
    window: u64,
    received: Vec<u8>,
    last: u64,
    in_window: u64,
    complete: bool,
    started: bool,
    acks_again: bool,
    timer: u64,
}

impl Client {
    fn on_packet(&mut self, packet: &[u8]) -> Option<Vec<u8>> {
        match Packet::decode(packet).unwrap() {
            Packet::OptionAck(options) => {
                if self.last > 0 {
                    return None;
                }
                for (name, value) in options.pairs() {
                    let value = std::str::from_utf8(value).unwrap().parse().unwrap();
                    match name {
                        b"blksize" => self.blksize = value,
                        b"windowsize" => self.window = value as u64,
                        _ => {}
                    }
                }
                self.started = true;
                Some(ack(0))
            }
            Packet::Data { block, data } => {
                if block == (self.last + 1) as u16 && !self.complete {
                    self.started = true;
                    self.last += 1;
                    self.in_window += 1;
                    self.received.extend_from_slice(data);
                    self.complete = data.len() < self.blksize;
                    if self.complete || self.in_window == self.window {
                        self.in_window = 0;
                        return Some(ack(self.last as u16));
                    }
                    None
                } else {
                    self.in_window = 0;
                    (self.acks_again && self.started).then(|| ack(self.last as u16))
                }
            }
            other => panic!("the server sent {other:?}"),
        }
    }
}

struct Outcome {
    action: Action,
    received: Vec<u8>,
    complete: bool,
}

struct World {
    now: Duration,
    events: BTreeMap<(Duration, u64), Event>,
    count: u64,
    network: Network,
}

impl World {
    fn after(&mut self, wait: Duration, event: Event) {
        self.count += 1;
        self.events.insert((self.now + wait, self.count), event);
    }

    fn carry(&mut self, bytes: &[u8], to_server: bool) {
        let copies = 1 + u64::from(self.network.random(256) < u64::from(self.network.double));
        for _ in 0..copies {
            if self.network.random(256) >= u64::from(self.network.lose) {
                let wait = at(self.network.delay_ms + self.network.random(self.network.jitter_ms + 1));
                let bytes = bytes.to_vec();
                self.after(wait, if to_server { Event::ToServer(bytes) } else { Event::ToClient(bytes) });
            }
        }
    }
}

/// Plays one transfer to its end and checks, packet by packet, what the server may send.
fn play(content: &[u8], mode: Mode, asked: RequestOptions, network: Network, acks_again: bool) -> Outcome {
    let config = TransferConfig::default();
    let length = if mode == Mode::Netascii { netascii_len(content) } else { content.len() as u64 };
    let travelling = if mode == Mode::Netascii {
        let mut out = vec![0; length as usize];
        Cursor::default().fill(content, &mut out);
        out
    } else {
        content.to_vec()
    };
    let mut server = Transfer::new(&config, &asked, length);
    let mut client = Client {
        blksize: 512,
        window: 1,
        received: Vec::new(),
        last: 0,
        in_window: 0,
        complete: false,
        started: false,
        acks_again,
        timer: 0,
    };
    let window = u64::from(asked.windowsize.unwrap_or(1)).min(64);
    let mut world = World { now: at(0), events: BTreeMap::new(), count: 0, network };
    let mut packets_before_proof = 0;
    let mut action = server.start(world.now);
    world.after(at(400), Event::ClientTimer(0));
    loop {
        match action {
            Action::Wait => {}
            Action::SendOptionAck => {
                packets_before_proof += 1;
                world.carry(&server.option_ack(), false);
            }
            Action::SendBlocks(run) => {
                assert!(run.first <= run.last && run.last - run.first < window);
                if !server.proven() {
                    packets_before_proof += run.last - run.first + 1;
                }
                for number in run.first..=run.last {
                    let block = server.block(number);
                    let range = block.bytes.start as usize..block.bytes.end as usize;
                    world.carry(&[&block.header[..], &travelling[range]].concat(), false);
                }
            }
            Action::End(_) => break,
        }
        assert!(packets_before_proof <= u64::from(config.first_copies));
        let deadline = server.deadline().unwrap();
        let next = world.events.first_key_value().map(|(key, _)| *key);
        match next.filter(|(time, _)| *time <= deadline) {
            None => {
                world.now = deadline;
                action = server.on_timeout(world.now);
            }
            Some(key) => {
                world.now = key.0;
                let event = world.events.remove(&key).unwrap();
                let answer = match event {
                    Event::ToServer(bytes) => {
                        action = server.on_packet(&bytes, world.now);
                        continue;
                    }
                    Event::ToClient(bytes) => {
                        let answer = client.on_packet(&bytes);
                        if answer.is_some() {
                            client.timer += 1;
                            world.after(at(400), Event::ClientTimer(client.timer));
                        }
                        answer
                    }
                    Event::ClientTimer(timer) if timer == client.timer && !client.complete => {
                        client.timer += 1;
                        world.after(at(400), Event::ClientTimer(client.timer));
                        if !client.started {
                            action = server.on_repeated_request(world.now);
                            continue;
                        }
                        Some(ack(client.last as u16))
                    }
                    Event::ClientTimer(_) => None,
                };
                if let Some(answer) = answer {
                    world.carry(&answer, true);
                }
                action = Action::Wait;
            }
        }
    }
    Outcome { action, received: client.received, complete: client.complete }
}

fn content() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![Just(b'\n'), Just(b'\r'), any::<u8>()];
    prop_oneof![
        proptest::collection::vec(byte, 0..5000),
        (0usize..6, 8usize..600).prop_map(|(blocks, blksize)| vec![b'a'; blocks * blksize]),
    ]
}

fn asked() -> impl Strategy<Value = RequestOptions> {
    let blksize = proptest::option::of(prop_oneof![8u16..600, Just(1428)]);
    let windowsize = proptest::option::of(1u16..20);
    (blksize, windowsize, proptest::option::of(1u8..4), any::<bool>()).prop_map(|(blksize, windowsize, timeout, tsize)| RequestOptions {
        blksize,
        timeout,
        tsize,
        windowsize,
    })
}

fn mode() -> impl Strategy<Value = Mode> {
    prop_oneof![Just(Mode::Octet), Just(Mode::Netascii)]
}

fn check(content: &[u8], mode: Mode, outcome: &Outcome) -> Result<(), TestCaseError> {
    if outcome.complete {
        let received = if mode == Mode::Netascii { decode_netascii(&outcome.received) } else { outcome.received.clone() };
        prop_assert_eq!(received, content);
    }
    if outcome.action == COMPLETED {
        prop_assert!(outcome.complete, "the server believes in a transfer that the client has not");
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn a_network_that_only_doubles_and_delays_gets_everything_through(
        content in content(), asked in asked(), mode in mode(), acks_again: bool,
        double: u8, delay_ms in 0u64..200, seed in 1u64..,
    ) {
        let network = Network { lose: 0, double, delay_ms, jitter_ms: 0, seed };
        let outcome = play(&content, mode, asked, network, acks_again);
        prop_assert_eq!(outcome.action, COMPLETED);
        check(&content, mode, &outcome)?;
    }

    #[test]
    fn a_bad_network_gets_exactly_the_bytes_through_or_the_transfer_ends(
        content in content(), asked in asked(), mode in mode(), acks_again: bool,
        lose in 0u8..120, double: u8, delay_ms in 0u64..200, jitter_ms in 0u64..100, seed in 1u64..,
    ) {
        let network = Network { lose, double, delay_ms, jitter_ms, seed };
        let outcome = play(&content, mode, asked, network, acks_again);
        check(&content, mode, &outcome)?;
    }
}

#[test]
fn five_percent_of_loss_is_overcome() {
    let content = vec![7; 100_000];
    for seed in 1..100 {
        let network = Network { lose: 13, double: 5, delay_ms: 2, jitter_ms: 3, seed };
        let outcome = play(&content, Mode::Octet, options(512, 8), network, true);
        assert_eq!(outcome.action, COMPLETED);
        assert_eq!(outcome.received, content);
    }
}
