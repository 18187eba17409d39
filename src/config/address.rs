//! The kinds of settings that say where requests may go. The guard's own parsers read them, so that
//! whatever is taken here is understood there.

use std::fmt;

use super::value::{Kind, read_as_kind};
use crate::egress::{AllowEntry, BaseUrl};

read_as_kind!(AllowEntry, BaseText);

impl Kind for AllowEntry {
    const EXPECTED: &'static str = "a host, *.suffix, IP address or network, with or without a \
                                    port, such as *.example.com or 10.0.0.0/8:8000";

    fn from_text(text: &str) -> Option<Self> {
        text.parse().ok()
    }

    fn refusal(text: &str) -> Option<String> {
        let error = text.parse::<Self>().err()?;
        Some(format!("cannot be used: {error}"))
    }
}

/// A base URL as it stands in the file, which the guard's parser takes. Printed without its query,
/// which may hold a key.
#[derive(Clone, PartialEq, Eq)]
pub struct BaseText(String);

impl BaseText {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for BaseText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.split_once('?') {
            Some((base, _)) => write!(f, "{base}?..."),
            None => f.write_str(&self.0),
        }
    }
}

impl fmt::Debug for BaseText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BaseText({self})")
    }
}

impl Kind for BaseText {
    const EXPECTED: &'static str = "an absolute http or https URL without user, password and \
                                    fragment, such as https://api.example.com/v1";

    fn from_text(text: &str) -> Option<Self> {
        BaseUrl::parse(text).ok().map(|_| Self(text.to_owned()))
    }

    fn refusal(text: &str) -> Option<String> {
        unusable_base(text)
    }
}

/// Why a text is no base URL, after the key that it stands under.
pub(super) fn unusable_base(text: &str) -> Option<String> {
    let error = BaseUrl::parse(text).err()?;
    Some(format!("cannot be used: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base_urls_are_absolute_and_without_credentials() {
        for fine in [
            "https://a.example",
            "http://[::1]:8000/v1",
            "https://a.example/v1?x=1",
        ] {
            assert_eq!(BaseText::from_text(fine).unwrap().as_str(), fine);
        }
        let refused = [
            "",
            "a.example",
            "//a.example",
            "ftp://a.example",
            "https://",
            "https:a.example",
            "http:///v1",
            "http://a.example:0",
            "https://u:p@a.example",
            "https://u@a.example",
            "https://a.example/#x",
            "https://a.example/a b",
            "https:\\\\a.example",
            "https://bücher.example",
        ];
        for text in refused {
            assert_eq!(BaseText::from_text(text), None, "{text}");
        }
    }
}
