//! A gateway that listens on every address never connects to itself, by any address, and has the
//! guard `public` by default.

use std::net::{Ipv4Addr, SocketAddr};

use crate::{
    guard::{Canary, ask, denied, get, verdict},
    support::Gateway,
};

const LOOP: &str = "508 loop_detected own_listener";

fn expect(gateway: &Gateway, url: &str, expected: &str) {
    assert_eq!(verdict(&ask(gateway, &get(url))), expected, "{url}");
}

#[test]
fn a_gateway_on_every_address_never_calls_itself() {
    for listen in ["0.0.0.0:0", "[::]:0"] {
        if std::net::TcpListener::bind(listen).is_err() {
            continue; // a machine without IPv6
        }
        // The entry lets every port through, so that only the rule about itself is left.
        let mut gateway = Gateway::with(&format!(
            "listen: \"{listen}\"\nallow_unauthenticated: true\n\
             admin_token: 0123456789abcdef0123456789abcdef\n\
             guard: {{ preset: self_hosted, allow: [\"127.0.0.0/8:*\", \"[::1]:*\", \
             \"10.0.0.0/8:*\", \
             \"172.16.0.0/12:*\", \"192.168.0.0/16:*\", \"[fd00::/8]:*\", \"localhost:*\"] }}"
        ));
        let port = gateway.address.port();
        gateway.address.set_ip(Ipv4Addr::LOCALHOST.into());
        let own: Vec<_> = if_addrs::get_if_addrs()
            .expect("interfaces")
            .into_iter()
            .map(|one| one.ip())
            .collect();
        let own = own.iter().map(|ip| SocketAddr::new(*ip, port).to_string());
        let known = [
            "127.0.0.1",
            "127.8.8.8",
            "localhost",
            "[::ffff:127.0.0.1]",
            "[64:ff9b::7f00:1]",
        ];
        let known = known.iter().map(|host| format!("{host}:{port}"));
        let mut asked = 0;
        for authority in known.chain(own) {
            // Never an address at all, and so refused as what it is: link-local ones.
            let response = ask(&gateway, &get(&format!("http://{authority}/v1")));
            let got = verdict(&response);
            assert!(
                got == LOOP || (authority.starts_with("[fe80") && got == denied("link_local")),
                "{listen} {authority}: {got}"
            );
            asked += 1;
        }
        expect(
            &gateway,
            &format!("http://0.0.0.0:{port}"),
            &denied("unspecified"),
        );
        expect(
            &gateway,
            &format!("http://[::]:{port}"),
            &denied("unspecified"),
        );
        let received = received(&gateway);
        assert_eq!(received, asked + 2, "none came back");
    }
}

fn received(gateway: &Gateway) -> i64 {
    let page = ask(
        gateway,
        "GET /gateway/metrics HTTP/1.1\r\nHost: localhost\r\n\
         Authorization: Bearer 0123456789abcdef0123456789abcdef\r\n\r\n",
    );
    let text = page.text();
    let count = text
        .lines()
        .find_map(|line| line.strip_prefix("throughway_requests_received_total "));
    count.expect(&text).parse().expect("a number")
}

#[test]
fn a_gateway_on_every_address_has_the_public_guard_by_default() {
    let canary = Canary::everywhere();
    let mut gateway = Gateway::with("listen: 0.0.0.0:0\nallow_unauthenticated: true");
    gateway.address.set_ip(Ipv4Addr::LOCALHOST.into());
    expect(
        &gateway,
        &format!("http://127.0.0.1:{}", canary.port),
        &denied("scheme"),
    );
    expect(
        &gateway,
        &format!("https://127.0.0.1:{}", canary.port),
        &denied("port"),
    );
    expect(&gateway, "https://127.0.0.1", &denied("loopback"));
    assert_eq!(canary.visits(), 0);
}
