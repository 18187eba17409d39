//! Secrets of endpoints: sealed or referred to, used and not shown; and what becomes of an endpoint
//! whose settings go.

use serde_json::json;

use crate::support::{
    Gateway, Process, Upstream,
    admin::Admin,
    endpoints::{one, started, status},
    eventually,
};

/// 32 random bytes.
const SECRET_KEY: &str = "yQj4nY0rXk3v9tq1mJt0Q6l8w2Hs5a+bZcVdEe/fGg8=";

fn sealing(more: &str) -> (Gateway, Admin) {
    started(&format!("secret_key: {SECRET_KEY}\n{more}"))
}

/// The last request that an upstream got.
fn text_of(upstream: &Upstream) -> String {
    let requests = upstream.requests();
    String::from_utf8_lossy(requests.last().expect("a request")).into_owned()
}

#[test]
fn secrets_of_the_settings_file_are_not_shown() {
    let more = "endpoints:\n  - path: /of-file\n    \
                target: \"http://127.0.0.1:1/p?token=CANARY\"\n    \
                credential: { header: { x-k: CANARY } }\n    headers: { accept: CANARY }\n    \
                query: { v: CANARY }\n    \
                config: { override_params: { a: CANARY }, retry: { attempts: 1 } }\n";
    let (_gateway, admin) = started(more);
    let shown = admin.json("GET", "/endpoints", "", 200);
    assert!(!shown.to_string().contains("CANARY"), "{shown}");
    let shown = &shown["data"][0];
    assert_eq!(shown["target"], "http://127.0.0.1:1/p");
    assert_eq!(
        shown["credential"],
        json!({ "header": { "x-k": "(hidden)" } })
    );
    assert_eq!(shown["config"]["retry"]["attempts"], 1);
}

#[test]
fn a_sealed_secret_is_used_and_never_shown_and_stays_with_its_host() {
    let upstream = Upstream::ok();
    let other = Upstream::ok();
    let (gateway, admin) = sealing("");
    let document = json!({
        "path": "/e", "target": upstream.url(), "headers": { "x-api-key": "CANARY-2", "x-a": "b" },
        "credential": { "header": { "x-k": "CANARY-1", "x-r": "Key ${KEY}" } },
    });
    let made = admin.json("POST", "/endpoints", &document.to_string(), 201);
    let expected = json!({ "header": { "x-k": "(sealed)", "x-r": "Key ${KEY}" } });
    assert_eq!(made["credential"], expected);
    assert_eq!(
        made["headers"],
        json!({ "x-api-key": "(sealed)", "x-a": "b" })
    );
    assert_eq!(status(&gateway, "GET", "/e"), 200);
    let head = text_of(&upstream);
    for line in [
        "x-k: CANARY-1",
        "x-r: Key of-the-settings",
        "x-api-key: CANARY-2",
        "x-a: b",
    ] {
        assert!(head.contains(line), "{line}: {head}");
    }
    let one = one(&made);
    let elsewhere = json!({ "target": other.url() }).to_string();
    let refused = admin.json("PATCH", &one, &elsewhere, 400);
    let message = refused["error"]["message"].as_str().expect("text");
    assert!(message.contains("would go to another host"), "{message}");
    let both = json!({ "target": other.url(), "credential": { "bearer": "CANARY-3" } });
    let refused = admin.json("PATCH", &one, &both.to_string(), 400);
    assert_eq!(refused["error"]["param"], "headers.x-api-key");
    let all = json!({
        "target": other.url(), "credential": { "bearer": "CANARY-3" },
        "headers": { "x-api-key": null },
    });
    let patched = admin.json("PATCH", &one, &all.to_string(), 200);
    assert_eq!(patched["credential"], json!({ "bearer": "(sealed)" }));
    let shown = json!({ "credential": patched["credential"] });
    let refused = admin.json("PATCH", &one, &shown.to_string(), 400);
    assert_eq!(refused["error"]["param"], "credential.bearer");
    let kept = json!({ "target": format!("{}/below", other.url()), "auth": false });
    admin.json("PATCH", &one, &kept.to_string(), 200);
    assert_eq!(status(&gateway, "GET", "/e"), 200);
    let head = text_of(&other);
    assert!(
        head.contains("CANARY-3") && !head.contains("CANARY-1"),
        "{head}"
    );
    assert!(head.starts_with("GET /below "), "{head}");
    let audit = admin.json("GET", "/audit", "", 200).to_string();
    let listed = admin.json("GET", "/endpoints", "", 200).to_string();
    assert!(
        !audit.contains("CANARY") && !listed.contains("CANARY"),
        "{audit}"
    );
}

#[test]
fn a_reload_that_takes_away_what_an_endpoint_needs_leaves_it_out() {
    let lines = |more: &str| format!("admin_token: secret\nstore: {{ kind: memory }}\n{more}");
    let upstream = Upstream::ok();
    let full = "secrets: { KEY: a }\nconfigs: { calm: { retry: { attempts: 1 } } }\n";
    let gateway = Process::serving("admin-endpoint-reload", &lines(full));
    let admin = Admin::of(gateway.address);
    let document = json!({
        "path": "/e", "target": upstream.url(), "config": "calm",
        "credential": { "bearer": "${KEY}" },
    });
    let made = admin.json("POST", "/endpoints", &document.to_string(), 201);
    let shown = || admin.json("GET", &one(&made), "", 200);
    let serves = || {
        let mut client = crate::support::Client::connect(gateway.address);
        client.send("GET /e HTTP/1.1\r\nHost: localhost\r\n\r\n");
        client.response().status
    };
    assert_eq!(serves(), 200);
    for (settings, reason) in [
        ("secrets: { KEY: a }\n", "config names no config"),
        (
            "configs: { calm: { retry: { attempts: 1 } } }\n",
            "refers to the secret KEY",
        ),
    ] {
        gateway.write_settings(&lines(settings));
        eventually("it is left out", || {
            let error = shown()["error"].as_str().map(str::to_owned);
            error.is_some_and(|it| it.contains(reason))
        });
        assert_eq!(serves(), 404);
    }
    gateway.write_settings(&lines(full));
    eventually("it is back", || serves() == 200);
    assert_eq!(shown().get("error"), None);
}
