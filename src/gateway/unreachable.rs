//! Which hosts of the settings will no request ever reach? The guard always refuses metadata
//! services, reserved addresses and the gateway itself. That is not an error, since a name may
//! change its address, but the operator should know.

use crate::{
    config::Settings,
    endpoint::{Endpoint, OwnConfig},
    guard::{BaseUrl, Denied, Host, NamedBy, Policy},
    identity::document::FieldError,
    route::config_types::Entry,
};

/// A sentence for each such host. `policy` must know where the gateway listens.
pub fn unreachable_hosts(settings: &Settings, policy: &Policy) -> Vec<String> {
    let mut hosts: Vec<(String, BaseUrl)> = Vec::new();
    if let Some(target) = &settings.default_target {
        hosts.push(("default_target".to_owned(), target.clone()));
    }
    for (section, objects) in [
        ("providers", &settings.providers),
        ("configs", &settings.configs),
    ] {
        for (name, entry) in objects.entries() {
            collect(format!("{section}.{name}"), entry, &mut hosts);
        }
    }
    for (place, endpoint) in settings.endpoints.iter().enumerate() {
        collect_endpoint(&format!("endpoints[{place}]."), endpoint, &mut hosts);
    }
    let told = hosts.into_iter().filter_map(|(key, host)| {
        let denied = always_denied(&host, policy)?;
        Some(format!(
            "{key}: every request to it will be refused: {denied}"
        ))
    });
    told.collect()
}

/// The first host of an endpoint that no request will ever reach.
///
/// # Errors
/// Its field, and why.
pub fn check_reachable(endpoint: &Endpoint, policy: &Policy) -> Result<(), FieldError> {
    let mut hosts = Vec::new();
    collect_endpoint("", endpoint, &mut hosts);
    let denied = |(key, host): (String, BaseUrl)| {
        let denied = always_denied(&host, policy)?;
        let reason = format!("names a host that no request will reach: {denied}");
        Some(FieldError::new(key, reason))
    };
    hosts.into_iter().find_map(denied).map_or(Ok(()), Err)
}

/// `path`: with a dot at its end, or empty.
fn collect_endpoint(path: &str, endpoint: &Endpoint, hosts: &mut Vec<(String, BaseUrl)>) {
    if let Some(OwnConfig::Inline(config)) = &endpoint.config {
        collect(format!("{path}config"), config, hosts);
    }
    let target = endpoint.target.custom_host.as_deref();
    if let Some(host) = target.and_then(|host| BaseUrl::parse(host).ok()) {
        hosts.push((format!("{path}target"), host));
    }
    let token_server = endpoint.target.credential.as_ref();
    let token_server = token_server.and_then(|it| it.token_uri());
    if let Some(server) = token_server.and_then(|it| BaseUrl::parse(it).ok()) {
        hosts.push((format!("{path}credential.google"), server));
    }
}

fn collect(path: String, entry: &Entry, hosts: &mut Vec<(String, BaseUrl)>) {
    for (place, target) in entry.targets.iter().enumerate() {
        collect(format!("{path}.targets[{place}]"), target, hosts);
    }
    let host = entry.custom_host.as_deref();
    if let Some(host) = host.and_then(|host| BaseUrl::parse(host).ok()) {
        hosts.push((format!("{path}.custom_host"), host));
    }
    let token_server = entry.credential.as_ref().and_then(|it| it.token_uri());
    if let Some(server) = token_server.and_then(|it| BaseUrl::parse(it).ok()) {
        hosts.push((format!("{path}.credential.google"), server));
    }
}

/// Why a host is unreachable, as far as that is known without resolving its name.
fn always_denied(url: &BaseUrl, policy: &Policy) -> Option<Denied> {
    match (policy.judge_host(url, NamedBy::Settings), url.host()) {
        (Err(denied), _) => Some(denied),
        (Ok(pass), Host::Ip(_)) => policy.judge_addresses(pass, &[]).err(),
        (Ok(_), Host::Name(_)) => None,
    }
}
