//! The golden cases of the settings, and the reference table held against the code.

use std::path::Path;

use clap::Parser;
use proptest::prelude::*;

use super::reference::{Row, rows};
use super::{ConfigError, Environment, Flags, Settings};
use crate::golden::{Case, assert_page, cases};

const NAME: &str = "settings.yaml";

fn parse(text: &str) -> Result<Settings, ConfigError> {
    let (environment, flags) = (Environment::default(), Flags::default());
    Settings::parse(text, Path::new(NAME), &environment, &flags)
}

#[derive(Parser)]
struct CommandLine {
    #[command(flatten)]
    flags: Flags,
}

fn flags(text: &str) -> Flags {
    let words = ["throughway"].into_iter().chain(text.split_whitespace());
    CommandLine::parse_from(words).flags
}

fn environment(text: &str) -> Environment {
    text.lines()
        .map(|line| line.split_once('=').unwrap())
        .collect()
}

fn run(case: &Case) -> Result<Settings, ConfigError> {
    let environment = environment(case.section("environment"));
    let flags = flags(case.section("flags"));
    Settings::parse(
        case.section("settings"),
        Path::new(NAME),
        &environment,
        &flags,
    )
}

/// The lines a case speaks of, with its warnings: what it leaves out it does not care about.
fn excerpt(settings: &Settings, expected: &str) -> String {
    let keys: Vec<&str> = expected
        .lines()
        .filter_map(|line| Some(line.split_once(" = ")?.0))
        .collect();
    let shown = settings
        .lines()
        .into_iter()
        .filter(|(key, _)| keys.contains(&key.as_str()));
    let lines = shown.map(|(key, value)| format!("{key} = {value}"));
    let warnings = settings
        .warnings
        .iter()
        .map(|warning| format!("warning: {warning}"));
    lines.chain(warnings).collect::<Vec<_>>().join("\n")
}

#[test]
fn every_case_gives_the_settings_or_the_error_it_says() {
    let mut failures = Vec::new();
    for case in cases("config") {
        let (kind, got) = match run(&case) {
            Ok(settings) => ("expect", excerpt(&settings, case.section("expect"))),
            Err(error) => ("error", error.to_string()),
        };
        if !case.has(kind) || got != case.section(kind) {
            failures.push(format!("{} gave {kind}:\n{got}\n", case.name));
        }
    }
    assert!(failures.is_empty(), "\n{}", failures.join("\n"));
}

#[test]
fn the_page_has_the_keys_and_the_defaults_of_the_code() {
    let lines = Settings::default().lines();
    let exposed = parse("{ listen: 0.0.0.0:1, allow_unauthenticated: true }").unwrap();
    let exposed = exposed.lines();
    let leaf = |row: &&Row| !row.key.contains("[]") && !row.key.starts_with("tls.");
    let rows: Vec<&Row> = rows().iter().filter(leaf).collect();
    let keys: Vec<&String> = rows.iter().map(|row| &row.key).collect();
    assert_eq!(keys, lines.iter().map(|(key, _)| key).collect::<Vec<_>>());
    for (row, (key, value)) in rows.iter().zip(lines) {
        match key.as_str() {
            "workers" => assert_eq!(row.default, "one per core"),
            "data_dir" => assert!(row.default.contains("$XDG_DATA_HOME"), "{}", row.default),
            "guard.preset" | "drain.delay" => {
                let (_, exposed) = exposed.iter().find(|(it, _)| *it == key).unwrap();
                let told = format!("{value} on loopback, else {exposed}");
                assert_eq!(row.default, told, "{key}");
            }
            _ => assert_eq!(row.default, value, "{key}"),
        }
    }
}

#[test]
fn every_row_of_the_page_is_complete() {
    for row in rows() {
        let [meaning, consequence] = &row.meaning;
        for text in [&row.kind, &row.default, meaning, consequence, &row.example] {
            assert!(!text.is_empty() && !text.contains('|'), "{}", row.key);
        }
    }
}

/// The file with one value at the end of a key's path.
fn file_with(key: &str, value: &str) -> String {
    let mut path = key.rsplit('.');
    let last = path.next().unwrap();
    let required = if key.starts_with("upstream.tls[]") && last != "host" {
        "host: h, "
    } else {
        ""
    };
    let inner = format!("{{ {required}{last}: {value} }}");
    path.fold(inner, |inner, section| match section.strip_suffix("[]") {
        Some(list) => format!("{{ {list}: [{inner}] }}"),
        None => format!("{{ {section}: {inner} }}"),
    })
}

#[test]
fn the_example_of_every_row_is_read_by_the_structs() {
    let environment = Environment::from([
        ("ADMIN_TOKEN", "secret"),
        (
            "THROUGHWAY_SECRET_KEY",
            "yQj4nY0rXk3v9tq1mJt0Q6l8w2Hs5a+bZcVdEe/fGg8=",
        ),
    ]);
    for setting in rows() {
        let text = file_with(&setting.key, &setting.example);
        let flags = Flags {
            // For the example of `listen`; it contradicts that of `auth`.
            allow_unauthenticated: setting.key != "auth",
            ..Flags::default()
        };
        let got = Settings::parse(&text, Path::new(NAME), &environment, &flags);
        // Rows of one half of a pair are complete only together with the other.
        let half = setting.key.starts_with("tls.")
            || setting.key.starts_with("upstream.tls[].")
            || setting.key.starts_with("limit_store.")
            || setting.key.starts_with("cache.")
            || setting.key.starts_with("store.")
            // The digest is shortened, and the team is in another row.
            || setting.key == "keys"
            || setting.key == "default_config";
        match got {
            Ok(_) => {}
            Err(ConfigError::Conflict { .. } | ConfigError::Value { .. }) if half => {}
            Err(error) => panic!("{}: {error}", setting.key),
        }
    }
}

#[test]
fn the_keys_allowed_in_every_section_are_those_of_the_table() {
    let parent = |key: &'static str| key.rsplit_once('.').map_or("", |(section, _)| section);
    for setting in rows() {
        let section = parent(&setting.key);
        let unknown = if section.is_empty() {
            "zzz".into()
        } else {
            format!("{section}.zzz")
        };
        let Err(ConfigError::UnknownKey { key, allowed, .. }) = parse(&file_with(&unknown, "1"))
        else {
            panic!("{unknown} was accepted");
        };
        assert_eq!(key, unknown.replace("[]", "[0]"));
        let mut listed: Vec<&str> = Vec::new();
        let below = rows().iter().map(|other| other.key.as_str());
        let prefix = if section.is_empty() {
            String::new()
        } else {
            format!("{section}.")
        };
        for rest in below.filter_map(|key| key.strip_prefix(prefix.as_str())) {
            let name = rest.split(['.', '[']).next().unwrap();
            if !listed.contains(&name) {
                listed.push(name);
            }
        }
        assert_eq!(allowed, listed, "in {section:?}");
    }
}

#[test]
fn the_settings_page_is_the_printed_one() {
    assert_page("settings.md", &super::page());
}

#[test]
fn the_schema_is_the_printed_one() {
    assert_page("settings.schema.json", &super::schema_page());
}

#[test]
fn no_error_repeats_a_value() {
    for setting in rows() {
        for value in [
            "sk-private",
            "[sk-private]",
            "{ x: sk-private }",
            "\"sk-private \\u00e9 \"",
        ] {
            if let Err(error) = parse(&file_with(&setting.key, value)) {
                assert!(
                    !error.to_string().contains("sk-private"),
                    "{}: {error}",
                    setting.key
                );
                assert!(
                    !format!("{error:?}").contains("sk-private"),
                    "{}: {error:?}",
                    setting.key
                );
            }
        }
    }
}

#[test]
fn settings_print_no_secret() {
    let text = "admin_token: sk-private\ndefault_target: https://a.example/v1?key=sk-private\n\
                limit_store: { store: redis, url: \"redis://:sk-private@10.0.0.5\" }\n\
                providers: { p: { provider: openai, api_key: sk-private } }\n";
    let settings = parse(text).unwrap();
    let shown = format!("{:?} {settings:?}", settings.lines());
    assert!(!shown.contains("sk-private"), "{shown}");
}

#[test]
fn a_file_that_is_not_there_is_an_error_that_names_it() {
    let path = Path::new("does/not/exist.yaml");
    let error = Settings::load(Some(path), &Environment::default(), &Flags::default()).unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("does/not/exist.yaml: cannot read"),
        "{error}"
    );
    let named = Environment::from([("THROUGHWAY_CONFIG", "does/not/exist.yaml")]);
    let same = Settings::load(None, &named, &Flags::default()).unwrap_err();
    assert_eq!(same.to_string(), error.to_string());
}

#[test]
fn nothing_at_all_gives_the_defaults() {
    let loaded = Settings::load(None, &Environment::default(), &Flags::default()).unwrap();
    assert_eq!(loaded, Settings::default());
    for empty in [
        "",
        "\n",
        "# only a comment\n",
        "---\n",
        "guard:\ntimeouts:\nhosts:\n",
    ] {
        assert_eq!(parse(empty).unwrap(), Settings::default(), "{empty:?}");
    }
}

proptest! {
    #[test]
    fn no_text_makes_the_reader_panic(
        text in r#"([a-z_]{1,6}|[-\[\]{}:,&*<|>'"$#!%@`~.0-9 \n]){0,40}"#,
    ) {
        drop(parse(&text));
    }

    #[test]
    fn no_value_makes_a_setting_panic(
        row in 0..rows().len(),
        value in r#"[-\[\]{}:,"$a-z0-9./@ ]{0,20}"#,
    ) {
        drop(parse(&file_with(&rows()[row].key, &value)));
    }
}
