//! Every combination of caller and operator, in every way a request can be sent: what the settings
//! hold arrives only at the host and in the place that the settings name.

use std::fmt::Write as _;

use crate::{
    support::{
        Gateway, Upstream,
        credentials::{CALLER, OPERATOR_MARK},
        message::{Sent, bare},
        routing::{Refusing, base, chat, config_line, json},
    },
    websocket::HANDSHAKE,
};

/// How a request makes its way.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Way {
    Once,
    Retry,
    Fallback,
    Hedge,
    WebSocket,
    DryRun,
    CacheRefresh,
}

/// What one config object gives beside its host and provider.
const PARTS: [&[&str]; 9] = [
    &[],
    &["key"],
    &["key", "auth"],
    &["auth"],
    &["line"],
    &["credential"],
    &["param"],
    &["auth", "credential"],
    &["key", "auth", "line", "credential", "param"],
];

const PROVIDERS: [&str; 5] = ["", "@vault", "@placed", "@queried", "@plain"];

/// `x-gateway-provider`, whether `x-gateway-custom-host` names the canary, and the body's model.
const REQUESTS: [(&str, bool, &str); 7] = [
    ("", false, "m"),
    ("", true, "m"),
    ("", false, "@vault/m"),
    ("@vault", false, "m"),
    ("@placed", false, "m"),
    ("@plain", true, "@vault/m"),
    ("@vault", true, "m"),
];

/// One config object, with values that tell whose they are.
fn object(whose: &str, host: Option<&str>, provider: &str, parts: &[&str], more: &str) -> String {
    let mut keys = Vec::new();
    keys.extend(host.map(|host| format!(r#""custom_host":"{host}""#)));
    keys.extend((!provider.is_empty()).then(|| format!(r#""provider":"{provider}""#)));
    let mut lines = Vec::new();
    for part in parts {
        match *part {
            "key" => keys.push(format!(r#""api_key":"{whose}-saved-key""#)),
            "auth" => keys.push(r#""auth":{"header":"x-request-id"}"#.to_owned()),
            "line" => lines.push(format!(r#""x-line":"{whose}-saved-line""#)),
            "credential" => lines.push(format!(r#""x-api-key":"{whose}-saved-credential""#)),
            "param" => keys.push(format!(
                r#""override_params":{{"user":"{whose}-saved-param"}}"#
            )),
            other => panic!("{other} is no part"),
        }
    }
    if !lines.is_empty() {
        keys.push(format!(r#""headers":{{{}}}"#, lines.join(",")));
    }
    if !more.is_empty() {
        keys.push(more.to_owned());
    }
    format!("{{{}}}", keys.join(","))
}

/// The keys of a config that send it this way.
fn more(way: Way) -> &'static str {
    match way {
        Way::Retry => r#""retry":{"attempts":1,"use_retry_after_header":true}"#,
        Way::Hedge => r#""hedge":{"after":1,"max_ratio":1}"#,
        Way::Once | Way::Fallback | Way::WebSocket | Way::DryRun | Way::CacheRefresh => "",
    }
}

fn upstream(way: Way) -> Upstream {
    Upstream::playing(move |peer| {
        while peer.request().is_some() {
            if way == Way::Hedge {
                // A slow model, so that a second request is sent beside the first.
                peer.pause(std::time::Duration::from_millis(8));
            }
            peer.send(match way {
                Way::Retry => crate::support::routing::raw_response(
                    "503 Busy",
                    "Content-Type: application/json\r\nretry-after-ms: 1\r\n",
                    "{}",
                ),
                _ => json(
                    "200 OK",
                    r#"{"id":"x","object":"chat.completion","choices":[]}"#,
                ),
            });
        }
    })
}

/// The settings and everybody's upstreams.
struct House {
    gateway: Gateway,
    vault: Upstream,
    placed: Upstream,
    queried: Upstream,
    plain: Upstream,
    saved: Upstream,
    canary: Upstream,
    dead: Refusing,
    /// Names of saved configs.
    names: Vec<String>,
}

impl House {
    fn new(way: Way, default_config: Option<&str>) -> Self {
        let [vault, placed, queried, plain, saved, canary] = [(); 6].map(|()| upstream(way));
        let dead = Refusing::new();
        let mut yaml = format!(
            r#"
providers:
  vault: {{ custom_host: "{}", api_key: operator-vault-key,
    headers: {{ x-team: operator-vault-line }},
      override_params: {{ tenant: operator-vault-param }} }}
  placed: {{ custom_host: "{}", api_key: operator-placed-key, auth: {{ header: x-placed }} }}
  queried: {{ custom_host: "{}?api_key=operator-queried-key" }}
  plain: {{ custom_host: "{}" }}
configs:
  hostless: {{ retry: {{ attempts: 0 }} }}
"#,
            base(&vault),
            base(&placed),
            base(&queried),
            base(&plain)
        );
        let mut names = vec!["hostless".to_owned()];
        for (at, parts) in PARTS.iter().enumerate() {
            for provider in PROVIDERS {
                for host in [None, Some(base(&saved))] {
                    let holds = |part: &&str| ["key", "auth", "credential"].contains(part);
                    let unhosted = host.is_none() && provider.is_empty();
                    let two_hosts = host.is_some() && !provider.is_empty();
                    if two_hosts || (unhosted && parts.iter().any(holds)) {
                        continue;
                    }
                    let name = format!(
                        "saved-{at}-{}-{}",
                        provider.trim_matches('@'),
                        host.is_some()
                    );
                    let object = object("operator", host.as_deref(), provider, parts, more(way));
                    let config = wrapped(way, &object, &dead);
                    writeln!(yaml, "  {name}: {config}").expect("a line");
                    names.push(name);
                }
            }
        }
        if let Some(name) = default_config {
            writeln!(yaml, "default_config: {name}").expect("a line");
        }
        House {
            gateway: Gateway::with(&yaml),
            vault,
            placed,
            queried,
            plain,
            saved,
            canary,
            dead,
            names,
        }
    }

    fn send(&self, way: Way, config: &str, (provider, host, model): (&str, bool, &str)) -> u16 {
        let mut lines = String::new();
        if !config.is_empty() {
            lines.push_str(&config_line(config));
        }
        if !provider.is_empty() {
            write!(lines, "x-gateway-provider: {provider}\r\n").expect("a line");
        }
        if host {
            write!(lines, "x-gateway-custom-host: {}\r\n", base(&self.canary)).expect("a line");
        }
        let body = format!(r#"{{"model":"{model}","messages":[]}}"#);
        let request = match way {
            Way::WebSocket => bare("GET", "/v1/realtime", &(lines + HANDSHAKE)),
            Way::DryRun => chat(&(lines + "x-gateway-dry-run: true\r\n" + CALLER), &body),
            Way::CacheRefresh => {
                let refresh = "x-gateway-cache: true\r\nx-gateway-cache-force-refresh: true\r\n";
                chat(&(lines + refresh + CALLER), &body)
            }
            Way::Once | Way::Retry | Way::Fallback | Way::Hedge => chat(&(lines + CALLER), &body),
        };
        let response = self.gateway.exchange(request);
        let told = format!("{}{}", response.head, response.text());
        assert!(
            !told.contains(OPERATOR_MARK),
            "{config}: the reply tells {told}"
        );
        response.status
    }

    /// Checks that every secret arrived only where the settings bind it, and returns how many did.
    /// `saved`: saved configs were used, too, which may bind the keys of their providers elsewhere.
    fn check(&self, way: Way, saved: bool) -> usize {
        let mut arrived = 0;
        for (upstream, owned) in [
            (
                &self.vault,
                &[
                    "authorization: Bearer operator-vault-key",
                    "x-team: operator-vault-line",
                ][..],
            ),
            (&self.placed, &["x-placed: operator-placed-key"]),
            (&self.queried, &[]),
            (&self.plain, &[]),
            (&self.saved, &["authorization: Bearer operator-saved-key"]),
            (&self.canary, &[]),
        ] {
            let is_canary = std::ptr::eq(upstream, &self.canary);
            for raw in upstream.requests() {
                let sent = Sent::read(&raw);
                let told = String::from_utf8_lossy(&raw).into_owned();
                for line in sent
                    .shown()
                    .iter()
                    .filter(|line| line.contains(OPERATOR_MARK))
                {
                    let of_saved = [
                        "x-request-id: operator-saved-key",
                        "x-placed: operator-saved-key",
                        "authorization: Bearer operator-saved-key",
                        "x-line: operator-saved-line",
                        "x-api-key: operator-saved-credential",
                        // A saved config that names the provider says where its key goes.
                        "x-request-id: operator-vault-key",
                        "x-request-id: operator-placed-key",
                    ];
                    let bound = owned.contains(&&**line) || (saved && of_saved.contains(&&**line));
                    let other = |key: &str, own: &Upstream| {
                        line.contains(key) && !std::ptr::eq(upstream, own)
                    };
                    let astray = other("vault-", &self.vault) || other("placed-key", &self.placed);
                    assert!(bound && !astray && !is_canary, "{way:?}: {line} in\n{told}");
                    arrived += 1;
                }
                let in_query = sent.line.contains(OPERATOR_MARK);
                assert_eq!(
                    in_query,
                    std::ptr::eq(upstream, &self.queried),
                    "{way:?}: {told}"
                );
                let body = String::from_utf8_lossy(&sent.body);
                let tenant = body.contains("operator-vault-param");
                let is_vault = std::ptr::eq(upstream, &self.vault);
                assert!(
                    tenant == (is_vault && way != Way::WebSocket),
                    "{way:?}: {told}"
                );
                assert!(
                    !(is_canary && body.contains(OPERATOR_MARK)),
                    "{way:?}: {told}"
                );
            }
        }
        arrived
    }
}

/// The object behind a target that refuses connections, where the way is a fallback.
fn wrapped(way: Way, object: &str, dead: &Refusing) -> String {
    let dead = dead.base();
    match way {
        Way::Fallback => format!(
            r#"{{"strategy":{{"mode":"fallback"}},
               "targets":[{{"custom_host":"{dead}"}},{object}]}}"#
        ),
        _ => object.to_owned(),
    }
}

/// The object as a target of a group in a group.
fn nested(object: &str) -> String {
    format!(r#"{{"targets":[{{"targets":[{object}]}}]}}"#)
}

fn every_pairing(way: Way) {
    let house = House::new(way, None);
    let canary = base(&house.canary);
    let mut sent = 0;
    for parts in PARTS {
        for provider in PROVIDERS {
            for host in [None, Some(&*canary)] {
                let object = object("mine", host, provider, parts, more(way));
                let config = wrapped(way, &object, &house.dead);
                for config in [&config, &nested(&config)] {
                    for request in REQUESTS {
                        sent += usize::from(house.send(way, config, request) < 400);
                    }
                }
            }
        }
    }
    house.check(way, false);
    let saved = house.names.iter().map(String::as_str);
    for config in saved.chain(["", "{}"]) {
        for request in REQUESTS {
            sent += usize::from(house.send(way, config, request) < 400);
        }
    }
    let arrived = house.check(way, true);
    match way {
        Way::DryRun => assert_eq!((arrived, house.vault.connections()), (0, 0)),
        _ => assert!(arrived > 100, "{way:?}: {arrived} secrets arrived"),
    }
    assert!(sent > 100 || way == Way::Retry, "{way:?}: {sent} succeeded");
    assert!(
        way == Way::DryRun || house.canary.connections() > 0,
        "the canary is in reach"
    );
}

#[test]
fn secrets_stay_at_their_host_and_place_when_sent_once() {
    every_pairing(Way::Once);
}

#[test]
fn secrets_stay_at_their_host_and_place_when_retried() {
    every_pairing(Way::Retry);
}

#[test]
fn secrets_stay_at_their_host_and_place_in_a_fallback() {
    every_pairing(Way::Fallback);
}

#[test]
fn secrets_stay_at_their_host_and_place_when_hedged() {
    every_pairing(Way::Hedge);
}

#[test]
fn secrets_stay_at_their_host_and_place_in_a_websocket_handshake() {
    every_pairing(Way::WebSocket);
}

#[test]
fn secrets_stay_at_their_host_and_place_in_a_dry_run() {
    every_pairing(Way::DryRun);
}

#[test]
fn secrets_stay_at_their_host_and_place_when_the_cache_is_refreshed() {
    every_pairing(Way::CacheRefresh);
}

#[test]
fn secrets_of_a_default_config_stay_at_their_host_and_place() {
    let names = House::new(Way::Once, None).names;
    for name in names {
        let house = House::new(Way::Once, Some(&name));
        for config in ["", "{}"] {
            for request in REQUESTS {
                house.send(Way::Once, config, request);
            }
        }
        house.check(Way::Once, true);
    }
}
