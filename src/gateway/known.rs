//! Where may requests go by the settings? The parts of the settings from which plans are made.

use std::{collections::BTreeMap, sync::Arc};

use actix_http::header::HeaderName;

use super::provider_routes::ProviderRoutes;
use crate::{
    config::{self, Settings, Timeouts},
    endpoint::Table,
    guard::BaseUrl,
    http::credential,
    route::{
        config_types::{CacheAsked, Entry},
        policy::HeaderEdit,
    },
};

/// What the settings say about where requests may go.
pub struct Known {
    pub providers: BTreeMap<String, Arc<Entry>>,
    pub configs: BTreeMap<String, Arc<Entry>>,
    pub endpoints: Arc<Table>,
    pub provider_routes: ProviderRoutes,
    pub default_config: Option<String>,
    pub default_target: Option<String>,
    pub timeouts: Timeouts,
    pub credentials: CredentialNames,
    pub cache: Option<CacheAsked>,
}

impl Known {
    pub fn of(settings: &Settings) -> Self {
        Known {
            providers: settings.providers.entries().clone(),
            configs: settings.configs.entries().clone(),
            endpoints: settings.endpoints.clone(),
            provider_routes: ProviderRoutes::of(settings.providers.entries()),
            default_config: settings.default_config.clone(),
            default_target: settings.default_target.as_ref().map(BaseUrl::to_text),
            timeouts: settings.timeouts.clone(),
            credentials: CredentialNames::new(&settings.credentials),
            cache: settings.cache.default.clone(),
        }
    }

    /// The provider of the settings that a `model` names as `@name/...`. Any other `@` belongs to
    /// the name of the model.
    pub fn provider_of<'m>(&self, model: &'m str) -> Option<&'m str> {
        let (name, _) = model.strip_prefix('@')?.split_once('/')?;
        self.providers.contains_key(name).then_some(name)
    }
}

/// The names under which credentials travel.
#[derive(Clone, Debug)]
pub struct CredentialNames {
    pub headers: Box<[HeaderName]>,
    /// Query parameters.
    pub query: Box<[Box<str>]>,
}

impl CredentialNames {
    /// The built-in names and those of the settings.
    pub fn new(more: &config::CredentialNames) -> Self {
        let headers = more.headers.iter().cloned();
        let query = credential::QUERY
            .into_iter()
            .chain(more.query.iter().map(String::as_str));
        CredentialNames {
            headers: credential::HEADERS.into_iter().chain(headers).collect(),
            query: query.map(Into::into).collect(),
        }
    }

    /// The edit sets a line that carries a credential.
    pub fn is_set_by(&self, (name, value): &HeaderEdit) -> bool {
        value.is_some() && self.headers.contains(name)
    }
}
