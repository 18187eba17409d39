//! The admin API for endpoints: the life of one, what is refused and by which field.

use serde_json::{Value, json};

use crate::support::{
    Process, Upstream,
    admin::Admin,
    endpoints::{SETTINGS, one, started, status},
};

#[test]
fn the_life_of_an_endpoint() {
    let upstream = Upstream::ok();
    let (gateway, admin) = started("");
    assert_eq!(status(&gateway, "GET", "/bria/x"), 404);
    let document = json!({ "path": "/bria", "target": upstream.url(), "methods": ["GET"] });
    let made = admin.json("POST", "/endpoints", &document.to_string(), 201);
    let id = made["id"].as_str().expect("an id");
    assert!(id.starts_with("ep_"), "{made}");
    assert_eq!(
        (&made["name"], &made["source"]),
        (&json!("/bria [GET]"), &json!("store"))
    );
    assert!(made["created_at"].is_string() && made["updated_at"].is_string());
    assert_eq!(status(&gateway, "GET", "/bria/x"), 200);
    assert_eq!(status(&gateway, "POST", "/bria/x"), 405);

    let one = one(&made);
    let off = admin.json("PATCH", &one, r#"{"enabled":false}"#, 200);
    assert_eq!(off["enabled"], false);
    assert_eq!(status(&gateway, "GET", "/bria/x"), 404);
    let moved = r#"{"enabled":null,"path":"/other","methods":null}"#;
    let moved = admin.json("PATCH", &one, moved, 200);
    assert_eq!(
        (&moved["name"], &moved["id"]),
        (&json!("/other"), &made["id"])
    );
    assert_eq!(moved.get("enabled"), None);
    assert_eq!(status(&gateway, "GET", "/bria"), 404);
    assert_eq!(status(&gateway, "DELETE", "/other"), 200);
    assert_eq!(admin.json("GET", &one, "", 200), moved);

    let tagged = admin.call("GET", &one, "");
    let tag = tagged.header("etag").expect("a tag").to_owned();
    admin.json("PATCH", &one, r#"{"auth":false}"#, 200);
    let stale = format!("Content-Type: application/json\r\nIf-Match: {tag}\r\n");
    assert_eq!(admin.send("PATCH", &one, &stale, "{}").status, 412);
    assert_eq!(admin.send("DELETE", &one, &stale, "").status, 412);
    admin.json("DELETE", &one, "", 204);
    admin.json("GET", &one, "", 404);
    assert_eq!(status(&gateway, "GET", "/other"), 404);
    let rows = admin.json("GET", "/audit", "", 200);
    let actions: Vec<_> = rows["data"].as_array().expect("rows").iter().collect();
    let actions: Vec<_> = actions.iter().map(|it| &it["action"]).collect();
    assert_eq!(actions, ["delete", "update", "update", "update", "create"]);
    assert_eq!(rows["data"][0]["kind"], "endpoint");
}

#[test]
fn lists_have_pages_of_the_settings_and_the_stores() {
    let (_gateway, admin) =
        started("endpoints: [{ path: /of-file, target: \"http://127.0.0.1\" }]\n");
    for number in 0..4 {
        let document = format!(r#"{{"path":"/e{number}","target":"http://127.0.0.1:1"}}"#);
        admin.json("POST", "/endpoints", &document, 201);
    }
    let mut names = Vec::new();
    let mut page = "/endpoints?limit=2".to_owned();
    loop {
        let listed = admin.json("GET", &page, "", 200);
        let data = listed["data"].as_array().expect("a list");
        names.extend(
            data.iter()
                .map(|it| it["name"].as_str().expect("a name").to_owned()),
        );
        match listed["next_cursor"].as_str() {
            Some(next) => page = format!("/endpoints?limit=2&cursor={next}"),
            None => break,
        }
    }
    names.sort();
    assert_eq!(names, ["/e0", "/e1", "/e2", "/e3", "/of-file"]);
    admin.json("GET", "/endpoints?cursor=key_x", "", 400);
}

#[test]
fn what_cannot_be_used_is_refused_by_its_field() {
    let more = "configs: { all: { provider: openai } }\nproviders: { own: { custom_host: \
                \"http://127.0.0.1:9\" } }\ncredentials: { headers: [x-own] }\n";
    let (_gateway, admin) = started(more);
    let t = r#""target":"http://127.0.0.1:1""#;
    for (fields, param) in [
        ("", "path"),
        (r#""path":"/a""#, "target"),
        (r#""path":"a",T"#, "path"),
        (r#""path":"/gateway/x",T"#, "path"),
        (r#""path":"/v1",T"#, "path"),
        (r#""path":"/a/",T"#, "path"),
        (r#""path":"/a","target":"ftp://x""#, "target"),
        (r#""path":"/a","target":7"#, "target"),
        (
            r#""path":"/a","target":"http://169.254.169.254/""#,
            "target",
        ),
        (
            r#""path":"/a","target":"http://metadata.google.internal""#,
            "target",
        ),
        (r#""path":"/a","target":"https://${KEY}.example""#, "target"),
        (
            r#""path":"/a","target":"http://127.0.0.1:1/?api_key=x""#,
            "target",
        ),
        (r#""path":"/a",T,"query":{"key":"x"}"#, "query.key"),
        (r#""path":"/a",T,"query":{"v":"${KEY}"}"#, "query.v"),
        (r#""path":"/a",T,"colour":"red""#, "colour"),
        (r#""path":"/a",T,"id":"ep_x""#, "id"),
        (r#""path":"/a",T,"name":"x""#, "name"),
        (r#""path":"/a",T,"created_at":"x""#, "created_at"),
        (r#""path":"/a",T,"methods":["get"]"#, "methods[0]"),
        (r#""path":"/a",T,"methods":[]"#, "methods"),
        (r#""path":"/a",T,"config":"none""#, "config"),
        (r#""path":"/a",T,"config":"all""#, "config"),
        (
            r#""path":"/a",T,"config":{"retry":{"attempts":99}}"#,
            "config.retry.attempts",
        ),
        (
            r#""path":"/a","config":{"provider":"@gone"}"#,
            "config.provider",
        ),
        (
            r#""path":"/a","config":{"targets":[{"provider":"@own"},
               {"custom_host":"http://169.254.169.254"}]}"#,
            "config.targets[1].custom_host",
        ),
        (
            r#""path":"/a",T,"credential":{"bearer":""}"#,
            "credential.bearer",
        ),
        (
            r#""path":"/a",T,"credential":{"bearer":"plain"}"#,
            "credential.bearer",
        ),
        (
            r#""path":"/a",T,"credential":{"bearer":"${NONE}"}"#,
            "credential.bearer",
        ),
        (
            r#""path":"/a",T,"credential":{"bearer":"${PATH}"}"#,
            "credential.bearer",
        ),
        (
            r#""path":"/a",T,"credential":{"bearer":"a${KEY}b"}"#,
            "credential.bearer",
        ),
        (
            r#""path":"/a",T,"credential":{"nothing":"x"}"#,
            "credential.nothing",
        ),
        (
            r#""path":"/a",T,"credential":{"$sealed":"v1.x.y"}"#,
            "credential",
        ),
        (
            r#""path":"/a",T,"credential":{"bearer":{"$sealed":"v1.x.y"}}"#,
            "credential.bearer",
        ),
        (
            r#""path":"/a",T,"credential":{"google":{"metadata_server":true}}"#,
            METADATA,
        ),
        (
            r#""path":"/a",T,"credential":{"google":{"service_account":"/etc/passwd"}}"#,
            "credential.google.service_account",
        ),
        (
            r#""path":"/a",T,"headers":{"x-own":"plain"}"#,
            "headers.x-own",
        ),
        (r#""path":"/a",T,"headers":{"host":"x"}"#, "headers.host"),
        (r#""path":"/a",T,"cost_per_request":-1"#, "cost_per_request"),
        (r#""path":"/a",T,"usage":{"model":"x"}"#, "usage.model"),
        (
            r#""path":"/a","config":{"custom_host":"http://127.0.0.1:1","api_key":"x"}"#,
            "config.api_key",
        ),
    ] {
        let document = format!("{{{}}}", fields.replace(",T", &format!(",{t}")));
        let refused = admin.json("POST", "/endpoints", &document, 400);
        let found = refused["error"]["param"].as_str().unwrap_or_default();
        assert_eq!(found, param, "{document}: {refused}");
        assert_eq!(refused["error"]["code"], "invalid_request", "{refused}");
        assert!(
            !refused.to_string().contains("of-the-settings"),
            "{refused}"
        );
    }
    let long = format!(
        r#"{{"path":"/a",{t},"query":{{"v":"{}"}}}}"#,
        "x".repeat(70_000)
    );
    admin.json("POST", "/endpoints", &long, 400);
    assert_eq!(admin.json("GET", "/endpoints", "", 200)["data"], json!([]));
}

const METADATA: &str = "credential.google.metadata_server";

#[test]
fn a_path_and_method_has_one_owner() {
    let more =
        "endpoints:\n  - { path: /of-file, target: \"http://127.0.0.1:1\", methods: [GET] }\n";
    let gateway = Process::serving("admin-endpoint-of-file", &format!("{SETTINGS}{more}"));
    let admin = Admin::of(gateway.address);
    let document = |path: &str, methods: &str| {
        format!(r#"{{"path":"{path}","target":"http://127.0.0.1:1","methods":[{methods}]}}"#)
    };
    let message = |refused: &Value| {
        refused["error"]["message"]
            .as_str()
            .expect("text")
            .to_owned()
    };
    let get = document("/of-file", r#""POST","GET""#);
    let refused = admin.json("POST", "/endpoints", &get, 409);
    assert_eq!(refused["error"]["param"], "path");
    let text = message(&refused);
    assert!(
        text.contains("endpoints[0] of the settings file at /"),
        "{text}"
    );
    assert!(text.contains(".yaml:"), "{text}");
    let post = admin.json(
        "POST",
        "/endpoints",
        &document("/of-file", r#""POST""#),
        201,
    );
    let refused = admin.json("PATCH", &one(&post), r#"{"methods":null}"#, 409);
    assert_eq!(refused["error"]["param"], "path");
    let refused = admin.json(
        "POST",
        "/endpoints",
        &document("/of-file", r#""PUT","POST""#),
        409,
    );
    assert!(
        message(&refused).contains(post["id"].as_str().expect("an id")),
        "{refused}"
    );
    admin.json("PATCH", &one(&post), r#"{"methods":["POST","PUT"]}"#, 200);

    let listed = admin.json("GET", "/endpoints", "", 200);
    let listed = listed["data"].as_array().expect("a list");
    let of_file = listed
        .iter()
        .find(|it| it["source"] == "file")
        .expect("one of the file");
    for method in ["PATCH", "DELETE"] {
        let refused = admin.json(method, &one(of_file), "{}", 409);
        let text = message(&refused);
        assert!(
            text.contains("settings file, under endpoints[0] at /"),
            "{text}"
        );
        assert!(text.contains(": change it there"), "{text}");
    }
}

#[test]
fn a_key_may_be_for_an_endpoint_of_the_store() {
    let upstream = Upstream::ok();
    let (gateway, admin) = started("");
    let document = json!({ "path": "/e", "target": upstream.url() }).to_string();
    let key = r#"{"name":"app","allow":{"endpoints":["/e"]}}"#;
    admin.json("POST", "/keys", key, 400);
    let made = admin.json("POST", "/endpoints", &document, 201);
    let key = admin.create(key);
    let status = |path: &str| {
        let line = format!("x-gateway-api-key: {}", key.key);
        let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n{line}\r\n\r\n");
        gateway.exchange(request).status
    };
    assert_eq!((status("/e"), status("/v1/models")), (200, 403));
    admin.json("DELETE", &one(&made), "", 204);
    assert_eq!(status("/e"), 404);
}
