//! Conditional routing on metadata, headers, method, path and parameters of the JSON body at any
//! depth.

use crate::support::{
    Gateway, Upstream,
    routing::{base, base64, chat, completion, config_line, raw_response},
};

const BODY: &str = r#"{"model":"gpt-4o","temperature":0.7,"n":2,"stream":false,"stop":null,
"messages":[{"role":"system","content":"x"},{"role":"user","content":"hallo"}],
"metadata":{"deep":{"er":"yes"}}}"#;

const LINES: &str =
    "X-Tier: gold\r\nX-Twice: one\r\nx-gateway-metadata: {\"tier\":\"pro\",\"age\":\"7\"}\r\n";

/// Two targets, `yes` and `no`, which is the default.
struct Choice {
    yes: Upstream,
    no: Upstream,
    gateway: Gateway,
}

impl Choice {
    fn new() -> Self {
        Choice {
            yes: Upstream::named("yes"),
            no: Upstream::named("no"),
            gateway: Gateway::start(),
        }
    }

    fn config(&self, query: &str) -> String {
        format!(
            r#"{{"strategy":{{"mode":"conditional","default":"no",
               "conditions":[{{"query":{query},"then":"yes"}}]}},"targets":[
               {{"name":"no","custom_host":"{}"}},{{"name":"yes","custom_host":"{}"}}]}}"#,
            base(&self.no),
            base(&self.yes)
        )
    }

    /// Whether the query holds for a request of these lines and this body.
    #[track_caller]
    fn assert(&self, query: &str, lines: &str, body: &str, holds: bool) {
        // Base64: queries may hold signs that a header may not.
        let lines = config_line(&base64(&self.config(query))) + lines;
        let response = self.gateway.exchange(chat(&lines, body));
        let (name, place) = match holds {
            true => ("yes", "config.targets[1]"),
            false => ("no", "config.targets[0]"),
        };
        assert_eq!(response.seen(), (200, completion(name)), "{query}");
        assert_eq!(response.option(), place, "{query}");
    }
}

/// Queries that hold for [`LINES`] and [`BODY`].
const HOLDING: &[&str] = &[
    r#"{"metadata.tier":{"$eq":"pro"}}"#,
    r#"{"metadata.tier":"pro"}"#,
    r#"{"metadata.tier":{"$ne":"free"}}"#,
    r#"{"metadata.tier":{"$in":["free","pro"]}}"#,
    r#"{"metadata.tier":{"$nin":["free","basic"]}}"#,
    r#"{"metadata.tier":{"$regex":"^p.o$"}}"#,
    r#"{"headers.x-tier":{"$eq":"gold"}}"#,
    r#"{"headers.X-Tier":{"$eq":"gold"}}"#,
    r#"{"method":{"$eq":"POST"}}"#,
    r#"{"url.pathname":{"$eq":"/v1/chat/completions"}}"#,
    r#"{"url.pathname":{"$regex":"completions$"}}"#,
    r#"{"params.model":{"$eq":"gpt-4o"}}"#,
    r#"{"params.model":{"$regex":"^gpt-"}}"#,
    r#"{"params.temperature":{"$gt":0.5}}"#,
    r#"{"params.temperature":{"$lt":1}}"#,
    r#"{"params.n":{"$gte":2}}"#,
    r#"{"params.n":{"$lte":2}}"#,
    r#"{"params.n":{"$gt":1,"$lt":3}}"#,
    r#"{"params.stream":{"$eq":false}}"#,
    r#"{"params.messages.1.role":{"$eq":"user"}}"#,
    r#"{"params.metadata.deep.er":{"$eq":"yes"}}"#,
    r#"{"$and":[{"metadata.tier":{"$eq":"pro"}},{"params.n":{"$eq":2}}]}"#,
    r#"{"$or":[{"metadata.tier":{"$eq":"free"}},{"params.n":{"$eq":2}}]}"#,
    r#"{"$or":[{"$and":[{"method":{"$eq":"POST"}},{"headers.x-tier":{"$eq":"gold"}}]},
       {"method":{"$eq":"GET"}}]}"#,
    r#"{"metadata.tier":{"$eq":"pro"},"params.model":{"$eq":"gpt-4o"}}"#,
];

/// Queries that do not.
const FAILING: &[&str] = &[
    r#"{"metadata.tier":{"$eq":"Pro"}}"#,
    r#"{"metadata.tier":{"$ne":"pro"}}"#,
    r#"{"metadata.tier":{"$in":["free"]}}"#,
    r#"{"metadata.tier":{"$nin":["free","pro"]}}"#,
    r#"{"metadata.tier":{"$regex":"^free"}}"#,
    r#"{"metadata.nothing":{"$eq":"pro"}}"#,
    r#"{"headers.x-nothing":{"$eq":"gold"}}"#,
    r#"{"method":{"$eq":"GET"}}"#,
    r#"{"params.temperature":{"$gt":0.7}}"#,
    r#"{"params.n":{"$eq":"2"}}"#,
    r#"{"params.n":{"$gt":1,"$lt":2}}"#,
    r#"{"params.messages.2.role":{"$eq":"user"}}"#,
    r#"{"params.model.deeper":{"$eq":"gpt-4o"}}"#,
    r#"{"$and":[{"metadata.tier":{"$eq":"pro"}},{"params.n":{"$eq":3}}]}"#,
    r#"{"$or":[{"metadata.tier":{"$eq":"free"}},{"params.n":{"$eq":3}}]}"#,
    r#"{"metadata.tier":{"$eq":"pro"},"params.model":{"$eq":"other"}}"#,
];

#[test]
fn a_query_that_holds_chooses_its_target() {
    let choice = Choice::new();
    for query in HOLDING {
        choice.assert(query, LINES, BODY, true);
    }
    assert_eq!(choice.yes.last().body, BODY.as_bytes());
}

#[test]
fn a_query_that_does_not_hold_leaves_the_default() {
    let choice = Choice::new();
    for query in FAILING {
        choice.assert(query, LINES, BODY, false);
    }
}

#[test]
fn a_missing_field_is_no_error() {
    let choice = Choice::new();
    for body in ["", "no json", "[1,2]", "7"] {
        choice.assert(r#"{"params.model":{"$eq":"gpt-4o"}}"#, "", body, false);
    }
    choice.assert(r#"{"metadata.tier":{"$eq":"pro"}}"#, "", BODY, false);
}

#[test]
fn the_first_condition_that_holds_decides() {
    let (a, b) = (Upstream::named("a"), Upstream::named("b"));
    let gateway = Gateway::start();
    for (model, from) in [("both", "a"), ("second", "b")] {
        let config = format!(
            r#"{{"strategy":{{"mode":"conditional","conditions":[
               {{"query":{{"params.model":{{"$eq":"both"}}}},"then":"a"}},
               {{"query":{{"params.model":{{"$in":["both","second"]}}}},"then":"b"}}]}},
               "targets":[{{"name":"a","custom_host":"{}"}},{{"name":"b","custom_host":"{}"}}]}}"#,
            base(&a),
            base(&b)
        );
        let response = gateway.exchange(chat(
            &config_line(&config),
            &format!("{{\"model\":\"{model}\"}}"),
        ));
        assert_eq!(response.seen(), (200, completion(from)));
    }
}

#[test]
fn no_match_and_no_default_is_a_400() {
    let choice = Choice::new();
    let config = choice
        .config(r#"{"method":{"$eq":"PUT"}}"#)
        .replace(r#""default":"no","#, "");
    let response = choice
        .gateway
        .refuses(chat(&config_line(&config), BODY), 400, "invalid_config");
    assert!(response.text().contains("config"), "{}", response.text());
    assert_eq!(choice.yes.connections() + choice.no.connections(), 0);
}

#[test]
fn a_regex_that_backtracking_engines_never_finish_takes_no_time() {
    let choice = Choice::new();
    let body = format!("{{\"model\":\"{}!\"}}", "a".repeat(20_000));
    choice.assert(r#"{"params.model":{"$regex":"^(a+)+$"}}"#, "", &body, false);
}

#[test]
fn a_body_over_the_limit_is_a_413_only_where_routing_reads_it() {
    let choice = Choice::new();
    let gateway = Gateway::with("replay_limit: 1KiB");
    let body = format!("{{\"model\":\"gpt-4o\",\"x\":\"{}\"}}", "y".repeat(4000));
    let by_params = config_line(&choice.config(r#"{"params.model":{"$eq":"gpt-4o"}}"#));
    gateway.refuses(chat(&by_params, &body), 413, "body_too_large");
    let length = body.len();
    let chunked = chat(&by_params, "").replace("Content-Length: 0", "Transfer-Encoding: chunked")
        + &format!("{length:x}\r\n{body}\r\n0\r\n\r\n");
    gateway.refuses(chunked, 413, "body_too_large");
    assert_eq!(choice.yes.count() + choice.no.count(), 0);

    let by_method = config_line(&choice.config(r#"{"method":{"$eq":"POST"}}"#));
    let response = gateway.exchange(chat(&by_method, &body));
    assert_eq!(response.seen(), (200, completion("yes")));
    assert_eq!(choice.yes.last().body, body.as_bytes());
}

#[test]
fn routing_on_a_chunked_body_sends_it_on_in_chunks() {
    let choice = Choice::new();
    let upstream = Upstream::playing(|peer| {
        let head = peer.head().expect("a head");
        let (body, _) = peer.chunks().expect("a body");
        let head = String::from_utf8_lossy(&head).to_ascii_lowercase();
        let told = format!("{} {}", head.contains("content-length"), body.len());
        peer.send(raw_response("200 OK", "", &told));
    });
    let config = choice
        .config(r#"{"params.model":{"$eq":"gpt-4o"}}"#)
        .replace(&base(&choice.yes), &base(&upstream));
    let (one, two) = BODY.split_at(30);
    let chunked = chat(&config_line(&config), "")
        .replace("Content-Length: 0", "Transfer-Encoding: chunked")
        + &format!(
            "{:x}\r\n{one}\r\n{:x}\r\n{two}\r\n0\r\n\r\n",
            one.len(),
            two.len()
        );
    let response = choice.gateway.exchange(chunked);
    assert_eq!(response.seen(), (200, format!("false {}", BODY.len())));
}
