//! The cache and several targets: whose cache settings count when a later target responds, and what
//! a target's edits change in the key.

use crate::support::{
    Gateway, Response, Upstream,
    caching::{Ask, JSON, numbering, status},
    eventually,
    routing::{Gate, base, completion, config_line, raw_response},
};

fn configured(config: &str, path: &'static str) -> Ask {
    Ask {
        method: "POST",
        path,
        host: String::new(),
        credential: "sk-a",
        cache: "",
        lines: Box::leak(config_line(config).into_boxed_str()),
        body: r#"{"model":"m"}"#,
    }
}

fn told(response: &Response) -> String {
    status(response).to_owned()
}

#[test]
fn a_response_of_a_target_that_turns_the_cache_off_is_not_stored() {
    let (first, second) = (
        Upstream::responding(raw_response("503 No", JSON, "{}")),
        numbering("200 OK", JSON),
    );
    let gateway = Gateway::start();
    for (cache, expected) in [
        ("false", ["MISS", "MISS"]),
        (r#"{"mode":"simple","namespace":"other"}"#, ["MISS", "MISS"]),
        (r#"{"mode":"simple","max_age":60}"#, ["MISS", "HIT"]),
    ] {
        let ask = configured(
            &format!(
                r#"{{"strategy":{{"mode":"fallback"}},
                   "targets":[{{"custom_host":"{}","cache":true}},
                   {{"custom_host":"{}","cache":{cache}}}]}}"#,
                base(&first),
                base(&second)
            ),
            "/v1/chat/completions",
        );
        let statuses = [(); 2].map(|()| told(&ask.send(&gateway)));
        assert_eq!(statuses, expected, "{cache}");
    }
}

#[test]
fn a_response_of_a_later_private_target_does_not_reach_another_caller() {
    let (first, second) = (
        Upstream::responding(raw_response("503 No", JSON, "{}")),
        numbering("200 OK", JSON),
    );
    let gateway = Gateway::with(&format!(
        "providers:\n  a: {{ custom_host: \"{}\", cache: {{ namespace: everybody }} }}\n  b: {{ \
         custom_host: \"{}\", forward_authorization: true, cache: false }}\n\
         configs:\n  chain: {{ strategy: {{ mode: fallback }}, targets: [{{ provider: \"@a\" }}, \
         {{ provider: \"@b\", forward_authorization: true }}] }}\n",
        base(&first),
        base(&second)
    ));
    let ask = |credential| Ask {
        credential,
        ..configured("chain", "/v1/chat/completions")
    };
    let responses = ["alice", "bob"].map(|who| ask(who).send(&gateway));
    assert_eq!(responses.each_ref().map(told), ["MISS", "MISS"]);
    assert_ne!(responses[0].body, responses[1].body);
}

#[test]
fn routes_are_recognised_by_the_path_the_caller_sends() {
    let upstream = numbering("200 OK", JSON);
    let gateway = Gateway::with("cache: { paths: [/v1/score, rank] }");
    for (path, expected) in [
        ("/v1/messages", ["MISS", "HIT"]),
        ("/v1/score", ["MISS", "HIT"]),
        ("/v1/my/rank", ["MISS", "HIT"]),
        ("/v1/threads/t/messages", ["DISABLED", "DISABLED"]),
        ("/v1/scores", ["DISABLED", "DISABLED"]),
    ] {
        let ask = Ask {
            path,
            ..Ask::of(&upstream)
        };
        let statuses = [(); 2].map(|()| told(&ask.send(&gateway)));
        assert_eq!(statuses, expected, "{path}");
    }
}

#[test]
fn override_params_are_judged_like_the_callers_body() {
    let upstream = numbering("200 OK", JSON);
    let gateway = Gateway::start();
    for (params, path, expected) in [
        (r#"{"background":true}"#, "/v1/responses", "DISABLED"),
        (
            r#"{"previous_response_id":"r"}"#,
            "/v1/responses",
            "DISABLED",
        ),
        (r#"{"conversation":"c"}"#, "/v1/responses", "DISABLED"),
        (r#"{"background":false}"#, "/v1/responses", "MISS"),
        (r#"{"background":true}"#, "/v1/chat/completions", "MISS"),
    ] {
        let ask = configured(
            &format!(
                r#"{{"custom_host":"{}","cache":true,"override_params":{params}}}"#,
                base(&upstream)
            ),
            path,
        );
        assert_eq!(told(&ask.send(&gateway)), expected, "{params} {path}");
    }
}

#[test]
fn a_hit_is_no_older_than_the_caller_accepts() {
    let upstream = numbering("200 OK", JSON);
    let gateway = Gateway::start();
    let ask = Ask::of(&upstream);
    let short = Ask {
        lines: "x-gateway-cache-ttl: 1\r\n",
        ..ask.clone()
    };
    assert_eq!(told(&ask.send(&gateway)), "MISS");
    assert_eq!(told(&short.send(&gateway)), "HIT");
    eventually("it is too old for this one", || {
        told(&short.send(&gateway)) == "MISS"
    });
}

#[test]
fn a_refresh_is_not_undone_by_an_earlier_request() {
    let gate = Gate::default();
    let opens = gate.clone();
    let upstream = Upstream::playing(move |peer| {
        while let Some(request) = peer.request() {
            let slow = String::from_utf8_lossy(&request).contains("x-request-id: slow");
            if slow {
                assert!(opens.passed());
            }
            peer.send(raw_response(
                "200 OK",
                JSON,
                &completion(if slow { "old" } else { "new" }),
            ));
        }
    });
    let gateway = Gateway::start();
    let ask = |lines| Ask {
        lines,
        ..Ask::of(&upstream)
    };
    let mut slow = gateway.client();
    slow.send(ask("x-request-id: slow\r\n").text());
    eventually("it is asked", || upstream.requests().len() == 1);
    let refreshed = ask("x-gateway-cache-force-refresh: true\r\n").send(&gateway);
    assert_eq!(told(&refreshed), "REFRESH");
    gate.open();
    assert_eq!(slow.response().text(), completion("old"));
    let then = ask("").send(&gateway);
    assert_eq!(
        (told(&then), then.text()),
        ("HIT".to_owned(), completion("new"))
    );
}

#[test]
fn a_hit_names_the_target_that_sent_the_response() {
    let (first, second) = (
        Upstream::responding(raw_response("503 No", JSON, "{}")),
        numbering("200 OK", JSON),
    );
    let gateway = Gateway::start();
    let ask = configured(
        &format!(
            r#"{{"strategy":{{"mode":"fallback"}},"cache":true,
               "targets":[{{"custom_host":"{}"}},{{"custom_host":"{}"}}]}}"#,
            base(&first),
            base(&second)
        ),
        "/v1/chat/completions",
    );
    for expected in ["MISS", "HIT"] {
        let response = ask.send(&gateway);
        let index = response.header("x-gateway-last-used-option-index");
        assert_eq!(
            (told(&response).as_str(), index),
            (expected, Some("config.targets[1]"))
        );
    }
}
