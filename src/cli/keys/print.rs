//! How keys are printed: a table or YAML for people, JSON for scripts. A secret is always alone on
//! the first line.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{backend::field, failure::Failure};

/// What a command has to say.
pub enum Outcome {
    /// A secret, and what is told of its key.
    Secret {
        key: String,
        more: Value,
    },
    Keys(Vec<Value>),
    One(Value),
    /// What was done, and to which key.
    Done {
        verb: &'static str,
        key: Value,
    },
}

/// The texts for standard output and standard error.
pub struct Printed {
    pub out: String,
    pub note: &'static str,
}

const SHOWN_ONCE: &str = "note: the first line is the key; it is shown only now, and only its \
                          digest is stored\n";

/// # Errors
/// A document cannot be written as YAML.
pub fn print(outcome: &Outcome, json: bool, now: Timestamp) -> Result<Printed, Failure> {
    let note = match outcome {
        Outcome::Secret { .. } if !json => SHOWN_ONCE,
        _ => "",
    };
    let out = match json {
        true => format!("{:#}\n", as_json(outcome)),
        false => as_text(outcome, now)?,
    };
    Ok(Printed { out, note })
}

fn as_json(outcome: &Outcome) -> Value {
    match outcome {
        Outcome::Secret { key, more } => {
            let mut shown = json!({ "key": key });
            if let (Some(shown), Some(more)) = (shown.as_object_mut(), more.as_object()) {
                shown.extend(more.clone());
            }
            shown
        }
        Outcome::Keys(keys) => json!({ "data": keys, "next_cursor": null }),
        Outcome::One(key) | Outcome::Done { key, .. } => key.clone(),
    }
}

fn as_text(outcome: &Outcome, now: Timestamp) -> Result<String, Failure> {
    match outcome {
        Outcome::Secret { key, more } => Ok(format!("{key}\n\n{}", yaml(more)?)),
        Outcome::Keys(keys) => Ok(table(keys, now)),
        Outcome::One(key) => yaml(key),
        Outcome::Done { verb, key } => Ok(format!(
            "{verb} {} ({})\n",
            field(key, "name"),
            field(key, "id")
        )),
    }
}

fn yaml(value: &Value) -> Result<String, Failure> {
    serde_saphyr::to_string(value).map_err(|error| Failure::Output(error.to_string()))
}

const HEADINGS: [&str; 8] = [
    "NAME", "ID", "KEY", "TEAM", "ROLE", "STATE", "EXPIRES", "SOURCE",
];

fn table(keys: &[Value], now: Timestamp) -> String {
    let mut rows: Vec<[String; 8]> = keys.iter().map(|key| row(key, now)).collect();
    rows.sort();
    rows.insert(0, HEADINGS.map(str::to_owned));
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max();
    let widths: [usize; 8] = std::array::from_fn(|column| width(column).unwrap_or_default());
    rows.iter().map(|row| line(row, &widths)).collect()
}

fn line(row: &[String; 8], widths: &[usize; 8]) -> String {
    let cells = row.iter().zip(widths);
    let line: String = cells
        .map(|(cell, width)| format!("{cell:width$}  "))
        .collect();
    format!("{}\n", line.trim_end())
}

fn row(key: &Value, now: Timestamp) -> [String; 8] {
    let cell = |name: &str| match field(key, name) {
        "" => "-".to_owned(),
        text => text.replace(char::is_control, " "),
    };
    let is_over = |end: Timestamp| end <= now;
    let state = match key.get("blocked") {
        Some(Value::Bool(true)) => "blocked",
        _ if field(key, "expires").parse().is_ok_and(is_over) => "expired",
        _ => "active",
    };
    let [name, id, prefix, team, role, expires, source] =
        ["name", "id", "prefix", "team", "role", "expires", "source"].map(cell);
    [
        name,
        id,
        prefix,
        team,
        role,
        state.to_owned(),
        expires,
        source,
    ]
}
