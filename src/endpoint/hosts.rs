//! The hosts that an endpoint or a config names, and whether the guard always refuses one of them.

use super::{Endpoint, OwnConfig};
use crate::{
    guard::{BaseUrl, Policy},
    identity::document::FieldError,
    route::config_types::Entry,
};

/// Each host that a config names, token servers too, by the path of its key.
pub fn hosts_of(entry: &Entry) -> Vec<(String, BaseUrl)> {
    let mut hosts = named("custom_host", entry);
    for (place, target) in entry.targets.iter().enumerate() {
        let below = hosts_of(target).into_iter();
        hosts.extend(below.map(|(path, host)| (format!("targets[{place}].{path}"), host)));
    }
    hosts
}

/// The host of one object, which is written under `key`, and its token server.
fn named(key: &str, entry: &Entry) -> Vec<(String, BaseUrl)> {
    let token_server = entry.credential.as_ref().and_then(|it| it.token_uri());
    let texts = [
        (key, entry.custom_host.as_deref()),
        ("credential.google", token_server),
    ];
    let parsed = texts.into_iter().filter_map(|(key, text)| {
        let host = BaseUrl::parse(text?).ok()?;
        Some((key.to_owned(), host))
    });
    parsed.collect()
}

impl Endpoint {
    /// Each host that it names, by the path of its key.
    pub fn hosts(&self) -> Vec<(String, BaseUrl)> {
        let mut hosts = named("target", &self.target);
        if let Some(OwnConfig::Inline(config)) = &self.config {
            let config = hosts_of(config).into_iter();
            hosts.extend(config.map(|(path, host)| (format!("config.{path}"), host)));
        }
        hosts
    }

    /// Refuses an endpoint that names a host which no request will ever reach.
    ///
    /// # Errors
    /// The first such host.
    pub fn check_reachable(&self, policy: &Policy) -> Result<(), FieldError> {
        let denied = |(key, host): (String, BaseUrl)| {
            let denied = policy.always_denies(&host)?;
            let reason = format!("names a host that no request will reach: {denied}");
            Some(FieldError::new(key, reason))
        };
        self.hosts()
            .into_iter()
            .find_map(denied)
            .map_or(Ok(()), Err)
    }
}
