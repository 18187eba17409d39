//! Sets a fault of the table by its name, and renders the table for the long help and the
//! reference page. What each fault does is stated in `fault_table.rs`.

use std::fmt::Write as _;

use crate::behaviour::Behaviour;
use crate::fault_table::{FAULTS, Fault};

/// Why a fault could not be set.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum FaultError {
    /// No fault has this name.
    #[error("the mock has no fault {name:?}; its faults are {}", known_names())]
    Unknown {
        /// The name that was given.
        name: String,
    },
    /// The value does not have the format of the fault.
    #[error("the mock's fault {name} takes {format}, not {value:?}")]
    BadValue {
        /// The fault's name.
        name: &'static str,
        /// The format of its values.
        format: &'static str,
        /// The value that was given.
        value: String,
    },
}

/// Sets the fault `name` to `value` in `behaviour`.
///
/// # Errors
/// When no fault has this name, or the value does not have its format.
pub(crate) fn set(behaviour: &mut Behaviour, name: &str, value: &str) -> Result<(), FaultError> {
    let fault = find(name).ok_or_else(|| FaultError::Unknown {
        name: name.to_owned(),
    })?;
    (fault.set)(behaviour, value).ok_or_else(|| FaultError::BadValue {
        name: fault.name,
        format: format_of(fault),
        value: value.to_owned(),
    })?;
    behaviour.requested.push(fault.name);
    Ok(())
}

/// The reference of all faults as a Markdown table.
pub(crate) fn faults_reference() -> String {
    let mut page = String::from("| name | value | meaning |\n|---|---|---|\n");
    for fault in FAULTS {
        let format = match fault.format {
            "" => "",
            format => &format!("`{format}`"),
        };
        // Writing to a String cannot fail.
        let _ = writeln!(page, "| `{}` | {format} | {} |", fault.name, fault.meaning);
    }
    page
}

/// The reference of all faults as plain text, for the long help.
pub(crate) fn faults_help() -> String {
    let mut help = String::from(
        "Faults. A request sets one with the header `x-mock-NAME: VALUE` or the query parameter\n\
         `mock_NAME=VALUE`; `--fault NAME=VALUE` sets it for every request. The query parameter\n\
         overrides the header, and the header overrides the option. A switch without a value is\n\
         on; `0` turns it off. MS is milliseconds.\n\n",
    );
    for fault in FAULTS {
        let title = format!("{} {}", fault.name, fault.format);
        let _ = writeln!(help, "  {:<24} {}", title.trim_end(), fault.meaning);
    }
    help
}

/// Every fault: its name, the format of its value (empty for a switch) and its meaning.
pub fn listed() -> impl Iterator<Item = [&'static str; 3]> {
    FAULTS.iter().map(|it| [it.name, it.format, it.meaning])
}

fn find(name: &str) -> Option<&'static Fault> {
    let same = |fault: &&Fault| {
        fault.name.len() == name.len()
            && fault.name.bytes().zip(name.bytes()).all(|(known, given)| {
                known == given.to_ascii_lowercase() || (known == b'-' && given == b'_')
            })
    };
    FAULTS.iter().find(same)
}

fn format_of(fault: &Fault) -> &'static str {
    match fault.format {
        "" => "1 or 0",
        format => format,
    }
}

fn known_names() -> String {
    let names: Vec<&str> = FAULTS.iter().map(|fault| fault.name).collect();
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(name: &str, value: &str) -> Result<Behaviour, FaultError> {
        let mut behaviour = Behaviour::default();
        set(&mut behaviour, name, value).map(|()| behaviour)
    }

    #[test]
    fn every_switch_goes_on_and_off_and_takes_no_other_value() {
        for fault in FAULTS.iter().filter(|fault| fault.format.is_empty()) {
            let on = with(fault.name, "").unwrap();
            assert_eq!(with(fault.name, "1").unwrap(), on, "{}", fault.name);
            assert_ne!(with(fault.name, "0").unwrap(), on, "{}", fault.name);
            assert!(with(fault.name, "maybe").is_err(), "{}", fault.name);
        }
    }

    #[test]
    fn values_of_the_wrong_format_are_refused() {
        let wrong = [
            ("tokens", "many"),
            ("tokens", "1000001"),
            ("delay", "-1"),
            ("status", "99"),
            ("status", "101"),
            ("cut", ""),
            ("error-after", "head"),
            ("malformed", "everything"),
            ("pieces", "0"),
            ("interim", "100"),
            ("interim", "101"),
            ("chaos", "1.5"),
            ("chaos", "NaN"),
            ("retry-after", "1\r\nset-cookie: x"),
            ("header", "no colon"),
            ("header", "two words: x"),
        ];
        for (name, value) in wrong {
            assert!(with(name, value).is_err(), "{name}={value}");
        }
    }

    #[test]
    fn names_may_be_written_with_underscores_and_capitals() {
        let expected = with("token-delay", "5").unwrap();
        assert_eq!(with("token_delay", "5").unwrap(), expected);
        assert_eq!(with("Token-Delay", "5").unwrap(), expected);
    }

    #[test]
    fn the_error_for_an_unknown_name_lists_the_known_names() {
        let refusal = with("statsu", "500").unwrap_err().to_string();
        assert!(refusal.contains("\"statsu\"") && refusal.contains("status, retry-after"));
    }

    #[test]
    fn the_reference_and_the_help_list_every_fault() {
        let (page, help) = (faults_reference(), faults_help());
        assert_eq!(page.lines().count(), FAULTS.len() + 2);
        for fault in FAULTS {
            assert!(page.contains(&format!("| `{}` |", fault.name)));
            assert!(help.contains(&format!("  {}", fault.name)));
            assert!(!fault.meaning.contains('|') && fault.meaning.ends_with('.'));
        }
    }
}
