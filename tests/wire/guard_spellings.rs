//! Every spelling of a denied address, in every way a base URL can be sent, under every preset:
//! refused for the class of the address, without a single connection.

use crate::{
    guard::{Canary, GET, WAYS_IN, WayIn, ask, denied, get, verdict},
    support::{
        Gateway,
        dns::{FakeDns, Reply},
    },
};

/// Hosts and what they are.
const HOSTS: &[(&str, &[&str])] = &[
    (
        "loopback",
        &[
            "127.0.0.1",
            "127.1",
            "127.0.1",
            "127.0.0.1.",
            "2130706433",
            "0x7f000001",
            "0X7F000001",
            "0x7f.1",
            "017700000001",
            "0177.0.0.1",
            "0x7F.0.0.0x1",
            "%31%32%37.0.0.1",
            "127%2e0%2e0%2e1",
            "127.0.0.2",
            "127.255.255.254",
            "[::1]",
            "[0:0:0:0:0:0:0:1]",
            "[0::0.0.0.1]",
            "[::ffff:127.0.0.1]",
            "[::FFFF:7F00:0001]",
            "[0:0:0:0:0:ffff:127.0.0.1]",
            "[::ffff:127.0.0.2]",
            "[64:ff9b::127.0.0.1]",
            "[64:ff9b::7f00:1]",
            "localhost",
            "LOCALHOST",
            "localhost.",
            "%6c%6F%63alhost",
            "a.b.localhost",
        ],
    ),
    (
        "unspecified",
        &[
            "0.0.0.0",
            "0",
            "0x0",
            "00000",
            "0.0.0.1",
            "[::]",
            "[0:0:0:0:0:0:0:0]",
            "[::ffff:0.0.0.0]",
            "[::ffff:0:0]",
            "[64:ff9b::]",
        ],
    ),
    (
        "reserved",
        &[
            "[::127.0.0.1]",
            "[::7f00:1]",
            "[::ffff:0:127.0.0.1]",
            "[64:ff9b:1::7f00:1]",
            "[fec0::1]",
            "[100::1]",
            "[4000::1]",
            "240.0.0.1",
            "192.0.0.1",
        ],
    ),
    (
        "6to4",
        &["[2002:7f00:1::]", "[2002:7f00:0001::1]", "192.88.99.1"],
    ),
    ("teredo", &["[2001:0:4136:e378:8000:63bf:80ff:fffe]"]),
    (
        "metadata",
        &[
            "169.254.169.254",
            "2852039166",
            "0xa9fea9fe",
            "0xA9.0xFE.0xA9.0xFE",
            "0251.0376.0251.0376",
            "169.254.43518",
            "[::ffff:169.254.169.254]",
            "[64:ff9b::a9fe:a9fe]",
            "[fd00:ec2::254]",
            "169.254.170.2",
            "168.63.129.16",
            "100.100.100.200",
            "metadata",
            "metadata.google.internal",
            "METADATA.google.internal.",
            "x.metadata.google.internal",
        ],
    ),
    (
        "link_local",
        &["169.254.1.1", "[fe80::1]", "[::ffff:169.254.1.1]"],
    ),
    ("multicast", &["224.0.0.1", "[ff02::1]"]),
    ("broadcast", &["255.255.255.255", "4294967295"]),
    (
        "documentation",
        &["192.0.2.1", "[2001:db8::1]", "[3fff::1]"],
    ),
    ("benchmarking", &["198.18.0.1"]),
    (
        "private",
        &[
            "172.16.0.1",
            "192.168.0.1",
            "192.168.1",
            "0xc0a80001",
            "100.64.0.1",
            "[fc00::1]",
            "[fd12::1]",
            "[::ffff:192.168.0.1]",
            "[64:ff9b::192.168.0.1]",
        ],
    ),
];

/// Classes that no rule set lifts.
const ONLY_THE_RULES_REFUSE: [&str; 2] = ["loopback", "private"];

pub fn spellings(port: u16) -> impl Iterator<Item = (&'static str, String)> {
    let rows = HOSTS.iter();
    rows.flat_map(move |(class, hosts)| {
        let url = |host: &&str| (*class, format!("http://{host}:{port}/v1"));
        hosts.iter().map(url).collect::<Vec<_>>()
    })
}

/// Asks for every spelling through these ways; what differs from what is expected.
fn mismatches(
    gateway: &Gateway,
    port: u16,
    ways: &[(&str, WayIn)],
    expected: impl Fn(&str, &str) -> Option<String>,
) -> Vec<String> {
    let mut wrong = Vec::new();
    for (class, url) in spellings(port) {
        let Some(expected) = expected(class, &url) else {
            continue;
        };
        for (way, request) in ways {
            let response = ask(gateway, &request(&url));
            // A HEAD has no message.
            let wanted = match *way {
                "HEAD" => expected.rsplit_once(' ').map_or("", |(short, _)| short),
                _ => &expected,
            };
            let got = verdict(&response);
            if got != wanted || response.header("x-gateway-trace-id").is_none() {
                wrong.push(format!("{way} {url}: {got}, expected {wanted}"));
            }
        }
    }
    wrong
}

fn is_never(class: &str) -> bool {
    !ONLY_THE_RULES_REFUSE.contains(&class)
}

#[test]
fn the_canary_notices_a_connection() {
    let canary = Canary::everywhere();
    let gateway = Gateway::start();
    for host in ["127.0.0.1", "127.0.0.2", "localhost"] {
        let before = canary.visits();
        ask(&gateway, &get(&format!("http://{host}:{}", canary.port)));
        assert!(canary.visits() > before, "{host}");
    }
}

#[test]
fn self_hosted_refuses_what_its_entries_do_not_list() {
    let canary = Canary::everywhere();
    // The entry permits the scheme and the port, so that the addresses are what is judged.
    let gateway = Gateway::with(
        "guard: { preset: self_hosted, allow: [\"10.0.0.0/8:*\", \"[fdff::/16]:*\"] }",
    );
    let wrong = mismatches(&gateway, canary.port, WAYS_IN, |class, _| {
        Some(denied(class))
    });
    assert_eq!(wrong, Vec::<String>::new());
    assert_eq!(canary.visits(), 0);
}

#[test]
fn public_refuses_by_scheme_and_port_before_it_looks_at_addresses() {
    let canary = Canary::everywhere();
    let gateway = Gateway::with("guard: { preset: public }");
    let metadata_or = |url: &str, class| {
        let is_name = url.to_lowercase().contains("metadata");
        Some(denied(if is_name { "metadata" } else { class }))
    };
    let wrong = mismatches(&gateway, canary.port, GET, |_, url| {
        metadata_or(url, "scheme")
    });
    assert_eq!(wrong, Vec::<String>::new());
    for (_, url) in spellings(canary.port) {
        let url = url.replacen("http", "https", 1);
        let got = verdict(&ask(&gateway, &get(&url)));
        assert_eq!(Some(got), metadata_or(&url, "port"), "{url}");
    }
    assert_eq!(canary.visits(), 0);
}

#[test]
fn public_refuses_every_class_on_443() {
    let gateway = Gateway::with("guard: { preset: public }");
    let mut wrong = Vec::new();
    for (class, hosts) in HOSTS {
        for host in *hosts {
            for port in ["", ":443", ":0443"] {
                let url = format!("https://{host}{port}/v1");
                let got = verdict(&ask(&gateway, &get(&url)));
                if got != denied(class) {
                    wrong.push(format!("{url}: {got}, expected {class}"));
                }
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}

#[test]
fn allowlist_refuses_what_is_not_listed() {
    let canary = Canary::everywhere();
    let gateway = Gateway::with(
        "guard: { preset: allowlist, allow: [\"http://10.0.0.0/8:*\", \"api.example.com\"] }",
    );
    let wrong = mismatches(&gateway, canary.port, GET, |_, url| {
        let metadata = url.to_lowercase().contains("metadata");
        Some(denied(if metadata { "metadata" } else { "not_listed" }))
    });
    assert_eq!(wrong, Vec::<String>::new());
    assert_eq!(canary.visits(), 0);
}

#[test]
fn dev_refuses_addresses_that_no_entry_can_allow() {
    let canary = Canary::everywhere();
    let gateway = Gateway::start();
    let wrong = mismatches(&gateway, canary.port, GET, |class, _| {
        is_never(class).then(|| denied(class))
    });
    assert_eq!(wrong, Vec::<String>::new());
    assert_eq!(canary.visits(), 0);
}

/// The rule sets that the verdicts in the fixtures were written for, `public` to `dev`.
pub const FIXTURE_GUARDS: [&str; 4] = [
    "{ preset: public }",
    r#"{ preset: allowlist, allow: ["api.example.com", "*.models.example", "alt.example.com:8443",
        "scoped.example.com/v1", "http://plain.example.com", "any.example.com:*", "10.0.0.0/8:8000",
        "[fd12::/16]:8000", "http://127.0.0.1:11434"] }"#,
    r#"{ preset: self_hosted, allow: ["10.0.0.0/8:8000", "[fd12::/16]:8000",
       "https://192.168.7.0/24:*",
        "localhost:11434", "vllm.lan:8000", "*.svc.lan:8000", "alt.example.com:8443"] }"#,
    "{ preset: dev }",
];

pub fn fixture_zone(dns: &FakeDns) {
    let many: Vec<String> = (1..=17).map(|last| format!("8.8.8.{last}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    for (name, addresses) in [
        ("api.example.com", &["93.184.216.34"][..]),
        ("any.example.com", &["93.184.216.34"]),
        ("stranger.example", &["93.184.216.34"]),
        ("my_service", &["93.184.216.34"]),
        ("vllm.lan", &["192.168.1.7"]),
        ("a.svc.lan", &["192.168.1.8"]),
        ("ten.svc.lan", &["10.1.1.1"]),
        ("ten.elsewhere.lan", &["10.1.1.1"]),
        ("rebound.models.example", &["93.184.216.34", "127.0.0.1"]),
        ("inside.models.example", &["10.1.1.1"]),
        ("imds.example", &["169.254.169.254"]),
        ("imds.models.example", &["169.254.169.254"]),
        ("kubernetes.default.svc", &["10.96.0.1"]),
        ("many.models.example", &many),
    ] {
        dns.answer(name, Reply::addresses(addresses));
    }
}

/// A URL, and its verdict, or one for each of [`FIXTURE_GUARDS`].
pub fn fixture_rows() -> Vec<Vec<String>> {
    let rows: Vec<Vec<String>> = [
        include_str!("../../fixtures/ssrf/hosts_verdicts.json"),
        include_str!("../../fixtures/ssrf/spellings_verdicts.json"),
    ]
    .iter()
    .flat_map(|fixture| serde_json::from_str::<Vec<Vec<String>>>(fixture).expect("rows"))
    .collect();
    assert!(rows.len() > 200);
    rows
}

#[test]
fn the_spellings_in_the_fixtures_get_their_verdicts_over_the_wire() {
    let dns = FakeDns::start();
    fixture_zone(&dns);
    let rows = fixture_rows();
    let mut wrong = Vec::new();
    for (column, guard) in FIXTURE_GUARDS.iter().enumerate() {
        let gateway = Gateway::with(&format!(
            "guard: {guard}\ndns: {{ servers: [\"{}\"] }}",
            dns.address()
        ));
        for row in &rows {
            let (url, verdicts) = row.split_first().expect("a URL");
            let class = verdicts.get(column).unwrap_or(&verdicts[0]);
            let Some(expected) = over_the_wire(url, class) else {
                continue;
            };
            let got = verdict(&ask(&gateway, &get(url)));
            if got != expected {
                wrong.push(format!("{url} under {guard}: {got}, expected {expected}"));
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}

/// What is said to a caller. `None` where the request would be sent, and where the test's own
/// request would not be one.
fn over_the_wire(url: &str, class: &str) -> Option<String> {
    let travels = !url.is_empty() && url.trim() == url && !url.contains(['\r', '\n', '\0']);
    match class {
        _ if !travels => None,
        // The fixtures' listeners are not this gateway's.
        "ok" | "own_listener" => None,
        "no_address" => Some("502 upstream_unreachable".to_owned()),
        _ if class.starts_with("malformed") => Some("400 invalid_header".to_owned()),
        _ => Some(denied(class)),
    }
}
