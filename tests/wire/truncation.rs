//! A response that breaks off reaches the client up to its last byte, and then as an aborted
//! transfer, never as a clean end. A response that may end by a close is complete by one.

use std::{sync::mpsc, time::Duration};

use crate::support::{
    Client, Gateway, Peer, Upstream,
    client::{End, Response},
    eventually,
    gateway::get,
    let_pass,
};

const TRUNCATED: &str = "throughway_requests_total{outcome=\"truncated\"}";
const RELAYED: &str = "throughway_requests_total{outcome=\"relayed\"}";

/// How the upstream ends its connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cut {
    Fin,
    Reset,
}

impl Cut {
    fn apply(self, peer: &mut Peer) {
        if self == Cut::Reset {
            peer.reset();
        }
    }
}

/// An upstream that responds once with these bytes and ends its connection so, after the client has
/// the first of them: an end that overtakes the bytes before it would be no test.
fn cut_short(raw: &'static str, cut: Cut) -> (Upstream, mpsc::Sender<()>) {
    let (go, told) = mpsc::channel();
    let told = std::sync::Mutex::new(told);
    let upstream = Upstream::playing(move |peer| {
        peer.request();
        peer.send(raw);
        let _ = told.lock().expect("one connection").recv();
        cut.apply(peer);
    });
    (upstream, go)
}

fn assert_cut(response: &Response, body: &str, end: End, what: &str) {
    let seen = (response.status, response.text(), response.end);
    assert_eq!(seen, (200, body.to_owned(), end), "{what}");
}

const CUT_RESPONSES: [(&str, &str); 9] = [
    (
        "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345",
        "12345",
    ),
    (
        "HTTP/1.0 200 OK\r\nContent-Length: 10\r\n\r\n12345",
        "12345",
    ),
    ("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n", ""),
    ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", ""),
    (
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
        "hello",
    ),
    (
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\nhello",
        "hello",
    ),
    (
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello",
        "hello",
    ),
    (
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n",
        "hello",
    ),
    (
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nT: v\r\n\r",
        "hello",
    ),
];

#[test]
fn a_framed_response_that_breaks_off_is_an_aborted_transfer_after_its_last_byte() {
    let gateway = Gateway::start();
    let mut count = 0;
    for cut in [Cut::Fin, Cut::Reset] {
        for (raw, body) in CUT_RESPONSES {
            let (upstream, go) = cut_short(raw, cut);
            let mut client = gateway.client();
            client.send(get(&upstream));
            client.peek();
            let _ = go.send(());
            assert_cut(
                &client.response(),
                body,
                End::CutShort,
                &format!("{cut:?} {raw}"),
            );
            count += 1;
            eventually("counted as truncated", || {
                gateway.metric(TRUNCATED) == count
            });
        }
    }
    assert_eq!(gateway.metric(RELAYED), 0);
}

#[test]
fn a_close_delimited_response_is_complete_on_fin_and_cut_on_reset() {
    let gateway = Gateway::start();
    for raw in [
        "HTTP/1.1 200 OK\r\nX: y\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhello",
        "HTTP/1.0 200 OK\r\n\r\nhello",
    ] {
        for (cut, end) in [(Cut::Fin, End::Complete), (Cut::Reset, End::CutShort)] {
            let (upstream, go) = cut_short(raw, cut);
            let mut client = gateway.client();
            client.send(get(&upstream));
            client.peek();
            let _ = go.send(());
            assert_cut(&client.response(), "hello", end, &format!("{cut:?} {raw}"));
        }
    }
    eventually("three of each", || {
        (gateway.metric(TRUNCATED), gateway.metric(RELAYED)) == (3, 3)
    });
}

/// The same request in HTTP/1.0.
fn old(request: &str) -> String {
    request.replacen(" HTTP/1.1\r\n", " HTTP/1.0\r\n", 1)
}

#[test]
fn a_client_of_http_1_0_sees_the_abort_as_a_reset() {
    let gateway = Gateway::start();
    for (raw, body) in [
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
            "hello",
        ),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\nhello",
            "hello",
        ),
    ] {
        let (upstream, go) = cut_short(raw, Cut::Fin);
        let mut client = gateway.client();
        client.send(old(&get(&upstream)));
        client.peek();
        let _ = go.send(());
        let head = client.head();
        assert!(
            !head.to_ascii_lowercase().contains("transfer-encoding"),
            "{head}"
        );
        assert_eq!(String::from_utf8_lossy(&client.take(body.len())), body);
        assert_eq!(client.fill(), Err(End::Reset), "{raw}");
    }
}

#[test]
fn a_client_of_http_1_0_sees_complete_responses_end_by_a_close() {
    let gateway = Gateway::start();
    for raw in [
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\n\r\nhello",
    ] {
        let upstream = Upstream::responding_once(raw);
        let response = gateway.exchange(old(&get(&upstream)));
        assert_cut(&response, "hello", End::Closed, raw);
    }
}

/// More than all socket buffers on the way hold together, so that the end is known to the gateway
/// only when the client has read a good part.
const MUCH: usize = 24 << 20;

/// Reads slowly at first: the client looks away until the pipe is full.
fn slow_response(gateway: &Gateway, upstream: &Upstream) -> Response {
    let mut client: Client = gateway.client();
    client.send(get(upstream));
    client.peek();
    let_pass(Duration::from_millis(300));
    client.response()
}

#[test]
fn a_slow_reader_gets_every_byte_before_the_abort() {
    for framing in ["Content-Length: 99999999", "Transfer-Encoding: chunked"] {
        let chunked = framing.starts_with('T');
        let upstream = Upstream::playing(move |peer| {
            peer.request();
            peer.send(format!("HTTP/1.1 200 OK\r\n{framing}\r\n\r\n"));
            if chunked {
                peer.send(format!("{:x}\r\n", MUCH + 1));
            }
            peer.send(vec![b'x'; MUCH]);
        });
        let gateway = Gateway::start();
        let response = slow_response(&gateway, &upstream);
        assert_eq!(
            (response.body.len(), response.end),
            (MUCH, End::CutShort),
            "{framing}"
        );
        assert_eq!(gateway.metric(TRUNCATED), 1);
    }
}

#[test]
fn a_slow_reader_gets_what_waits_in_the_gateway_when_the_end_is_there_already() {
    // Fits into the gateway's own buffers and the sockets', beyond what the client's side takes
    // unread.
    const WAITING: usize = 2 << 20;
    let (sent, told) = mpsc::channel();
    let sent = std::sync::Mutex::new(sent);
    let upstream = Upstream::playing(move |peer| {
        peer.request();
        peer.send("HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n");
        peer.send(vec![b'x'; WAITING]);
        let _ = peer.stream.shutdown(std::net::Shutdown::Write);
        let _ = sent.lock().expect("one connection").send(());
        peer.closed_after();
    });
    let gateway = Gateway::start();
    let mut client = gateway.client();
    client.send(get(&upstream));
    told.recv().expect("all is sent");
    let response = client.response();
    assert_eq!(
        (response.body.len(), response.end),
        (WAITING, End::CutShort)
    );
}

#[test]
fn a_slow_reader_of_http_1_0_gets_every_byte_before_the_reset() {
    // A reset throws away what its own kernel has not sent, so this holds for what the client's
    // side had room for.
    let upstream = Upstream::playing(|peer| {
        peer.request();
        peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n8000\r\n");
        peer.send(vec![b'x'; 0x8000]);
        peer.send("\r\n");
    });
    let gateway = Gateway::start();
    let mut client = gateway.client();
    client.send(old(&get(&upstream)));
    client.peek();
    eventually("the gateway has seen the end", || {
        gateway.metric(TRUNCATED) == 1
    });
    client.head();
    assert_eq!(client.take(0x8000), vec![b'x'; 0x8000]);
    assert_eq!(client.fill(), Err(End::Reset));
}
