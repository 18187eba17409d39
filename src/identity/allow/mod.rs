//! What a key or a team may use: `allow`. Every list that is given must permit the request; a list
//! that is left out permits everything. A request that has nothing of a list's kind is refused by
//! it: one without a model by `models`, one at no endpoint by `endpoints`.
//!
//! The facts come at three times, and so do the checks: when a request has arrived
//! ([`Allow::check_arrival`]), for each target of its plan ([`Allow::check_destination`]), and for
//! the model ([`Allow::check_model`]), which is read from the body only where
//! [`Allow::needs_model`] says so.

mod facts;
mod glob;
mod list;
mod patterns;
mod refusal;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

pub use self::{
    facts::{Arrival, Destination},
    list::{List, Pattern},
    patterns::{
        ClientNetwork, EndpointPath, HostPattern, MethodName, ModelPattern, ProviderPattern,
        RoutePattern,
    },
    refusal::{Denied, Owner, Refusal},
};

/// The lists. Equal ones may share their memory.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Allow {
    /// Hosts of targets.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hosts: Option<List<HostPattern>>,
    /// Providers of targets.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub providers: Option<List<ProviderPattern>>,
    /// Pass-through endpoints, by path.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub endpoints: Option<List<EndpointPath>>,
    /// Paths of requests.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub routes: Option<List<RoutePattern>>,
    /// Methods of requests.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub methods: Option<List<MethodName>>,
    /// Models that requests name, as the target gets them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub models: Option<List<ModelPattern>>,
    /// Addresses of clients.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_addresses: Option<List<ClientNetwork>>,
}

impl Allow {
    /// Route, method, endpoint and client's address.
    ///
    /// # Errors
    /// The first list that does not permit it.
    pub fn check_arrival(&self, arrival: &Arrival<'_>) -> Result<(), Denied> {
        let Arrival {
            method,
            path,
            endpoint,
            client,
        } = *arrival;
        check(&self.client_addresses, client, || {
            Denied::ClientAddress(client)
        })?;
        check(&self.routes, path, || Denied::Route(path.into()))?;
        check(&self.methods, method, || Denied::Method(method.into()))?;
        check(&self.endpoints, endpoint, || {
            Denied::Endpoint(endpoint.map(Into::into))
        })
    }

    /// Provider and host of one target.
    ///
    /// # Errors
    /// The first list that does not permit it.
    pub fn check_destination(&self, destination: &Destination<'_>) -> Result<(), Denied> {
        let denied_provider = || Denied::Provider(destination.provider().clone());
        check(&self.providers, destination, denied_provider)?;
        check(&self.hosts, destination.url, || Denied::Host)
    }

    /// Whether the model must be known, so that the body must be read.
    pub fn needs_model(&self) -> bool {
        self.models.is_some()
    }

    /// The model as one target gets it: after `override_params`, without a provider's prefix.
    /// Where a body names several, in repeated fields, each must be checked.
    ///
    /// # Errors
    /// `models` does not permit it, or there is no model.
    pub fn check_model(&self, model: Option<&str>) -> Result<(), Denied> {
        check(&self.models, model, || Denied::Model(model.map(Into::into)))
    }
}

fn check<P: Pattern>(
    list: &Option<List<P>>,
    fact: P::Fact<'_>,
    denied: impl FnOnce() -> Denied,
) -> Result<(), Denied> {
    match list.as_ref().is_none_or(|list| list.permits(fact)) {
        true => Ok(()),
        false => Err(denied()),
    }
}
