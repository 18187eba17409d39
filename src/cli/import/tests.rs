//! Golden cases: each file is imported by the command itself, and what it prints is loaded by our
//! settings. Properties: no file makes it panic, print settings that do not load, or tell a secret.

use std::path::PathBuf;

use proptest::prelude::*;

use super::*;
use crate::golden::{Case, cases};

const FILE: &str = "input";
/// It begins the control sequences of terminals.
const ESCAPE: char = '\u{1b}';

/// Exit code, standard output and standard error.
fn import(kind: &str, text: &str) -> (u8, String, String) {
    static COUNT: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
    let count = COUNT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    let name = format!("throughway-import-{}-{count}", std::process::id());
    let path = std::env::temp_dir().join(name);
    std::fs::write(&path, text).unwrap();
    let result = import_file(kind, path.clone());
    std::fs::remove_file(&path).unwrap();
    result
}

fn import_file(kind: &str, file: PathBuf) -> (u8, String, String) {
    let name = file.display().to_string();
    let args = ImportArgs { file };
    let command = match kind {
        "litellm" => ImportCommand::Litellm(args),
        "portkey" => ImportCommand::Portkey(args),
        _ => panic!("{kind} cannot be imported"),
    };
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let code = run(&command, &mut out, &mut err).unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap().replace(&name, FILE);
    (code, text(out), text(err))
}

fn kind(case: &Case) -> &'static str {
    match case.has("litellm") {
        true => "litellm",
        false => "portkey",
    }
}

#[test]
fn every_case_prints_the_settings_and_what_is_missing_in_them() {
    let mut failures = Vec::new();
    for case in cases("import") {
        let kind = kind(&case);
        let (code, out, err) = import(kind, case.section(kind));
        let expected = [case.section("settings"), case.section("missing")];
        let expected_code = if expected[0].is_empty() { NOTHING } else { 0 };
        if [out.trim_end(), err.trim_end()] != expected || code != expected_code {
            failures.push(format!(
                "{} gave {code}:\n--- settings\n{out}\n--- missing\n{err}",
                case.name
            ));
        }
        assert_eq!(judge::refusal(&out), None, "{}", case.name);
        assert!(!err.contains("private"), "{err}");
        assert!(!err.contains(ESCAPE), "{err}");
    }
    assert!(failures.is_empty(), "\n{}", failures.join("\n"));
}

/// Whether the reader ended with an error of the reader that names a line.
fn refused_with_line(text: &str) -> bool {
    let (code, out, err) = import("litellm", text);
    let place = err.strip_prefix("error: input:").unwrap_or_default();
    let line = place
        .split(':')
        .next()
        .and_then(|line| line.parse::<u64>().ok());
    code == NOTHING && out.is_empty() && line.is_some_and(|line| line > 0)
}

#[test]
fn deep_files_and_alias_bombs_are_refused_with_their_line() {
    let deep = format!("a: {}", "[".repeat(1 << 20));
    let nested: String = (0..500)
        .map(|depth| format!("{}a:\n", " ".repeat(depth)))
        .collect();
    let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..10 {
        let inner = format!("*a{}, ", level - 1).repeat(10);
        bomb += &format!("a{level}: &a{level} [{inner}]\n");
    }
    let many = "- a\n".repeat(100_000);
    for text in [deep, nested, bomb, many] {
        assert!(refused_with_line(&text), "{}", &text[..40]);
    }
}

#[test]
fn a_long_file_of_many_models_is_imported() {
    let model = |at: usize| {
        format!(
            "  - model_name: m{at}\n    litellm_params: {{ model: openai/x, api_key: k{at} }}\n"
        )
    };
    let text = format!("model_list:\n{}", (0..2000).map(model).collect::<String>());
    let (code, out, err) = import("litellm", &text);
    assert_eq!((code, err.lines().count()), (0, 2000));
    assert_eq!(judge::refusal(&out), None);
}

#[test]
fn a_file_that_cannot_be_read_is_an_error_that_names_it() {
    for path in ["does/not/exist", "/dev/zero", "/"] {
        let (code, out, err) = import_file("portkey", PathBuf::from(path));
        assert_eq!((code, out.as_str()), (NOTHING, ""));
        assert!(err.starts_with("error: input: cannot read: "), "{err}");
    }
}

#[test]
fn a_byte_order_mark_does_not_matter() {
    for (kind, text) in [
        (
            "litellm",
            "\u{feff}general_settings:\r\n  master_key: a\r\n",
        ),
        ("portkey", "\u{feff}{ \"provider\": \"openai\" }"),
    ] {
        let (code, _, err) = import(kind, text);
        assert_eq!(code, 0, "{err}");
    }
}

/// A small value of YAML or JSON, as the keys of both gateways take them, or wrongly.
fn value() -> impl Strategy<Value = serde_json::Value> {
    let text = prop_oneof![
        Just("os.environ/A_KEY".to_owned()),
        Just("Bearer os.environ/A_KEY".to_owned()),
        Just("https://a.example/v1".to_owned()),
        Just("openai/gpt".to_owned()),
        Just("azure/gpt".to_owned()),
        Just("/path".to_owned()),
        Just("@openai".to_owned()),
        r#"[-a-z@/:${}"'#&*!|>%.\\ ]{0,12}"#,
        any::<String>(),
    ];
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i32>().prop_map(Into::into),
        text.prop_map(Into::into),
    ];
    leaf.prop_recursive(5, 40, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Into::into),
            prop::collection::btree_map(key(), inner, 0..6)
                .prop_map(|map| serde_json::Value::Object(map.into_iter().collect())),
        ]
    })
}

fn key() -> impl Strategy<Value = String> {
    let known = prop::sample::select(vec![
        "general_settings",
        "master_key",
        "pass_through_endpoints",
        "path",
        "target",
        "headers",
        "methods",
        "default_query_params",
        "timeout",
        "model_list",
        "litellm_params",
        "model",
        "api_base",
        "api_key",
        "authorization",
        "provider",
        "targets",
        "strategy",
        "mode",
        "retry",
        "attempts",
        "cache",
        "custom_host",
        "override_params",
        "virtualKey",
        "conditions",
        "query",
        "then",
        "name",
    ]);
    prop_oneof![9 => known.prop_map(str::to_owned), 1 => r#"[-a-z.\[\]0-9"$ ]{0,8}"#]
}

/// A file of LiteLLM with such values where the importer looks.
fn litellm(parts: &[serde_json::Value; 4]) -> String {
    let [endpoint, params, master_key, rest] = parts;
    serde_json::json!({
        "general_settings": { "master_key": master_key, "pass_through_endpoints": [
            { "path": "/a", "target": "https://a.example", "headers": endpoint },
            endpoint,
        ]},
        "model_list": [{ "litellm_params": params },
            { "litellm_params": { "model": "openai/x", "api_base": rest, "api_key": params } }],
        "rest": rest,
    })
    .to_string()
}

proptest! {
    #[test]
    fn whatever_litellm_file_is_read_the_settings_load(
        parts in [value(), value(), value(), value()],
    ) {
        let text = litellm(&parts);
        let (code, out, err) = import("litellm", &text);
        prop_assert_eq!(judge::refusal(&out), None, "{}", out);
        prop_assert!(crate::config::Node::parse(&out).is_ok(), "{}", out);
        prop_assert_eq!(code == 0, !out.is_empty());
        prop_assert!(!err.contains(ESCAPE));
    }

    #[test]
    fn whatever_portkey_config_is_read_the_settings_load(config in value()) {
        let (code, out, err) = import("portkey", &config.to_string());
        prop_assert_eq!(judge::refusal(&out), None, "{}", out);
        prop_assert_eq!(code == 0, !out.is_empty(), "{}", err);
    }

    #[test]
    fn no_text_makes_an_importer_panic(
        text in r#"([a-z_]{1,6}|[-\[\]{}:,&*<|>'"$#!%@`~.0-9 \n]){0,40}"#,
    ) {
        import("litellm", &text);
        import("portkey", &text);
    }
}

#[test]
fn the_example_of_the_documentation_is_what_the_importer_prints() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/migrate-from-litellm.md");
    let page = std::fs::read_to_string(path).unwrap();
    let blocks = |fence: &str| -> Vec<String> {
        let parts = page.split(fence).skip(1);
        let block = |part: &str| part.split("```").next().unwrap().to_owned();
        parts.map(block).collect()
    };
    let [input, settings] = &blocks("```yaml\n")[..] else {
        panic!("the page has another number of YAML blocks");
    };
    let [missing] = &blocks("```text\n")[..] else {
        panic!("the page has another number of texts");
    };
    let (code, out, err) = import("litellm", input);
    assert_eq!(
        (code, &out, &err.replace(FILE, "config.yaml")),
        (0, settings, missing)
    );
}
