//! Which targets get the caller's credentials: those the caller named, and an operator's only under
//! the documented conditions.

use crate::support::{
    Gateway, Response, Upstream,
    credentials::{CALLER, CALLER_MARK, all_of_the_callers},
    routing::{base, chat, completion, config_line},
};

const BODY: &str = r#"{"model":"m"}"#;

/// The names of what was not sent on.
fn withheld(response: &Response) -> Vec<&str> {
    let lines = response.all("x-gateway-withheld");
    lines.iter().flat_map(|line| line.split(", ")).collect()
}

#[test]
fn an_origin_named_by_the_caller_gets_all_its_credentials() {
    let upstream = Upstream::named("a");
    let host = base(&upstream);
    let gateway = Gateway::start();
    for lines in [
        format!("x-gateway-custom-host: {host}\r\n"),
        format!("x-gateway-provider: openai\r\nx-gateway-custom-host: {host}\r\n"),
        config_line(&format!("{{\"custom_host\":\"{host}\"}}")),
        config_line(&format!(
            "{{\"targets\":[{{\"custom_host\":\"{host}\"}},{{\"custom_host\":\"{host}/x\"}}]}}"
        )),
        config_line("{\"targets\":[{}]}") + &format!("x-gateway-custom-host: {host}\r\n"),
        config_line(&format!(
            "{{\"custom_host\":\"{host}\",\"forward_authorization\":true}}"
        )),
    ] {
        let response = gateway.exchange(chat(&(lines.clone() + CALLER), BODY));
        assert_eq!(response.seen(), (200, completion("a")), "{lines}");
        assert_eq!(upstream.credentials(), all_of_the_callers(), "{lines}");
        assert_eq!(withheld(&response), Vec::<&str>::new(), "{lines}");
    }
}

#[test]
fn a_target_with_forward_authorization_false_gets_none() {
    let upstream = Upstream::named("a");
    let config = format!(
        r#"{{"custom_host":"{}","forward_authorization":false}}"#,
        base(&upstream)
    );
    let response = Gateway::start().exchange(chat(&(config_line(&config) + CALLER), BODY));
    assert_eq!(response.seen(), (200, completion("a")));
    assert!(withheld(&response).contains(&"authorization"));
    let lines = config_line(&config) + "Authorization: Bearer caller-bearer\r\n";
    let response = Gateway::start().exchange(chat(&lines, BODY));
    assert_eq!(response.all("x-gateway-withheld"), ["authorization"]);
    upstream.assert_never(CALLER_MARK, "forward_authorization: false");
    // With nothing to withhold, nothing is told.
    let response = Gateway::start().exchange(chat(&config_line(&config), BODY));
    assert_eq!(withheld(&response), Vec::<&str>::new());
}

/// Settings in which `HOST` and `OTHER` are origins of the operator's, a request's lines, and
/// whether `HOST` gets the caller's credentials.
const OPERATORS: &[(&str, &str, bool)] = &[
    // The plan's one origin, without a credential of its own.
    ("default_target: \"HOST\"", "", true),
    (
        "providers: { p: { custom_host: \"HOST\" } }",
        "x-gateway-provider: @p\r\n",
        true,
    ),
    (
        "configs: { c: { custom_host: \"HOST\" } }",
        "x-gateway-config: c\r\n",
        true,
    ),
    (
        "configs: { c: { custom_host: \"HOST\" } }\ndefault_config: c",
        "",
        true,
    ),
    (
        "configs: { c: { strategy: { mode: fallback }, targets: [{ custom_host: \"HOST\" }, { \
         custom_host: \"HOST/other\" }] } }",
        "x-gateway-config: c\r\n",
        true,
    ),
    // Not the only origin: the credential may be meant for either.
    (
        "configs: { c: { strategy: { mode: fallback }, targets: [{ custom_host: \"HOST\" }, { \
         custom_host: \"OTHER\" }] } }",
        "x-gateway-config: c\r\n",
        false,
    ),
    (
        "configs: { c: { targets: [{ custom_host: \"HOST\" }, { targets: [{ custom_host: \"OTHER\" \
         }] }] } }\ndefault_config: c",
        "",
        false,
    ),
    // The operator says so, for one target or all.
    (
        "configs: { c: { strategy: { mode: fallback }, targets: [{ custom_host: \"HOST\", \
         forward_authorization: true }, { custom_host: \"OTHER\" }] } }",
        "x-gateway-config: c\r\n",
        true,
    ),
    (
        "configs: { c: { custom_host: \"HOST\", forward_authorization: false } }",
        "x-gateway-config: c\r\n",
        false,
    ),
];

#[test]
fn an_operators_origin_gets_them_only_alone_or_if_the_settings_say_so() {
    for (settings, lines, sent) in OPERATORS {
        let (upstream, other) = (Upstream::named("a"), Upstream::named("other"));
        let settings = settings
            .replace("HOST", &base(&upstream))
            .replace("OTHER", &base(&other));
        let gateway = Gateway::with(&settings);
        let response = gateway.exchange(chat(&(lines.to_string() + CALLER), BODY));
        assert_eq!(response.seen(), (200, completion("a")), "{settings}");
        match sent {
            true => {
                assert_eq!(upstream.credentials(), all_of_the_callers(), "{settings}");
                assert_eq!(withheld(&response), Vec::<&str>::new(), "{settings}");
            }
            false => {
                upstream.assert_never(CALLER_MARK, &settings);
                assert!(withheld(&response).contains(&"authorization"), "{settings}");
            }
        }
    }
}

/// Settings with a credential for `HOST`, and a request's lines.
const WITH_THEIR_OWN: &[(&str, &str)] = &[
    (
        "providers: { p: { custom_host: \"HOST\", api_key: operator-key } }",
        "x-gateway-provider: @p\r\n",
    ),
    (
        "providers: { p: { custom_host: \"HOST\", headers: { authorization: operator-header } } }",
        "x-gateway-provider: @p\r\n",
    ),
    (
        "credentials: { headers: [x-custom-token] }\nproviders: { p: { custom_host: \"HOST\", \
         headers: { x-custom-token: operator-header } } }",
        "x-gateway-provider: @p\r\n",
    ),
    (
        "configs: { c: { custom_host: \"HOST\", api_key: operator-key } }",
        "x-gateway-config: c\r\n",
    ),
    (
        "configs: { c: { custom_host: \"HOST\", api_key: operator-key } }\ndefault_config: c",
        "",
    ),
];

#[test]
fn an_operators_origin_with_its_own_credential_gets_only_that() {
    for (settings, lines) in WITH_THEIR_OWN {
        let upstream = Upstream::named("a");
        let settings = settings.replace("HOST", &base(&upstream));
        let response = Gateway::with(&settings).exchange(chat(&(lines.to_string() + CALLER), BODY));
        assert_eq!(response.seen(), (200, completion("a")), "{settings}");
        upstream.assert_never(CALLER_MARK, &settings);
        assert_eq!(upstream.received("operator-"), 1, "{settings}");
    }
}

#[test]
fn in_a_mixed_plan_whoever_named_an_origin_decides_what_it_gets() {
    // An inline config: a provider of the operator's without a key, then a host of the caller's.
    let (operators, callers) = (Upstream::failing("500 No"), Upstream::named("b"));
    let gateway = Gateway::with(&format!(
        "providers: {{ open: {{ custom_host: \"{}\" }} }}",
        base(&operators)
    ));
    let config = format!(
        r#"{{"strategy":{{"mode":"fallback"}},
           "targets":[{{"provider":"@open"}},{{"custom_host":"{}"}}]}}"#,
        base(&callers)
    );
    let response = gateway.exchange(chat(&(config_line(&config) + CALLER), BODY));
    assert_eq!(response.seen(), (200, completion("b")));
    operators.assert_never(CALLER_MARK, "one origin of two");
    assert_eq!(callers.credentials(), all_of_the_callers());
}

#[test]
fn callers_cannot_open_operators_targets() {
    let (operators, callers) = (Upstream::named("a"), Upstream::named("b"));
    let gateway = Gateway::with(&format!(
        "providers: {{ open: {{ custom_host: \"{0}\" }}, keyed: {{ custom_host: \"{0}\", api_key: \
         operator-key }} }}\n\
         configs: {{ saved: {{ targets: [{{ custom_host: \"{0}\" }}, {{ custom_host: \"{1}\" }}] \
         }} }}",
        base(&operators),
        base(&callers)
    ));
    let host = base(&callers);
    for config in [
        format!(
            r#"{{"strategy":{{"mode":"fallback"}},
               "targets":[{{"provider":"@open","forward_authorization":true}},
               {{"custom_host":"{host}"}}]}}"#
        ),
        format!(
            r#"{{"forward_authorization":true,"strategy":{{"mode":"fallback"}},
               "targets":[{{"provider":"@open"}},{{"custom_host":"{host}"}}]}}"#
        ),
        r#"{"provider":"@keyed","forward_authorization":true}"#.to_owned(),
    ] {
        let response = gateway.exchange(chat(&(config_line(&config) + CALLER), BODY));
        // Refused, or sent without it: what counts is that it cannot be set.
        assert!(
            matches!(response.status, 200 | 400),
            "{config}: {}",
            response.text()
        );
        operators.assert_never(CALLER_MARK, &config);
    }
}

#[test]
fn a_credential_named_in_the_settings_counts_as_one() {
    let (upstream, other) = (Upstream::named("a"), Upstream::named("other"));
    let gateway = Gateway::with(&format!(
        "credentials: {{ headers: [x-my-token] }}\n\
         configs: {{ c: {{ targets: [{{ custom_host: \"{}\" }}, {{ custom_host: \"{}\" }}] }} }}",
        base(&upstream),
        base(&other)
    ));
    let lines = "x-gateway-config: c\r\nX-My-Token: caller-token\r\nX-Other: plain\r\n";
    assert_eq!(gateway.exchange(chat(lines, BODY)).status, 200);
    upstream.assert_never(CALLER_MARK, "a credential by the settings");
    assert_eq!(upstream.last().all("x-other"), ["plain"]);
}

#[test]
fn the_admin_token_is_never_forwarded() {
    let upstream = Upstream::named("a");
    let url = base(&upstream);
    let gateway = Gateway::with(&format!(
        "admin_token: the-admin-token\nportkey: true\ndefault_target: \"{url}\""
    ));
    for way in [
        String::new(),
        format!("x-gateway-custom-host: {url}\r\n"),
        config_line(&format!(r#"{{"custom_host":"{url}"}}"#)),
    ] {
        for (lines, crossing) in [
            ("Authorization: Bearer the-admin-token\r\n", &[][..]),
            (
                "Authorization: Bearer sk-a\r\nauthorization: bearer the-admin-token\r\n",
                &["Bearer sk-a"],
            ),
            (
                "Authorization: Bearer OPENAI_API_KEY\r\nAuthorization: Bearer the-admin-token\r\n",
                &[],
            ),
            (
                "Authorization: Bearer the-admin-token-\r\n",
                &["Bearer the-admin-token-"],
            ),
        ] {
            let mut client = gateway.client();
            client.send(chat(&format!("{way}{lines}"), r#"{"model":"m"}"#));
            assert_eq!(client.response().status, 200, "{way}{lines}");
            let sent = upstream.last();
            assert_eq!(sent.all("authorization"), crossing, "{way}{lines}");
        }
    }
}
