//! Reads and explains the faults of the table: notes one by name, and renders the long help and the
//! reference page. What each fault does is said in `fault_table.rs`.

use std::fmt::Write as _;

use crate::behaviour::Behaviour;
use crate::fault_table::{FAULTS, Fault};

/// Why a fault could not be noted.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum FaultError {
    /// No fault has this name.
    #[error("the mock knows no fault {name:?}; it knows {}", known_names())]
    Unknown {
        /// The name that was given.
        name: String,
    },
    /// The value is not of the fault's form.
    #[error("the mock's fault {name} takes {form}, not {value:?}")]
    BadValue {
        /// The fault's name.
        name: &'static str,
        /// The form its value takes.
        form: &'static str,
        /// The value that was given.
        value: String,
    },
}

/// Notes the fault `name` with `value` in `behaviour`.
///
/// # Errors
/// When no fault has that name, or the value is not of its form.
pub(crate) fn note(behaviour: &mut Behaviour, name: &str, value: &str) -> Result<(), FaultError> {
    let fault = find(name).ok_or_else(|| FaultError::Unknown {
        name: name.to_owned(),
    })?;
    (fault.note)(behaviour, value).ok_or_else(|| FaultError::BadValue {
        name: fault.name,
        form: form_of(fault),
        value: value.to_owned(),
    })?;
    behaviour.asked.push(fault.name);
    Ok(())
}

/// The reference of all faults as a Markdown table.
pub(crate) fn faults_reference() -> String {
    let mut page = String::from("| name | value | meaning |\n|---|---|---|\n");
    for fault in FAULTS {
        let form = match fault.form {
            "" => "",
            form => &format!("`{form}`"),
        };
        let _ = writeln!(page, "| `{}` | {form} | {} |", fault.name, fault.meaning);
    }
    page
}

/// The same as plain text, for the long help.
pub(crate) fn faults_help() -> String {
    let mut help = String::from(
        "Faults, each per request as header `x-mock-NAME: VALUE` or query `mock_NAME=VALUE`,\n\
         or for every request as `--fault NAME=VALUE`; the query wins over the header, the header\n\
         over the flag. A switch without its value is on; `0` turns it off. MS is milliseconds.\n\n",
    );
    for fault in FAULTS {
        let title = format!("{} {}", fault.name, fault.form);
        let _ = writeln!(help, "  {:<24} {}", title.trim_end(), fault.meaning);
    }
    help
}

fn find(name: &str) -> Option<&'static Fault> {
    let same = |fault: &&Fault| {
        fault.name.len() == name.len()
            && fault.name.bytes().zip(name.bytes()).all(|(ours, theirs)| {
                ours == theirs.to_ascii_lowercase() || (ours == b'-' && theirs == b'_')
            })
    };
    FAULTS.iter().find(same)
}

fn form_of(fault: &Fault) -> &'static str {
    match fault.form {
        "" => "1 or 0",
        form => form,
    }
}

fn known_names() -> String {
    let names: Vec<&str> = FAULTS.iter().map(|fault| fault.name).collect();
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noted(name: &str, value: &str) -> Result<Behaviour, FaultError> {
        let mut behaviour = Behaviour::default();
        note(&mut behaviour, name, value).map(|()| behaviour)
    }

    #[test]
    fn every_switch_goes_on_and_off_and_refuses_the_rest() {
        for fault in FAULTS.iter().filter(|fault| fault.form.is_empty()) {
            let on = noted(fault.name, "").unwrap();
            assert_eq!(noted(fault.name, "1").unwrap(), on, "{}", fault.name);
            assert_ne!(noted(fault.name, "0").unwrap(), on, "{}", fault.name);
            assert!(noted(fault.name, "maybe").is_err(), "{}", fault.name);
        }
    }

    #[test]
    fn values_of_the_wrong_form_are_refused() {
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
            assert!(noted(name, value).is_err(), "{name}={value}");
        }
    }

    #[test]
    fn names_may_be_written_with_underscores_and_capitals() {
        let expected = noted("token-delay", "5").unwrap();
        assert_eq!(noted("token_delay", "5").unwrap(), expected);
        assert_eq!(noted("Token-Delay", "5").unwrap(), expected);
    }

    #[test]
    fn an_unknown_name_is_refused_with_the_known_ones() {
        let refusal = noted("statsu", "500").unwrap_err().to_string();
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
