//! The rules between two settings: defaults that depend on another key, and keys that exclude each
//! other. Single values were checked when they were read.

use std::time::Duration;

use super::document::Node;
use super::endpoints;
use super::enums::{Auth, ObjectStoreKind, RecordStore, Store};
use super::error::ConfigError;
use super::identities;
use super::in_vain;
use super::object_rules;
use super::settings::{Identities, Settings, UpstreamTls};
use crate::guard::Preset;
use crate::redis_client;
use crate::secret::Secret;
use crate::store::SealKeys;

const NEEDS_REDIS: &str = "needs the store beside it to be redis";
/// Each name makes a sum of every request that has it.
const MOST_SUMMED: usize = 8;
const DRAIN_DELAY_EXPOSED: Duration = Duration::from_secs(5);

/// Fills in the defaults that depend on other settings and checks the rules; `given` is the file
/// with the layers over it.
///
/// # Errors
/// A rule is broken.
pub(super) fn settle(settings: &mut Settings, given: &Node) -> Result<(), ConfigError> {
    if !settings.on_loopback() {
        change_defaults_where_exposed(settings, given);
    }
    check_upstream_tls(&settings.upstream.tls)?;
    let (limits, cache) = (&settings.limit_store, &settings.cache);
    check_store(
        "limit_store",
        limits.store,
        limits.url.as_ref(),
        limits.cluster,
        given,
    )?;
    check_store(
        "cache",
        cache.store,
        cache.url.as_ref(),
        cache.cluster,
        given,
    )?;
    check_object_store(settings)?;
    check_exposure(settings)?;
    if settings.allow_unauthenticated && settings.auth == Auth::Required {
        let reason = "is required, and allow_unauthenticated says that nobody needs a key";
        return Err(ConfigError::conflict("auth", reason));
    }
    object_rules::check(
        &settings.providers,
        &settings.configs,
        &settings.credentials.headers,
        settings.default_config.as_deref(),
        settings.default_target.is_some(),
    )?;
    endpoints::check(settings)?;
    if settings.admin_token.as_ref().is_some_and(Secret::is_empty) {
        return Err(ConfigError::conflict("admin_token", "must not be empty"));
    }
    check_ignored_headers(settings)?;
    settings.directory = Identities(identities::directory(settings)?);
    settings.warnings.extend(in_vain::warnings(settings));
    Ok(())
}

fn change_defaults_where_exposed(settings: &mut Settings, given: &Node) {
    if !given.gives("guard.preset") {
        settings.guard.preset = Preset::default_for(false);
    }
    if !given.gives("drain.delay") {
        settings.drain.delay = DRAIN_DELAY_EXPOSED;
    }
}

fn check_exposure(settings: &Settings) -> Result<(), ConfigError> {
    let listen = settings.listen;
    match settings.on_loopback() {
        true => Ok(()),
        false if settings.guard.preset.needs_loopback_listener() => {
            Err(ConfigError::DevGuardExposed { listen })
        }
        false => match (settings.needs_stored_key(), settings.store.kind) {
            // Whether the store has a key is known when it is open.
            (false, _) | (true, ObjectStoreKind::Sqlite | ObjectStoreKind::Postgres) => Ok(()),
            (true, ObjectStoreKind::Memory | ObjectStoreKind::Off) => {
                Err(ConfigError::ExposedWithoutKeys { listen })
            }
        },
    }
}

/// Checks the store of one section.
fn check_store(
    section: &str,
    store: Store,
    url: Option<&Secret>,
    cluster: bool,
    given: &Node,
) -> Result<(), ConfigError> {
    let key = |name: &str| format!("{section}.{name}");
    match (store, url) {
        (Store::Redis, Some(url)) => redis_client::check_urls(url.expose(), cluster)
            .map_err(|reason| ConfigError::conflict(key("url"), reason)),
        (Store::Redis, None) => {
            let reason = "is needed where the store is redis";
            Err(ConfigError::conflict(key("url"), reason))
        }
        (Store::Memory, _) => {
            let redis_only = ["url", "cluster", "timeout", "on_redis_failure"].map(key);
            match redis_only.into_iter().find(|key| given.gives(key)) {
                Some(key) => Err(ConfigError::conflict(key, NEEDS_REDIS)),
                None => Ok(()),
            }
        }
    }
}

fn check_object_store(settings: &Settings) -> Result<(), ConfigError> {
    let (store, keys) = (&settings.store, &settings.secret_key);
    if !keys.is_empty()
        && let Err(error) = SealKeys::new(keys)
    {
        let reason = error.to_string();
        let reason = reason.trim_start_matches("`secret_key` ").to_owned();
        return Err(ConfigError::conflict("secret_key", reason));
    }
    if settings.records.store == RecordStore::Postgres && store.kind != ObjectStoreKind::Postgres {
        let reason = "is postgres, which needs store.kind to be postgres, too";
        return Err(ConfigError::conflict("records.store", reason));
    }
    if settings.records.usage_metadata.len() > MOST_SUMMED {
        let reason = format!("must have at most {MOST_SUMMED} names");
        return Err(ConfigError::conflict("records.usage_metadata", reason));
    }
    match (store.kind, &store.url) {
        (ObjectStoreKind::Postgres, None) => {
            let reason = "is needed where store.kind is postgres";
            Err(ConfigError::conflict("store.url", reason))
        }
        (ObjectStoreKind::Sqlite | ObjectStoreKind::Memory | ObjectStoreKind::Off, Some(_)) => {
            let reason = "needs store.kind to be postgres";
            Err(ConfigError::conflict("store.url", reason))
        }
        (ObjectStoreKind::Postgres, Some(_))
        | (ObjectStoreKind::Sqlite | ObjectStoreKind::Memory | ObjectStoreKind::Off, None) => {
            Ok(())
        }
    }
}

/// Headers that may never be ignored were refused when they were read; these depend on other
/// settings.
fn check_ignored_headers(settings: &Settings) -> Result<(), ConfigError> {
    let (ignored, carriers) = (
        &settings.cache.ignore_headers,
        &settings.credentials.headers,
    );
    match ignored.iter().position(|name| carriers.contains(name)) {
        None => Ok(()),
        Some(place) => Err(ConfigError::conflict(
            format!("cache.ignore_headers[{place}]"),
            "names a header that carries a credential, as credentials.headers says",
        )),
    }
}

fn check_upstream_tls(entries: &[UpstreamTls]) -> Result<(), ConfigError> {
    for (place, entry) in entries.iter().enumerate() {
        let certificate = (&entry.client_cert, &entry.client_key);
        let reason = if entries[..place].iter().any(|it| it.host == entry.host) {
            "names a host that an entry before it names"
        } else if matches!(certificate, (Some(_), None) | (None, Some(_))) {
            "needs both client_cert and client_key, or neither"
        } else if entry.ca_file.is_none() && entry.client_cert.is_none() {
            "needs ca_file, or client_cert and client_key, or all three"
        } else {
            continue;
        };
        return Err(ConfigError::conflict(
            format!("upstream.tls[{place}]"),
            reason,
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::{Environment, Flags};

    /// Whether the settings are refused; else whether a request needs a key, without one in the
    /// store and with one.
    fn outcome(yaml: &str) -> Option<[bool; 2]> {
        let (environment, flags) = (Environment::default(), Flags::default());
        let settings = Settings::parse(yaml, Path::new("s"), &environment, &flags);
        match settings {
            Ok(settings) => Some([false, true].map(|it| settings.needs_key(it))),
            Err(error) => {
                assert!(error.to_string().contains("no keys are set"), "{error}");
                None
            }
        }
    }

    #[test]
    fn a_listener_beyond_loopback_needs_keys_a_token_or_to_be_open() {
        let (key, token) = (
            format!(
                "keys: {{ a: {{ digest: \"sha256:{}\" }} }}\n",
                "ab".repeat(32)
            ),
            "admin_token: secret\n",
        );
        let (wide, here) = ("listen: 0.0.0.0:1\n", "listen: 127.0.0.9:1\n");
        let mapped = "listen: \"[::ffff:127.0.0.1]:1\"\n";
        let (off, memory) = ("store: { kind: \"off\" }\n", "store: { kind: memory }\n");
        let (required, open) = ("auth: required\n", "auth: open\n");
        for (parts, expected) in [
            (vec![here], Some([false, true])),
            (vec![mapped], Some([false, true])),
            (vec![here, &key], Some([false, true])),
            (vec![here, token], Some([false, true])),
            (vec![here, required], Some([true, true])),
            (vec![here, open, &key], Some([false, false])),
            (vec![wide, off], None),
            (vec![wide, memory], None),
            (vec![wide, required, off], None),
            (vec![wide, "auth: auto\n", off], None),
            // The store may have a key.
            (vec![wide], Some([true, true])),
            (vec![wide, required], Some([true, true])),
            (vec![wide, off, &key], Some([true, true])),
            (vec![wide, &key], Some([true, true])),
            (vec![wide, token], Some([true, true])),
            (vec![wide, required, token], Some([true, true])),
            (vec![wide, open], Some([false, false])),
            (vec![wide, open, &key, token], Some([false, false])),
            (
                vec![wide, "allow_unauthenticated: true\n"],
                Some([false, false]),
            ),
        ] {
            let yaml = parts.concat();
            assert_eq!(outcome(&yaml), expected, "{yaml}");
        }
    }
}
