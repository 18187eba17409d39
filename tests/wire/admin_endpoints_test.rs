//! The test of an endpoint: what it tells, and that it reaches nothing a client could not reach.

use std::process::Command;

use serde_json::{Value, json};

use crate::support::{Gateway, Upstream, admin::Admin};

const SECRET_KEY: &str = "yQj4nY0rXk3v9tq1mJt0Q6l8w2Hs5a+bZcVdEe/fGg8=";

fn started(more: &str) -> (Gateway, Admin) {
    let settings = format!(
        "admin_token: secret\nauth: required\nstore: {{ kind: memory }}\n\
         secret_key: {SECRET_KEY}\n{more}"
    );
    let gateway = Gateway::with(&settings);
    let admin = Admin::of(gateway.address);
    (gateway, admin)
}

fn made(admin: &Admin, document: &Value) -> String {
    let made = admin.json("POST", "/endpoints", &document.to_string(), 201);
    format!("/endpoints/{}/test", made["id"].as_str().expect("an id"))
}

#[test]
fn a_test_sends_one_request_and_tells_what_became_of_it() {
    let body = "x".repeat(5000);
    let length = body.len();
    let response = format!(
        "HTTP/1.1 201 Created\r\nContent-Length: {length}\r\nSet-Cookie: CANARY\r\n\r\n{body}"
    );
    let upstream = Upstream::responding(response);
    let (_gateway, admin) = started("");
    let document = json!({
        "path": "/e", "target": format!("{}/base", upstream.url()),
        "credential": { "bearer": "CANARY" },
    });
    let test = made(&admin, &document);
    let call = json!({
        "method": "PUT", "path": "/x?a=1", "body": { "n": 1 },
        "headers": { "x-h": "v", "authorization": "CANARY" },
    });
    let told = admin.json("POST", &test, &call.to_string(), 200);
    assert!(!told.to_string().contains("CANARY"), "{told}");
    let sent = upstream.requests();
    let sent = String::from_utf8_lossy(&sent[0]);
    assert!(sent.starts_with("PUT /base/x?a=1 HTTP/1.1\r\n"), "{sent}");
    assert!(sent.contains("authorization: Bearer CANARY\r\n"), "{sent}");
    assert_eq!(
        (told["sent"]["method"].as_str(), &told["sent"]["path"]),
        (Some("PUT"), &json!("/e/x"))
    );
    assert_eq!(told["sent"]["headers"]["authorization"], "(hidden)");
    assert_eq!(told["preview"]["targets"][0]["path"], "/base/x");
    let response = &told["response"];
    assert_eq!(
        (&response["status"], &response["body_end"]),
        (&json!(201), &json!("more"))
    );
    assert_eq!(response["body"].as_str().map(str::len), Some(4096));
    assert_eq!(response["headers"]["set-cookie"], "(hidden)");
    // A refusal that would end the connection of a client does not cut the page short.
    let strict = json!({
        "path": "/strict", "target": upstream.url(), "config": { "override_params": { "a": 1 } },
    });
    let call = json!({ "method": "POST", "body": "no JSON" }).to_string();
    let told = admin.json("POST", &made(&admin, &strict), &call, 200);
    assert_eq!(told["response"]["status"], 400, "{told}");
    // The default is a GET of the path itself; the connection serves more requests.
    let told = admin.json("POST", &test, "{}", 200);
    assert_eq!(told["response"]["status"], 201);
    assert!(upstream.requests()[1].starts_with(b"GET /base HTTP/1.1"));
}

#[test]
fn a_body_that_breaks_off_or_never_ends_is_told() {
    let upstream = Upstream::playing(|peer| {
        while let Some(head) = peer.request() {
            peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
            match head.starts_with(b"GET /cut ") {
                true => return,
                false => peer.pause(std::time::Duration::from_secs(8)),
            }
        }
    });
    let (_gateway, admin) = started("");
    let test = made(&admin, &json!({ "path": "/e", "target": upstream.url() }));
    for path in ["/cut", "/slow"] {
        let call = json!({ "path": path }).to_string();
        let told = admin.json("POST", &test, &call, 200);
        let response = &told["response"];
        assert_eq!(
            (&response["status"], &response["body"]),
            (&json!(200), &json!("abc"))
        );
        assert_ne!(response["body_end"], "complete", "{response}");
    }
}

#[test]
fn a_test_reaches_nothing_but_its_endpoint() {
    let upstream = Upstream::ok();
    let url = upstream.url();
    let (_gateway, admin) = started("");
    let test = made(
        &admin,
        &json!({ "path": "/e", "target": url, "methods": ["GET"] }),
    );
    made(&admin, &json!({ "path": "/e/below", "target": url }));
    made(
        &admin,
        &json!({ "path": "/e", "target": url, "methods": ["POST"] }),
    );
    for (call, status, param) in [
        (json!({ "path": "x" }), 400, "path"),
        (json!({ "path": ".evil.example" }), 400, "path"),
        (json!({ "path": "/below/x" }), 409, "path"),
        (json!({ "method": "POST" }), 409, "path"),
        (json!({ "method": "NO SUCH" }), 400, ""),
        (
            json!({ "headers": { "connection": "upgrade" } }),
            400,
            "headers.connection",
        ),
        (
            json!({ "headers": { "transfer-encoding": "chunked" } }),
            400,
            "headers.transfer-encoding",
        ),
        (json!({ "headers": { "a b": "c" } }), 400, "headers.a b"),
        (json!({ "headers": { "content-length": "7" } }), 400, ""),
        (json!({ "body": 1, "colour": "red" }), 400, "colour"),
    ] {
        let refused = admin.json("POST", &test, &call.to_string(), status);
        let found = refused["error"]["param"].as_str().unwrap_or_default();
        assert_eq!(found, param, "{call}: {refused}");
    }
    assert_eq!(admin.call("POST", &test, "{").status, 400);
    // What the pipeline itself refuses is a response like any other.
    for (call, status) in [
        (json!({ "path": "/../x" }), 400),
        (json!({ "method": "PUT" }), 405),
        (json!({ "headers": { "x-gateway-config": "{" } }), 400),
        (
            json!({ "headers": { "x-gateway-custom-host": "http://169.254.169.254/" } }),
            400,
        ),
    ] {
        let told = admin.json("POST", &test, &call.to_string(), 200);
        assert_eq!(told["response"]["status"], status, "{call}: {told}");
        assert!(told["preview"]["error"].is_string(), "{told}");
    }
    assert_eq!(upstream.requests(), Vec::<Vec<u8>>::new());
}

#[test]
fn only_admins_test_and_their_keys_bind_them() {
    let upstream = Upstream::ok();
    let (gateway, admin) = started("");
    let test = made(&admin, &json!({ "path": "/e", "target": upstream.url() }));
    let key = |fields: &str| {
        let made = admin.create(fields);
        Admin::by(gateway.address, &made.key)
    };
    let boss = key(r#"{"name":"boss","role":"admin"}"#);
    let told = boss.json("POST", &test, "{}", 200);
    assert_eq!(told["response"]["status"], 200);
    let bound = key(r#"{"name":"bound","role":"admin","allow":{"methods":["POST"]}}"#);
    let told = bound.json("POST", &test, "{}", 200);
    assert_eq!(told["response"]["status"], 403, "{told}");
    for role in ["viewer", "member"] {
        let other = key(&format!(r#"{{"name":"{role}","role":"{role}"}}"#));
        other.json("POST", &test, "{}", 403);
    }
    Admin::by(gateway.address, "wrong").json("POST", &test, "{}", 403);
    admin.json("GET", &test, "", 405);
    admin.json("POST", "/endpoints/ep_x/test", "{}", 404);
    let cross = "Content-Type: application/json\r\nSec-Fetch-Site: cross-site\r\n";
    assert_eq!(admin.send("POST", &test, cross, "{}").status, 403);
    assert_eq!(admin.send("POST", &test, "", "{}").status, 415);
    // An unknown key in the call is a 401, as a client gets it, and not the admin's request.
    let told = admin.json(
        "POST",
        &test,
        r#"{"headers":{"x-gateway-api-key":"tw-nobody"}}"#,
        200,
    );
    assert_eq!(told["response"]["status"], 401, "{told}");
    assert_eq!(upstream.requests().len(), 1);
}

fn command(gateway: &Gateway, words: &[&str]) -> (Option<i32>, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_throughway"))
        .env_clear()
        .env("THROUGHWAY_ADMIN_TOKEN", "secret")
        .env("THROUGHWAY_URL", format!("http://{}", gateway.address))
        .arg("endpoints")
        .args(words)
        .output()
        .expect("the program");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (
        output.status.code(),
        text(&output.stdout),
        text(&output.stderr),
    )
}

#[test]
fn the_command_line_lists_and_tests() {
    let upstream = Upstream::responding("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
    let (gateway, admin) = started("");
    let url = upstream.url();
    made(
        &admin,
        &json!({ "path": "/e", "target": url, "credential": { "bearer": "CANARY" } }),
    );
    let (code, out, err) = command(&gateway, &["list"]);
    assert_eq!(
        (code, out.as_str(), err.as_str()),
        (Some(0), format!("/e  {url}  store  on\n").as_str(), "")
    );
    let (code, out, err) = command(
        &gateway,
        &["test", "/e/x?a=1", "-d", "data", "-H", "x-a: b"],
    );
    assert_eq!(code, Some(0), "{err}");
    assert!(out.starts_with("POST /e/x\nroute: "), "{out}");
    assert!(
        out.contains("200 after ") && out.ends_with("hello\n"),
        "{out}"
    );
    assert!(!out.contains("CANARY"), "{out}");
    let sent = upstream.requests();
    let sent = String::from_utf8_lossy(&sent[0]);
    assert!(
        sent.starts_with("POST /x?a=1 ") && sent.contains("x-a: b\r\n"),
        "{sent}"
    );
    let (code, out, _) = command(&gateway, &["test", "/e", "--json"]);
    let told: Value = serde_json::from_str(&out).expect("JSON");
    assert_eq!(
        (code, &told["response"]["body"]),
        (Some(0), &json!("hello"))
    );
    let (code, _, err) = command(&gateway, &["test", "/none"]);
    assert_eq!(
        (code, err.as_str()),
        (Some(1), "error: there is no endpoint for GET /none\n")
    );
}
