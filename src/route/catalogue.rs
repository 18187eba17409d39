//! The built-in providers: their base URLs and where their keys go. The path after the gateway's
//! `/v1` is appended to the base.

use actix_http::header::{self, HeaderName};

use super::{policy::Auth, suggest};

/// Where a provider's key goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyPlace {
    /// `Authorization: Bearer KEY`.
    Bearer,
    /// `x-api-key: KEY`.
    XApiKey,
    /// `x-goog-api-key: KEY`.
    XGoogApiKey,
    /// `api-key: KEY`.
    ApiKey,
}

/// A built-in provider.
#[derive(Debug)]
pub struct CatalogueEntry {
    pub name: &'static str,
    /// Other accepted names.
    pub aliases: &'static [&'static str],
    /// `None` if its address differs for each customer, so that a custom host is needed.
    pub base: Option<&'static str>,
    pub key: KeyPlace,
}

const fn entry(
    name: &'static str,
    aliases: &'static [&'static str],
    base: Option<&'static str>,
    key: KeyPlace,
) -> CatalogueEntry {
    CatalogueEntry {
        name,
        aliases,
        base,
        key,
    }
}

/// All built-in providers, from the providers' own documentation.
#[rustfmt::skip]
pub const PROVIDERS: &[CatalogueEntry] = &[
    entry("openai", &[], Some("https://api.openai.com/v1"), KeyPlace::Bearer),
    entry("anthropic", &[], Some("https://api.anthropic.com/v1"), KeyPlace::XApiKey),
    entry("gemini", &["google"], Some("https://generativelanguage.googleapis.com/v1beta"),
        KeyPlace::XGoogApiKey),
    entry("azure", &["azure-openai"], None, KeyPlace::ApiKey),
    entry("mistral", &["mistral-ai"], Some("https://api.mistral.ai/v1"), KeyPlace::Bearer),
    entry("cohere", &[], Some("https://api.cohere.com/v1"), KeyPlace::Bearer),
    entry("groq", &[], Some("https://api.groq.com/openai/v1"), KeyPlace::Bearer),
    entry("openrouter", &[], Some("https://openrouter.ai/api/v1"), KeyPlace::Bearer),
    entry("together", &["together-ai"], Some("https://api.together.xyz/v1"), KeyPlace::Bearer),
    entry("deepseek", &[], Some("https://api.deepseek.com/v1"), KeyPlace::Bearer),
    entry("x-ai", &["xai", "grok"], Some("https://api.x.ai/v1"), KeyPlace::Bearer),
    entry("ollama", &[], Some("http://localhost:11434/v1"), KeyPlace::Bearer),
    entry("vllm", &[], None, KeyPlace::Bearer),
];

impl CatalogueEntry {
    /// Where its key goes, in the form of a target's `auth`.
    pub fn auth(&self) -> Auth {
        let alone = |name: &'static str| Auth {
            header: HeaderName::from_static(name),
            scheme: None,
        };
        match self.key {
            KeyPlace::Bearer => bearer(),
            KeyPlace::XApiKey => alone("x-api-key"),
            KeyPlace::XGoogApiKey => alone("x-goog-api-key"),
            KeyPlace::ApiKey => alone("api-key"),
        }
    }
}

/// `Authorization: Bearer`, the default.
pub fn bearer() -> Auth {
    Auth {
        header: header::AUTHORIZATION,
        scheme: Some("Bearer".into()),
    }
}

/// Finds a provider by name or alias.
pub fn find(name: &str) -> Option<&'static CatalogueEntry> {
    PROVIDERS
        .iter()
        .find(|it| it.name == name || it.aliases.contains(&name))
}

/// All names, for error messages.
pub fn names() -> String {
    let names: Vec<&str> = PROVIDERS.iter().map(|it| it.name).collect();
    names.join(", ")
}

/// The closest name to what was written, if one is close.
pub fn nearest(written: &str) -> Option<&'static str> {
    let names = PROVIDERS
        .iter()
        .flat_map(|it| it.aliases.iter().chain([&it.name]));
    let most = (written.len() / 3).max(1);
    suggest::nearest(written, names.copied(), most)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_base_is_a_base_url_and_every_name_is_found() {
        for provider in PROVIDERS {
            assert!(
                provider
                    .base
                    .is_none_or(|base| url::Url::parse(base).is_ok())
            );
            for name in provider.aliases.iter().chain([&provider.name]) {
                assert_eq!(find(name).map(|it| it.name), Some(provider.name));
            }
        }
        assert!(find("OpenAI").is_none());
        for (written, meant) in [
            ("opnai", Some("openai")),
            ("OpenAI", Some("openai")),
            ("open-ai", Some("openai")),
            ("googl", Some("google")),
            ("acme", None),
            ("", None),
        ] {
            assert_eq!(nearest(written), meant, "{written}");
        }
    }
}
