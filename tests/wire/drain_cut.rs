//! What is aborted at the end of the drain budget: every such request is recorded, whatever it was
//! doing.

use crate::{
    coalescing::ask,
    support::{
        Client, Process, Upstream, eventually,
        gateway::{get, head},
        routing::base,
    },
    websocket::handshake,
};

const SWITCHED: &str = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\
                        Connection: Upgrade\r\n\
    Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nSec-WebSocket-Protocol: realtime\r\n\r\n";

/// Reads a head and plays this; then nothing comes any more.
fn stuck(raw: &'static str) -> Upstream {
    Upstream::playing(move |peer| {
        peer.head();
        peer.send(raw);
        peer.closed_after();
    })
}

/// The access log's lines with this outcome.
fn ended(log: &str, outcome: &str) -> usize {
    let outcome = format!("\"outcome\":\"{outcome}\"");
    log.lines().filter(|line| line.contains(&outcome)).count()
}

#[test]
fn every_request_that_the_budget_cuts_short_is_recorded() {
    let silent = stuck("");
    let streams = stuck("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");
    let long = stuck("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhello");
    // A frame of 256 bytes, most of which never come: going away cannot be said behind it.
    let sockets = Upstream::playing(|peer| {
        peer.head();
        peer.send(SWITCHED);
        peer.send([0x82, 126, 1, 0, b'x']);
        peer.closed_after();
    });
    let chunks = "Transfer-Encoding: chunked\r\n";
    let unfinished = head("POST", "/v1/files", &silent, chunks) + "5\r\nhello\r\n";
    // Each kind often: one that is lost now and then is found. The third member: a head comes for
    // it.
    let kinds = [
        (get(&silent), false),
        (unfinished, false),
        (get(&streams), true),
        (get(&long), true),
        (handshake(&sockets), true),
        (ask(&base(&streams), ""), true),
        (ask(&base(&silent), ""), false),
    ];
    for workers in [1, 2] {
        let yaml = format!("workers: {workers}\ndrain: {{ budget: 1s }}\n");
        let mut gateway = Process::serving(&format!("drain-cut-{workers}"), &yaml);
        let mut clients: Vec<Client> = Vec::new();
        for (request, has_head) in kinds.iter().cycle().take(kinds.len() * 6) {
            let mut client = gateway.client();
            client.send(request);
            if *has_head {
                client.head();
            }
            clients.push(client);
        }
        let all = clients.len();
        eventually("all are under way", || {
            gateway.metric("throughway_requests_in_flight") == all as i64
        });
        gateway.signal("TERM");
        assert_eq!(gateway.ended().code(), Some(0));
        eventually("the last line is there", || {
            gateway.log().contains("\"stopped\"")
        });
        let log = gateway.log();
        assert_eq!(ended(&log, "aborted"), all, "{log}");
        let last = log.lines().last().unwrap_or_default();
        assert!(last.contains(&format!("\"aborted\":{all}")), "{last}");
    }
}

#[test]
fn a_client_that_left_while_the_gateway_drains_is_not_called_aborted() {
    let silent = stuck("");
    let mut gateway = Process::serving("drain-left", "drain: { budget: 3s }");
    let (mut stays, mut leaves) = (gateway.client(), gateway.client());
    stays.send(get(&silent));
    leaves.send(get(&silent));
    eventually("both wait", || silent.connections() == 2);
    gateway.signal("TERM");
    let address = gateway.address;
    eventually("it drains", || {
        std::net::TcpStream::connect(address).is_err()
    });
    drop(leaves);
    assert_eq!(gateway.ended().code(), Some(0));
    eventually("the last line is there", || {
        gateway.log().contains("\"stopped\"")
    });
    let log = gateway.log();
    assert_eq!(
        (ended(&log, "client_gone"), ended(&log, "aborted")),
        (1, 1),
        "{log}"
    );
}
