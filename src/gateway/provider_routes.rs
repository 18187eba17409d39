//! The routes `/{provider}/{path}`: which first segment of a path names which provider, and to
//! which base URL the path after it is appended.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use foldhash::quality::RandomState;

use crate::{
    guard::BaseUrl,
    route::{
        Provider,
        catalogue::{self, CatalogueEntry},
        config_types::Entry,
    },
};

/// First segments that are not a provider's, whatever its name.
const TAKEN: [&str; 2] = ["v1", "gateway"];

/// The route of one provider.
pub struct ProviderRoute {
    /// The first segment of the path.
    pub segment: Box<str>,
    pub provider: Provider,
    /// The origin of a built-in provider's API: its routes begin there, and not at the base URL
    /// that goes with `/v1`.
    pub root: Option<&'static str>,
    /// The version at the end of the operator's base URL, such as `/v1`: a path that begins with
    /// it, too, would have it twice.
    version: Option<Box<str>>,
}

/// The routes by their first segment.
#[derive(Default)]
pub struct ProviderRoutes(HashMap<Box<str>, ProviderRoute, RandomState>);

impl ProviderRoutes {
    /// The routes of the settings' providers, then those of the built-in ones.
    pub fn of(providers: &BTreeMap<String, Arc<Entry>>) -> Self {
        let own = providers.iter().map(|(name, entry)| {
            let route = ProviderRoute::of_settings(name, entry);
            (name.clone(), route)
        });
        let own = own.map(|(name, route)| (name.into(), route));
        let mut routes: HashMap<Box<str>, _, _> = own.collect();
        for known in catalogue::PROVIDERS {
            // A provider of the settings has all the names of the built-in one that it stands for.
            let own = providers.iter().find(|(name, _)| known.is_called(name));
            for name in known.all_names() {
                routes
                    .entry(name.as_str().into())
                    .or_insert_with(|| match own {
                        Some((own, entry)) => ProviderRoute {
                            segment: name.into(),
                            ..ProviderRoute::of_settings(own, entry)
                        },
                        None => ProviderRoute::built_in(name, known),
                    });
            }
        }
        routes.retain(|name, _| !TAKEN.contains(&&**name));
        ProviderRoutes(routes)
    }

    /// The route of a raw path, and the path after its first segment.
    pub fn find<'p>(&self, path: &'p str) -> Option<(&ProviderRoute, &'p str)> {
        let path = path.strip_prefix('/')?;
        let end = memchr::memchr(b'/', path.as_bytes()).unwrap_or(path.len());
        let (segment, rest) = path.split_at(end);
        let route = self.0.get(segment)?;
        Some((route, route.without_version(rest)))
    }
}

impl ProviderRoute {
    fn of_settings(name: &str, entry: &Entry) -> Self {
        let built_in = match &entry.provider {
            Some(Provider::Named(name)) => catalogue::find(name),
            Some(Provider::Passthrough | Provider::Settings(_)) | None => None,
        };
        let base = entry.custom_host.as_deref();
        let base = base.and_then(|text| BaseUrl::parse(text).ok());
        ProviderRoute {
            segment: name.into(),
            provider: Provider::Settings(name.to_owned()),
            root: match base {
                Some(_) => None,
                None => built_in.and_then(|it| it.root),
            },
            version: base.and_then(|base| version_of(base.raw_path())),
        }
    }

    fn built_in(name: String, known: &'static CatalogueEntry) -> Self {
        ProviderRoute {
            segment: name.into(),
            provider: Provider::Named(known.name.to_owned()),
            root: known.root,
            version: None,
        }
    }

    /// Its host is that of a built-in provider.
    pub fn is_built_in(&self) -> bool {
        self.root.is_some()
    }

    fn without_version<'p>(&self, rest: &'p str) -> &'p str {
        let version = self.version.as_deref();
        let below = version.and_then(|version| rest.strip_prefix(version));
        below
            .filter(|below| below.is_empty() || below.starts_with('/'))
            .unwrap_or(rest)
    }
}

/// The last segment of a base URL's path, with its slash, if it is a version: `/v1`, `/v1beta`.
fn version_of(path: &str) -> Option<Box<str>> {
    let (_, last) = path.trim_end_matches('/').rsplit_once('/')?;
    let number = last.strip_prefix('v')?;
    let is_version = number.starts_with(|it: char| it.is_ascii_digit())
        && number.bytes().all(|it| it.is_ascii_alphanumeric());
    is_version.then(|| format!("/{last}").into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::route::config::parse_value;
    use serde_json::json;

    fn routes(providers: serde_json::Value) -> ProviderRoutes {
        let providers = providers.as_object().cloned().unwrap_or_default();
        let entries = providers.into_iter().map(|(name, value)| {
            let entry = parse_value(value, &name).expect("a provider");
            (name, Arc::new(entry))
        });
        ProviderRoutes::of(&entries.collect())
    }

    #[test]
    fn a_first_segment_names_a_provider_and_versions_are_not_doubled() {
        let routes = routes(json!({
            "mine": { "custom_host": "http://h/v1" },
            "deep": { "custom_host": "http://h/openai/v1beta/" },
            "flat": { "custom_host": "http://h/api" },
            "v1": { "custom_host": "http://h" },
            "openai": { "provider": "openai" },
            "azure-ai": { "provider": "azure_ai", "custom_host": "http://h/v1" },
        }));
        let settings = |name: &str| Provider::Settings(name.to_owned());
        let named = |name: &str| Provider::Named(name.to_owned());
        for (path, expected) in [
            ("/mine/v1/models", Some((settings("mine"), None, "/models"))),
            ("/mine/models", Some((settings("mine"), None, "/models"))),
            ("/mine/v1", Some((settings("mine"), None, ""))),
            ("/mine/v10/x", Some((settings("mine"), None, "/v10/x"))),
            ("/mine", Some((settings("mine"), None, ""))),
            ("/mine/v1/v1/x", Some((settings("mine"), None, "/v1/x"))),
            ("/deep/v1beta/x", Some((settings("deep"), None, "/x"))),
            ("/deep/v1/x", Some((settings("deep"), None, "/v1/x"))),
            ("/flat/api/x", Some((settings("flat"), None, "/api/x"))),
            (
                "/openai/v1/models",
                Some((
                    settings("openai"),
                    Some("https://api.openai.com"),
                    "/v1/models",
                )),
            ),
            ("/azure_ai/v1/x", Some((settings("azure-ai"), None, "/x"))),
            (
                "/google/v1beta/x",
                Some((
                    named("gemini"),
                    Some("https://generativelanguage.googleapis.com"),
                    "/v1beta/x",
                )),
            ),
            (
                "/x_ai/v1/x",
                Some((named("xai"), Some("https://api.x.ai"), "/v1/x")),
            ),
            ("/vllm/v1/x", Some((named("vllm"), None, "/v1/x"))),
            ("/v1/x", None),
            ("/gateway/x", None),
            ("/OpenAI/v1", None),
            ("/openai%2Fv1", None),
            ("/", None),
            ("*", None),
        ] {
            let found = routes.find(path);
            let found = found.map(|(route, rest)| (route.provider.clone(), route.root, rest));
            assert_eq!(found, expected, "{path}");
        }
    }
}
