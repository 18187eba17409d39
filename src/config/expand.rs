//! Puts environment variables into the values of the settings file: `${NAME}` anywhere in a text,
//! and `os.environ/NAME` as a whole text. Keys are left alone, and `$${` stands for `${`.
//! Nothing outside the settings file is ever expanded.

use super::document::{Node, Position, Value};

/// The form LiteLLM's settings use.
const WHOLE_VALUE: &str = "os.environ/";

/// A value whose variable or file could not be put in.
#[derive(Debug, PartialEq, Eq)]
pub struct ExpandError {
    /// Keys and list places from the root.
    pub path: String,
    /// Where the value stands.
    pub position: Position,
    /// What is wrong.
    pub fault: ExpandFault,
}

/// Why a variable, or the content of a file, could not be put in.
#[derive(Debug, PartialEq, Eq)]
pub enum ExpandFault {
    /// The environment has no such variable.
    Unset(String),
    /// `${` without a name and a closing brace.
    Malformed,
    /// The file that it names cannot be read, or has no JSON object.
    File(std::io::ErrorKind),
}

/// Where variables come from; returns `None` for an unset one.
pub type Lookup<'a> = dyn FnMut(&str) -> Option<String> + 'a;

/// Expands every text of the tree.
///
/// # Errors
/// The first variable that is unset, or text that looks like a variable and is none.
pub fn expand(root: &mut Node, lookup: &mut Lookup<'_>) -> Result<(), ExpandError> {
    node(root, "", lookup)
}

fn node(at: &mut Node, path: &str, lookup: &mut Lookup<'_>) -> Result<(), ExpandError> {
    let position = at.position;
    match &mut at.value {
        Value::Null | Value::Bool(_) | Value::Whole(_) | Value::Number(_) => Ok(()),
        Value::Text(content) | Value::Expanded(content) => match text(content, lookup) {
            Ok(None) => Ok(()),
            Ok(Some(expanded)) => {
                at.value = Value::Expanded(expanded);
                Ok(())
            }
            Err(fault) => Err(ExpandError {
                path: path.to_owned(),
                position,
                fault,
            }),
        },
        Value::List(items) => {
            let mut places = items.iter_mut().enumerate();
            places.try_for_each(|(place, item)| node(item, &format!("{path}[{place}]"), lookup))
        }
        Value::Map(entries) => entries.iter_mut().try_for_each(|(key, value)| {
            let dot = if path.is_empty() { "" } else { "." };
            node(value, &format!("{path}{dot}{}", key.name), lookup)
        }),
    }
}

/// The expanded text, or `None` where there is nothing to expand.
fn text(content: &str, lookup: &mut Lookup<'_>) -> Result<Option<String>, ExpandFault> {
    if let Some(name) = content.strip_prefix(WHOLE_VALUE) {
        return variable(name, lookup).map(Some);
    }
    if !content.contains("${") {
        return Ok(None);
    }
    let mut out = String::with_capacity(content.len());
    let mut rest = content;
    while let Some(start) = rest.find("${") {
        let (before, from) = rest.split_at(start);
        if let Some(escaped) = before.strip_suffix('$') {
            out.push_str(escaped);
            out.push_str("${");
            rest = &from[2..];
            continue;
        }
        out.push_str(before);
        let (name, after) = from[2..].split_once('}').ok_or(ExpandFault::Malformed)?;
        out.push_str(&variable(name, lookup)?);
        rest = after;
    }
    out.push_str(rest);
    Ok(Some(out))
}

fn variable(name: &str, lookup: &mut Lookup<'_>) -> Result<String, ExpandFault> {
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) || !name.bytes().all(legal)
    {
        return Err(ExpandFault::Malformed);
    }
    lookup(name).ok_or_else(|| ExpandFault::Unset(name.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::{ExpandFault, text};

    fn expanded(content: &str) -> Result<Option<String>, ExpandFault> {
        text(content, &mut |name| match name {
            "A" => Some("1".to_owned()),
            "LOOP" => Some("${A}".to_owned()),
            "EMPTY" => Some(String::new()),
            _ => None,
        })
    }

    #[test]
    fn variables_are_inserted_once_and_escapes_are_kept() {
        let table = [
            ("plain $ {A} $A", None),
            ("${A}", Some("1")),
            ("a${A}b${A}c", Some("a1b1c")),
            ("os.environ/A", Some("1")),
            ("see os.environ/A", None),
            ("$${A}", Some("${A}")),
            ("$${A} and ${A}", Some("${A} and 1")),
            ("$${", Some("${")),
            ("${LOOP}", Some("${A}")),
            ("[${EMPTY}]", Some("[]")),
        ];
        for (content, expected) in table {
            assert_eq!(
                expanded(content),
                Ok(expected.map(str::to_owned)),
                "{content}"
            );
        }
    }

    #[test]
    fn unset_and_malformed_variables_are_distinguished() {
        let unset = || ExpandFault::Unset("NOPE".to_owned());
        let table = [
            ("${NOPE}", unset()),
            ("os.environ/NOPE", unset()),
            ("${A", ExpandFault::Malformed),
            ("${}", ExpandFault::Malformed),
            ("${A:-x}", ExpandFault::Malformed),
            ("${1A}", ExpandFault::Malformed),
            ("os.environ/", ExpandFault::Malformed),
            ("os.environ/A B", ExpandFault::Malformed),
        ];
        for (content, fault) in table {
            assert_eq!(expanded(content), Err(fault), "{content}");
        }
    }
}
