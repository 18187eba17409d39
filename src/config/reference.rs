//! Prints `docs/settings.md` and the JSON schema of the settings. Both come from the struct tree in
//! `settings`, by way of the schema that `schemars` derives.

use std::fmt::Write as _;
use std::sync::OnceLock;

use schemars::generate::SchemaSettings;
use serde_json::{Value as Json, json};

use super::at_start;
use super::layers::{CONFIG, VARIABLES};
use super::settings::Settings;
use super::show::{Quotes, flow};

/// One setting: a row of the reference page.
pub struct Row {
    /// Its path in the file; `[]` stands for each entry of a list.
    pub key: String,
    /// What kind of value it takes.
    pub kind: String,
    /// The default.
    pub default: String,
    /// What it decides, and the consequence of setting it or not.
    pub meaning: [String; 2],
    /// A valid value, as YAML in one line.
    pub example: String,
}

/// The JSON schema of the settings file.
pub fn schema() -> Json {
    let settings = SchemaSettings::draft07().with(|it| it.inline_subschemas = true);
    let schema = settings.into_generator().into_root_schema_for::<Settings>();
    let mut schema = schema.to_value();
    tidy(&mut schema);
    schema["title"] = json!("Settings of throughway");
    schema
}

/// The schema as the text of `docs/settings.schema.json`.
pub fn schema_page() -> String {
    format!("{:#}\n", schema())
}

/// The pattern of texts in the file that name a variable.
const VARIABLE: &str = r"\$\{|^os\.environ/";

/// Removes the defaults of sections and the line ends within texts.
fn tidy(schema: &mut Json) {
    let Json::Object(schema) = schema else { return };
    if schema.contains_key("properties") || schema.contains_key("x-default") {
        schema.remove("default");
    }
    if let Some(Json::String(text)) = schema.get_mut("description") {
        let paragraphs = text.split("\n\n").map(|it| it.replace('\n', " "));
        *text = paragraphs.collect::<Vec<_>>().join("\n\n");
    }
    if let Some(Json::Object(fields)) = schema.get_mut("properties") {
        for field in fields.values_mut() {
            loosen(field);
            tidy(field);
        }
    }
    if let Some(items) = schema.get_mut("items") {
        tidy(items);
    }
}

/// Allows keys without a value, and variables in the place of words and bools.
fn loosen(field: &mut Json) {
    if field["type"] == "boolean" {
        field["title"] = json!("bool");
        field["type"] = json!(["boolean", "string"]);
        field["pattern"] = json!(VARIABLE);
    }
    if let Some(Json::Array(words)) = field.get_mut("oneOf") {
        words.push(json!({ "type": "string", "pattern": VARIABLE }));
        words.push(json!({ "type": "null" }));
        return;
    }
    let mut types = match field.get("type") {
        Some(Json::Array(types)) => types.clone(),
        Some(one) => vec![one.clone()],
        None => return,
    };
    if !types.contains(&json!("null")) {
        types.push(json!("null"));
    }
    field["type"] = json!(types);
}

/// Every setting, in the order of the structs.
pub fn rows() -> &'static [Row] {
    static ROWS: OnceLock<Vec<Row>> = OnceLock::new();
    ROWS.get_or_init(|| {
        let mut rows = Vec::new();
        walk("", &schema(), &mut rows);
        rows
    })
}

/// A section has rows for its keys only; an optional mapping has a row of its own, too.
fn walk(section: &str, schema: &Json, rows: &mut Vec<Row>) {
    let fields = schema["properties"].as_object();
    for (name, field) in fields.into_iter().flatten() {
        let key = format!("{section}{name}");
        let is_section = field["properties"].is_object() && field["title"].is_null();
        if !is_section {
            let required = schema["required"].as_array();
            let required = required.is_some_and(|it| it.contains(&json!(name)));
            rows.push(row(key.clone(), field, required.then_some(section)));
        }
        walk(&format!("{key}."), field, rows);
        walk(&format!("{key}[]."), &field["items"], rows);
    }
}

/// `required`: the section that needs the key.
fn row(key: String, field: &Json, required: Option<&str>) -> Row {
    let text = |name: &str| field[name].as_str().unwrap_or_default();
    let description = text("description");
    let (meaning, consequence) = description.split_once("\n\n").unwrap_or((description, ""));
    let default = match (required, field.get("x-default"), field.get("default")) {
        (Some(section), _, _) => format!("required in `{}`", section.trim_end_matches('.')),
        (None, Some(told), _) => flow(told, Quotes::Never),
        (None, None, default) => flow(default.unwrap_or(&Json::Null), Quotes::Never),
    };
    Row {
        key,
        kind: match field["title"].as_str() {
            Some(title) => title.to_owned(),
            None => words(field).join(", "),
        },
        default,
        meaning: [meaning.to_owned(), consequence.to_owned()],
        example: flow(&field["examples"][0], Quotes::WhereNeeded),
    }
}

/// The words of an enum. Schemars separates those with a comment from those without.
fn words(schema: &Json) -> Vec<String> {
    let list = |name: &str| schema[name].as_array().into_iter().flatten();
    let alone = list("enum").chain(schema.get("const"));
    let alone = alone.filter_map(|word| Some(format!("`{}`", word.as_str()?)));
    alone.chain(list("oneOf").flat_map(words)).collect()
}

const OPENING: &str = "\
# Settings

This page is printed by `throughway docs settings` from the structs that the settings are read into.

The gateway needs no settings. They come from the settings file, then from the environment, then
from the flags; the later wins. `throughway check FILE` validates a file without side effects: it
does all that `serve` does before it listens. Like the start, it warns of settings without effect.

- The file is YAML. A key that does not exist or comes twice is an error with line, column and, for
  an unknown key, the one that was probably meant. A section or key without a value has its default.
- Durations are `250ms`, `5s`, `1m`, `2h`, or a whole number of milliseconds, as in the config
  object. The longest is a week.
- Sizes are `64KiB`, `32MiB`, `1GiB` (powers of 1024), `500kB`, `32MB`, `1GB` (powers of 1000), or a
  whole number of bytes.
- `${NAME}` within a value, and `os.environ/NAME` as a whole value, stand for an environment
  variable; one that is not set is an error at start that names it. `$${` stands for `${`. Keys are
  not expanded, nor is anything outside the settings file.
- Editors complete and check the file with its [JSON schema](settings.schema.json), which
  `throughway docs schema` prints: write `# yaml-language-server: $schema=` and its path or URL in
  the file's first line.
- Paths of files are relative to the working directory.
- A changed file is read again while the gateway runs; see [Changing
  settings](deploy.md#changing-settings).
- Error messages name the key and its place and never repeat a value.

## Environment and flags

An empty variable counts as not given. Bools are `true` or `1`, `false` or `0`. A `THROUGHWAY_*`
variable that is neither listed here nor used in the file is ignored with a warning.

| variable | stands for |
|---|---|
";

const FLAGS: &str = "
Flags: `--config FILE`, `--listen ADDR`, `--workers N`, `--guard PRESET`, `--portkey`,
`--allow-unauthenticated`.
";

const KEYS: &str = "
## Keys

| key | value | default | meaning | consequence | example |
|---|---|---|---|---|---|
";

/// The text of `docs/settings.md`.
pub fn page() -> String {
    let mut page = OPENING.to_owned();
    // Writing to a String cannot fail.
    let _ = writeln!(page, "| `{CONFIG}` | the settings file's path |");
    for variable in &VARIABLES {
        let _ = writeln!(page, "| `{}` | `{}` |", variable.name, variable.key);
    }
    page.push_str(FLAGS);
    let at_start: Vec<_> = at_start::names().map(|name| format!("`{name}`")).collect();
    let at_start = at_start.join(", ");
    let _ = writeln!(page, "\nA change of these needs a restart: {at_start}.");
    page.push_str(KEYS);
    for row in rows() {
        let Row {
            key,
            kind,
            default,
            meaning: [meaning, consequence],
            example,
        } = row;
        let _ = writeln!(
            page,
            "| `{key}` | {kind} | {default} | {meaning} | {consequence} | `{example}` |"
        );
    }
    page
}
