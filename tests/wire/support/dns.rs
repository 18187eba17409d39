//! A DNS server for tests: UDP and TCP on one loopback port, with scripted replies. It runs on its
//! own threads, so that tests of any runtime can use it.

#![allow(dead_code, reason = "no test needs all of it")]

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

const A: u16 = 1;
const CNAME: u16 = 5;
const AAAA: u16 = 28;

/// What to answer for a name, for A and AAAA alike.
#[derive(Clone, Debug)]
pub struct Reply {
    aliases: Vec<String>,
    addresses: Vec<IpAddr>,
    ttl: u32,
    code: u8,
    silent: Vec<u16>,
    truncated: bool,
}

impl Reply {
    /// These addresses, with a TTL of 60 s.
    pub fn addresses(addresses: &[&str]) -> Self {
        let addresses = addresses.iter().map(|ip| ip.parse().unwrap()).collect();
        Self {
            aliases: Vec::new(),
            addresses,
            ttl: 60,
            code: 0,
            silent: Vec::new(),
            truncated: false,
        }
    }

    /// The name does not exist.
    pub fn nxdomain() -> Self {
        Self {
            code: 3,
            ..Self::addresses(&[])
        }
    }

    /// The server cannot tell.
    pub fn servfail() -> Self {
        Self {
            code: 2,
            ..Self::addresses(&[])
        }
    }

    /// No answer at all.
    pub fn silence() -> Self {
        Self {
            silent: vec![A, AAAA],
            ..Self::addresses(&[])
        }
    }

    /// No answer to AAAA.
    pub fn silent_for_ipv6(self) -> Self {
        Self {
            silent: vec![AAAA],
            ..self
        }
    }

    pub fn ttl(self, seconds: u32) -> Self {
        Self {
            ttl: seconds,
            ..self
        }
    }

    /// Through a chain of CNAMEs: the addresses belong to the last of `aliases`.
    pub fn through(self, aliases: &[&str]) -> Self {
        let aliases = aliases.iter().map(ToString::to_string).collect();
        Self { aliases, ..self }
    }

    /// Nothing but the truncation mark over UDP, the whole response over TCP.
    pub fn truncated(self) -> Self {
        Self {
            truncated: true,
            ..self
        }
    }
}

/// The running server; stops when dropped. Unknown names do not exist.
pub struct FakeDns {
    address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// The replies to successive questions for a name; the last one stays.
    zone: HashMap<String, Vec<Reply>>,
    asked: HashMap<(String, u16), usize>,
    /// By query id as well: a retransmission is no new question and gets the same reply.
    replied: HashMap<([u8; 2], String, u16), Reply>,
    queries: Vec<(String, u16)>,
    held: bool,
    stopped: bool,
}

impl FakeDns {
    pub fn start() -> Self {
        let (udp, tcp) = sockets();
        let address = udp.local_addr().unwrap();
        let shared = Arc::new(Shared::default());
        let (for_udp, for_tcp) = (Arc::clone(&shared), Arc::clone(&shared));
        std::thread::spawn(move || for_udp.serve_udp(&udp));
        std::thread::spawn(move || for_tcp.serve_tcp(&tcp));
        Self { address, shared }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers every question for `name` (no trailing dot) with `reply` from now on.
    pub fn answer(&self, name: &str, reply: Reply) {
        self.script(name, vec![reply]);
    }

    /// Answers successive questions for `name`, counted per record type; the last reply stays.
    pub fn script(&self, name: &str, replies: Vec<Reply>) {
        let mut state = self.shared.state.lock().unwrap();
        state.asked.retain(|(asked, _), _| asked != name);
        state.zone.insert(name.to_owned(), replies);
    }

    /// How often `name` was asked for, A and AAAA counted apart.
    pub fn queries(&self, name: &str) -> usize {
        let state = self.shared.state.lock().unwrap();
        state
            .queries
            .iter()
            .filter(|(asked, _)| asked == name)
            .count()
    }

    /// Every name asked for, in order.
    pub fn names(&self) -> Vec<String> {
        let state = self.shared.state.lock().unwrap();
        state.queries.iter().map(|(name, _)| name.clone()).collect()
    }

    /// Holds all responses back until `release`.
    pub fn hold(&self) {
        self.shared.state.lock().unwrap().held = true;
    }

    pub fn release(&self) {
        self.shared.state.lock().unwrap().held = false;
        self.shared.changed.notify_all();
    }

    /// Blocks the thread until `name` has been asked for `count` times.
    pub fn wait_for_queries(&self, name: &str, count: usize) {
        let asked = |state: &State| state.queries.iter().filter(|(n, _)| n == name).count();
        let state = self.shared.state.lock().unwrap();
        let patience = Duration::from_secs(10);
        let (_state, waited) = self
            .shared
            .changed
            .wait_timeout_while(state, patience, |state| asked(state) < count)
            .unwrap();
        assert!(
            !waited.timed_out(),
            "{name} was not asked for {count} times"
        );
    }
}

impl Drop for FakeDns {
    fn drop(&mut self) {
        self.shared.state.lock().unwrap().stopped = true;
        self.release();
        // Wake both threads so that they see it.
        if let Ok(waker) = UdpSocket::bind("127.0.0.1:0") {
            let _ = waker.send_to(&[], self.address);
        }
        let _ = TcpStream::connect(self.address);
    }
}

fn sockets() -> (UdpSocket, TcpListener) {
    loop {
        let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
        // The TCP port of the same number may be taken.
        if let Ok(tcp) = TcpListener::bind(udp.local_addr().unwrap()) {
            return (udp, tcp);
        }
    }
}

impl Shared {
    fn serve_udp(&self, socket: &UdpSocket) {
        let mut buffer = [0; 4096];
        while let Ok((length, peer)) = socket.recv_from(&mut buffer) {
            match self.reply_to(&buffer[..length], true) {
                Ok(Some(reply)) => drop(socket.send_to(&reply, peer)),
                Ok(None) => {}
                Err(Stopped) => return,
            }
        }
    }

    /// A thread for each connection: clients open several at once and keep them.
    fn serve_tcp(self: &Arc<Self>, listener: &TcpListener) {
        while let Ok((stream, _)) = listener.accept() {
            if self.state.lock().unwrap().stopped {
                return;
            }
            let shared = Arc::clone(self);
            std::thread::spawn(move || shared.serve_connection(stream));
        }
    }

    fn serve_connection(&self, mut stream: TcpStream) {
        while let Some(query) = read_framed(&mut stream) {
            match self.reply_to(&query, false) {
                Ok(Some(reply)) => {
                    let length = u16::try_from(reply.len()).unwrap().to_be_bytes();
                    let _ = stream.write_all(&[&length[..], &reply].concat());
                }
                Ok(None) => {}
                Err(Stopped) => return,
            }
        }
    }

    fn reply_to(&self, query: &[u8], over_udp: bool) -> Result<Option<Vec<u8>>, Stopped> {
        let mut state = self.state.lock().unwrap();
        if state.stopped {
            return Err(Stopped);
        }
        let Some(question) = Question::parse(query) else {
            return Ok(None);
        };
        let reply = state.reply_to(&question);
        self.changed.notify_all();
        let state = self.changed.wait_while(state, |state| state.held).unwrap();
        if state.stopped {
            return Err(Stopped);
        }
        let is_silent = reply.silent.contains(&question.kind);
        Ok((!is_silent).then(|| question.answered(&reply, over_udp)))
    }
}

struct Stopped;

impl State {
    fn reply_to(&mut self, question: &Question) -> Reply {
        let key = (question.id, question.name.clone(), question.kind);
        if let Some(reply) = self.replied.get(&key) {
            return reply.clone();
        }
        let reply = self.next_reply(question);
        self.replied.insert(key, reply.clone());
        reply
    }

    fn next_reply(&mut self, question: &Question) -> Reply {
        let key = (question.name.clone(), question.kind);
        self.queries.push(key.clone());
        let Some(replies) = self.zone.get(&question.name) else {
            return Reply::nxdomain();
        };
        let turn = self.asked.entry(key).or_default();
        let reply = replies[(*turn).min(replies.len() - 1)].clone();
        *turn += 1;
        reply
    }
}

fn read_framed(stream: &mut TcpStream) -> Option<Vec<u8>> {
    let mut length = [0; 2];
    stream.read_exact(&mut length).ok()?;
    let mut message = vec![0; usize::from(u16::from_be_bytes(length))];
    stream.read_exact(&mut message).ok()?;
    Some(message)
}

/// The one question of a query (RFC 1035 §4.1).
struct Question {
    id: [u8; 2],
    name: String,
    kind: u16,
    raw: Vec<u8>,
}

impl Question {
    fn parse(query: &[u8]) -> Option<Self> {
        let mut labels = Vec::new();
        let mut at = 12;
        loop {
            let length = usize::from(*query.get(at)?);
            at += 1;
            if length == 0 {
                break;
            }
            let label = std::str::from_utf8(query.get(at..at + length)?).ok()?;
            labels.push(label.to_ascii_lowercase());
            at += length;
        }
        Some(Self {
            id: [query[0], query[1]],
            name: labels.join("."),
            kind: u16::from_be_bytes([*query.get(at)?, *query.get(at + 1)?]),
            raw: query.get(12..at + 4)?.to_vec(),
        })
    }

    fn answered(&self, reply: &Reply, over_udp: bool) -> Vec<u8> {
        let is_cut = over_udp && reply.truncated;
        let records = if is_cut {
            Vec::new()
        } else {
            self.records(reply)
        };
        let count = u16::try_from(records.len()).unwrap().to_be_bytes();
        let mut message = self.id.to_vec();
        message.push(0x81 | u8::from(is_cut) << 1);
        message.push(0x80 | reply.code);
        message.extend([0, 1, count[0], count[1], 0, 0, 0, 0]);
        message.extend(&self.raw);
        message.extend(records.concat());
        message
    }

    fn records(&self, reply: &Reply) -> Vec<Vec<u8>> {
        let mut records = Vec::new();
        let mut owner = self.name.as_str();
        for alias in &reply.aliases {
            records.push(record(owner, CNAME, reply.ttl, &wire_name(alias)));
            owner = alias;
        }
        for address in &reply.addresses {
            match address {
                IpAddr::V4(ip) if self.kind == A => {
                    records.push(record(owner, A, reply.ttl, &ip.octets()));
                }
                IpAddr::V6(ip) if self.kind == AAAA => {
                    records.push(record(owner, AAAA, reply.ttl, &ip.octets()));
                }
                IpAddr::V4(_) | IpAddr::V6(_) => {}
            }
        }
        records
    }
}

fn record(owner: &str, kind: u16, ttl: u32, data: &[u8]) -> Vec<u8> {
    let mut record = wire_name(owner);
    record.extend(kind.to_be_bytes());
    record.extend([0, 1]);
    record.extend(ttl.to_be_bytes());
    record.extend(u16::try_from(data.len()).unwrap().to_be_bytes());
    record.extend(data);
    record
}

fn wire_name(name: &str) -> Vec<u8> {
    let mut wire = Vec::new();
    for label in name.split('.') {
        wire.push(u8::try_from(label.len()).unwrap());
        wire.extend(label.as_bytes());
    }
    wire.push(0);
    wire
}
