//! Texts of a foreign file as texts of our settings: `os.environ/NAME` becomes `${NAME}`, and what
//! our settings would take for a variable is escaped.

const REFERENCE: &str = "os.environ/";

/// A text for our settings.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Carried {
    pub text: String,
    /// It names a variable, so that it holds no secret itself.
    pub is_reference: bool,
}

/// Why a text cannot be written in our settings.
pub const UNWRITABLE: &str =
    "names its variable in a way that ${NAME} cannot express: write it into the settings by hand";

/// A value of LiteLLM's: a text, or `os.environ/NAME` as a whole.
///
/// # Errors
/// [`UNWRITABLE`].
pub fn value(written: &str) -> Result<Carried, &'static str> {
    match written.strip_prefix(REFERENCE) {
        Some(name) => reference("", name),
        None => Ok(literal(written)),
    }
}

/// A header of LiteLLM's, which may also end in `os.environ/NAME`.
///
/// # Errors
/// [`UNWRITABLE`].
pub fn header(written: &str) -> Result<Carried, &'static str> {
    match written.split_once(REFERENCE) {
        Some((before, name)) => reference(before, name),
        None => Ok(literal(written)),
    }
}

/// A text in which nothing stands for a variable.
///
/// # Errors
/// [`UNWRITABLE`].
pub fn plain(written: &str) -> Result<String, &'static str> {
    match written.starts_with(REFERENCE) {
        true => Err(UNWRITABLE),
        false => Ok(literal(written).text),
    }
}

fn reference(before: &str, name: &str) -> Result<Carried, &'static str> {
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let is_name = !name.is_empty()
        && !name.starts_with(|sign: char| sign.is_ascii_digit())
        && name.bytes().all(legal);
    // `$` before `${NAME}` would make it an escape.
    if !is_name || before.ends_with('$') {
        return Err(UNWRITABLE);
    }
    Ok(Carried {
        text: format!("{}${{{name}}}", literal(before).text),
        is_reference: true,
    })
}

fn literal(written: &str) -> Carried {
    Carried {
        text: written.replace("${", "$${"),
        is_reference: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_carried_over_and_look_alikes_are_escaped() {
        for (written, whole, in_header) in [
            ("os.environ/KEY", Some("${KEY}"), Some("${KEY}")),
            (
                "Bearer os.environ/KEY",
                Some("Bearer os.environ/KEY"),
                Some("Bearer ${KEY}"),
            ),
            ("sk-${x}", Some("sk-$${x}"), Some("sk-$${x}")),
            ("$${x}", Some("$$${x}"), Some("$$${x}")),
            (
                "a${b}os.environ/C",
                Some("a$${b}os.environ/C"),
                Some("a$${b}${C}"),
            ),
            ("os.environ/A B", None, None),
            ("os.environ/", None, None),
            ("os.environ/1A", None, None),
            ("$os.environ/A", Some("$os.environ/A"), None),
        ] {
            let text = |carried: Result<Carried, _>| carried.ok().map(|it| it.text);
            assert_eq!(text(value(written)).as_deref(), whole, "{written}");
            assert_eq!(text(header(written)).as_deref(), in_header, "{written}");
        }
        assert_eq!(plain("os.environ/KEY"), Err(UNWRITABLE));
        assert_eq!(plain("${KEY}").as_deref(), Ok("$${KEY}"));
    }
}
