//! Whom a request is for, as a header or a target names it. Not looked up here.

/// Who shall receive the request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Provider {
    /// `passthrough`: the custom host, as it is.
    Passthrough,
    /// A name for the built-in catalogue; not looked up yet.
    Named(String),
    /// `@name`: a provider of the settings file, here without its `@`; not looked up yet.
    Settings(String),
}

impl Provider {
    /// What is allowed, after "must be".
    pub const EXPECTED: &str = "passthrough, a provider's name, or @ and a name of the settings";

    /// Reads a provider's name as headers, config objects and settings write it: 1 to 64 of `[A-Za-z0-9._-]`, with or
    /// without `@`.
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
