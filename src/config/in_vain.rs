//! Which settings have no effect because of others? Reported at the start and by `check`, and only
//! where it is certain. A key that cannot be used at all is an error, and is refused elsewhere.

use super::settings::Settings;
use crate::cache::noise::is_built_in;
use crate::guard::Preset;
use crate::http::credential;

/// A sentence for each such setting.
pub(super) fn warnings(settings: &Settings) -> Vec<String> {
    let single = [allow(settings), hosts(settings), idle_connections(settings)];
    let single = single.into_iter().flatten();
    single
        .chain(ignored_headers(settings))
        .chain(credentials(settings))
        .collect()
}

fn allow(settings: &Settings) -> Option<String> {
    let (preset, allow) = (settings.guard.preset, &settings.guard.allow);
    if preset == Preset::Allowlist && allow.is_empty() {
        let warning = "guard.preset is allowlist and guard.allow is empty: every target that a \
                       caller names will be refused";
        return Some(warning.to_owned());
    }
    let in_vain = !preset.uses_entries() && !allow.is_empty();
    in_vain.then(|| {
        format!(
            "guard.allow has no effect: guard.preset is {preset}, and only allowlist and \
             self_hosted look at it"
        )
    })
}

fn hosts(settings: &Settings) -> Option<String> {
    let in_vain = settings.allow_unauthenticated && !settings.hosts.is_empty();
    in_vain.then(|| "hosts has no effect: allow_unauthenticated lifts the check of Host".to_owned())
}

fn idle_connections(settings: &Settings) -> Option<String> {
    let default = Settings::default().upstream.max_idle_per_host;
    let upstream = &settings.upstream;
    let in_vain = upstream.keepalive == Some(std::time::Duration::ZERO)
        && upstream.max_idle_per_host != default;
    in_vain.then(|| {
        "upstream.max_idle_per_host has no effect: upstream.keepalive is zero, so that no \
         connection is kept"
            .to_owned()
    })
}

fn ignored_headers(settings: &Settings) -> impl Iterator<Item = String> {
    let names = settings.cache.ignore_headers.iter().enumerate();
    names
        .filter(|(_, name)| is_built_in(name.as_str()))
        .map(|(place, _)| {
            format!("cache.ignore_headers[{place}] has no effect: it is ignored in any case")
        })
}

fn credentials(settings: &Settings) -> impl Iterator<Item = String> {
    let told = |key: &str, place: usize| {
        format!("credentials.{key}[{place}] has no effect: it is one of the built-in names")
    };
    let names = &settings.credentials;
    let headers = names.headers.iter().enumerate();
    let headers = headers.filter(|(_, name)| credential::HEADERS.contains(name));
    let query = names.query.iter().enumerate();
    let query = query.filter(|(_, name)| credential::QUERY.contains(&name.as_str()));
    headers
        .map(move |(place, _)| told("headers", place))
        .chain(query.map(move |(place, _)| told("query", place)))
}
