//! The kinds of settings that are names: origins, headers, query parameters, suffixes of paths.
//! Only their syntax is checked.

use actix_http::header::HeaderName;
use serde_json::Value as Json;
use url::Url;

use super::kind::{Kind, described};
use crate::cache::noise::check_ignorable;

described!(
    Origin,
    Via,
    CredentialHeader,
    CredentialQuery,
    IgnoredHeader,
    SummedName,
    PathEnd
);

/// A browser origin in the form browsers send it.
pub struct Origin;

impl Kind for Origin {
    type Value = String;
    const NAME: &'static str = "origins";
    const EXPECTED: &'static str =
        "one origin, scheme and host without a path, such as https://app.example.com";

    fn from_text(text: &str) -> Option<String> {
        let url = Url::parse(text).ok()?;
        let (_, rest) = text.split_once("://")?;
        let bare = |byte: u8| byte.is_ascii_graphic() && !b"/?#@\\*".contains(&byte);
        if rest.is_empty() || !rest.bytes().all(bare) {
            return None;
        }
        Some(match url.origin() {
            // Schemes of apps and browser extensions: browsers send them as they are.
            url::Origin::Opaque(_) => text.to_ascii_lowercase(),
            known @ url::Origin::Tuple(..) => known.ascii_serialization(),
        })
    }
}

/// The gateway's name in `Via`, or none.
pub struct Via;

impl Kind for Via {
    type Value = Option<String>;
    const TYPES: &'static [&'static str] = &["boolean", "string"];
    const NAME: &'static str = "bool, or a name";
    const EXPECTED: &'static str = "true, false, or a name of letters, digits, dots and hyphens";

    fn from_text(text: &str) -> Option<Option<String>> {
        match text {
            "true" => return Self::from_bool(true),
            "false" => return Self::from_bool(false),
            // Words that mean a bool in older YAML are probably not meant as names.
            "yes" | "no" | "on" | "off" => return None,
            _ => {}
        }
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b".-_".contains(&byte);
        let fits = !text.is_empty() && text.len() <= 64 && text.bytes().all(allowed);
        fits.then(|| Some(text.to_owned()))
    }

    fn from_bool(claim: bool) -> Option<Option<String>> {
        Some(claim.then(|| "throughway".to_owned()))
    }

    fn show(value: &Option<String>) -> Json {
        value.as_deref().map_or(false.into(), Json::from)
    }
}

/// The name of a header that carries a credential.
pub struct CredentialHeader;

impl Kind for CredentialHeader {
    type Value = HeaderName;
    const NAME: &'static str = "header names";
    const EXPECTED: &'static str = "the name of a header, such as x-my-token";

    fn from_text(text: &str) -> Option<HeaderName> {
        HeaderName::from_bytes(text.as_bytes()).ok()
    }
}

/// The name of a query parameter that carries a credential.
pub struct CredentialQuery;

impl Kind for CredentialQuery {
    type Value = String;
    const NAME: &'static str = "parameter names";
    const EXPECTED: &'static str = "the name of a query parameter, such as token";

    fn from_text(text: &str) -> Option<String> {
        let allowed = |byte: u8| byte.is_ascii_graphic() && !b"&=#?%+".contains(&byte);
        let fits = !text.is_empty() && text.bytes().all(allowed);
        fits.then(|| text.to_owned())
    }
}

/// The name of a request header that the cache may ignore.
pub struct IgnoredHeader;

impl Kind for IgnoredHeader {
    type Value = HeaderName;
    const NAME: &'static str = "header names";
    const EXPECTED: &'static str = "the name of a header, such as x-request-start";

    fn from_text(text: &str) -> Option<HeaderName> {
        let name = HeaderName::from_bytes(text.as_bytes()).ok()?;
        check_ignorable(&name).is_ok().then_some(name)
    }

    fn refusal(text: &str) -> Option<String> {
        let name = HeaderName::from_bytes(text.as_bytes()).ok()?;
        check_ignorable(&name).err().map(|error| error.to_string())
    }
}

/// The name of a field of metadata whose values are summed up. It stands in lists with commas.
pub struct SummedName;

impl Kind for SummedName {
    type Value = String;
    const NAME: &'static str = "names of metadata";
    const EXPECTED: &'static str = "the name of a field of metadata, such as user: 1 to 128 bytes \
                                    without spaces, commas, quotes and backslashes";

    fn from_text(text: &str) -> Option<String> {
        let refused = |it: char| it.is_control() || it.is_whitespace() || ",\"\\".contains(it);
        let fits = (1..=128).contains(&text.len()) && !text.contains(refused);
        fits.then(|| text.to_owned())
    }
}

/// The suffix of a path, in whole segments.
pub struct PathEnd;

impl Kind for PathEnd {
    type Value = String;
    const NAME: &'static str = "ends of paths";
    const EXPECTED: &'static str = "the end of a path, such as /v1/score, without query";

    fn from_text(text: &str) -> Option<String> {
        let allowed = |byte: u8| byte.is_ascii_graphic() && !b"?#".contains(&byte);
        let segments = text.trim_matches('/');
        let fits = !segments.is_empty() && segments.bytes().all(allowed);
        fits.then(|| text.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_kept_in_the_form_browsers_send() {
        let table = [
            ("https://app.example.com", Some("https://app.example.com")),
            (
                "https://APP.example.com:443",
                Some("https://app.example.com"),
            ),
            ("http://localhost:3000", Some("http://localhost:3000")),
            (
                "chrome-extension://abcdef",
                Some("chrome-extension://abcdef"),
            ),
            ("https://app.example.com/", None),
            ("https://*.example.com", None),
            ("https://u@app.example.com", None),
            ("app.example.com", None),
            ("null", None),
            ("*", None),
            ("", None),
        ];
        for (text, expected) in table {
            let got = Origin::from_text(text);
            assert_eq!(got.as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn via_is_a_bool_or_a_name() {
        assert_eq!(Via::from_bool(true), Some(Some("throughway".to_owned())));
        assert_eq!(Via::from_text("false"), Some(None));
        assert_eq!(Via::from_text("edge-1"), Some(Some("edge-1".to_owned())));
        for refused in ["", "yes", "two words", "a,b"] {
            assert_eq!(Via::from_text(refused), None, "{refused}");
        }
    }
}
