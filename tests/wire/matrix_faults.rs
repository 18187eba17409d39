//! The faults of the matrix: a constructor for each.

use std::{
    net::{SocketAddr, TcpListener, TcpStream},
    time::{Duration, SystemTime},
};

use crate::{
    matrix::{Calls, Faulty, TIMEOUTS},
    support::{
        Authority, Gate, Peer, Upstream,
        dns::FakeDns,
        routing::{Refusing, STREAM, chunk, json, raw_response, token, token_chunks},
        tls_upstream,
    },
};

/// An error as providers phrase it.
pub const ERROR: &str =
    r#"{"error":{"message":"not now","type":"server_error","param":null,"code":null}}"#;
pub const HTML: &str = "<html><body><h1>502 Bad Gateway</h1></body></html>";
pub const ERROR_EVENT: &str =
    "data: {\"error\":{\"message\":\"overloaded\",\"type\":\"server_error\"}}\n\n";
pub const COMMENT: &str = ": waiting\n\n";
pub const LONG: usize = 10 << 20;

/// Reads one request on each connection, and then runs this script.
fn once(script: impl Fn(&mut Peer) + Send + Sync + 'static) -> Faulty {
    Faulty::upstream(Upstream::playing(move |peer| {
        if peer.request().is_some() {
            script(peer);
        }
    }))
}

/// Sends this and then nothing more.
fn then_silent(bytes: String) -> Faulty {
    once(move |peer| {
        peer.send(&bytes);
        peer.fall_silent();
    })
}

/// Sends this and closes.
fn then_closed(bytes: String) -> Faulty {
    once(move |peer| peer.send(&bytes))
}

pub fn refused() -> Faulty {
    let port = Refusing::new();
    let mut faulty = Faulty::unreachable(port.base(), "connect");
    faulty.keep = Box::new(port);
    faulty
}

pub fn unknown_name() -> Faulty {
    let dns = FakeDns::start();
    let mut faulty = Faulty::unreachable("http://missing.test/v1".to_owned(), "connect");
    faulty.settings = format!("dns: {{ servers: [\"{}\"] }}\n", dns.address());
    faulty.keep = Box::new(dns);
    faulty
}

/// Its certificate is of an unknown authority.
pub fn untrusted() -> Faulty {
    let authority = Authority::new();
    let upstream = tls_upstream::playing(authority.server(), |_| {});
    Faulty {
        base: format!("{}/v1", tls_upstream::url(&upstream)),
        calls: Calls::Connections(upstream),
        keep: Box::new(authority),
        ..Faulty::unreachable(String::new(), "none")
    }
}

/// Its queue of connections is full and none is accepted.
pub fn connect_timeout() -> Faulty {
    let socket =
        socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).expect("a socket");
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    socket.bind(&any.into()).expect("a port");
    socket.listen(0).expect("listening");
    let listener = TcpListener::from(socket);
    let address = listener.local_addr().expect("an address");
    let briefly = Duration::from_millis(100);
    let waiting: Vec<TcpStream> =
        std::iter::from_fn(|| TcpStream::connect_timeout(&address, briefly).ok())
            .take(16)
            .collect();
    let mut faulty = Faulty::unreachable(format!("http://{address}/v1"), "connect_timeout");
    faulty.keep = Box::new((listener, waiting));
    faulty
}

pub fn silent_before_head() -> Faulty {
    then_silent(String::new())
}

pub fn reset_before_head() -> Faulty {
    once(Peer::reset)
}

pub fn closed_before_head() -> Faulty {
    then_closed(String::new())
}

pub fn malformed_head() -> Faulty {
    then_closed("SSH-2.0-OpenSSH_9.6\r\n\r\n".to_owned())
}

/// A head that comes late, but within every limit.
pub fn slow_head() -> Faulty {
    let mut faulty = once(|peer| {
        peer.pause(Duration::from_millis(2000));
        peer.send(json("200 OK", r#"{"id":"slow","choices":[]}"#));
    });
    faulty.timeouts = &[];
    faulty
}

/// A status with a JSON error and these header lines.
pub fn status(status: &'static str, lines: &'static str) -> Faulty {
    let lines = format!("Content-Type: application/json\r\n{lines}");
    Faulty::upstream(Upstream::responding(raw_response(status, &lines, ERROR)))
}

pub fn throttled(lines: &'static str) -> Faulty {
    status("429 Too Many Requests", lines)
}

/// Asks to wait until a date 1.6 to 2.6 s from now: dates have whole seconds.
pub fn throttled_until_a_date() -> Faulty {
    Faulty::upstream(Upstream::playing(|peer| {
        while peer.request().is_some() {
            let until = SystemTime::now() + Duration::from_millis(2600);
            let lines = format!(
                "Content-Type: application/json\r\nRetry-After: {}\r\n",
                httpdate::fmt_http_date(until)
            );
            peer.send(raw_response("429 Too Many Requests", &lines, ERROR));
        }
    }))
}

pub fn html_200() -> Faulty {
    let lines = "Content-Type: text/html\r\n";
    Faulty::upstream(Upstream::responding(raw_response("200 OK", lines, HTML)))
}

pub fn json_200(body: &'static str) -> Faulty {
    Faulty::upstream(Upstream::responding(json("200 OK", body)))
}

/// Half of a JSON response.
pub fn json_cut() -> Faulty {
    then_closed(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n\
         {\"choices\":["
            .to_owned(),
    )
}

pub fn silent_after_head() -> Faulty {
    then_silent(STREAM.to_owned())
}

pub fn silent_mid_stream() -> Faulty {
    then_silent(STREAM.to_owned() + &token_chunks(2))
}

/// A stream of these bytes that ends well.
pub fn stream(events: &'static str) -> Faulty {
    let body = match events {
        "" => String::new(),
        events => chunk(events),
    };
    Faulty::upstream(Upstream::responding(format!("{STREAM}{body}0\r\n\r\n")))
}

pub fn error_after_a_token() -> Faulty {
    let events = token_chunks(1) + &chunk(ERROR_EVENT);
    Faulty::upstream(Upstream::responding(format!("{STREAM}{events}0\r\n\r\n")))
}

/// 40 tokens of 60, and the connection closes.
pub fn cut_at_40() -> Faulty {
    then_closed(STREAM.to_owned() + &token_chunks(40))
}

/// A few tokens and then a reset, once the client has them: a reset throws away what is on the way.
pub fn reset_mid_stream() -> Faulty {
    gated(token(2), |peer, gate| {
        peer.send(STREAM.to_owned() + &token_chunks(3));
        gate.passed();
        peer.reset();
    })
}

/// A broken chunk in one piece with the head, so that the gateway sees both at once.
pub fn malformed_with_the_head() -> Faulty {
    then_closed(format!("{STREAM}zz\r\n"))
}

/// A broken chunk 300 ms after the head.
pub fn malformed_first_chunk() -> Faulty {
    once(|peer| {
        peer.send(STREAM);
        peer.pause(Duration::from_millis(300));
        peer.send("zz\r\n");
    })
}

/// A broken chunk once the client has two tokens.
pub fn malformed_later_chunk() -> Faulty {
    gated(token(1), |peer, gate| {
        peer.send(STREAM.to_owned() + &token_chunks(2));
        gate.passed();
        peer.send("zz\r\n");
    })
}

/// One token, and once the client has it five more with pauses.
pub fn slow_tokens() -> Faulty {
    gated(token(0), |peer, gate| {
        peer.send(STREAM.to_owned() + &token_chunks(1));
        gate.passed();
        for number in 1..6 {
            peer.pause(Duration::from_millis(250));
            peer.send(chunk(&token(number)));
        }
        peer.send("0\r\n\r\n");
    })
}

/// A comment at once, and the first token later than `first_token` allows.
pub fn late_first_token() -> Faulty {
    let mut faulty = once(|peer| {
        peer.send(STREAM.to_owned() + &chunk(COMMENT));
        peer.pause(Duration::from_millis(1600));
        peer.send(token_chunks(1) + "0\r\n\r\n");
    });
    faulty.timeouts = &[("first_token", 600)];
    faulty
}

/// JSON that looks like an error and is too long to be judged.
pub fn long() -> Faulty {
    Faulty::upstream(Upstream::playing(|peer| {
        while peer.request().is_some() {
            peer.send(format!(
                "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\
                 Content-Length: {LONG}\r\n\r\n"
            ));
            peer.send(long_body());
        }
    }))
}

pub fn long_body() -> Vec<u8> {
    let mut body = b"{\"error\":\"".to_vec();
    body.resize(LONG - 2, b'x');
    body.extend(b"\"}");
    body
}

/// A script with a gate that opens when the client has these bytes.
fn gated(bytes: String, script: impl Fn(&mut Peer, &Gate) + Send + Sync + 'static) -> Faulty {
    let gate = Gate::default();
    let opened = gate.clone();
    let mut faulty = once(move |peer| script(peer, &gate));
    faulty.timeouts = TIMEOUTS;
    faulty.gate = Some((opened, bytes.into_bytes()));
    faulty
}
