//! Which providers of the settings are built-in ones by their name, and which of them take their
//! key from the environment? `providers: { openai: {} }` is `openai` with the key of
//! `OPENAI_API_KEY`.

use actix_http::header::HeaderName;

use super::error::ConfigError;
use super::layers::Environment;
use super::settings::Settings;
use crate::http::credential;
use crate::route::Provider;
use crate::route::catalogue::{self, CatalogueEntry, EnvironmentKey};
use crate::route::config_types::Entry;

/// Fills in the provider and the key where the settings leave them to the catalogue.
///
/// # Errors
/// A variable holds a key that cannot be sent.
pub(super) fn complete(
    settings: &mut Settings,
    environment: &Environment,
) -> Result<(), ConfigError> {
    let credentials = settings.credentials.headers.clone();
    for (name, entry) in settings.providers.entries_mut() {
        let Some(known) = built_in(name, entry) else {
            continue;
        };
        entry.provider = Some(Provider::Named(known.name.to_owned()));
        if needs_key(entry, &credentials) {
            let notice = take_key(name, entry, known, environment)?;
            settings.notices.extend(notice);
        }
    }
    Ok(())
}

/// The built-in provider that an entry means by its name alone. An entry with a host of its own
/// means one only if each customer has another host: the key of `OPENAI_API_KEY` must not go to
/// just any host that somebody calls `openai`.
fn built_in(name: &str, entry: &Entry) -> Option<&'static CatalogueEntry> {
    let known = catalogue::find(name).filter(|_| entry.provider.is_none())?;
    (entry.custom_host.is_some() == known.base.is_none()).then_some(known)
}

/// The operator gives no credential, and does not ask for the callers' own to be sent.
fn needs_key(entry: &Entry, more: &[HeaderName]) -> bool {
    let is_credential =
        |name: &HeaderName| credential::HEADERS.contains(name) || more.contains(name);
    let mut lines = entry.headers.iter();
    entry.api_key.is_none()
        && entry.credential.is_none()
        && entry.auth.is_none()
        && entry.forward_authorization != Some(true)
        && !lines.any(|(name, value)| value.is_some() && is_credential(name))
}

/// Gives the entry the key of its environment variable, and says so, or that there is none.
fn take_key(
    name: &str,
    entry: &mut Entry,
    known: &CatalogueEntry,
    environment: &Environment,
) -> Result<Option<String>, ConfigError> {
    let Some(names) = known.variables.names() else {
        return Ok(None);
    };
    let found = known.variables.read(|name| environment.provider_key(name));
    let Some(EnvironmentKey { names, key }) = found else {
        return Ok(Some(format!(
            "providers.{name} has no key: {names} is not set, so callers bring their own"
        )));
    };
    let visible = |byte: u8| byte.is_ascii_graphic() || byte == b' ';
    let is_sendable = key.expose().bytes().all(visible);
    if !is_sendable {
        let reason =
            format!("takes its key from {names}, which must consist of visible ASCII characters");
        return Err(ConfigError::conflict(format!("providers.{name}"), reason));
    }
    entry.api_key = Some(key);
    Ok(Some(format!("providers.{name} takes its key from {names}")))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::Flags;

    fn loaded(yaml: &str, variables: &[(&str, &str)]) -> Result<Settings, ConfigError> {
        let environment = variables.iter().copied().collect();
        Settings::parse(yaml, Path::new("s"), &environment, &Flags::default())
    }

    /// Provider and key of the one entry.
    fn completed(provider: &str, variables: &[(&str, &str)]) -> (Option<Provider>, Option<String>) {
        let settings = loaded(&format!("providers: {{ {provider} }}"), variables).unwrap();
        let entry = settings.providers.entries().values().next().unwrap();
        let key = entry.api_key.as_ref().map(|key| key.expose().to_owned());
        (entry.provider.clone(), key)
    }

    #[test]
    fn a_key_is_taken_only_for_the_built_in_host_and_where_no_other_is_given() {
        let set = [("OPENAI_API_KEY", "sk-env"), ("AZURE_API_KEY", "az-env")];
        let named = |name: &str| Some(Provider::Named(name.to_owned()));
        for (provider, kind, key) in [
            ("openai: {}", named("openai"), Some("sk-env")),
            (
                "openai: { retry: { attempts: 1 } }",
                named("openai"),
                Some("sk-env"),
            ),
            ("openai: { api_key: own }", named("openai"), Some("own")),
            (
                "openai: { headers: { authorization: x } }",
                named("openai"),
                None,
            ),
            (
                "openai: { headers: { x-team: x } }",
                named("openai"),
                Some("sk-env"),
            ),
            (
                "openai: { forward_authorization: true }",
                named("openai"),
                None,
            ),
            (
                "openai: { custom_host: \"https://a.example/v1\" }",
                None,
                None,
            ),
            ("openai: { provider: anthropic }", named("anthropic"), None),
            ("mine: { provider: openai }", named("openai"), None),
            (
                "azure: { custom_host: \"https://a.example/v1\" }",
                named("azure"),
                Some("az-env"),
            ),
            ("nvidia-nim: {}", named("nvidia_nim"), None),
        ] {
            let (got, value) = completed(provider, &set);
            assert_eq!((got, value.as_deref()), (kind, key), "{provider}");
        }
    }

    #[test]
    fn the_variable_is_told_and_its_value_is_not() {
        let told =
            |yaml: &str, variables: &[(&str, &str)]| loaded(yaml, variables).unwrap().notices;
        let set = [("GOOGLE_API_KEY", "private")];
        assert_eq!(
            told("providers: { gemini: {} }", &set),
            ["providers.gemini takes its key from GOOGLE_API_KEY"]
        );
        assert_eq!(
            told("providers: { gemini: {} }", &[]),
            [
                "providers.gemini has no key: GEMINI_API_KEY or GOOGLE_API_KEY is not set, so \
              callers bring their own"
            ]
        );
        assert!(told("providers: { ollama: {} }", &[]).is_empty());
        assert!(told("providers: { gemini: { api_key: k } }", &set).is_empty());
    }

    #[test]
    fn a_key_that_cannot_be_sent_is_refused_by_the_name_of_its_variable() {
        let error = loaded(
            "providers: { openai: {} }",
            &[("OPENAI_API_KEY", "sk-private\n")],
        );
        let error = error.unwrap_err().to_string();
        assert!(
            error.contains("providers.openai takes its key from OPENAI_API_KEY"),
            "{error}"
        );
        assert!(!error.contains("private"), "{error}");
    }

    #[test]
    fn a_provider_without_an_address_of_its_own_still_needs_one() {
        let error = loaded("providers: { azure: {} }", &[]).unwrap_err();
        assert!(error.to_string().contains("needs custom_host"), "{error}");
    }
}
