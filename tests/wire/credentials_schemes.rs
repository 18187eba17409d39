//! Every scheme of an operator's credential, in every way a request can be sent and with everything
//! that a caller can add to it: each secret arrives at its own origin, in its own place, and stands
//! in no reply and no metric.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::support::{
    Gateway, Upstream,
    credentials::CALLER,
    message::Sent,
    routing::{Refusing, base, chat, completion, config_line, json, raw_response},
};

const KEY: &str = include_str!("../../fixtures/credential/service_account.pem");

/// Each scheme's provider, the text by which its secret is found, and where that may stand: the
/// name of a line, or `?` for the request line. The secret of an AWS key is never sent.
const SCHEMES: [(&str, &str, &str); 7] = [
    ("bearer", "op-bearer", "authorization"),
    ("header", "op-header", "api_token"),
    ("query", "op-query", "?"),
    // "user:op-basic".
    ("basic", "dXNlcjpvcC1iYXNpYw==", "authorization"),
    ("aws", "AKIAOPERATOR", "authorization"),
    ("aws", "op-session", "x-amz-security-token"),
    ("google", "op-token", "authorization"),
];
const PROVIDERS: [&str; 6] = ["bearer", "header", "query", "basic", "aws", "google"];
/// What no request to anybody but the server of tokens ever has.
const NEVER: [&str; 3] = ["op-aws-secret", "PRIVATE KEY", "urn%3Aietf"];

#[derive(Clone, Copy, Debug, PartialEq)]
enum Way {
    Once,
    Retry,
    /// A failing target of the operator's, and then one of the caller's.
    FallbackAway,
    /// A dead target of the caller's, and then the operator's.
    FallbackTo,
    Hedge,
    Cached,
    DryRun,
    Redirect,
}

/// Everybody's upstreams.
struct House {
    gateway: Gateway,
    owners: Vec<(&'static str, Upstream)>,
    tokens: Upstream,
    canary: Upstream,
    dead: Refusing,
}

/// An operator's upstream. A redirect repeats the URL of the request, as many do.
fn upstream(way: Way, canary: String) -> Upstream {
    Upstream::playing(move |peer| {
        while let Some(request) = peer.request() {
            if way == Way::Hedge {
                peer.pause(std::time::Duration::from_millis(8));
            }
            let target = String::from_utf8_lossy(&request);
            let target = target.split(' ').nth(1).unwrap_or_default();
            peer.send(match way {
                Way::Retry | Way::FallbackAway => {
                    raw_response("503 Busy", "retry-after-ms: 1\r\n", "{}")
                }
                Way::Redirect => {
                    raw_response("307 Go", &format!("Location: {canary}{target}\r\n"), "")
                }
                Way::Once | Way::FallbackTo | Way::Hedge | Way::Cached | Way::DryRun => {
                    json("200 OK", &completion("operators"))
                }
            });
        }
    })
}

pub(crate) fn token_server() -> Upstream {
    let count = AtomicUsize::new(0);
    Upstream::playing(move |peer| {
        while peer.request().is_some() {
            let number = count.fetch_add(1, Ordering::SeqCst);
            let token = format!("{{\"access_token\":\"op-token-{number}\",\"expires_in\":3600}}");
            peer.send(json("200 OK", &token));
        }
    })
}

/// The key file of an account whose tokens this server gives out.
pub(crate) fn service_account(tokens: &Upstream) -> String {
    format!(
        r#"{{"type":"service_account","client_email":"op-email","private_key":{:?},
            "token_uri":"{}/token"}}"#,
        KEY,
        tokens.url()
    )
}

impl House {
    fn new(way: Way) -> Self {
        let canary = Upstream::named("canary");
        let url = canary.url();
        let owners = PROVIDERS.map(|name| (name, upstream(way, url.clone())));
        let tokens = token_server();
        let at = |name: &str| {
            let found = owners.iter().find(|(it, _)| *it == name);
            base(&found.expect("it").1)
        };
        let account = service_account(&tokens);
        let yaml = format!(
            r#"
providers:
  bearer: {{ custom_host: "{}", credential: {{ bearer: op-bearer }} }}
  header: {{ custom_host: "{}", credential: {{ header: {{ api_token: op-header }} }} }}
  query: {{ custom_host: "{}", credential: {{ query: {{ secret: op-query }} }} }}
  basic: {{ custom_host: "{}", credential: {{ basic: {{ user: user, password: op-basic }} }} }}
  aws: {{ custom_host: "{}", credential: {{ aws_sigv4: {{ access_key_id: AKIAOPERATOR,
    secret_access_key: op-aws-secret, session_token: op-session, region: us-east-1,
    service: bedrock }} }} }}
  google: {{ custom_host: "{}", credential: {{ google: {{ service_account: {account} }} }} }}
"#,
            at("bearer"),
            at("header"),
            at("query"),
            at("basic"),
            at("aws"),
            at("google"),
        );
        House {
            gateway: Gateway::with(&yaml),
            owners: owners.into(),
            tokens,
            canary,
            dead: Refusing::new(),
        }
    }

    /// A request's lines and body, for each thing that a caller may try.
    fn requests(&self, way: Way, provider: &str) -> Vec<(String, String)> {
        let canary = base(&self.canary);
        let own = format!(r#"{{"provider":"@{provider}"}}"#);
        let with = |keys: &str| own.replacen('{', &format!("{{{keys},"), 1);
        let group = |first: &str, second: &str| {
            format!(r#"{{"strategy":{{"mode":"fallback"}},"targets":[{first},{second}]}}"#)
        };
        let named = format!("x-gateway-provider: @{provider}\r\n");
        let canary_line = format!("x-gateway-custom-host: {canary}\r\n");
        let config = match way {
            Way::Retry => with(r#""retry":{"attempts":1,"use_retry_after_header":true}"#),
            Way::Hedge => with(r#""hedge":{"after":1,"max_ratio":1}"#),
            Way::Cached => with(r#""cache":true"#),
            Way::FallbackAway => group(&own, &format!(r#"{{"custom_host":"{canary}"}}"#)),
            Way::FallbackTo => group(
                &format!(r#"{{"custom_host":"{}"}}"#, self.dead.base()),
                &own,
            ),
            Way::Once | Way::DryRun | Way::Redirect => own.clone(),
        };
        let lines = [
            config_line(&config),
            named.clone(),
            named.clone() + &canary_line,
            canary_line.clone(),
            config_line(&config) + &canary_line,
            config_line(&with(&format!(r#""custom_host":"{canary}""#))),
            config_line(&with(r#""auth":{"header":"x-leak"}"#)),
            config_line(&with(r#""api_key":"caller-own""#)),
            config_line(&with(
                r#""api_key":"caller-own","auth":{"header":"x-leak"}"#,
            )),
            config_line(&with(
                r#""headers":{"authorization":null,"api_token":"caller-x"}"#,
            )),
            config_line(&with(
                r#""headers":{"x-amz-date":"x","x-amz-security-token":null}"#,
            )),
            config_line(&with(r#""forward_authorization":true"#)),
            config_line(&with(r#""credential":{"bearer":"caller-own"}"#)),
            config_line(&format!(
                r#"{{"custom_host":"{canary}","targets":[{{"provider":"@{provider}"}}]}}"#
            )),
            String::new(),
        ];
        let model = format!(r#"{{"model":"@{provider}/m","messages":[]}}"#);
        let plain = r#"{"model":"m","messages":[]}"#.to_owned();
        let bodies = [plain, model];
        let pairs = lines
            .iter()
            .flat_map(|lines| bodies.clone().map(|body| (lines.clone(), body)));
        pairs.collect()
    }

    /// Sends a request, twice where the second is served from the cache; whether it succeeded.
    fn send(&self, way: Way, lines: &str, body: &str) -> bool {
        let more = match way {
            Way::DryRun => "x-gateway-dry-run: true\r\n",
            _ => "",
        };
        let own = "api_token: caller-token\r\nx-amz-security-token: caller-session\r\n";
        let request = chat(&format!("{lines}{more}{own}{CALLER}"), body);
        let request = request.replacen(
            "/v1/chat/completions ",
            "/v1/chat/completions?key=caller-key&secret=caller-secret&a=1 ",
            1,
        );
        let mut status = 0;
        for _ in 0..if way == Way::Cached { 2 } else { 1 } {
            let response = self.gateway.exchange(&request);
            let told = format!("{}{}", response.head, response.text());
            for secret in secrets() {
                assert!(!told.contains(secret), "{way:?} {lines}: {told}");
            }
            status = response.status;
        }
        status < 400
    }

    /// Every secret arrived only where it belongs; how many requests had theirs.
    fn check(&self, way: Way) -> usize {
        let mut arrived = 0;
        let owners = self.owners.iter().map(|(name, upstream)| (*name, upstream));
        for (name, upstream) in owners.chain([("canary", &self.canary)]) {
            for raw in upstream.requests() {
                let sent = Sent::read(&raw);
                let told = String::from_utf8_lossy(&raw).into_owned();
                for (owner, secret, place) in SCHEMES {
                    let mut places: Vec<String> = Vec::new();
                    places.extend(sent.line.contains(secret).then(|| "?".to_owned()));
                    let lines = sent.shown();
                    let lines = lines.iter().filter(|line| line.contains(secret));
                    places.extend(lines.filter_map(|it| Some(it.split_once(':')?.0.to_owned())));
                    let expected = if owner == name { &[place][..] } else { &[] };
                    assert_eq!(places, expected, "{way:?} {name} {secret}: {told}");
                    assert!(!String::from_utf8_lossy(&sent.body).contains(secret));
                }
                assert!(!NEVER.iter().any(|it| told.contains(it)), "{way:?}: {told}");
                if name != "canary" {
                    // The caller's credentials, and what stands in the place of the operator's.
                    let replaced = match name {
                        "header" => "caller-token",
                        "query" => "caller-secret",
                        _ => "caller-bearer",
                    };
                    let replaced = [replaced, "caller-x-api-key", "caller-cookie", "caller-key"];
                    assert!(!replaced.iter().any(|it| told.contains(it)), "{told}");
                    assert!(name != "aws" || !told.contains("caller-session"), "{told}");
                    arrived += 1;
                }
            }
        }
        arrived
    }
}

/// Texts that no reply has.
fn secrets() -> impl Iterator<Item = &'static str> {
    let sent = SCHEMES.iter().map(|(_, secret, _)| *secret);
    sent.filter(|it| *it != "AKIAOPERATOR")
        .chain(NEVER)
        .chain(["op-basic", "op-email"])
}

fn every_request(way: Way) {
    let house = House::new(way);
    let mut succeeded = 0;
    for provider in PROVIDERS {
        for (lines, body) in house.requests(way, provider) {
            succeeded += usize::from(house.send(way, &lines, &body));
        }
    }
    let arrived = house.check(way);
    let metrics = "GET /gateway/metrics HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let metrics = house.gateway.exchange(metrics).text();
    assert!(!secrets().any(|it| metrics.contains(it)), "{metrics}");
    match way {
        Way::DryRun => {
            assert!(succeeded > 30, "{succeeded}");
            let dialled = house.owners.iter().map(|(_, it)| it.connections());
            assert_eq!((dialled.sum::<usize>(), house.tokens.connections()), (0, 0));
        }
        _ => {
            assert!(arrived > 30, "{way:?}: {arrived} arrived");
            // One token for all requests of all workers.
            assert_eq!(house.tokens.count(), 1, "{way:?}");
        }
    }
}

#[test]
fn a_credential_goes_to_its_origin_alone() {
    every_request(Way::Once);
}

#[test]
fn a_retry_takes_it_to_the_same_origin() {
    every_request(Way::Retry);
}

#[test]
fn a_fallback_from_its_target_leaves_it_behind() {
    every_request(Way::FallbackAway);
}

#[test]
fn a_fallback_to_its_target_brings_it_there() {
    every_request(Way::FallbackTo);
}

#[test]
fn a_hedge_takes_it_to_the_same_origin() {
    every_request(Way::Hedge);
}

#[test]
fn a_stored_response_does_not_tell_it() {
    every_request(Way::Cached);
}

#[test]
fn a_dry_run_does_not_tell_it() {
    every_request(Way::DryRun);
}

#[test]
fn a_redirect_does_not_tell_it() {
    every_request(Way::Redirect);
}
