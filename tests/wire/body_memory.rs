//! How much memory all request bodies together may use (`memory.bodies`), and how many requests may
//! be under way (`downstream.max_requests`).

use std::{
    sync::{Mutex, mpsc},
    time::Duration,
};

use crate::support::{
    Client, Gate, Gateway, Peer, Process, Response, Upstream,
    caching::{self, Ask},
    eventually,
    gateway::{get, post},
    message::noise,
    routing::{base, chat, completion, config_line, configured, json, raw_response},
};

const KEPT: &str = "throughway_request_body_kept_bytes";
const MEGABYTE: usize = 1 << 20;
const MOMENT: Duration = Duration::from_millis(1);

/// Signals when the first `first` bytes of an upload have come, and responds after all of it.
fn telling(first: usize) -> (Upstream, mpsc::Receiver<()>) {
    let (tell, told) = mpsc::channel();
    let tell = Mutex::new(tell);
    let upstream = Upstream::playing(move |peer| {
        while let Some(head) = peer.head() {
            let length = Peer::length(&head).expect("a length");
            if peer.take(first).is_none() {
                return;
            }
            let _ = tell.lock().expect("no panic").send(());
            if peer.take(length - first).is_none() {
                return;
            }
            peer.send(json("200 OK", &completion("a")));
        }
    });
    (upstream, told)
}

fn upload(upstream: &Upstream, length: usize) -> String {
    let config = config_line(&format!(
        r#"{{"custom_host":"{}","retry":{{"attempts":1}}}}"#,
        base(upstream)
    ));
    format!(
        "POST /v1/files HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/octet-stream\r\n\
         Content-Length: {length}\r\n{config}\r\n"
    )
}

fn overridden(upstream: &Upstream, length: usize) -> String {
    let config = format!(
        r#"{{"custom_host":"{}","override_params":{{"model":"m"}}}}"#,
        base(upstream)
    );
    let padding = "x".repeat(length);
    configured(&config, &format!(r#"{{"model":"n","text":"{padding}"}}"#))
}

fn assert_overloaded(response: &Response) {
    assert_eq!(
        (
            response.status,
            response.error(),
            response.header("retry-after")
        ),
        (503, Some("overloaded"), Some("1")),
        "{}",
        response.text()
    );
}

#[test]
fn forty_unfinished_uploads_hold_no_more_than_the_settings_say() {
    const SENT: usize = 4 * MEGABYTE;
    let (upstream, told) = telling(SENT);
    let gateway = Process::serving("body-memory", "memory: { bodies: 16MiB }\n");
    let mut warm = gateway.client();
    warm.send(get(&Upstream::named("warm")));
    warm.response();
    let before = gateway.memory();
    let body = noise(SENT + 10);
    let mut clients: Vec<Client> = (0..40)
        .map(|number| {
            let mut client = Client::connect_from(2 + number % 4, gateway.address);
            client.send(upload(&upstream, SENT + 10));
            client.send(&body[..SENT]);
            client
        })
        .collect();
    for _ in &clients {
        told.recv().expect("the upload goes on");
    }
    let kept = gateway.metric(KEPT);
    let used = gateway.memory().saturating_sub(before);
    assert!(used < 48 << 20, "{used} bytes used");
    assert!(
        (4 << 20..=16 << 20).contains(&kept),
        "{kept} bytes of bodies are kept"
    );
    for client in &mut clients {
        client.send(&body[SENT..]);
    }
    let mut lost = 0;
    for client in &mut clients {
        let response = client.response();
        assert_eq!(response.seen(), (200, completion("a")));
        lost += usize::from(response.header("x-gateway-replay") == Some("lost"));
    }
    assert!((36..40).contains(&lost), "{lost} could not be sent again");
    assert_eq!(gateway.metric(KEPT), 0);
    assert!(gateway.metric("throughway_request_body_not_kept_total") >= 36);
}

#[test]
fn a_body_in_tiny_chunks_counts_what_it_holds() {
    let upstream = Upstream::playing(|peer| {
        peer.head();
        peer.closed_after();
    });
    let gateway = Gateway::start();
    let mut client = gateway.client();
    client.send(upload(&upstream, 0).replace("Content-Length: 0", "Transfer-Encoding: chunked"));
    for _ in 0..100 {
        client.send("1\r\nx\r\n".repeat(1000));
    }
    eventually("all are kept", || gateway.metric(KEPT) >= 100_000);
    assert!(gateway.metric(KEPT) <= 2 * 65_536);
    drop(client);
    eventually("all is given back", || gateway.metric(KEPT) == 0);
}

#[test]
fn a_body_that_must_be_read_whole_and_finds_no_room_is_refused() {
    let upstream = Upstream::named("a");
    let gateway = Gateway::with("memory: { bodies: 1MiB }\n");
    let large = gateway.exchange(overridden(&upstream, 700_000));
    assert_overloaded(&large);
    assert_eq!(upstream.connections(), 0);
    let model = gateway.exchange(overridden(&upstream, 100_000));
    assert_eq!(model.status, 200);
    let health = "GET /gateway/health/ready HTTP/1.1\r\nHost: localhost\r\n\r\n";
    assert_eq!(gateway.exchange(health).status, 200);
    eventually("all is given back", || gateway.metric(KEPT) == 0);
}

#[test]
fn one_address_leaves_room_for_the_others() {
    const SENT: usize = 400_000;
    let (upstream, told) = telling(SENT);
    let other = Upstream::named("b");
    let gateway = Gateway::with("memory: { bodies: 1MiB }\n");
    let greedy: Vec<Client> = (0..10)
        .map(|_| {
            let mut client = Client::connect_from(2, gateway.address);
            client.send(upload(&upstream, SENT + 10));
            client.send(noise(SENT));
            client
        })
        .collect();
    for _ in &greedy {
        told.recv().expect("the upload goes on");
    }
    assert!(gateway.metric(KEPT) <= 512 << 10);
    let mut same = Client::connect_from(2, gateway.address);
    same.send(overridden(&other, 250_000));
    assert_overloaded(&same.response());
    let mut another = Client::connect_from(3, gateway.address);
    another.send(overridden(&other, 100_000));
    assert_eq!(another.response().status, 200);
}

#[test]
fn a_request_that_asks_for_the_cache_goes_on_without_where_there_is_no_room() {
    let upstream = Upstream::named("a");
    let gateway = Gateway::with("memory: { bodies: 1MiB }\n");
    let small = Ask::of(&upstream);
    assert_eq!(
        caching::statuses(&gateway, [&small, &small]),
        ["MISS", "HIT"]
    );
    let padding = "x".repeat(700_000);
    let body = format!(r#"{{"model":"m","messages":["{padding}"]}}"#);
    let lines = format!(
        "x-gateway-custom-host: {}\r\nx-gateway-cache: true\r\nAuthorization: Bearer sk-a\r\n",
        base(&upstream)
    );
    let response = gateway.exchange(chat(&lines, &body));
    assert_eq!(response.status, 200);
    assert_eq!(caching::status(&response), "DISABLED");
    assert!(upstream.requests()[1].ends_with(body.as_bytes()), "cut");
    let refused = r#"throughway_cache_refusals_total{reason="no_body_memory"}"#;
    assert_eq!(gateway.metric(refused), 1);
}

#[test]
fn a_hedge_an_edit_and_a_condition_give_their_memory_back() {
    let upstream = Upstream::named("a");
    let gateway = Gateway::start();
    let host = base(&upstream);
    let body = format!(r#"{{"model":"n","text":"{}"}}"#, "x".repeat(300_000));
    for config in [
        format!(r#"{{"custom_host":"{host}","hedge":{{"after":1}}}}"#),
        format!(r#"{{"custom_host":"{host}","override_params":{{"model":"m"}}}}"#),
        format!(
            r#"{{"strategy":{{"mode":"conditional","conditions":[{{"query":{{"params.model":
            {{"$eq":"n"}}}},"then":"t"}}]}},"targets":[{{"name":"t","custom_host":"{host}"}}]}}"#
        ),
    ] {
        let response = gateway.exchange(configured(&config, &body));
        assert_eq!(response.status, 200, "{}", response.text());
        eventually("all is given back", || gateway.metric(KEPT) == 0);
    }
}

#[test]
fn a_hedge_that_finds_no_room_leaves_the_first_request_alone() {
    let gate = Gate::default();
    let opened = gate.clone();
    let upstream = Upstream::playing(move |peer| {
        while peer.request().is_some() {
            opened.passed();
            peer.send(json("200 OK", &completion("a")));
        }
    });
    let gateway = Gateway::with("memory: { bodies: 1MiB }\n");
    let config = format!(
        r#"{{"custom_host":"{}","override_params":{{"model":"m"}},"hedge":{{"after":50}}}}"#,
        base(&upstream)
    );
    let body = format!(r#"{{"model":"n","text":"{}"}}"#, "x".repeat(200_000));
    let mut client = gateway.client();
    client.send(configured(&config, &body));
    eventually("the hedge finds no room", || {
        gateway.metric("throughway_request_body_not_kept_total") > 0
    });
    gate.open();
    assert_eq!(client.response().seen(), (200, completion("a")));
    assert_eq!(upstream.connections(), 1);
}

#[test]
fn more_requests_than_the_settings_allow_are_refused_and_pages_respond() {
    let gate = Gate::default();
    let opened = gate.clone();
    let upstream = Upstream::playing(move |peer| {
        while peer.request().is_some() {
            opened.passed();
            peer.send(raw_response("200 OK", "", "ok"));
        }
    });
    let gateway = Gateway::with("downstream: { max_requests: 2 }\n");
    let mut waiting: Vec<Client> = (0..2).map(|_| gateway.client()).collect();
    for client in &mut waiting {
        client.send(post(&upstream, "{}"));
    }
    eventually("both wait", || upstream.connections() == 2);
    let mut third = gateway.client();
    third.send(post(&upstream, "{}"));
    assert_overloaded(&third.response());
    let health = "GET /gateway/health/live HTTP/1.1\r\nHost: localhost\r\n\r\n";
    assert_eq!(gateway.exchange(health).status, 200);
    assert_eq!(gateway.metric("throughway_requests_in_flight"), 2);
    gate.open();
    for client in &mut waiting {
        assert_eq!(client.response().text(), "ok");
    }
    eventually("both have ended", || {
        gateway.metric("throughway_requests_in_flight") == 0
    });
    third.send(post(&upstream, "{}"));
    assert_eq!(third.response().text(), "ok");
    assert_eq!(upstream.requests().len(), 3);
}

#[test]
fn a_body_in_pieces_of_one_byte_waits_for_a_slow_upstream_and_arrives_whole() {
    const LENGTH: usize = 100_000;
    let body = noise(LENGTH);
    let chunked: Vec<u8> = body
        .iter()
        .flat_map(|byte| [b'1', b'\r', b'\n', *byte, b'\r', b'\n'])
        .collect();
    let gate = Gate::default();
    let opened = gate.clone();
    let expected = [&chunked[..], b"0\r\n\r\n"].concat();
    let sent = expected.clone();
    let upstream = Upstream::playing(move |peer| {
        peer.head();
        opened.passed();
        let mut seen = Vec::new();
        while !seen.ends_with(b"\r\n0\r\n\r\n") {
            seen.extend(peer.take(1).expect("the body goes on"));
        }
        let same = decoded(&seen) == decoded(&expected);
        peer.send(raw_response(
            "200 OK",
            "",
            if same { "same" } else { "other" },
        ));
    });
    let gateway = Gateway::start();
    let mut client = gateway.client();
    client.send(upload(&upstream, 0).replace("Content-Length: 0", "Transfer-Encoding: chunked"));
    client.send(sent);
    eventually("the upstream is asked", || upstream.connections() == 1);
    gate.open();
    assert_eq!(client.response().seen(), (200, "same".to_owned()));
}

/// The data of a chunked body.
fn decoded(mut body: &[u8]) -> Vec<u8> {
    let mut data = Vec::new();
    loop {
        let line = body
            .windows(2)
            .position(|it| it == b"\r\n")
            .expect("a size line");
        let size = std::str::from_utf8(&body[..line]).expect("digits");
        let size = usize::from_str_radix(size, 16).expect("a size");
        if size == 0 {
            return data;
        }
        data.extend(&body[line + 2..line + 2 + size]);
        body = &body[line + 2 + size + 2..];
    }
}

#[test]
fn heads_that_do_not_end_hold_no_more_than_the_settings_say() {
    const SENT: usize = 100_000;
    let gateway = Process::serving("head-memory", "memory: { bodies: 2MiB }\n");
    let before = gateway.memory();
    let head = format!("GET /v1/models HTTP/1.1\r\nX-Long: {}", "x".repeat(SENT));
    let mut clients: Vec<Client> = (0..100)
        .map(|number| {
            let mut client = Client::connect_from(2 + number % 4, gateway.address);
            client.send(&head);
            client
        })
        .collect();
    eventually("there is no more room", || {
        gateway.metric("throughway_request_body_not_kept_total") >= 80
    });
    assert!(gateway.metric(KEPT) <= 2 << 20);
    let used = gateway.memory().saturating_sub(before);
    assert!(used < 8 << 20, "{used} bytes used");
    let open = clients
        .iter_mut()
        .map(|client| client.is_silent_for(MOMENT));
    let open = open.filter(|is_open| *is_open).count();
    assert!((1..20).contains(&open), "{open} heads are still read");
    drop(clients);
    eventually("all is given back", || gateway.metric(KEPT) == 0);
}
