//! Which providers are named on the page of metrics: those of the catalogue and of the settings. All
//! others are one, so that no caller can add a series.

use std::{
    collections::HashMap,
    sync::{Arc, LazyLock, Mutex, PoisonError},
};

use arc_swap::ArcSwap;

use crate::route::catalogue::PROVIDERS;

const OTHER: &str = "other";
const PASSTHROUGH: &str = "passthrough";
/// Most names besides the catalogue's that a process shows in its life.
const MOST_OWN: usize = 64;
/// Places of a series by provider.
pub const PLACES: usize = 2 + PROVIDERS.len() + MOST_OWN;

/// The names that have a place, for the life of the process: a counter never changes its labels.
static NAMES: LazyLock<ArcSwap<Names>> = LazyLock::new(|| ArcSwap::from_pointee(Names::built_in()));
/// One change at a time.
static CHANGE: Mutex<()> = Mutex::new(());

#[derive(Clone)]
struct Names {
    places: HashMap<Box<str>, usize>,
    names: Vec<Arc<str>>,
}

impl Names {
    fn built_in() -> Self {
        let mut built_in = Names {
            places: HashMap::new(),
            names: vec![OTHER.into(), PASSTHROUGH.into()],
        };
        built_in.places.insert(PASSTHROUGH.into(), 1);
        for provider in PROVIDERS {
            let place = built_in.names.len();
            built_in.names.push(provider.name.into());
            let names = provider.aliases.iter().chain([&provider.name]);
            built_in
                .places
                .extend(names.map(|it| ((*it).into(), place)));
        }
        built_in
    }
}

/// Gives names of the settings a place each, as long as there are places.
pub fn list<'n>(names: impl Iterator<Item = &'n str>) {
    let _one_at_a_time = CHANGE.lock().unwrap_or_else(PoisonError::into_inner);
    let mut all = Names::clone(&NAMES.load());
    for name in names {
        if all.names.len() < PLACES && !all.places.contains_key(name) {
            all.places.insert(name.into(), all.names.len());
            all.names.push(name.into());
        }
    }
    NAMES.store(Arc::new(all));
}

/// The place of a provider, with or without the `@` of the settings' own.
pub fn place(name: Option<&str>) -> usize {
    let name = name.unwrap_or(PASSTHROUGH);
    let name = name.strip_prefix('@').unwrap_or(name);
    NAMES.load().places.get(name).copied().unwrap_or_default()
}

/// The name at a place.
pub fn name(place: usize) -> Arc<str> {
    let names = NAMES.load();
    names.names.get(place).unwrap_or(&names.names[0]).clone()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_listed_providers_are_named() {
        list(["my-vllm", "openai"].into_iter());
        for (given, shown) in [
            (Some("openai"), "openai"),
            (Some("google"), "gemini"),
            (Some("@my-vllm"), "my-vllm"),
            (Some("passthrough"), "passthrough"),
            (None, "passthrough"),
            (Some("made-up"), "other"),
            (Some(""), "other"),
        ] {
            assert_eq!(&*name(place(given)), shown, "{given:?}");
        }
    }
}
