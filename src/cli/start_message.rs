//! What does a person at a terminal want to know when the gateway has started? Where it listens,
//! what the guard lets through, and a first request to try.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::{
    config::{Guard, Settings},
    guard::Preset,
};

/// The lines of the message, without a final line feed. `address`: the one that was bound;
/// `console`: the link to the console.
pub fn start_message(settings: &Settings, address: SocketAddr, console: &str) -> String {
    let scheme = match settings.tls {
        Some(_) => "https",
        None => "http",
    };
    format!(
        "Throughway {} listens on {scheme}://{address}\n{}\nConsole: {console}\n{}",
        env!("CARGO_PKG_VERSION"),
        guard_lines(&settings.guard),
        example(settings, &format!("{scheme}://{}", reachable(address)))
    )
}

/// The address to connect to: loopback of the same family in place of a wildcard address.
pub fn reachable(mut listen: SocketAddr) -> SocketAddr {
    match listen.ip() {
        IpAddr::V4(Ipv4Addr::UNSPECIFIED) => listen.set_ip(Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(Ipv6Addr::UNSPECIFIED) => listen.set_ip(Ipv6Addr::LOCALHOST.into()),
        IpAddr::V4(_) | IpAddr::V6(_) => {}
    }
    listen
}

fn guard_lines(guard: &Guard) -> String {
    let preset = guard.preset.as_str();
    let allowed = match guard.preset {
        Preset::Dev => "any host and port by http and https, private ones included".to_owned(),
        Preset::Public => "public addresses over https on port 443".to_owned(),
        Preset::Allowlist => format!("{} only", listed(guard)),
        Preset::SelfHosted => format!(
            "public addresses over https on port 443, and {}",
            listed(guard)
        ),
    };
    format!("Requests may go to {allowed} (guard: {preset})")
}

fn listed(guard: &Guard) -> String {
    match guard.allow.len() {
        1 => "the one entry of guard.allow".to_owned(),
        count => format!("the {count} entries of guard.allow"),
    }
}

/// Where `throughway mock` listens by default.
const MOCK: &str = "http://127.0.0.1:9797/v1";
const OPENAI: &str = "https://api.openai.com/v1";
/// The provider's credential, which the shell expands.
const KEY: &str = "\n    -H \"authorization: Bearer $OPENAI_API_KEY\" \\";

const BODY: &str = r#"{"model":"gpt-4o-mini","messages":[{"role":"user","content":"Hello"}]}"#;

fn example(settings: &Settings, url: &str) -> String {
    let (introduction, target, key) = match settings.guard.preset {
        Preset::Dev => (
            "Try it, with `throughway mock` running in another terminal:",
            MOCK,
            "",
        ),
        // The mock is on this machine, which these presets do not allow.
        Preset::Public | Preset::SelfHosted => ("Try it, with a key of OpenAI:", OPENAI, KEY),
        Preset::Allowlist => (
            "Try it, with a host of guard.allow in the place of api.openai.com, and its key:",
            OPENAI,
            KEY,
        ),
    };
    // Certificates seldom name an address.
    let (note, flag) = match settings.tls {
        Some(_) => (" (-k: the certificate's name is not checked)", "-k "),
        None => ("", ""),
    };
    format!(
        "{introduction}{note}\n\n  \
         curl {flag}{url}/v1/chat/completions \\\n    \
         -H 'x-gateway-custom-host: {target}' \\{key}\n    \
         -H 'content-type: application/json' \\\n    \
         -d '{BODY}'\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Environment;

    /// The message with these settings.
    fn message(yaml: &str, address: &str) -> String {
        let name = format!("start-message-{}.yaml", std::process::id());
        let path = std::env::temp_dir().join(format!("{:x}-{name}", yaml.len()));
        std::fs::write(&path, yaml).unwrap();
        let settings = Settings::load(
            Some(&path),
            &Environment::default(),
            &crate::config::Flags::default(),
        );
        std::fs::remove_file(&path).unwrap();
        start_message(&settings.unwrap(), address.parse().unwrap(), "LINK")
    }

    const LAST_LINES: &str = r#"    -H 'content-type: application/json' \
    -d '{"model":"gpt-4o-mini","messages":[{"role":"user","content":"Hello"}]}'
"#;

    fn listening(rest: &str) -> String {
        format!("Throughway {} listens on {rest}", env!("CARGO_PKG_VERSION"))
    }

    #[test]
    fn on_loopback_the_example_uses_the_mock() {
        let expected = listening(
            r"http://127.0.0.1:8787
Requests may go to any host and port by http and https, private ones included (guard: dev)
Console: LINK
Try it, with `throughway mock` running in another terminal:

  curl http://127.0.0.1:8787/v1/chat/completions \
    -H 'x-gateway-custom-host: http://127.0.0.1:9797/v1' \
",
        );
        assert_eq!(message("{}", "127.0.0.1:8787"), expected + LAST_LINES);
    }

    #[test]
    fn where_the_mock_cannot_be_reached_the_example_uses_a_provider() {
        let yaml = "listen: 0.0.0.0:8080\nallow_unauthenticated: true\n";
        let expected = listening(
            r#"http://0.0.0.0:8080
Requests may go to public addresses over https on port 443 (guard: public)
Console: LINK
Try it, with a key of OpenAI:

  curl http://127.0.0.1:8080/v1/chat/completions \
    -H 'x-gateway-custom-host: https://api.openai.com/v1' \
    -H "authorization: Bearer $OPENAI_API_KEY" \
"#,
        );
        assert_eq!(message(yaml, "0.0.0.0:8080"), expected + LAST_LINES);
    }

    #[test]
    fn lists_are_shown_by_their_length() {
        for (yaml, expected) in [
            (
                "guard: { preset: allowlist, allow: [api.openai.com] }",
                "Requests may go to the one entry of guard.allow only (guard: allowlist)\n\
                 Console: LINK\n\
                 Try it, with a host of guard.allow in the place of api.openai.com, and its key:\n",
            ),
            (
                "guard: { preset: self_hosted, allow: [10.0.0.0/8, 'http://vllm:8000'] }",
                "Requests may go to public addresses over https on port 443, \
                 and the 2 entries of guard.allow (guard: self_hosted)\nConsole: LINK\n\
                 Try it, with a key of OpenAI:\n",
            ),
        ] {
            let message = message(yaml, "127.0.0.1:8787");
            assert!(message.contains(expected), "{message}");
        }
    }

    #[test]
    fn with_tls_the_url_says_so_and_curl_does_not_check_the_name() {
        let yaml = "tls: { cert: a.pem, key: a.key }";
        let message = message(yaml, "[::]:8787");
        assert!(
            message.contains(" listens on https://[::]:8787\n"),
            "{message}"
        );
        let curl = "\n  curl -k https://[::1]:8787/v1/chat/completions \\\n";
        assert!(message.contains(curl), "{message}");
    }
}
