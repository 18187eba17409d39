use super::*;

#[test]
fn entries_are_parsed_in_every_form() {
    for entry in [
        "api.openai.com",
        "API.OpenAI.com.",
        "*.openai.com",
        "*.openai.com:*",
        "host:8443",
        "host:*",
        "my_service:8000",
        "api.x.com/v1",
        "api.x.com:8443/v1/",
        "http://api.x.com",
        "https://*.x.com:8443/v1",
        "bücher.example",
        "10.0.0.0/8",
        "10.0.0.0/8:8000",
        "10.0.0.0/8:8000/v1",
        "10.0.0.0/8/v1",
        "10.0.0.7",
        "10.0.0.7/v1",
        "http://10.0.0.7:8000",
        "[fd12::/16]:8000",
        "[fd12::/16]",
        "[fd12::7]:8000/v1",
        "[::1]:11434",
        "127.0.0.0/8:*",
        "0.0.0.0/0:443",
        "[::/0]:443",
    ] {
        let parsed = entry.parse::<AllowEntry>();
        assert!(parsed.is_ok(), "{entry}: {parsed:?}");
        assert_eq!(parsed.unwrap().to_string(), entry);
    }
}

#[test]
fn ambiguous_entries_are_refused() {
    for (entry, part) in [
        ("", "empty"),
        ("  ", "empty"),
        ("ftp://x.com", "scheme"),
        ("*", "host is invalid"),
        ("*:443", "host is invalid"),
        ("*openai.com", "host is invalid"),
        ("api.*.com", "host is invalid"),
        ("*.*.com", "host is invalid"),
        ("*.", "host is invalid"),
        ("a..b", "host is invalid"),
        ("a b", "host is invalid"),
        ("user@host", "host is invalid"),
        ("0x7f.1:80", "host is invalid"),
        ("*.1.2.3.4", "host is invalid"),
        ("host:", "port is invalid"),
        ("host:0", "port is invalid"),
        ("host:65536", "port is invalid"),
        ("host:+80", "port is invalid"),
        ("host:80:90", "brackets"),
        ("10.0.0.7/8", "such as `10.0.0.0/8`"),
        ("10.0.0.0/33", "network is invalid"),
        ("[fd12::7/16]", "such as `fd12::/16`"),
        ("[fd12::]/16", "brackets"),
        ("fd12::/16", "brackets"),
        ("::1", "brackets"),
        ("[10.0.0.0/8]:80", "host is invalid"),
        ("[::1", "brackets"),
        ("[::1]80", "host is invalid"),
        ("host/..", "path"),
        ("host/%2e%2e/x", "path"),
        ("host/v1?x=1", "path"),
        ("host/a b", "path"),
        ("169.254.0.0/16:80", "never"),
        ("169.254.169.254", "never"),
        ("224.0.0.1", "never"),
        ("[fe80::/10]:80", "never"),
        ("[fd00:ec2::254]", "never"),
        ("[4000::/3]", "never"),
    ] {
        let error = entry.parse::<AllowEntry>().unwrap_err().to_string();
        assert!(error.contains(part), "{entry}: {error}");
    }
}
