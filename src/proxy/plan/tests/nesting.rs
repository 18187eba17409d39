//! What targets inherit, and how they are told apart, at any depth.

use proptest::prelude::*;

use super::*;

#[test]
fn the_inner_wins_over_the_outer() {
    let config = r#"{"custom_host":"http://outer.example/v1","retry":{"attempts":1},
        "request_timeout":1000,
        "timeouts":{"head":5000,"idle":6000},"override_params":{"a":1,"b":1},
        "provider":"openai","api_key":"outer",
        "strategy":{"mode":"fallback"},"targets":[
          {},
          {"custom_host":"http://inner.example/v1","retry":{"attempts":2},
           "request_timeout":2000,"timeouts":{"head":7000},
           "override_params":{"b":2,"c":2}},
          {"provider":"@claude","custom_host":null}]}"#;
    let plan = NOTHING.config(config).plan();
    // The outer host is the caller's, and the last target's key is not.
    assert_eq!(
        plan.map(|_| ()).map_err(|error| error.code),
        Err(Code::InvalidConfig)
    );
    let config = config.replace(r#"{"provider":"@claude","custom_host":null}"#, "{}");
    let plan = NOTHING.config(&config).plan().expect("a plan");
    let [outer, inner, _] = &*plan.targets else {
        panic!("three targets");
    };
    let ms = |limit: Option<TimeLimit>| limit.map(|limit| limit.time.as_millis());
    assert_eq!(
        (outer.base.authority(), inner.base.authority()),
        ("outer.example", "inner.example")
    );
    assert_eq!(
        (ms(outer.request_timeout), ms(inner.request_timeout)),
        (Some(1000), Some(2000))
    );
    assert_eq!(
        (
            outer.timeouts.head.time.as_secs(),
            outer.timeouts.idle.time.as_secs()
        ),
        (5, 6)
    );
    // Replaced whole: the outer idle is gone.
    assert_eq!(
        (
            inner.timeouts.head.time.as_secs(),
            inner.timeouts.idle.time.as_secs()
        ),
        (7, 300)
    );
    let params = |target: &Target| {
        target
            .override_params
            .iter()
            .map(|(key, value)| format!("{key}={value}"))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        (params(outer), params(inner)),
        (
            vec!["a=1".into(), "b=1".into()],
            vec!["a=1".into(), "b=2".into(), "c=2".into()]
        )
    );
    // Neither provider nor key is inherited, and that is said.
    assert_eq!(
        (outer.provider.as_bytes(), outer.own_credential.is_none()),
        (&b"passthrough"[..], true)
    );
    assert_eq!(plan.notes.len(), 2);
    let header = NOTHING
        .host("http://root.example/v1")
        .config(r#"{"targets":[{},{"custom_host":"http://own.example"}]}"#);
    assert_eq!(header.told(), "root.example callers; own.example callers");
}

#[test]
fn a_provider_of_the_settings_brings_its_own_ways() {
    let plan = NOTHING
        .config(r#"{"targets":[{"provider":"@claude"}]}"#)
        .plan()
        .expect("a plan");
    let target = &plan.targets[0];
    assert_eq!(target.timeouts.head.time, Duration::from_secs(1));
    assert!(plan.retries(0) && plan.may_replay);
    assert_eq!(target.provider, "claude");
    assert!(target.edits.iter().any(|(name, _)| name == "x-team"));
}

#[test]
fn every_time_knows_who_set_it() {
    use NamedBy::{Caller, Settings};
    const SAVED: &str = r#"
  timed:
    custom_host: "http://one.example/v1"
    request_timeout: 5
    timeouts: { idle: 5, total: 5, first_token: 5 }"#;
    let inline = r#"{"custom_host":"http://one.example/v1","request_timeout":5,
        "timeouts":{"idle":5,"first_token":5}}"#;
    let above = r#"{"timeouts":{"connect":5,"head":5},"targets":[{"provider":"@claude"}]}"#;
    let beside = r#"{"request_timeout":5,"targets":[{"provider":"@claude"}]}"#;
    // Of request_timeout, connect, head, first_token, idle and total.
    for (asked, expected) in [
        (
            NOTHING.config(inline),
            [
                Some(Caller),
                Some(Settings),
                Some(Settings),
                Some(Caller),
                Some(Caller),
                None,
            ],
        ),
        (
            NOTHING.config(above),
            [None, Some(Caller), Some(Caller), None, Some(Settings), None],
        ),
        (
            NOTHING.config(beside),
            [
                Some(Caller),
                Some(Settings),
                Some(Settings),
                None,
                Some(Settings),
                None,
            ],
        ),
        (NOTHING.config("timed").settings(SAVED), {
            let settings = Some(Settings);
            [settings; 6]
        }),
        (
            NOTHING.provider("@claude"),
            [
                None,
                Some(Settings),
                Some(Settings),
                None,
                Some(Settings),
                None,
            ],
        ),
        (
            NOTHING.host("http://one.example/v1"),
            [
                None,
                Some(Settings),
                Some(Settings),
                None,
                Some(Settings),
                None,
            ],
        ),
    ] {
        let plan = asked.plan().expect("a plan");
        let (target, by) = (&plan.targets[0], |limit: TimeLimit| limit.set_by);
        let times = target.timeouts;
        let told = [
            target.request_timeout.map(by),
            Some(by(times.connect)),
            Some(by(times.head)),
            times.first_token.map(by),
            Some(by(times.idle)),
            times.total.map(by),
        ];
        assert_eq!(told, expected, "{}", asked.config);
    }
}

/// A config of nested groups, and the paths of its targets in order.
fn any_nesting() -> impl Strategy<Value = (String, Vec<String>)> {
    #[derive(Clone, Debug)]
    enum Shape {
        Target,
        Group(Vec<Shape>),
    }
    fn write(shape: &Shape, path: String, paths: &mut Vec<String>) -> String {
        match shape {
            Shape::Target => {
                paths.push(path);
                r#"{"custom_host":"http://a.example"}"#.to_owned()
            }
            Shape::Group(shapes) => {
                let targets = shapes.iter().enumerate();
                let targets: Vec<_> = targets
                    .map(|(at, it)| write(it, format!("{path}.targets[{at}]"), paths))
                    .collect();
                format!(
                    r#"{{"strategy":{{"mode":"fallback"}},"targets":[{}]}}"#,
                    targets.join(",")
                )
            }
        }
    }
    let shape = Just(Shape::Target).prop_recursive(6, 32, 4, |inner| {
        proptest::collection::vec(inner, 1..4).prop_map(Shape::Group)
    });
    shape.prop_map(|shape| {
        let mut paths = Vec::new();
        (write(&shape, "config".to_owned(), &mut paths), paths)
    })
}

proptest! {
    #[test]
    fn the_option_index_is_the_path_at_any_nesting((config, paths) in any_nesting()) {
        let plan = NOTHING.config(&config).plan().expect("a plan");
        let index = |target: &Target| target.index.to_str().unwrap().to_owned();
        let indices: Vec<_> = plan.targets.iter().map(index).collect();
        prop_assert_eq!(indices, paths);
    }
}
