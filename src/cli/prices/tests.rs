use std::path::{Path, PathBuf};

use super::*;

/// A directory that is removed in the end.
struct Directory(PathBuf);

impl Directory {
    fn new(name: &str) -> Self {
        let name = format!("throughway-prices-{name}-{}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).expect("a directory");
        Directory(path)
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.join(name);
        std::fs::write(&path, text).expect("a file");
        path
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn said(command: &PricesCommand) -> (u8, String, String) {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let code = run(command, &Environment::default(), &mut out, &mut err).expect("written");
    let text = |bytes| String::from_utf8(bytes).expect("text");
    (code, text(out), text(err))
}

const TABLE: &str = r#"{
    "gpt-4o": { "litellm_provider": "openai", "input_cost_per_token": 1e-06,
                "input_cost_per_pixel": 1, "mode": "chat" },
    "azure/x": { "litellm_provider": "azure", "input_cost_per_token": 2e-06 }
}"#;

fn settings(directory: &Directory) -> PathBuf {
    let table = directory.write("table.json", TABLE);
    let yaml = format!(
        "prices:\n  file: {}\n  overrides:\n    - {{ model: 'gpt-*', input: 3, output: 4 }}\n    \
         - {{ model: gpt-4o, input: 1, cache_read: 2, output: 1 }}\n",
        table.display()
    );
    directory.write("settings.yaml", &yaml)
}

fn list(config: &Path, model: &str, origin: Option<&str>) -> (u8, String, String) {
    said(&PricesCommand::List(ListArgs {
        model: Some(model.to_owned()),
        origin: origin.map(str::to_owned),
        json: false,
        settings: SettingsArgs {
            config: Some(config.to_owned()),
        },
    }))
}

#[test]
fn prices_are_listed_in_the_order_in_which_they_win() {
    let directory = Directory::new("list");
    let config = settings(&directory);
    let (code, out, _) = list(&config, "gpt-4o", Some("https://api.openai.com"));
    let lines: Vec<&str> = out.lines().collect();
    let expected = [
        "settings  gpt-*  input 3, output 4",
        "settings  gpt-4o  input 1, cache_read 2, output 1",
        "file  openai/gpt-4o  input 1",
        "built_in  openai/gpt-4o  input 2.5, cache_read 1.25, output 10, searches 0.01",
    ];
    assert_eq!((code, lines), (0, expected.to_vec()));
    let (_, out, err) = list(&config, "no-such", None);
    assert_eq!((out.as_str(), err.as_str()), ("", "no model fits\n"));
    let (code, _, err) = list(&config, "**", None);
    assert_eq!(
        (code, err.starts_with("error: --model must be")),
        (1, true),
        "{err}"
    );
}

#[test]
fn a_check_names_what_is_not_counted_and_what_never_applies() {
    let directory = Directory::new("check");
    let config = Some(settings(&directory));
    let (code, out, _) = said(&PricesCommand::Check(SettingsArgs { config }));
    for line in [
        "settings: 2 overrides",
        "litellm",
        "2 models",
        "  not counted: input_cost_per_pixel, 1 times",
        "prices.overrides[1] never applies: prices.overrides[0] comes first",
        "prices.overrides[1]: cached input is dearer than other input",
    ] {
        assert!(out.contains(line), "{line}\n{out}");
    }
    assert_eq!(code, 0);
    let config = Some(directory.write("bad.yaml", "prices: { file: /no/such }\n"));
    let (code, _, err) = said(&PricesCommand::Check(SettingsArgs { config }));
    assert_eq!(
        (code, err.contains("prices.file cannot be used")),
        (1, true),
        "{err}"
    );
}

#[test]
fn an_import_writes_what_can_be_used_or_nothing() {
    let directory = Directory::new("import");
    let out = Some(directory.0.join("out.json"));
    let import = |text: &str| {
        let file = directory.write("in.json", text);
        let out = out.clone();
        said(&PricesCommand::Import(ImportArgs { file, out }))
    };
    for text in [
        "{}",
        "[",
        "[{}]",
        r#"{"m":{"litellm_provider":"x","input_cost_per_token":""}}"#,
    ] {
        let (code, _, err) = import(text);
        assert_eq!(
            (code, err.starts_with("error: ")),
            (1, true),
            "{text}: {err}"
        );
        assert!(!directory.0.join("out.json").exists(), "{text}");
    }
    let (code, said, _) = import(TABLE);
    assert_eq!(code, 0);
    assert!(said.contains("litellm, prices of 2 models"), "{said}");
    let written = std::fs::read_to_string(directory.0.join("out.json")).expect("a file");
    assert!(
        !written.contains("pixel") && written.contains("azure/x"),
        "{written}"
    );
}
