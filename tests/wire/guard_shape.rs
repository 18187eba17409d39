//! Malformed base URLs are refused as such, through every way in which a base URL can be sent.

use crate::{
    guard::{Canary, GET, WAYS_IN, ask, verdict},
    support::Gateway,
};

#[test]
fn a_malformed_base_url_is_a_400_under_every_preset() {
    let canary = Canary::everywhere();
    let port = canary.port;
    let urls = [
        format!("http:/127.0.0.1:{port}"),
        format!("http:127.0.0.1:{port}"),
        format!("http:///127.0.0.1:{port}"),
        format!("http://\\127.0.0.1:{port}"),
        format!("http:\\\\127.0.0.1:{port}"),
        format!("//127.0.0.1:{port}"),
        format!("127.0.0.1:{port}"),
        format!("localhost:{port}/v1"),
        format!("ftp://127.0.0.1:{port}"),
        format!("gopher://127.0.0.1:{port}/_x"),
        format!("ws://127.0.0.1:{port}"),
        format!("http+unix://127.0.0.1:{port}"),
        format!("url:http://127.0.0.1:{port}"),
        "file:///etc/passwd".to_owned(),
        format!("http://key@127.0.0.1:{port}"),
        format!("http://api.example.com:443@127.0.0.1:{port}"),
        format!("http://api.example.com%2f@127.0.0.1:{port}"),
        format!("http://127.0.0.1:{port}\\@api.example.com"),
        format!("http://api.example.com\\@127.0.0.1:{port}"),
        format!("http://127.0.0.1:{port}#@api.example.com"),
        format!("http://127.0.0.1:{port}%23@api.example.com"),
        format!("http://127.0.0.1%2f@api.example.com:{port}"),
        format!("http://127.0.0.1%00.example.com:{port}"),
        format!("http://127.0.0.1%09:{port}"),
        format!("http://127.0.0.1:{port},http://api.example.com"),
        format!("http://127.0.0.1:{port}, http://api.example.com"),
        format!("http://127.0.0.1:{port} http://api.example.com"),
        format!("http://127.0.0.1\t:{port}"),
        format!("http://[fe80::1%25lo]:{port}"),
        format!("http://[::1%25lo]:{port}"),
        format!("http://[::1%lo]:{port}"),
        format!("http://[::1:{port}"),
        format!("http://::1:{port}"),
        format!("http://[127.0.0.1]:{port}"),
        format!("http://256.0.0.1:{port}"),
        format!("http://127.0.0.1.1:{port}"),
        format!("http://4294967296:{port}"),
        format!("http://0x7f.0.0.0x100000000:{port}"),
        format!("http://127..0.0.1:{port}"),
        format!("http://.127.0.0.1:{port}"),
        format!("http://127.0.0.1:{port}:{port}"),
        format!("http://127.0.0.1:+{port}"),
        format!("http://127.0.0.1:{}", u32::from(port) + 65_536),
        "http://127.0.0.1:0".to_owned(),
        "http://127.0.0.1:65536".to_owned(),
        format!("http://127.0.0.1:{port}/v1/../admin"),
        format!("http://127.0.0.1:{port}/%2e%2e/admin"),
        format!("http://127.0.0.1:{port}/%252e%252e/admin"),
        format!("http://127.0.0.1:{port}/v1/..;/admin"),
        format!("http://①②⑦.⓪.⓪.①:{port}"),
        format!("http://127。0。0。1:{port}"),
        format!("http://127．0．0．1:{port}"),
        format!("http://ⅼocalhost:{port}"),
        format!("http://loc\u{ad}alhost:{port}"),
        format!("http://127.0.0.1:{port}/{}", "a".repeat(2048)),
        "http://".to_owned(),
        "http://?x".to_owned(),
        "http://:80".to_owned(),
        "x".to_owned(),
    ];
    for preset in ["public", "allowlist", "self_hosted", "dev"] {
        let gateway = Gateway::with(&format!(
            "guard: {{ preset: {preset}, allow: [\"127.0.0.1:*\"] }}"
        ));
        let mut wrong = Vec::new();
        for url in &urls {
            let ways = if preset == "public" { WAYS_IN } else { GET };
            for (way, request) in ways {
                let got = verdict(&ask(&gateway, &request(url)));
                if got != "400 invalid_header" {
                    wrong.push(format!("{way} {url}: {got}"));
                }
            }
        }
        assert_eq!(wrong, Vec::<String>::new(), "{preset}");
    }
    assert_eq!(canary.visits(), 0);
}
