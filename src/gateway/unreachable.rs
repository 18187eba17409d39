//! Which hosts of the settings will no request ever reach? The guard always refuses metadata
//! services, reserved addresses and the gateway itself. That is not an error, since a name may
//! change its address, but the operator should know.

use crate::{
    config::Settings,
    endpoint::hosts_of,
    guard::{BaseUrl, Policy},
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
            collect(&format!("{section}.{name}"), &mut hosts, hosts_of(entry));
        }
    }
    for (place, endpoint) in settings.endpoints.iter().enumerate() {
        collect(&format!("endpoints[{place}]"), &mut hosts, endpoint.hosts());
    }
    let told = hosts.into_iter().filter_map(|(key, host)| {
        let denied = policy.always_denies(&host)?;
        Some(format!(
            "{key}: every request to it will be refused: {denied}"
        ))
    });
    told.collect()
}

fn collect(path: &str, hosts: &mut Vec<(String, BaseUrl)>, found: Vec<(String, BaseUrl)>) {
    hosts.extend(
        found
            .into_iter()
            .map(|(below, host)| (format!("{path}.{below}"), host)),
    );
}
