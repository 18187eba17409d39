//! Equal requests under way: one is sent, and all get its response. Requests that differ, or come
//! too late, are sent themselves.

use crate::support::{
    Client, Gateway, Response, Upstream,
    client::End,
    eventually,
    routing::{
        FAILURE, Gate, LAST, Refusing, STREAM, base, chunk, json, raw_response, token_chunks,
        tokens,
    },
};

pub(crate) const WORKERS: &str = "workers: 2\n";

/// The same question, as often as it is asked.
pub(crate) fn ask(host: &str, lines: &str) -> String {
    let body = r#"{"model":"m","stream":true,"messages":[]}"#;
    let length = body.len();
    format!(
        "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\n\
         Content-Type: application/json\r\n\
         x-gateway-custom-host: {host}\r\nx-gateway-cache: true\r\nContent-Length: {length}\r\n\
         {lines}\r\n{body}"
    )
}

/// Asks, and waits for nothing.
pub(crate) fn asking(gateway: &Gateway, request: &str) -> Client {
    let mut client = gateway.client();
    client.send(request);
    client
}

pub(crate) fn joined(gateway: &Gateway) -> i64 {
    gateway.metric("throughway_cache_joined_total")
}

/// So many ask the same; all of them are there before the upstream goes on.
pub(crate) fn crowd(gateway: &Gateway, request: &str, count: usize, gate: &Gate) -> Vec<Response> {
    let clients: Vec<Client> = (0..count).map(|_| asking(gateway, request)).collect();
    eventually("all but one have joined", || {
        joined(gateway) == i64::try_from(count).expect("few") - 1
    });
    gate.open();
    clients.into_iter().map(|mut it| it.response()).collect()
}

pub(crate) fn statuses(responses: &[Response]) -> Vec<&str> {
    let status = |it| Response::header(it, "x-gateway-cache-status").unwrap_or("none");
    let mut statuses: Vec<&str> = responses.iter().map(status).collect();
    statuses.sort_unstable();
    statuses
}

/// An upstream that responds when the gate is open, as often as it is asked.
pub(crate) fn gated(raw: impl Into<String>) -> (Upstream, Gate) {
    let (raw, gate) = (raw.into(), Gate::default());
    let opens = gate.clone();
    let upstream = Upstream::playing(move |peer| {
        while peer.request().is_some() {
            assert!(opens.passed());
            peer.send(&raw);
        }
    });
    (upstream, gate)
}

#[test]
fn a_hundred_equal_requests_are_one_call_and_each_gets_the_whole_response() {
    let (upstream, gate) = gated(raw_response(
        "200 OK",
        "Content-Type: application/json\r\nx-request-id: r1\r\nSet-Cookie: a=b\r\n",
        r#"{"choices":[]}"#,
    ));
    let gateway = Gateway::with(WORKERS);
    let responses = crowd(&gateway, &ask(&base(&upstream), ""), 100, &gate);
    assert_eq!(upstream.requests().len(), 1);
    assert_eq!(
        statuses(&responses),
        [vec!["HIT"; 99], vec!["MISS"]].concat()
    );
    for response in &responses {
        assert_eq!((response.status, response.end), (200, End::Complete));
        assert_eq!(response.text(), r#"{"choices":[]}"#);
        assert_eq!(response.all("x-request-id"), ["r1"]);
        assert_eq!(response.all("x-gateway-provider"), ["passthrough"]);
        assert_eq!((response.option(), response.retries()), ("config", "0"));
    }
    let cookies = responses
        .iter()
        .filter(|it| it.header("set-cookie").is_some());
    assert_eq!(cookies.count(), 1, "only whose request it was");
    let again = gateway.exchange(ask(&base(&upstream), ""));
    assert_eq!(statuses(&[again]), ["HIT"]);
    assert_eq!(gateway.metric("throughway_requests_in_flight"), 0);
    assert_eq!(
        gateway.metric("throughway_requests_total{outcome=\"relayed\"}"),
        100
    );
}

#[test]
fn a_hundred_read_one_stream_while_it_comes_and_a_late_one_gets_its_beginning_too() {
    let (begun, all_there) = (Gate::default(), Gate::default());
    let (begin, go_on) = (begun.clone(), all_there.clone());
    let upstream = Upstream::playing(move |peer| {
        peer.request();
        assert!(begin.passed());
        peer.send(STREAM.to_owned() + &token_chunks(2));
        assert!(go_on.passed());
        peer.send(chunk("data: [DONE]\n\n") + LAST);
    });
    let gateway = Gateway::with(WORKERS);
    let request = ask(&base(&upstream), "");
    let mut early: Vec<Client> = (0..50).map(|_| asking(&gateway, &request)).collect();
    eventually("they have joined", || joined(&gateway) == 49);
    begun.open();
    for client in &mut early {
        client.wait_for(b"t1 ");
    }
    let mut late: Vec<Client> = (0..50).map(|_| asking(&gateway, &request)).collect();
    for client in &mut late {
        client.wait_for(b"t1 ");
    }
    all_there.open();
    let responses: Vec<Response> = early
        .iter_mut()
        .chain(&mut late)
        .map(Client::response)
        .collect();
    for response in &responses {
        assert_eq!(response.end, End::Complete);
        assert_eq!(response.text(), tokens(2) + "data: [DONE]\n\n");
    }
    assert_eq!(
        statuses(&responses),
        [vec!["HIT"; 99], vec!["MISS"]].concat()
    );
    assert_eq!(upstream.requests().len(), 1);
}

#[test]
fn different_callers_do_not_join_even_where_they_share_stored_responses() {
    for settings in [
        "",
        "cache: { default: { mode: simple, namespace: team } }\n",
    ] {
        let (upstream, gate) = gated(json("200 OK", r#"{"choices":[]}"#));
        let gateway = Gateway::with(&format!("{settings}{WORKERS}"));
        let request = |key| {
            ask(
                &base(&upstream),
                &format!("Authorization: Bearer {key}\r\n"),
            )
        };
        let mut clients: Vec<Client> = ["sk-a", "sk-b", "sk-a", "sk-b"]
            .iter()
            .map(|key| asking(&gateway, &request(key)))
            .collect();
        eventually("each has found its own", || joined(&gateway) == 2);
        gate.open();
        for client in &mut clients {
            assert_eq!(client.response().status, 200);
        }
        assert_eq!(upstream.requests().len(), 2, "{settings}");
    }
}

#[test]
fn requests_with_different_configs_do_not_join() {
    let (upstream, gate) = gated(json("200 OK", r#"{"choices":[]}"#));
    let gateway = Gateway::start();
    let host = base(&upstream);
    let retrying = format!(
        "x-gateway-config: {{\"custom_host\":\"{host}\",\"retry\":{{\"attempts\":2}}}}\r\n"
    );
    let mut clients = [
        asking(&gateway, &ask(&host, "")),
        asking(&gateway, &ask(&host, &retrying)),
        asking(&gateway, &ask(&host, "x-gateway-request-timeout: 9000\r\n")),
        asking(
            &gateway,
            &ask(&host, "x-gateway-cache-force-refresh: true\r\n"),
        ),
        asking(
            &gateway,
            &ask(&host, "x-gateway-cache-force-refresh: true\r\n"),
        ),
    ];
    eventually("all were sent", || upstream.requests().len() == 5);
    gate.open();
    for client in &mut clients {
        assert_eq!(client.response().status, 200);
    }
}

#[test]
fn providers_of_one_host_with_different_timeouts_do_not_join() {
    let (upstream, gate) = gated(json("200 OK", r#"{"choices":[]}"#));
    let host = base(&upstream);
    let gateway = Gateway::with(&format!(
        "providers:\n  fast: {{ custom_host: \"{host}\", request_timeout: 300 }}\n  slow: {{ \
         custom_host: \"{host}\" }}\n"
    ));
    let request = |name: &str| {
        let line = format!("x-gateway-provider: @{name}\r\n");
        ask("x", &line).replace("x-gateway-custom-host: x\r\n", "")
    };
    let mut fast = asking(&gateway, &request("fast"));
    eventually("it was sent", || upstream.requests().len() == 1);
    let mut slow = asking(&gateway, &request("slow"));
    assert_eq!(fast.response().status, 408);
    gate.open();
    assert_eq!(slow.response().status, 200);
    assert_eq!((upstream.requests().len(), joined(&gateway)), (2, 0));
}

#[test]
fn an_error_is_shared_by_all_that_joined() {
    let (upstream, gate) = gated(json("500 Internal Server Error", FAILURE));
    let gateway = Gateway::with(WORKERS);
    for response in crowd(&gateway, &ask(&base(&upstream), ""), 10, &gate) {
        assert_eq!(response.seen(), (500, FAILURE.to_owned()));
        assert_eq!(response.end, End::Complete);
    }
    assert_eq!(upstream.requests().len(), 1);
    let gate = Gate::default();
    let opens = gate.clone();
    let closing = Upstream::playing(move |peer| {
        peer.request();
        assert!(opens.passed());
    });
    let gateway = Gateway::with(WORKERS);
    for response in crowd(&gateway, &ask(&base(&closing), ""), 10, &gate) {
        assert_eq!(
            (response.status, response.error()),
            (502, Some("upstream_closed"))
        );
    }
    assert_eq!(closing.requests().len(), 1);
}

#[test]
fn a_fallback_is_shared_by_all_that_joined() {
    let (upstream, gate) = gated(json("200 OK", r#"{"choices":[]}"#));
    let refusing = Refusing::new();
    let config = format!(
        "x-gateway-config: {{\"strategy\":{{\"mode\":\"fallback\"}},\"cache\":true,\"targets\":[\
         {{\"custom_host\":\"{}\"}},{{\"custom_host\":\"{}\"}}]}}\r\n",
        refusing.base(),
        base(&upstream)
    );
    let gateway = Gateway::with(WORKERS);
    let request = ask("x", &config).replace("x-gateway-custom-host: x\r\n", "");
    let responses = crowd(&gateway, &request, 10, &gate);
    for response in &responses {
        assert_eq!(response.status, 200);
        assert_eq!(response.option(), "config.targets[1]");
    }
    assert_eq!(upstream.requests().len(), 1);
    assert_eq!(gateway.metric("throughway_upstream_fallbacks_total"), 1);
}

#[test]
fn after_a_no_store_response_each_of_the_others_is_sent() {
    for line in ["Cache-Control: no-store", "Vary: *", "Vary: User-Agent"] {
        let lines = format!("Content-Type: application/json\r\n{line}\r\n");
        let (upstream, gate) = gated(raw_response("200 OK", &lines, r#"{"choices":[]}"#));
        let gateway = Gateway::with(WORKERS);
        let responses = crowd(&gateway, &ask(&base(&upstream), ""), 10, &gate);
        assert_eq!(statuses(&responses), vec!["MISS"; 10], "{line}");
        assert_eq!(upstream.requests().len(), 10, "{line}");
    }
}

#[test]
fn a_stream_that_breaks_off_is_an_aborted_transfer_for_all_and_not_kept() {
    let gate = Gate::default();
    let opens = gate.clone();
    let upstream = Upstream::playing(move |peer| {
        peer.request();
        assert!(opens.passed());
        peer.send(STREAM.to_owned() + &token_chunks(3));
    });
    let gateway = Gateway::with(WORKERS);
    let request = ask(&base(&upstream), "");
    for response in crowd(&gateway, &request, 10, &gate) {
        assert_eq!((response.status, response.text()), (200, tokens(3)));
        assert_ne!(response.end, End::Complete);
    }
    assert_eq!(
        gateway.metric("throughway_requests_total{outcome=\"truncated\"}"),
        10
    );
    assert_eq!(upstream.requests().len(), 1);
    let again = gateway.exchange(&request);
    assert_eq!(statuses(&[again]), ["MISS"]);
}

#[test]
fn a_silent_stream_ends_for_all_at_the_idle_timeout() {
    let upstream = Upstream::playing(|peer| {
        peer.request();
        peer.send(STREAM.to_owned() + &token_chunks(1));
        peer.fall_silent();
    });
    let gateway = Gateway::with("timeouts: { idle: 1s }\n");
    let request = ask(&base(&upstream), "");
    let mut first = asking(&gateway, &request);
    first.wait_for(b"t0 ");
    let mut second = asking(&gateway, &request);
    for client in [&mut first, &mut second] {
        let response = client.response();
        assert_eq!(response.text(), tokens(1));
        assert_ne!(response.end, End::Complete);
    }
    assert_eq!(upstream.connections(), 1);
}

#[test]
fn a_request_after_a_purge_does_not_join_one_from_before_it() {
    for (query, refresh) in [("all=true", false), ("key", false), ("key", true)] {
        let (upstream, gate) = gated(json("200 OK", r#"{"choices":[]}"#));
        let gateway = Gateway::with("admin_token: secret\n");
        let request = ask(&base(&upstream), "");
        let line = format!("x-gateway-cache-force-refresh: {refresh}\r\n");
        let mut before = asking(&gateway, &ask(&base(&upstream), &line));
        eventually("it was sent", || upstream.requests().len() == 1);
        let query = match query {
            "key" => format!("key={}", key_of(&gateway, &base(&upstream))),
            all => all.to_owned(),
        };
        let purge = format!(
            "DELETE /gateway/admin/v1/cache?{query} HTTP/1.1\r\nHost: localhost\r\n\
             Authorization: Bearer secret\r\n\
             Connection: close\r\n\r\n"
        );
        assert_eq!(gateway.exchange(purge).status, 200, "{query}");
        let mut after = asking(&gateway, &request);
        eventually("it was sent, too", || upstream.requests().len() == 2);
        gate.open();
        let first = if refresh { "REFRESH" } else { "MISS" };
        assert_eq!(statuses(&[before.response()]), [first]);
        assert_eq!(statuses(&[after.response()]), ["MISS"]);
        let purged = "throughway_cache_refusals_total{reason=\"purged\"}";
        assert_eq!(gateway.metric(purged), 1, "{query}");
    }
}

/// The cache key of what [`ask`] asks.
pub(crate) fn key_of(gateway: &Gateway, host: &str) -> String {
    let question = format!(
        r#"{{"headers":{{"content-type":"application/json","x-gateway-custom-host":"{host}",
           "x-gateway-cache":"true"}},
            "body":"{{\"model\":\"m\",\"stream\":true,\"messages\":[]}}"}}"#
    );
    let length = question.len();
    let plan = gateway.exchange(format!(
        "POST /gateway/explain HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer secret\r\n\
         Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{question}"
    ));
    let plan: serde_json::Value = serde_json::from_slice(&plan.body).expect("JSON");
    plan["cache"]["key"].as_str().expect("a key").to_owned()
}
