//! A denied target moves a fallback on, and alone it is refused, however its host is spelled: as an
//! address, as a name that resolves to it, or with a scheme or port that is not allowed. Nothing is
//! connected to.

use crate::{
    guard::{Canary, denied, verdict},
    guard_spellings::{FIXTURE_GUARDS, fixture_rows, fixture_zone, spellings},
    support::{
        Gateway, Upstream,
        dns::{FakeDns, Reply},
        routing::{base, base64, chat, completion, config_line, configured},
    },
};

const BODY: &str = r#"{"model":"m"}"#;

fn fallback(first: &str, second: &str) -> String {
    format!(
        r#"{{"strategy":{{"mode":"fallback"}},
           "targets":[{{"custom_host":"{first}"}},{{"custom_host":"{second}"}}]}}"#
    )
}

/// What is wrong with how a gateway treats this host, first in a fallback and alone.
fn mismatches(gateway: &Gateway, url: &str, second: &Upstream, class: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    let response = gateway.exchange(configured(&fallback(url, &base(second)), BODY));
    if (response.seen(), response.option()) != ((200, completion("b")), "config.targets[1]") {
        wrong.push(format!("{url} first: {}", verdict(&response)));
    }
    let last = gateway.exchange(configured(&fallback(url, url), BODY));
    if verdict(&last) != denied(class) {
        wrong.push(format!("{url} twice: {}", verdict(&last)));
    }
    let alone = gateway.exchange(chat(&format!("x-gateway-custom-host: {url}\r\n"), BODY));
    if verdict(&alone) != denied(class) {
        wrong.push(format!("{url} alone: {}", verdict(&alone)));
    }
    wrong
}

#[test]
fn a_denied_address_moves_a_fallback_on_in_every_spelling() {
    let canary = Canary::everywhere();
    let second = Upstream::named("b");
    // The entries permit scheme and port, so that the addresses are what is judged.
    let gateway = Gateway::with(&format!(
        "guard: {{ preset: self_hosted, allow: [\"10.0.0.0/8:*\", \"[fdff::/16]:*\", \
         \"127.0.0.1:{}\"] }}",
        second.address.port()
    ));
    let wrong: Vec<String> = spellings(canary.port)
        .flat_map(|(class, url)| mismatches(&gateway, &url, &second, class))
        .collect();
    assert_eq!(wrong, Vec::<String>::new());
    assert_eq!(canary.visits(), 0);
}

#[test]
fn whatever_the_fixtures_deny_moves_on_under_every_preset() {
    let dns = FakeDns::start();
    fixture_zone(&dns);
    let second = Upstream::named("b");
    let mut wrong = Vec::new();
    for (column, guard) in FIXTURE_GUARDS.iter().enumerate() {
        // A provider of the settings is allowed under all of them.
        let gateway = Gateway::with(&format!(
            "guard: {guard}\ndns: {{ servers: [\"{}\"] }}\n\
             providers: {{ second: {{ custom_host: \"{}\" }} }}",
            dns.address(),
            base(&second)
        ));
        for row in fixture_rows() {
            let (url, verdicts) = row.split_first().expect("a URL");
            let class = verdicts.get(column).unwrap_or(&verdicts[0]);
            let expected = match class.as_str() {
                "ok" | "own_listener" => continue,
                class if class.starts_with("malformed") => (400, "none"),
                _ => (200, "config.targets[1]"),
            };
            let config = serde_json::json!({
                "strategy": { "mode": "fallback" },
                "targets": [{ "custom_host": url }, { "provider": "@second" }],
            });
            let config = base64(&config.to_string());
            let response = gateway.exchange(configured(&config, BODY));
            if (response.status, response.option()) != expected {
                wrong.push(format!("{url} under {guard}: {}", verdict(&response)));
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}

#[test]
fn denied_schemes_ports_names_and_resolved_addresses_all_move_on() {
    let dns = FakeDns::start();
    dns.answer("inside.example", Reply::addresses(&["10.1.1.1"]));
    dns.answer("imds.example", Reply::addresses(&["169.254.169.254"]));
    let second = Upstream::named("b");
    let (dns_at, port) = (dns.address(), second.address.port());
    for (guard, hosts) in [
        (
            format!("{{ preset: self_hosted, allow: [\"127.0.0.1:{port}\"] }}"),
            &[
                ("http://example.com/v1", "scheme"),
                ("https://example.com:8443/v1", "port"),
                ("https://inside.example/v1", "private"),
                ("https://imds.example/v1", "metadata"),
                ("https://metadata.google.internal/v1", "metadata"),
                ("https://10.0.0.1/v1", "private"),
            ][..],
        ),
        (
            format!(
                "{{ preset: allowlist, allow: [\"http://127.0.0.1:{port}/v1\", \"imds.example\"] }}"
            ),
            &[
                ("https://example.com/v1", "not_listed"),
                ("https://imds.example/v1", "metadata"),
            ],
        ),
    ] {
        let gateway = Gateway::with(&format!(
            "guard: {guard}\ndns: {{ servers: [\"{dns_at}\"] }}"
        ));
        for (url, class) in hosts {
            let wrong = mismatches(&gateway, url, &second, class);
            assert_eq!(wrong, Vec::<String>::new(), "{guard}");
        }
    }
}

#[test]
fn the_gateway_itself_is_passed_over_too() {
    let second = Upstream::named("b");
    let gateway = Gateway::start();
    let own = format!("http://{}/v1", gateway.address);
    let response = gateway.exchange(configured(&fallback(&own, &base(&second)), BODY));
    assert_eq!(
        (response.seen(), response.option()),
        ((200, completion("b")), "config.targets[1]")
    );
    let alone = gateway.exchange(chat(&format!("x-gateway-custom-host: {own}\r\n"), BODY));
    assert_eq!((alone.status, alone.error()), (508, Some("loop_detected")));
}

#[test]
fn a_malformed_host_is_a_400_wherever_it_stands() {
    let second = Upstream::named("b");
    let gateway = Gateway::start();
    for url in [
        "http://a b/v1",
        "http://:80/v1",
        "http://a:99999/v1",
        "http://127.0.0.1:0/v1",
    ] {
        let config = config_line(&fallback(url, &base(&second)));
        gateway.refuses(chat(&config, BODY), 400, "invalid_config");
    }
    assert_eq!(second.count(), 0);
}
