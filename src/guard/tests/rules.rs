use super::*;

fn vetted(addresses: &[&str]) -> VettedTarget {
    let url = BaseUrl::parse("https://api.example.com./v1").unwrap();
    let policy = Policy::new(Preset::Dev, Vec::new());
    judge(&policy, &url, NamedBy::Caller, &ips(addresses)).unwrap()
}

#[test]
fn a_vetted_target_holds_exactly_the_judged_addresses() {
    let target = vetted(&["8.8.8.8", "::ffff:8.8.4.4", "8.8.8.8", "2606:4700::1"]);
    let addresses: Vec<String> = target.addresses().iter().map(ToString::to_string).collect();
    assert_eq!(
        addresses,
        ["8.8.8.8:443", "8.8.4.4:443", "[2606:4700::1]:443"]
    );
    assert_eq!(target.authority(), "api.example.com");
    assert_eq!(target.host(), &Host::Name("api.example.com".into()));
    assert_eq!(target.origin(), "https://api.example.com.:443");
}

#[test]
fn only_a_judged_address_is_accepted_as_peer() {
    let target = vetted(&["8.8.8.8", "64:ff9b::8.8.4.4"]);
    for (peer, admitted) in [
        ("8.8.8.8:443", true),
        ("[::ffff:8.8.8.8]:443", true),
        ("[64:ff9b::808:404]:443", true),
        ("8.8.4.4:443", false),
        ("8.8.8.8:80", false),
        ("127.0.0.1:443", false),
    ] {
        assert_eq!(target.admits(peer.parse().unwrap()), admitted, "{peer}");
    }
}

#[test]
fn an_address_literal_is_judged_as_itself_whatever_was_resolved() {
    let policy = Policy::new(Preset::Public, Vec::new());
    let url = BaseUrl::parse("https://10.0.0.1").unwrap();
    let denied = judge(&policy, &url, NamedBy::Caller, &ips(&["8.8.8.8"])).unwrap_err();
    assert_eq!(denied.class(), "private");
    let url = BaseUrl::parse("https://8.8.8.8").unwrap();
    let target = judge(&policy, &url, NamedBy::Caller, &ips(&["10.0.0.1"])).unwrap();
    assert_eq!(target.addresses(), ["8.8.8.8:443".parse().unwrap()]);
}

#[test]
fn targets_judged_by_different_rules_do_not_share_a_pool() {
    let url = BaseUrl::parse("https://api.example.com").unwrap();
    let id = |preset, allow: &[&str], named_by| {
        let policy = Policy::new(preset, entries(allow));
        judge(&policy, &url, named_by, &ips(&["8.8.8.8"]))
            .unwrap()
            .pool_key()
            .clone()
    };
    let public = id(Preset::Public, &[], NamedBy::Caller);
    assert_eq!(public, id(Preset::Public, &[], NamedBy::Caller));
    assert_eq!(public, id(Preset::SelfHosted, &[], NamedBy::Caller));
    assert_ne!(public, id(Preset::Public, &[], NamedBy::Settings));
    assert_ne!(public, id(Preset::Dev, &[], NamedBy::Caller));
    assert_ne!(
        public,
        id(Preset::SelfHosted, &["10.0.0.0/8"], NamedBy::Caller)
    );
}

#[test]
fn sixteen_addresses_pass_and_seventeen_do_not() {
    let policy = Policy::new(Preset::Public, Vec::new());
    let url = BaseUrl::parse("https://api.example.com").unwrap();
    let many = |count: u8| -> Vec<IpAddr> { (1..=count).map(|n| [8, 8, 8, n].into()).collect() };
    assert!(judge(&policy, &url, NamedBy::Caller, &many(16)).is_ok());
    let denied = judge(&policy, &url, NamedBy::Caller, &many(17)).unwrap_err();
    assert_eq!(denied, Denied::TooManyAddresses);
}

#[test]
fn no_refusal_names_a_resolved_address() {
    let url = BaseUrl::parse("https://api.example.com").unwrap();
    let policy = Policy::new(Preset::Public, Vec::new());
    for resolved in [
        &["10.11.12.13"][..],
        &["8.8.8.8", "10.11.12.13"],
        &["::1"],
        &["169.254.11.12"],
    ] {
        let denied = judge(&policy, &url, NamedBy::Caller, &ips(resolved)).unwrap_err();
        let told = format!("{denied} {denied:?} {}", denied.class());
        for secret in ["10.11.12.13", "8.8.8.8", "::1", "11.12"] {
            assert!(!told.contains(secret), "{told}");
        }
    }
}

#[test]
fn presets_are_known_by_name() {
    for preset in [
        Preset::Public,
        Preset::Allowlist,
        Preset::SelfHosted,
        Preset::Dev,
    ] {
        assert_eq!(serde_json::to_value(preset).unwrap(), preset.as_str());
    }
    assert_eq!(Preset::default_for(true), Preset::Dev);
    assert_eq!(Preset::default_for(false), Preset::Public);
}

#[test]
fn an_own_listener_among_several_addresses_is_reported_as_such() {
    let own = vec!["127.0.0.1:8787".parse().unwrap()];
    let policy = Policy::new(Preset::Dev, Vec::new()).with_own_listeners(own, Vec::new());
    let url = BaseUrl::parse("http://loop.example:8787").unwrap();
    for resolved in [&["8.8.8.8", "127.0.0.1"][..], &["169.254.1.1", "127.0.0.1"]] {
        for named_by in [NamedBy::Caller, NamedBy::Settings] {
            let denied = judge(&policy, &url, named_by, &ips(resolved)).unwrap_err();
            assert_eq!(denied, Denied::OwnListener);
        }
    }
}

#[test]
fn the_metadata_server_is_excepted_only_where_tokens_are_fetched_from_it() {
    let policy = Policy::new(Preset::Dev, Vec::new())
        .with_own_listeners(vec!["127.0.0.1:8787".parse().unwrap()], Vec::new());
    let url = |text: &str| BaseUrl::parse(text).unwrap();
    let excepted = |text: &str, resolved: &[&str]| {
        let pass = policy.judge_metadata_server(&url(text))?;
        policy.judge_addresses(pass, &ips(resolved))
    };
    let server = excepted("http://169.254.169.254/x", &[]).unwrap();
    assert!(excepted("http://metadata.google.internal/x", &["169.254.169.254"]).is_ok());
    assert!(excepted("http://[fd20:ce::254]/x", &[]).is_ok());
    assert!(excepted("http://127.0.0.1:9/x", &[]).is_ok());
    for (text, resolved) in [
        ("http://169.254.169.253/x", &[][..]),
        ("http://[::ffff:169.254.169.254]/x", &[]),
        ("http://[fd00:ec2::254]/x", &[]),
        ("http://metadata.google.internal/x", &["169.254.170.2"]),
        ("http://127.0.0.1:8787/x", &[]),
    ] {
        assert!(excepted(text, resolved).is_err(), "{text}");
    }
    for named_by in [NamedBy::Settings, NamedBy::Caller] {
        let pass = policy.judge_host(&url("http://169.254.169.254/x"), named_by);
        assert!(
            pass.and_then(|pass| policy.judge_addresses(pass, &[]))
                .is_err()
        );
    }
    // No connection to it is ever used for another target.
    let pass = policy.judge_host(&url("http://169.254.169.253/"), NamedBy::Settings);
    let other = pass.map(|pass| super::super::target::VettedTarget::new(pass, &ips(&["1.1.1.1"])));
    assert_ne!(server.pool_key(), other.unwrap().pool_key());
}
