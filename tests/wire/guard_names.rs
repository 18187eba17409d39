//! Host names: every address that DNS returns is judged, and exactly the judged ones are connected
//! to.

use std::{net::SocketAddr, time::Instant};

use crate::{
    guard::{Canary, ask, denied, get, verdict},
    support::{
        Gateway, Upstream,
        dns::{FakeDns, Reply},
    },
};

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// A gateway that asks this server, with these rules.
fn gateway(dns: &FakeDns, guard: &str) -> Gateway {
    Gateway::with(&format!(
        "guard: {guard}\ndns: {{ servers: [\"{}\"], timeout: 500ms }}",
        dns.address()
    ))
}

/// Permits `*.test` on any port by name, and of all addresses that are not public just 127.0.0.1.
const ONE_ADDRESS: &str = r#"{ preset: self_hosted, allow: ["*.test:*", "127.0.0.1:*"] }"#;

/// The port of `upstream` on an address that [`ONE_ADDRESS`] does not permit.
fn beside(upstream: &Upstream) -> Canary {
    Canary::on(SocketAddr::from(([127, 0, 0, 2], upstream.address.port())))
}

fn expect(gateway: &Gateway, url: &str, expected: &str) {
    assert_eq!(verdict(&ask(gateway, &get(url))), expected, "{url}");
}

#[test]
fn every_address_of_a_name_is_judged_and_none_is_disclosed() {
    let many: Vec<String> = (1..=17).map(|last| format!("93.184.216.{last}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let mut most = many[..15].to_vec();
    most.push("10.1.2.3");
    let (v4, v6) = ("93.184.216.34", "2606:2800:220:1::1");
    let dns = FakeDns::start();
    let gateway = gateway(&dns, "{ preset: public }");
    for (addresses, class) in [
        (&["127.9.8.7"][..], "loopback"),
        (&["::1"], "loopback"),
        (&["::ffff:127.9.8.7"], "loopback"),
        (&["64:ff9b::7f00:1"], "loopback"),
        (&["10.1.2.3"], "private"),
        (&["64:ff9b::a01:203"], "private"),
        (&["fd12::1"], "private"),
        (&["169.254.169.254"], "metadata"),
        (&["::ffff:169.254.169.254"], "metadata"),
        (&["64:ff9b::a9fe:a9fe"], "metadata"),
        (&["fd00:ec2::254"], "metadata"),
        (&["169.254.7.7"], "link_local"),
        (&["fe80::1"], "link_local"),
        (&["0.0.0.0"], "unspecified"),
        (&["::"], "unspecified"),
        (&["::127.0.0.1"], "reserved"),
        (&["2002:7f00:1::"], "6to4"),
        (&["2001:0:4136:e378:8000:63bf:80ff:fffe"], "teredo"),
        (&["224.0.0.1"], "multicast"),
        // A and AAAA, public and not.
        (&[v4, "::1"], "mixed"),
        (&[v6, "127.9.8.7"], "mixed"),
        (&[v4, v6, "::ffff:10.1.2.3"], "mixed"),
        (&[v4, "169.254.169.254"], "mixed"),
        (&most, "mixed"),
        (&many, "too_many_addresses"),
    ] {
        let name = format!("n{}.example", dns.names().len());
        dns.answer(&name, Reply::addresses(addresses));
        let response = ask(&gateway, &get(&format!("https://{name}/v1")));
        assert_eq!(verdict(&response), denied(class), "{addresses:?}");
        for address in addresses.iter().filter(|address| address.len() > 3) {
            let told = response.head.contains(address) || response.text().contains(address);
            assert!(!told, "{address} in {}", response.text());
        }
    }
}

#[test]
fn an_alias_is_judged_by_where_it_ends() {
    let dns = FakeDns::start();
    let gateway = gateway(&dns, "{ preset: public }");
    let inside = Reply::addresses(&["10.0.0.1"]).through(&["cdn.example", "internal.corp"]);
    dns.answer("www.example", inside);
    let metadata = Reply::addresses(&["169.254.169.254"]).through(&["metadata.google.internal"]);
    dns.answer("imds.example", metadata);
    expect(&gateway, "https://www.example/v1", &denied("private"));
    expect(&gateway, "https://imds.example/v1", &denied("metadata"));
}

#[test]
fn a_denied_address_is_not_dialled_on_any_port() {
    let canary = Canary::everywhere();
    let dns = FakeDns::start();
    let gateway = gateway(&dns, ONE_ADDRESS);
    for (name, addresses, class) in [
        ("a.test", &["127.0.0.2"][..], "loopback"),
        ("b.test", &["::1"], "loopback"),
        ("c.test", &["127.0.0.1", "::1"], "mixed"),
        ("d.test", &["127.0.0.1", "127.0.0.2"], "mixed"),
        ("e.test", &["::ffff:127.0.0.2"], "loopback"),
        ("f.test", &["64:ff9b::7f00:2"], "loopback"),
        ("g.test", &["0.0.0.0"], "unspecified"),
        ("h.test", &["127.0.0.1", "0.0.0.0"], "mixed"),
    ] {
        dns.answer(name, Reply::addresses(addresses));
        for url in [name.to_owned(), format!("{name}."), name.to_uppercase()] {
            let url = format!("http://{url}:{}/v1", canary.port);
            expect(&gateway, &url, &denied(class));
        }
    }
    assert_eq!(canary.visits(), 0);
}

#[test]
fn nothing_is_resolved_between_the_judgement_and_the_dial() {
    let upstream = Upstream::responding(OK);
    let canary = beside(&upstream);
    let dns = FakeDns::start();
    let good = Reply::addresses(&["127.0.0.1"]).ttl(0);
    let bad = Reply::addresses(&["127.0.0.2"]).ttl(0);
    dns.script("flip.test", vec![good, bad]);
    let gateway = gateway(&dns, ONE_ADDRESS);
    let url = format!("http://flip.test:{}/v1", canary.port);
    expect(&gateway, &url, "200 -");
    assert_eq!(dns.queries("flip.test"), 2, "one for A and one for AAAA");
    assert!(
        upstream
            .request()
            .contains(&format!("host: flip.test:{}\r\n", canary.port))
    );
    assert_eq!(canary.visits(), 0);
}

#[test]
fn a_name_whose_address_changes_is_judged_again_despite_pooled_connections() {
    let upstream = Upstream::responding(OK);
    let canary = beside(&upstream);
    let dns = FakeDns::start();
    let good = Reply::addresses(&["127.0.0.1"]).ttl(0);
    let bad = Reply::addresses(&["127.0.0.2"]).ttl(0);
    dns.script("flip.test", vec![good, bad]);
    let gateway = gateway(&dns, ONE_ADDRESS);
    let url = |path: usize| format!("http://flip.test:{}/{path}", canary.port);
    let asked = Instant::now();
    expect(&gateway, &url(0), "200 -");
    // A DNS result is kept for a second, whatever its TTL. Every base URL gets its own verdict;
    // none outlives the result.
    let moved = (1..).find(|path| verdict(&ask(&gateway, &get(&url(*path)))) != "200 -");
    let served = upstream.requests().len();
    assert!((900..1600).contains(&asked.elapsed().as_millis()));
    for path in [0, 1, moved.expect("it moves") - 1, moved.expect("it moves")] {
        expect(&gateway, &url(path), &denied("loopback"));
    }
    assert_eq!(
        upstream.requests().len(),
        served,
        "an idle connection is not used"
    );
    assert_eq!(canary.visits(), 0);
}

#[test]
fn a_retry_on_a_new_connection_goes_to_the_address_that_was_judged() {
    let upstream = Upstream::playing(|peer| {
        peer.request();
        peer.send(OK);
        // The second request on a connection finds it closing.
        if peer.request().is_some() && peer.number > 1 {
            peer.send(OK);
        }
    });
    let canary = beside(&upstream);
    let dns = FakeDns::start();
    let good = Reply::addresses(&["127.0.0.1"]);
    let bad = Reply::addresses(&["127.0.0.2"]);
    dns.script("stale.test", vec![good, bad]);
    let gateway = gateway(&dns, ONE_ADDRESS);
    let url = format!("http://stale.test:{}/v1", canary.port);
    expect(&gateway, &url, "200 -");
    expect(&gateway, &url, "200 -");
    assert_eq!(
        upstream.connections(),
        2,
        "the second request was sent again"
    );
    assert_eq!(dns.queries("stale.test"), 2);
    assert_eq!(canary.visits(), 0);
}

#[test]
fn sixteen_addresses_are_tried_in_turn() {
    let upstream = Upstream::responding(OK);
    let addresses: Vec<String> = (1..=16)
        .rev()
        .map(|last| format!("127.0.0.{last}"))
        .collect();
    let addresses: Vec<&str> = addresses.iter().map(String::as_str).collect();
    let dns = FakeDns::start();
    dns.answer("many.test", Reply::addresses(&addresses));
    let gateway = gateway(&dns, "{ preset: dev }");
    let url = format!("http://many.test:{}/v1", upstream.address.port());
    expect(&gateway, &url, "200 -");
}

#[test]
fn localhost_is_this_machine_whatever_a_server_says() {
    let canary = Canary::everywhere();
    let dns = FakeDns::start();
    for name in ["localhost", "a.localhost"] {
        dns.answer(name, Reply::addresses(&["93.184.216.34"]));
    }
    let gateway = gateway(&dns, "{ preset: public }");
    for name in ["localhost", "LOCALHOST.", "a.localhost"] {
        expect(&gateway, &format!("https://{name}/v1"), &denied("loopback"));
    }
    expect(
        &gateway,
        &format!("http://localhost:{}", canary.port),
        &denied("scheme"),
    );
    assert_eq!(dns.names(), Vec::<String>::new());
    assert_eq!(canary.visits(), 0);
}

#[test]
fn a_host_that_the_rules_refuse_is_not_looked_up() {
    let dns = FakeDns::start();
    let gateway = gateway(
        &dns,
        r#"{ preset: allowlist, allow: ["api.test", "*.models.test"] }"#,
    );
    for (url, class) in [
        ("https://secret-in-a-name.evil.test/v1", "not_listed"),
        ("https://models.test/v1", "not_listed"),
        ("https://notmodels.test/v1", "not_listed"),
        ("http://api.test/v1", "scheme"),
        ("https://api.test:8443/v1", "port"),
        ("https://metadata.google.internal/", "metadata"),
    ] {
        expect(&gateway, url, &denied(class));
    }
    assert_eq!(dns.names(), Vec::<String>::new());
}

#[test]
fn a_name_that_cannot_be_resolved_is_a_502_that_says_dns() {
    let dns = FakeDns::start();
    dns.answer("broken.test", Reply::servfail());
    dns.answer("empty.test", Reply::addresses(&[]));
    dns.answer("silent.test", Reply::silence());
    let gateway = gateway(&dns, "{ preset: dev }");
    let port = dns.address().port().to_string();
    for (name, reason) in [
        (
            "none.test",
            "dns: the name does not exist or has no address",
        ),
        (
            "empty.test",
            "dns: the name does not exist or has no address",
        ),
        ("broken.test", "dns: the look-up failed"),
        ("silent.test", "dns: no DNS server answered in time"),
    ] {
        let response = ask(&gateway, &get(&format!("http://{name}:9/v1")));
        assert_eq!(verdict(&response), "502 upstream_unreachable", "{name}");
        assert!(response.text().contains(reason), "{}", response.text());
        assert!(!response.text().contains(&port), "the server is not told");
    }
}

#[test]
fn a_name_of_the_gateway_itself_is_a_loop() {
    let dns = FakeDns::start();
    let gateway = gateway(&dns, "{ preset: dev }");
    let port = gateway.address.port();
    for (name, addresses) in [
        ("me.test", &["127.0.0.1"][..]),
        ("mapped.test", &["::ffff:127.0.0.1"]),
        ("nat64.test", &["64:ff9b::7f00:1"]),
        ("also.test", &["127.0.0.3", "127.0.0.1"]),
        ("cname.test", &["127.0.0.1"]),
    ] {
        dns.answer(name, Reply::addresses(addresses).through(&["other.test"]));
        let url = format!("http://{name}:{port}/v1");
        expect(&gateway, &url, "508 loop_detected own_listener");
    }
    expect(
        &gateway,
        &format!("http://localhost:{port}/v1"),
        "508 loop_detected own_listener",
    );
    assert_eq!(
        gateway.metric("throughway_requests_received_total"),
        6,
        "none came back"
    );
}
