//! Properties that hold for every input.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use proptest::prelude::*;

use super::*;

fn any_address() -> impl Strategy<Value = IpAddr> {
    let special = prop::sample::select(vec![
        "127.0.0.1",
        "::1",
        "10.0.0.7",
        "169.254.169.254",
        "8.8.8.8",
        "2606:4700::1",
        "fd12::7",
        "fd00:ec2::254",
        "::ffff:169.254.169.254",
        "64:ff9b::a9fe:a9fe",
        "2002:a00:1::",
        "0.0.0.0",
        "::",
        "fe80::1",
        "224.0.0.1",
        "192.0.2.1",
        "100.100.100.200",
        "::ffff:10.0.0.7",
    ]);
    prop_oneof![
        special.prop_map(|ip| ip.parse().unwrap()),
        any::<u32>().prop_map(|bits| IpAddr::V4(Ipv4Addr::from_bits(bits))),
        any::<u128>().prop_map(|bits| IpAddr::V6(Ipv6Addr::from_bits(bits))),
        any::<u32>().prop_map(|bits| Ipv4Addr::from_bits(bits).to_ipv6_mapped().into()),
        any::<u32>().prop_map(|bits| nat64(Ipv4Addr::from_bits(bits)).into()),
    ]
}

fn nat64(ip: Ipv4Addr) -> Ipv6Addr {
    Ipv6Addr::from_bits(0x64_ff9b << 96 | u128::from(ip.to_bits()))
}

fn any_host() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z0-9.%_-]{0,12}",
        "(a|b|localhost|metadata|[0-9]{1,3})(\\.(example|google\\.internal|com|1|0x7f)){0,3}\\.?",
        any_address().prop_map(|ip| match ip {
            IpAddr::V4(ip) => ip.to_string(),
            IpAddr::V6(ip) => format!("[{ip}]"),
        }),
        any::<u32>().prop_map(|bits| bits.to_string()),
        any::<u32>().prop_map(|bits| format!("0x{bits:x}")),
        any::<u32>().prop_map(|bits| format!("0{bits:o}")),
    ]
}

fn any_base_url() -> impl Strategy<Value = String> {
    let near = (
        prop::sample::select(vec![
            "http://",
            "https://",
            "HTTPS://",
            "http:/",
            "https://x@",
        ]),
        any_host(),
        prop::sample::select(vec!["", ":443", ":80", ":8000", ":8787", ":0", ":"]),
        prop::sample::select(vec!["", "/", "/v1", "/v1?x", "/../", "#"]),
    )
        .prop_map(|(scheme, host, port, rest)| format!("{scheme}{host}{port}{rest}"));
    prop_oneof![9 => near, 1 => any::<String>()]
}

fn any_entry() -> impl Strategy<Value = AllowEntry> {
    let network = (any_address(), 0u8..=128).prop_map(|(ip, length)| match ip {
        IpAddr::V4(ip) => ipnet::Ipv4Net::new(ip, length / 4)
            .unwrap()
            .trunc()
            .to_string(),
        IpAddr::V6(ip) => {
            let network = ipnet::Ipv6Net::new(ip, length).unwrap().trunc();
            format!("[{network}]")
        }
    });
    let host = prop_oneof![
        network,
        any_host(),
        Just("0.0.0.0/0".to_owned()),
        Just("[::/0]".to_owned()),
        any_host().prop_map(|host| format!("*.{host}")),
    ];
    let scheme = prop::sample::select(vec!["", "http://", "https://"]);
    let port = prop::sample::select(vec!["", ":*", ":443", ":8000", ":8787"]);
    (scheme, host, port).prop_filter_map("no entry", |(scheme, host, port)| {
        format!("{scheme}{host}{port}").parse().ok()
    })
}

fn any_policy() -> impl Strategy<Value = Policy> {
    let preset = prop::sample::select(vec![
        Preset::Public,
        Preset::Allowlist,
        Preset::SelfHosted,
        Preset::Dev,
    ]);
    let listener = (any_address(), prop::sample::select(vec![443, 8000, 8787]))
        .prop_map(|(ip, port)| SocketAddr::new(ip, port));
    (
        preset,
        prop::collection::vec(any_entry(), 0..4),
        prop::collection::vec(listener, 0..3),
        prop::collection::vec(any_address(), 0..3),
    )
        .prop_map(|(preset, allow, listeners, local)| {
            Policy::new(preset, allow).with_own_listeners(listeners, local)
        })
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 1024,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn no_preset_ever_vets_a_never_allowed_address(
        written in any_base_url(),
        policy in any_policy(),
        by_caller in any::<bool>(),
        resolved in prop::collection::vec(any_address(), 0..18),
    ) {
        let Ok(url) = BaseUrl::parse(&written) else { return Ok(()) };
        let named_by = if by_caller { NamedBy::Caller } else { NamedBy::Settings };
        for count in [resolved.len(), resolved.len().min(1)] {
            let Ok(target) = judge(&policy, &url, named_by, &resolved[..count]) else { continue };
            prop_assert!(!target.addresses().is_empty());
            prop_assert!(target.addresses().len() <= MAX_ADDRESSES);
            for address in target.addresses() {
                let class = classify(address.ip());
                prop_assert!(!class.is_never(), "{written} {policy:?}: {address}");
                prop_assert_eq!(address.port(), url.port());
                if by_caller && policy.preset() == Preset::Public {
                    prop_assert_eq!(class, AddressClass::Public);
                    prop_assert_eq!(url.origin().starts_with("https://"), true);
                    prop_assert_eq!(url.port(), 443);
                }
            }
        }
    }

    #[test]
    fn mapped_and_nat64_forms_are_judged_as_the_address_they_carry(
        bits in any::<u32>(),
        policy in any_policy(),
        port in prop::sample::select(vec![443u16, 8000, 8787]),
    ) {
        let plain = Ipv4Addr::from_bits(bits);
        let verdict = |host: String| {
            let url = BaseUrl::parse(&format!("https://{host}:{port}")).unwrap();
            judge(&policy, &url, NamedBy::Caller, &[]).map(|_| ())
        };
        let expected = verdict(plain.to_string());
        prop_assert_eq!(classify(plain.into()), classify(plain.to_ipv6_mapped().into()));
        prop_assert_eq!(classify(plain.into()), classify(nat64(plain).into()));
        prop_assert_eq!(verdict(format!("[{}]", plain.to_ipv6_mapped())), expected);
        prop_assert_eq!(verdict(format!("[{}]", nat64(plain))), expected);
    }

    #[test]
    fn parsing_never_panics_and_its_result_is_well_formed(written in any_base_url()) {
        if let Ok(url) = BaseUrl::parse(&written) {
            prop_assert!(!has_dot_segment(url.raw_path().as_bytes()));
            prop_assert!(url.authority().parse::<http::uri::Authority>().is_ok());
            prop_assert!(url.raw_path().is_empty() || url.raw_path().starts_with('/'));
            prop_assert_ne!(url.port(), 0);
        }
    }

    #[test]
    fn parsing_an_entry_never_panics(written in any::<String>()) {
        let _ = written.parse::<AllowEntry>();
    }
}
