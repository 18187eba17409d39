//! Every spelling of the fixtures under every preset, against the verdict written by hand.

use super::*;

const PUBLIC: &[&str] = &["93.184.216.34", "2606:2800:220:1::1"];

const ALLOWLIST: &[&str] = &[
    "api.example.com",
    "*.models.example",
    "alt.example.com:8443",
    "scoped.example.com/v1",
    "http://plain.example.com",
    "any.example.com:*",
    "10.0.0.0/8:8000",
    "[fd12::/16]:8000",
    "http://127.0.0.1:11434",
];

const SELF_HOSTED: &[&str] = &[
    "10.0.0.0/8:8000",
    "[fd12::/16]:8000",
    "https://192.168.7.0/24:*",
    "localhost:11434",
    "vllm.lan:8000",
    "*.svc.lan:8000",
    "alt.example.com:8443",
];

fn policy(preset: Preset, allow: &[&str]) -> Policy {
    Policy::new(preset, entries(allow)).with_own_listeners(
        vec![
            "127.0.0.1:8787".parse().unwrap(),
            "[::]:9090".parse().unwrap(),
        ],
        ips(&["192.168.1.50"]),
    )
}

fn resolved(name: &str) -> Vec<IpAddr> {
    match name.trim_end_matches('.') {
        "localhost" => ips(&["127.0.0.1", "::1"]),
        "vllm.lan" => ips(&["192.168.1.7"]),
        "a.svc.lan" => ips(&["192.168.1.8"]),
        "ten.svc.lan" | "ten.elsewhere.lan" => ips(&["10.1.1.1"]),
        "rebound.models.example" => ips(&["93.184.216.34", "127.0.0.1"]),
        "inside.models.example" => ips(&["10.1.1.1"]),
        "imds.example" | "imds.models.example" => ips(&["169.254.169.254"]),
        "kubernetes.default.svc" => ips(&["10.96.0.1"]),
        "many.models.example" => (1..=17).map(|n| IpAddr::from([8, 8, 8, n])).collect(),
        "none.models.example" => Vec::new(),
        _ => ips(PUBLIC),
    }
}

fn verdict(input: &str, policy: &Policy, named_by: NamedBy) -> String {
    let url = match BaseUrl::parse(input) {
        Ok(url) => url,
        Err(error) => return format!("malformed {}", error.reason()),
    };
    let addresses = url.lookup_name().map(resolved).unwrap_or_default();
    match judge(policy, &url, named_by, &addresses) {
        Ok(_) => "ok".to_owned(),
        Err(denied) => denied.class().to_owned(),
    }
}

fn rows(fixture: &str) -> Vec<Vec<String>> {
    serde_json::from_str(fixture).unwrap()
}

fn check(rows: &[Vec<String>]) {
    let columns = [
        (policy(Preset::Public, &[]), NamedBy::Caller),
        (policy(Preset::Allowlist, ALLOWLIST), NamedBy::Caller),
        (policy(Preset::SelfHosted, SELF_HOSTED), NamedBy::Caller),
        (policy(Preset::Dev, &[]), NamedBy::Caller),
        (policy(Preset::Public, &[]), NamedBy::Settings),
    ];
    let mut wrong = Vec::new();
    for row in rows {
        let (input, expected) = row.split_first().unwrap();
        for (column, (policy, named_by)) in columns.iter().enumerate() {
            let expected = if expected.len() == 1 {
                &expected[0]
            } else {
                &expected[column]
            };
            let got = verdict(input, policy, *named_by);
            if got != *expected {
                let preset = policy.preset();
                wrong.push(format!(
                    "{input:?} {preset} {named_by:?}: {got}, expected {expected}"
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_known_host_spelling_gets_its_verdict_under_every_preset() {
    let verdicts = rows(include_str!("../../../fixtures/ssrf/hosts_verdicts.json"));
    let hosts: Vec<serde_json::Value> =
        serde_json::from_str(include_str!("../../../fixtures/ssrf/hosts.json")).unwrap();
    assert_eq!(hosts.len(), verdicts.len());
    for (host, row) in hosts.iter().zip(&verdicts) {
        assert_eq!(host["input"], row[0].as_str());
    }
    check(&verdicts);
}

#[test]
fn every_further_spelling_gets_its_verdict_under_every_preset() {
    let verdicts = rows(include_str!(
        "../../../fixtures/ssrf/spellings_verdicts.json"
    ));
    assert!(verdicts.len() >= 60);
    check(&verdicts);
}
