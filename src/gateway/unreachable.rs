//! Which hosts of the settings will no request ever reach? The guard refuses some whoever names
//! them: metadata services, reserved addresses, the gateway itself. That is no error, since a name
//! may change its address, but the operator should know.

use crate::{
    config::Settings,
    egress::{BaseUrl, Denied, Host, NamedBy, Policy},
    route::object::Entry,
};

/// A sentence for each. `policy` must know where the gateway listens.
pub fn unreachable_hosts(settings: &Settings, policy: &Policy) -> Vec<String> {
    let mut hosts: Vec<(String, &str)> = Vec::new();
    if let Some(target) = &settings.default_target {
        hosts.push(("default_target".to_owned(), target.as_str()));
    }
    for (section, objects) in [
        ("providers", &settings.providers),
        ("configs", &settings.configs),
    ] {
        for (name, entry) in objects.entries() {
            collect(format!("{section}.{name}"), entry, &mut hosts);
        }
    }
    let told = hosts.into_iter().filter_map(|(key, host)| {
        let denied = always_denied(host, policy)?;
        Some(format!(
            "{key}: every request to it will be refused: {denied}"
        ))
    });
    told.collect()
}

fn collect<'a>(path: String, entry: &'a Entry, hosts: &mut Vec<(String, &'a str)>) {
    for (place, target) in entry.targets.iter().enumerate() {
        collect(format!("{path}.targets[{place}]"), target, hosts);
    }
    if let Some(host) = &entry.custom_host {
        hosts.push((format!("{path}.custom_host"), host));
    }
}

/// Why it is, as far as that is known without asking for a name's addresses.
fn always_denied(host: &str, policy: &Policy) -> Option<Denied> {
    let url = BaseUrl::parse(host).ok()?;
    match (policy.judge_host(&url, NamedBy::Settings), url.host()) {
        (Err(denied), _) => Some(denied),
        (Ok(pass), Host::Ip(_)) => policy.judge_addresses(pass, &[]).err(),
        (Ok(_), Host::Name(_)) => None,
    }
}
