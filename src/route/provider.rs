//! Parses the name of a provider, as a header or a target gives it. It is looked up elsewhere.

/// Which provider receives the request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Provider {
    /// `passthrough`: the custom host, without provider-specific rules.
    Passthrough,
    /// A built-in provider; not looked up yet.
    Named(String),
    /// `@name`: a provider of the settings file, without the `@`; not looked up yet.
    Settings(String),
}

impl Provider {
    /// The accepted values, after "must be".
    pub const EXPECTED: &str = "passthrough, a provider's name, or @ and a name of the settings";

    /// Parses a provider's name as written in headers, config objects and settings: 1 to 64 of
    /// `[A-Za-z0-9._-]`, with or without `@`.
    pub fn parse(text: &str) -> Option<Self> {
        let name = text.strip_prefix('@').unwrap_or(text);
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        if name.is_empty() || name.len() > 64 || !name.bytes().all(allowed) {
            return None;
        }
        Some(match text {
            "passthrough" => Self::Passthrough,
            _ if text.starts_with('@') => Self::Settings(name.to_owned()),
            _ => Self::Named(name.to_owned()),
        })
    }
}
