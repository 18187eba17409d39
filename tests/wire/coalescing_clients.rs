//! Several clients share a response: if one leaves or does not read, the others do not notice.

use std::{sync::mpsc, time::Duration};

use crate::{
    clients_leaving::{Leaving, in_flight},
    coalescing::{ask, asking, joined, statuses},
    support::{
        Client, Gateway, Response, Upstream,
        client::End,
        eventually, let_pass,
        routing::{Gate, LAST, STREAM, base, chunk, json, token_chunks, tokens},
        stays,
    },
};

const WORKERS: &str = "workers: 2\n";
/// The gateway looks for clients that left four times a second. While others wait for the same call
/// nothing shows that it has noticed, so the tests wait this long.
const LONG_ENOUGH: Duration = Duration::from_millis(600);

fn gone(gateway: &Gateway) -> i64 {
    gateway.metric("throughway_requests_total{outcome=\"client_gone\"}")
}

#[test]
fn if_the_first_leaves_before_the_response_the_others_get_it_from_the_same_call() {
    for leaving in Leaving::ALL {
        let gate = Gate::default();
        let opens = gate.clone();
        let upstream = Upstream::playing(move |peer| {
            peer.request();
            assert!(opens.passed());
            peer.send(json("200 OK", r#"{"choices":[]}"#));
        });
        let gateway = Gateway::with(WORKERS);
        let request = ask(&base(&upstream), "");
        let first = asking(&gateway, &request);
        eventually("it was sent", || upstream.requests().len() == 1);
        let mut others: Vec<Client> = (0..9).map(|_| asking(&gateway, &request)).collect();
        eventually("they have joined", || joined(&gateway) == 9);
        let kept = leaving.leave(first);
        stays("one call", LONG_ENOUGH, || upstream.connections() == 1);
        gate.open();
        let responses: Vec<Response> = others.iter_mut().map(Client::response).collect();
        assert_eq!(statuses(&responses), vec!["HIT"; 9], "{leaving:?}");
        for response in &responses {
            assert_eq!(response.seen(), (200, r#"{"choices":[]}"#.to_owned()));
        }
        assert_eq!(upstream.requests().len(), 1, "{leaving:?}");
        let again = gateway.exchange(&request);
        assert_eq!(statuses(&[again]), ["HIT"], "{leaving:?}: it is kept");
        assert_eq!(in_flight(&gateway), 0, "{leaving:?}");
        drop(kept);
    }
}

#[test]
fn if_the_first_leaves_in_the_middle_the_others_get_all_of_it() {
    for leaving in Leaving::ALL {
        let gate = Gate::default();
        let opens = gate.clone();
        let upstream = Upstream::playing(move |peer| {
            peer.request();
            peer.send(STREAM.to_owned() + &token_chunks(2));
            assert!(opens.passed());
            peer.send(chunk("data: [DONE]\n\n") + LAST);
        });
        let gateway = Gateway::with(WORKERS);
        let request = ask(&base(&upstream), "");
        let mut first = asking(&gateway, &request);
        first.wait_for(b"t1 ");
        let mut others: Vec<Client> = (0..9).map(|_| asking(&gateway, &request)).collect();
        for client in &mut others {
            client.wait_for(b"t1 ");
        }
        let kept = leaving.leave(first);
        eventually("it is counted", || gone(&gateway) == 1);
        gate.open();
        for client in &mut others {
            let response = client.response();
            assert_eq!(response.end, End::Complete, "{leaving:?}");
            assert_eq!(response.text(), tokens(2) + "data: [DONE]\n\n");
        }
        assert_eq!(upstream.requests().len(), 1, "{leaving:?}");
        let again = gateway.exchange(&request);
        assert_eq!(statuses(&[again]), ["HIT"], "{leaving:?}: it is kept");
        drop(kept);
    }
}

#[test]
fn when_all_have_left_the_upstream_is_closed_before_and_after_the_head() {
    for beginning in [String::new(), STREAM.to_owned() + &token_chunks(1)] {
        let (tell, told) = mpsc::channel();
        let begun = beginning.clone();
        let upstream = Upstream::playing(move |peer| {
            peer.request();
            peer.send(&begun);
            let _ = tell.send(peer.closed_after().is_some());
        });
        let gateway = Gateway::with(WORKERS);
        let request = ask(&base(&upstream), "");
        let mut clients: Vec<Client> = (0..5).map(|_| asking(&gateway, &request)).collect();
        match beginning.is_empty() {
            true => eventually("they have joined", || joined(&gateway) == 4),
            false => clients.iter_mut().for_each(|it| it.wait_for(b"t0 ")),
        }
        // The first by itself, so that it is carried on for the others.
        drop(clients.remove(0));
        drop(clients);
        assert_eq!(told.recv(), Ok(true));
        eventually("all are counted", || gone(&gateway) == 5);
        assert_eq!(in_flight(&gateway), 0);
        assert_eq!(upstream.connections(), 1);
    }
}

#[test]
fn a_reader_that_falls_too_far_behind_is_cut_and_holds_neither_others_nor_memory() {
    const PIECE: usize = 256 * 1024;
    const PIECES: usize = 320;
    let gate = Gate::default();
    let opens = gate.clone();
    let upstream = Upstream::playing(move |peer| {
        peer.request();
        assert!(opens.passed());
        peer.send(STREAM);
        for _ in 0..PIECES {
            peer.send(chunk(&"x".repeat(PIECE)));
        }
        peer.send(LAST);
    });
    let gateway = Gateway::with(WORKERS);
    let request = ask(&base(&upstream), "");
    let mut reading = vec![asking(&gateway, &request)];
    eventually("it was sent", || upstream.requests().len() == 1);
    let mut stuck = asking(&gateway, &request);
    reading.push(asking(&gateway, &request));
    eventually("they have joined", || joined(&gateway) == 2);
    gate.open();
    let readers: Vec<_> = reading
        .into_iter()
        .map(|mut client| std::thread::spawn(move || client.response()))
        .collect();
    let responses: Vec<Response> = readers
        .into_iter()
        .map(|it| it.join().expect("a response"))
        .collect();
    let whole = |response: &Response| {
        (response.end, response.body.len()) == (End::Complete, PIECE * PIECES)
    };
    assert!(responses.iter().any(whole), "the fastest gets all of it");
    let cut = stuck.response();
    assert_ne!(cut.end, End::Complete);
    assert!(cut.body.len() < PIECE * PIECES);
    eventually("it is counted", || {
        gateway.metric("throughway_requests_total{outcome=\"aborted\"}") >= 1
    });
    assert_eq!(upstream.requests().len(), 1);
}

#[test]
fn the_first_is_cut_at_once_when_too_slow_while_the_others_read_on() {
    const PIECE: usize = 256 * 1024;
    const PIECES: usize = 160;
    let (begun, seen) = (Gate::default(), Gate::default());
    let (begin, go_on) = (begun.clone(), seen.clone());
    let upstream = Upstream::playing(move |peer| {
        peer.request();
        assert!(begin.passed());
        peer.send(STREAM);
        for _ in 0..PIECES {
            peer.send(chunk(&"x".repeat(PIECE)));
        }
        assert!(go_on.passed());
        peer.send(LAST);
    });
    let gateway = Gateway::with(WORKERS);
    let request = ask(&base(&upstream), "");
    let mut stuck = asking(&gateway, &request);
    eventually("it was sent", || upstream.requests().len() == 1);
    let mut other = asking(&gateway, &request);
    eventually("it has joined", || joined(&gateway) == 1);
    begun.open();
    let (tell, told) = mpsc::channel();
    let reading = std::thread::spawn(move || {
        let head = other.head();
        assert!(head.contains("200"), "{head}");
        let mut got = 0;
        while got < PIECE * PIECES {
            other.fill().expect("more comes");
            got += other.take_all().iter().filter(|it| **it == b'x').count();
        }
        tell.send(()).expect("the test waits");
        other.wait_for(LAST.as_bytes());
    });
    told.recv().expect("the other gets all but the end");
    let cut = stuck.response();
    assert_ne!(cut.end, End::Complete);
    seen.open();
    reading.join().expect("an end");
}

#[test]
fn a_single_reader_may_be_as_slow_as_it_likes() {
    const PIECE: usize = 256 * 1024;
    const PIECES: usize = 160;
    let upstream = Upstream::playing(move |peer| {
        peer.request();
        peer.send(STREAM);
        for _ in 0..PIECES {
            peer.send(chunk(&"x".repeat(PIECE)));
        }
        peer.send(LAST);
    });
    let gateway = Gateway::with(WORKERS);
    let mut client = asking(&gateway, &ask(&base(&upstream), ""));
    client.peek();
    // The client looks away until the pipe is full.
    let_pass(Duration::from_millis(300));
    let response = client.response();
    assert_eq!(
        (response.end, response.body.len()),
        (End::Complete, PIECE * PIECES)
    );
    assert_eq!(statuses(&[response]), ["MISS"]);
    assert_eq!(
        gateway.metric("throughway_cache_refusals_total{reason=\"too_large\"}"),
        1
    );
}

#[test]
fn a_drain_lets_the_others_finish_what_the_first_began() {
    for begun in [false, true] {
        let gate = Gate::default();
        let opens = gate.clone();
        let upstream = Upstream::playing(move |peer| {
            peer.request();
            let beginning = STREAM.to_owned() + &token_chunks(1);
            if begun {
                peer.send(&beginning);
            }
            assert!(opens.passed());
            if !begun {
                peer.send(&beginning);
            }
            peer.send(chunk("data: [DONE]\n\n") + LAST);
        });
        let mut gateway = Gateway::with("workers: 2\ndrain: { delay: 0s, budget: 20s }\n");
        let request = ask(&base(&upstream), "");
        let first = asking(&gateway, &request);
        eventually("it was sent", || upstream.requests().len() == 1);
        // Workers take connections in turn, and no other is made: the two are not with the same.
        let mut other = asking(&gateway, &request);
        match begun {
            true => other.wait_for(b"t0 "),
            false => eventually("it has joined", || joined(&gateway) == 1),
        }
        drop(first);
        let_pass(LONG_ENOUGH);
        gateway.begin_drain();
        // Time to cut what a drain must not cut.
        let_pass(LONG_ENOUGH * 2);
        gate.open();
        let response = other.response();
        assert_eq!(response.end, End::Complete, "{begun}");
        assert_eq!(response.text(), tokens(1) + "data: [DONE]\n\n");
        assert_eq!(upstream.connections(), 1, "{begun}");
        gateway.wait();
    }
}

#[test]
fn silence_after_a_readers_pause_is_noticed_in_its_time() {
    const PIECE: usize = 256 * 1024;
    const PIECES: usize = 160;
    let upstream = Upstream::playing(move |peer| {
        peer.request();
        peer.send(STREAM);
        for _ in 0..PIECES {
            peer.send(chunk(&"x".repeat(PIECE)));
        }
        peer.fall_silent();
    });
    // Longer than the test waits for anything: the other timer has to do it.
    let gateway = Gateway::with("timeouts: { idle: 1s, total: 60s }\n");
    let mut client = asking(&gateway, &ask(&base(&upstream), ""));
    client.peek();
    // The client pauses for longer than the upstream may.
    let_pass(LONG_ENOUGH * 2);
    let response = client.response();
    assert_eq!(response.body.len(), PIECE * PIECES);
    assert_ne!(response.end, End::Complete);
    assert_eq!(
        gateway.metric("throughway_requests_total{outcome=\"truncated\"}"),
        1
    );
}
