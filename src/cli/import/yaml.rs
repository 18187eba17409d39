//! Writes settings as YAML: block mappings, short lists on one line, texts quoted where YAML could
//! take them for something else.

use super::texts::Carried;

/// Beside a secret that the foreign file holds itself.
const ADVICE: &str = " # a secret: better kept in a variable, as \"${NAME}\"";

/// A value of the settings.
#[derive(Clone, Debug)]
pub enum Out {
    /// A text in the settings' own notation of variables.
    Text(String),
    /// A literal secret, which gets a comment.
    Secret(String),
    /// A number or a bool, as YAML writes it.
    Plain(String),
    List(Vec<Out>),
    Map(Vec<(String, Out)>),
}

impl Out {
    pub fn text(text: &str) -> Self {
        Out::Text(text.to_owned())
    }

    pub fn flag(value: bool) -> Self {
        Out::Plain(value.to_string())
    }

    pub fn texts(texts: impl IntoIterator<Item = String>) -> Self {
        Out::List(texts.into_iter().map(Out::Text).collect())
    }

    /// A mapping with one key.
    pub fn one(key: &str, value: Out) -> Self {
        Out::Map(vec![(key.to_owned(), value)])
    }

    /// A value that is a secret unless it names a variable.
    pub fn secret(carried: Carried) -> Self {
        match carried.is_reference {
            true => Out::Text(carried.text),
            false => Out::Secret(carried.text),
        }
    }

    /// The YAML of a mapping at the root.
    pub fn document(&self) -> String {
        let mut page = String::new();
        self.nest(0, &mut page);
        page
    }

    /// The value on one line, if it has a place there.
    fn inline(&self) -> Option<String> {
        match self {
            Out::Text(text) | Out::Secret(text) => Some(scalar(text)),
            Out::Plain(text) => Some(text.clone()),
            Out::Map(entries) => entries.is_empty().then(|| "{}".to_owned()),
            Out::List(items) => {
                let is_scalar = |item: &Out| !matches!(item, Out::List(_) | Out::Map(_));
                if !items.iter().all(is_scalar) {
                    return None;
                }
                let items: Option<Vec<String>> = items.iter().map(Out::inline).collect();
                Some(format!("[{}]", items?.join(", ")))
            }
        }
    }

    /// The value after a key or a dash, to the end of its last line.
    fn follow(&self, indent: usize, page: &mut String) {
        match self.inline() {
            Some(text) => {
                page.push(' ');
                page.push_str(&text);
                if let Out::Secret(_) = self {
                    page.push_str(ADVICE);
                }
                page.push('\n');
            }
            None => {
                page.push('\n');
                self.nest(indent, page);
            }
        }
    }

    /// The lines of a mapping or a list.
    fn nest(&self, indent: usize, page: &mut String) {
        let margin = " ".repeat(indent);
        match self {
            Out::Map(entries) => {
                for (key, value) in entries {
                    page.push_str(&format!("{margin}{}:", scalar(key)));
                    value.follow(indent + 2, page);
                }
            }
            Out::List(items) => {
                for item in items {
                    page.push_str(&format!("{margin}-"));
                    match item {
                        Out::Map(entries) if !entries.is_empty() => {
                            let mut block = String::new();
                            item.nest(indent + 2, &mut block);
                            page.push(' ');
                            page.push_str(block.trim_start_matches(' '));
                        }
                        _ => item.follow(indent + 2, page),
                    }
                }
            }
            Out::Text(_) | Out::Secret(_) | Out::Plain(_) => self.follow(indent, page),
        }
    }
}

/// A text without quotes where it cannot be anything else.
fn scalar(text: &str) -> String {
    let begins = text.starts_with(|sign: char| sign.is_ascii_alphabetic() || sign == '/');
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_./-".contains(&byte);
    let words = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"];
    let is_word = words.contains(&text.to_ascii_lowercase().as_str());
    match begins && text.bytes().all(plain) && !is_word {
        true => text.to_owned(),
        false => quoted(text),
    }
}

/// Double quotes, with escapes for all that YAML does not print as it is.
fn quoted(text: &str) -> String {
    let mut out = String::from('"');
    for sign in text.chars() {
        match sign {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}' => {
                out.push_str(&format!("\\u{:04x}", u32::from(sign)));
            }
            _ if sign.is_control() => out.push_str(&format!("\\u{:04x}", u32::from(sign))),
            _ => out.push(sign),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::config::{Node, Value};

    #[test]
    fn nested_values_are_written_as_people_write_them() {
        let target = |host: &str| Out::one("custom_host", Out::text(host));
        let document = Out::Map(vec![
            ("empty".to_owned(), Out::Map(Vec::new())),
            (
                "codes".to_owned(),
                Out::List(vec![Out::Plain("429".to_owned())]),
            ),
            ("yes".to_owned(), Out::text("no")),
            (
                "targets".to_owned(),
                Out::List(vec![target("http://a"), target("b")]),
            ),
            (
                "deep".to_owned(),
                Out::List(vec![Out::List(vec![target("c")])]),
            ),
            ("key".to_owned(), Out::Secret("a b".to_owned())),
        ]);
        let expected = "empty: {}\ncodes: [429]\n\"yes\": \"no\"\ntargets:\n  \
                        - custom_host: \"http://a\"\n  - custom_host: b\ndeep:\n  -\n    \
                        - custom_host: c\nkey: \"a b\" # a secret: better kept in a variable, \
                        as \"${NAME}\"\n";
        assert_eq!(document.document(), expected);
    }

    proptest! {
        #[test]
        fn any_text_is_read_as_it_was(key in "\\PC{1,20}", text in any::<String>()) {
            let page = Out::one(&key, Out::Secret(text.clone())).document();
            let node = Node::parse(&page).map_err(|error| error.message).unwrap();
            let Value::Map(entries) = &node.value else { panic!("{page}") };
            prop_assert_eq!(&entries[0].0.name, &key);
            match &entries[0].1.value {
                Value::Text(read) => prop_assert_eq!(read, &text),
                _ => panic!("{page}"),
            }
        }
    }
}
