//! WebSockets take the same way as every request: config, fallback before the switch, credentials.

use crate::{
    support::{
        Gateway, Upstream,
        credentials::CALLER_MARK,
        message::bare,
        routing::{Refusing, base, config_line, json},
    },
    websocket::{HANDSHAKE, echo},
};

/// An upstream that logs its handshake and echoes.
pub(crate) fn logging_echo() -> Upstream {
    Upstream::playing(|peer| {
        if peer.request().is_none() {
            return;
        }
        peer.send(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n",
        );
        let mut reader = peer.stream.try_clone().expect("a socket");
        let _ = std::io::copy(&mut reader, &mut peer.stream);
    })
}

fn fallback(first: &str, second: &str) -> String {
    config_line(&format!(
        r#"{{"strategy":{{"mode":"fallback"}},
           "targets":[{{"custom_host":"{first}"}},{{"custom_host":"{second}"}}]}}"#
    ))
}

#[test]
fn a_handshake_falls_back_until_it_is_switched() {
    let second = echo();
    let refusing = Refusing::new();
    let failing = Upstream::responding(json("503 No", "{}"));
    for first in [refusing.base(), base(&failing)] {
        let gateway = Gateway::start();
        let mut client = gateway.client();
        let lines = fallback(&first, &base(&second)) + HANDSHAKE;
        client.send(bare("GET", "/v1/realtime", &lines));
        let head = client.head();
        assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
        assert!(head.contains("config.targets[1]"), "{head}");
        client.send("ping through it");
        assert_eq!(client.take(15), b"ping through it");
    }
}

#[test]
fn a_targets_credential_replaces_the_callers_in_a_handshake() {
    let upstream = logging_echo();
    let config = config_line(&format!(
        r#"{{"custom_host":"{}","api_key":"own-key"}}"#,
        base(&upstream)
    ));
    let gateway = Gateway::start();
    let mut client = gateway.client();
    client.send(bare("GET", "/v1/realtime", &(config + HANDSHAKE)));
    let head = client.head();
    assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
    let sent = upstream.last();
    assert_eq!(sent.all("authorization"), ["Bearer own-key"]);
    assert_eq!(sent.all("upgrade"), ["websocket"]);
}

#[test]
fn a_handshake_carries_no_operators_key_to_the_callers_host() {
    let (operators, canary) = (Upstream::named("a"), logging_echo());
    let gateway = Gateway::with(&format!(
        "providers: {{ op: {{ custom_host: \"{}\", api_key: operator-key }} }}",
        base(&operators)
    ));
    for lines in [
        "x-gateway-provider: @op\r\nx-gateway-custom-host: CANARY\r\n",
        "x-gateway-config: {\"provider\":\"@op\",\"custom_host\":\"CANARY\"}\r\n",
    ] {
        let lines = lines.replace("CANARY", &base(&canary)) + HANDSHAKE;
        gateway.refuses(bare("GET", "/v1/realtime", &lines), 400, "invalid_config");
    }
    assert_eq!(canary.connections(), 0);
}

/// Edits are of bodies, and a tunnel has none: its bytes go up as they are.
#[test]
fn frames_go_up_to_a_target_that_edits_bodies() {
    let upstream = logging_echo();
    let params = "override_params: { model: b }";
    let gateway = Gateway::with(&format!(
        "providers: {{ op: {{ custom_host: \"{to}\", {params} }} }}\n\
         configs: {{ saved: {{ custom_host: \"{to}\", {params} }}, by: {{ provider: \"@op\" }} }}\n\
         default_config: by\n",
        to = base(&upstream)
    ));
    let inline = format!(
        r#"{{"strategy":{{"mode":"fallback"}},"override_params":{{"user":"c"}},
            "targets":[{{"custom_host":"{0}"}},{{"provider":"@op"}}]}}"#,
        base(&upstream)
    );
    for lines in [
        "x-gateway-provider: @op\r\n".to_owned(),
        "x-gateway-config: saved\r\n".to_owned(),
        config_line(&inline),
        // The default config.
        String::new(),
    ] {
        let mut client = gateway.client();
        client.send(bare("GET", "/v1/realtime", &(lines.clone() + HANDSHAKE)));
        let head = client.head();
        assert!(head.starts_with("HTTP/1.1 101 "), "{lines}: {head}");
        for _ in 0..3 {
            client.send("ping through it");
            assert_eq!(client.take(15), b"ping through it", "{lines}");
        }
    }
}

#[test]
fn a_key_among_the_subprotocols_stays_where_other_credentials_of_the_caller_stay() {
    let upstream = logging_echo();
    let host = base(&upstream);
    let yaml = format!("providers: {{ vault: {{ custom_host: \"{host}\", api_key: k }} }}\n");
    let gateway = Gateway::with(&yaml);
    let kept = format!(r#"{{"custom_host":"{host}","forward_authorization":false}}"#);
    let kept = config_line(&kept);
    for lines in ["x-gateway-provider: @vault\r\n", &kept] {
        let mut client = gateway.client();
        client.send(bare("GET", "/v1/realtime", &(lines.to_owned() + HANDSHAKE)));
        let head = client.head().to_lowercase();
        assert!(head.starts_with("http/1.1 101 "), "{head}");
        let withheld = "x-gateway-withheld: authorization, sec-websocket-protocol\r\n";
        assert!(head.contains(withheld), "{head}");
    }
    assert_eq!(upstream.connections(), 2);
    for request in upstream.requests() {
        let request = String::from_utf8_lossy(&request).into_owned();
        assert!(
            !request.contains("sk-x") && !request.contains(CALLER_MARK),
            "{request}"
        );
        assert!(
            request.contains("sec-websocket-protocol: realtime\r\n"),
            "{request}"
        );
    }
}
