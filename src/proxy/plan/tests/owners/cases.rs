//! Single pairings of owners: edits of the operator's targets, keys in base URLs, hosts in headers.

use super::*;

#[test]
fn a_request_cannot_change_what_the_operator_set_for_a_target() {
    let known = known_of("", "").expect("settings");
    for (config, code) in [
        (
            r#"{"provider":"@vault","auth":{"header":"x-request-id"}}"#,
            Some(Code::InvalidConfig),
        ),
        (
            r#"{"provider":"@vault","headers":{"x-team":"mine"}}"#,
            Some(Code::InvalidConfig),
        ),
        (
            r#"{"provider":"@vault","headers":{"x-team":null}}"#,
            Some(Code::InvalidConfig),
        ),
        (
            r#"{"provider":"@vault","headers":{"authorization":null}}"#,
            Some(Code::InvalidConfig),
        ),
        (
            r#"{"provider":"@vault","headers":{"x-api-key":"mine"}}"#,
            Some(Code::InvalidConfig),
        ),
        (
            r#"{"provider":"@vault","override_params":{"tenant":"mine"}}"#,
            Some(Code::InvalidConfig),
        ),
        (
            r#"{"provider":"@vault","api_key":"mine"}"#,
            Some(Code::InvalidConfig),
        ),
        (
            r#"{"provider":"@queried","api_key":"mine"}"#,
            Some(Code::InvalidConfig),
        ),
        (
            r#"{"provider":"@plain","custom_host":"http://evil.example"}"#,
            Some(Code::InvalidConfig),
        ),
        // What a scheme writes at the send is set by it, too.
        (
            r#"{"provider":"@signed","headers":{"x-amz-date":"mine"}}"#,
            Some(Code::InvalidConfig),
        ),
        (
            r#"{"provider":"@signed","headers":{"x-amz-security-token":null}}"#,
            Some(Code::InvalidConfig),
        ),
        (
            r#"{"provider":"@tokened","headers":{"authorization":null}}"#,
            Some(Code::InvalidConfig),
        ),
        (
            r#"{"provider":"@lined","headers":{"x-lined":"mine"}}"#,
            Some(Code::InvalidConfig),
        ),
        (
            r#"{"provider":"@asked","api_key":"mine"}"#,
            Some(Code::InvalidConfig),
        ),
        (
            r#"{"provider":"@plain","credential":{"bearer":"mine"}}"#,
            Some(Code::InvalidConfig),
        ),
        // Its own request, it may edit.
        (r#"{"provider":"@vault","headers":{"x-mine":"1"}}"#, None),
        (
            r#"{"provider":"@vault","override_params":{"model":"m2"}}"#,
            None,
        ),
        (r#"{"provider":"@plain","api_key":"mine"}"#, None),
        (
            r#"{"override_params":{"model":"m2"},
                "targets":[{"provider":"@vault"},{"provider":"@plain"}]}"#,
            None,
        ),
    ] {
        let said = Said {
            config,
            provider: "",
            host: "",
            model: "m",
        };
        let plan = plan_of(&known, &said);
        assert_eq!(
            plan.as_ref().err().map(|error| error.code),
            code,
            "{config}"
        );
    }
}

#[test]
fn a_key_in_a_base_url_stands_in_place_of_the_callers_credentials() {
    let known = known_of(
        "",
        "default_target: http://default.example/v1?access_token=k\n",
    );
    let known = known.expect("settings");
    for (provider, name) in [("@queried", "api_key"), ("", "access_token")] {
        let said = Said {
            config: "",
            provider,
            host: "",
            model: "m",
        };
        let plan = plan_of(&known, &said).expect("a plan");
        let target = &plan.targets[0];
        assert_eq!(target.credentials, CredentialForwarding::Replaced);
        assert_eq!(
            target.own_credential.as_ref().map(OwnCredential::name),
            Some(name)
        );
    }
}

#[test]
fn a_host_that_a_header_names_is_the_callers_beside_a_saved_config() {
    let known = known_of("configs:\n  retried: { retry: { attempts: 1 } }\n", "");
    let known = known.expect("settings");
    let policy = Policy::new(Preset::Public, Vec::new());
    for (config, provider) in [("retried", "ollama"), ("", "ollama"), ("{}", "ollama")] {
        let directives = Directives {
            provider: Provider::parse(provider),
            config: (!config.is_empty()).then(|| config.to_owned()),
            ..Directives::default()
        };
        let makers = Makers {
            known: &known,
            policy: &policy,
            default_config: known.default_config.as_deref(),
        };
        let plan = match choose(&directives, Prefix::Read(None), makers) {
            Ok(Chosen::Plan(plan)) => plan,
            Ok(Chosen::AsksModel) | Err(_) => panic!("a plan"),
        };
        let target = &plan.targets[0];
        assert_eq!(target.named_by, NamedBy::Caller, "{config}");
        assert!(target.pass.is_err(), "{config}: the preset applies");
    }
}
