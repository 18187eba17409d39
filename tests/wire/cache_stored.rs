//! The cache: what is stored, for how long, and what is not.

use crate::support::{
    Gateway, Upstream,
    caching::{Ask, JSON, numbering, playing, status, statuses},
    eventually, let_pass,
    routing::{LAST, STREAM, base, chunk, config_line, raw_response, token, token_chunks},
};

#[test]
fn a_stored_response_expires() {
    let upstream = numbering("200 OK", JSON);
    let gateway = Gateway::start();
    let ask = Ask {
        lines: "x-gateway-cache-ttl: 1\r\n",
        ..Ask::of(&upstream)
    };
    assert_eq!(statuses(&gateway, [&ask, &ask]), ["MISS", "HIT"]);
    // The lifetime of a second runs out.
    let_pass(std::time::Duration::from_millis(1100));
    assert_eq!(statuses(&gateway, [&ask, &ask]), ["MISS", "HIT"]);
}

#[test]
fn responses_that_must_not_be_stored_are_not() {
    let large = raw_response("200 OK", JSON, &" ".repeat(8 * 1024 * 1024 + 1));
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    let stream = |end: String| format!("{STREAM}{}{end}", token_chunks(3));
    let done = chunk("data: [DONE]\n\n");
    let error = chunk("data: {\"error\":{\"message\":\"no\"}}\n\n");
    for (name, response, reason) in [
        ("an error", raw_response("500 No", JSON, "{}"), "status"),
        ("a 429", raw_response("429 Later", JSON, "{}"), "status"),
        ("a 201", raw_response("201 Made", JSON, "{}"), "status"),
        (
            "no-store",
            raw_response("200 OK", "Cache-Control: private, no-store\r\n", "{}"),
            "no_store_response",
        ),
        (
            "vary",
            raw_response("200 OK", "Vary: *\r\n", "{}"),
            "vary_star",
        ),
        ("too large", large, "too_large"),
        (
            "an error inside",
            raw_response("200 OK", JSON, r#"{"error":{"message":"no"}}"#),
            "error_body",
        ),
        (
            "a stream without its last word",
            stream(LAST.to_owned()),
            "no_terminal_event",
        ),
        (
            "a stream with an error",
            stream(error + &done + LAST),
            "error_event",
        ),
        ("a whole stream, cut", stream(done.clone()), "truncated"),
        (
            "a cut body",
            raw_response("200 OK", JSON, "12345").replace("12345", "123"),
            "truncated",
        ),
        ("a cut chunk", format!("{chunked}5\r\nab"), "truncated"),
    ] {
        let cut = reason == "truncated";
        let upstream = Upstream::playing(move |peer| {
            while peer.request().is_some() {
                peer.send(&response);
                if cut {
                    return;
                }
            }
        });
        let gateway = Gateway::start();
        let ask = Ask::of(&upstream).text();
        for _ in 0..2 {
            assert_eq!(status(&gateway.exchange(&ask)), "MISS", "{name}");
        }
        let name_of = format!("throughway_cache_refusals_total{{reason=\"{reason}\"}}");
        eventually(name, || gateway.metric(&name_of) == 2);
    }
}

#[test]
fn requests_outside_the_cache_say_disabled() {
    let upstream = numbering("200 OK", JSON);
    let ask = Ask::of(&upstream);
    let responses = Ask {
        path: "/v1/responses",
        ..ask.clone()
    };
    for (name, ask, reason) in [
        (
            "polling",
            Ask {
                method: "GET",
                ..ask.clone()
            },
            "method",
        ),
        (
            "a file upload",
            Ask {
                path: "/v1/files",
                ..ask.clone()
            },
            "path",
        ),
        (
            "no-store",
            Ask {
                lines: "Cache-Control: no-store\r\n",
                ..ask.clone()
            },
            "no_store_request",
        ),
        (
            "in the background",
            Ask {
                body: r#"{"background":true}"#,
                ..responses.clone()
            },
            "background",
        ),
        (
            "a conversation",
            Ask {
                body: r#"{"conversation":"c"}"#,
                ..responses.clone()
            },
            "conversation",
        ),
        (
            "a sequel",
            Ask {
                body: r#"{"previous_response_id":"r"}"#,
                ..responses.clone()
            },
            "previous_response_id",
        ),
        (
            "no JSON",
            Ask {
                body: "model=m",
                ..ask.clone()
            },
            "not_json",
        ),
        (
            "compressed",
            Ask {
                lines: "Content-Encoding: gzip\r\n",
                ..ask.clone()
            },
            "encoded_request",
        ),
    ] {
        let gateway = Gateway::start();
        assert_eq!(
            statuses(&gateway, [&ask, &ask]),
            ["DISABLED", "DISABLED"],
            "{name}"
        );
        let name_of = format!("throughway_cache_refusals_total{{reason=\"{reason}\"}}");
        assert_eq!(gateway.metric(&name_of), 2, "{name}");
    }
}

#[test]
fn a_body_over_the_replay_limit_is_sent_as_it_comes_and_not_cached() {
    let upstream = numbering("200 OK", JSON);
    let gateway = Gateway::with("replay_limit: 1KiB");
    let body = format!(r#"{{"model":"{}"}}"#, "m".repeat(3000));
    let body: &'static str = Box::leak(body.into_boxed_str());
    let long = Ask {
        body,
        ..Ask::of(&upstream)
    };
    assert_eq!(statuses(&gateway, [&long, &long]), ["DISABLED", "DISABLED"]);
    let head = long.text().replace(
        &format!("Content-Length: {}", body.len()),
        "Transfer-Encoding: chunked",
    );
    let (head, _) = head.split_once("\r\n\r\n").expect("a head");
    let (one, two) = body.split_at(1500);
    let chunked = format!("{head}\r\n\r\n{}{}{LAST}", chunk(one), chunk(two));
    let response = gateway.exchange(chunked);
    assert_eq!((status(&response), response.status), ("DISABLED", 200));
    let sent = upstream.requests().pop().expect("a request");
    let text = String::from_utf8_lossy(&sent);
    assert_eq!(
        text.matches('m').count()
            - text
                .split_once("\r\n\r\n")
                .expect("a head")
                .0
                .matches('m')
                .count(),
        3001
    );
}

#[test]
fn a_stream_is_stored_as_it_came_and_only_served_to_stream_requests() {
    let frames = token_chunks(3) + &chunk("data: [DONE]\n\n");
    let upstream = playing(format!("{STREAM}{frames}{LAST}"));
    let gateway = Gateway::start();
    let ask = Ask {
        body: r#"{"model":"m","stream":true}"#,
        ..Ask::of(&upstream)
    };
    let first = ask.send(&gateway);
    let again = ask.send(&gateway);
    assert_eq!((status(&first), status(&again)), ("MISS", "HIT"));
    let expected: String = (0..3).map(token).collect::<String>() + "data: [DONE]\n\n";
    assert_eq!((first.text(), again.text()), (expected.clone(), expected));
    assert_eq!(again.all("content-type"), ["text/event-stream"]);
    let plain = Ask {
        body: r#"{"model":"m"}"#,
        ..ask.clone()
    };
    let asking = Ask {
        lines: "Accept: text/event-stream\r\n",
        ..plain.clone()
    };
    assert_eq!(statuses(&gateway, [&plain, &asking]), ["MISS", "MISS"]);
}

#[test]
fn a_client_that_leaves_leaves_no_half_stored_response() {
    let upstream = Upstream::playing(|peer| {
        while peer.request().is_some() {
            peer.send(format!("{STREAM}{}", token_chunks(2)));
            peer.pause(std::time::Duration::from_millis(300));
            peer.send(chunk("data: [DONE]\n\n") + LAST);
        }
    });
    let gateway = Gateway::start();
    let ask = Ask {
        body: r#"{"model":"m","stream":true}"#,
        ..Ask::of(&upstream)
    };
    let mut client = gateway.client();
    client.send(ask.text());
    client.wait_for(b"t1 ");
    drop(client);
    eventually("it is gone", || {
        gateway.metric("throughway_requests_total{outcome=\"client_gone\"}") == 1
    });
    assert_eq!(statuses(&gateway, [&ask, &ask]), ["MISS", "HIT"]);
}

#[test]
fn the_key_covers_what_a_target_changes_in_the_request() {
    let upstream = numbering("200 OK", JSON);
    let gateway = Gateway::start();
    let with = |config: &str| {
        let config = config.replace("HOST", &base(&upstream));
        let line: &'static str = Box::leak(config_line(&config).into_boxed_str());
        Ask {
            lines: line,
            ..Ask::of(&upstream)
        }
    };
    let asks = [
        r#"{"custom_host":"HOST"}"#,
        r#"{"custom_host":"HOST","api_key":"k1"}"#,
        r#"{"custom_host":"HOST","api_key":"k2"}"#,
        r#"{"custom_host":"HOST","headers":{"x-a":"1"}}"#,
        r#"{"custom_host":"HOST","override_params":{"model":"n"}}"#,
        r#"{"custom_host":"HOST","forward_authorization":false}"#,
        r#"{"strategy":{"mode":"fallback"},
           "targets":[{"custom_host":"HOST"},{"custom_host":"http://127.0.0.1:9/v1"}]}"#,
    ]
    .map(with);
    for ask in &asks {
        assert_eq!(status(&ask.send(&gateway)), "MISS", "{}", ask.lines);
    }
    for ask in &asks {
        assert_eq!(status(&ask.send(&gateway)), "HIT", "{}", ask.lines);
    }
}
