//! Pass-through endpoints: a path of the gateway that stands for a target of the operator's. What
//! an operator may write of one (`document`), and which of them a request's path means (`table`).

mod document;
mod hosts;
mod query;
mod table;
mod usage;

use std::{fmt, sync::Arc};

use serde_json::Value;

pub use self::{
    document::name_of,
    hosts::hosts_of,
    table::{Lookup, Match, Overlap, Table},
    usage::UsagePlaces,
};
use crate::{
    identity::{
        allow::{EndpointPath, List, MethodName},
        document::FieldError,
    },
    money::Usd,
    route::{config_types::Entry, policy::ForwardHeaders},
};

/// One endpoint. Cannot be printed: it holds credentials.
#[derive(Clone)]
pub struct Endpoint {
    pub path: EndpointPath,
    /// The path that follows is the target's, too.
    pub include_subpath: bool,
    /// `None`: every method.
    methods: Option<List<MethodName>>,
    /// Whether requests need a gateway key where others do.
    pub auth: bool,
    /// One that is off keeps its path and responds with 404.
    pub enabled: bool,
    pub forward_headers: ForwardHeaders,
    /// The target with its own query, its credential and the lines that are set: all that the
    /// operator says of the host.
    pub target: Arc<Entry>,
    /// The config object of requests to it.
    pub config: Option<OwnConfig>,
    /// What one request costs, where the upstream does not say.
    pub cost_per_request: Option<Usd>,
    /// Where responses have their usage, where the dialect is unknown.
    pub usage: Option<Arc<UsagePlaces>>,
    /// As it was written, for comparison.
    written: Value,
}

/// `config` of an endpoint.
#[derive(Clone)]
pub enum OwnConfig {
    Inline(Arc<Entry>),
    /// The name of a config of the settings.
    Saved(Box<str>),
}

impl Endpoint {
    /// Reads what an operator wrote.
    ///
    /// # Errors
    /// The first problem, with the path of its field.
    pub fn read(document: &Value) -> Result<Self, FieldError> {
        document::read(document)
    }

    /// Whether requests of this method are for it.
    pub fn serves(&self, method: &str) -> bool {
        let methods = self.methods.as_ref();
        methods.is_none_or(|methods| methods.permits(method))
    }

    /// The methods, for `Allow`; `None`: every method.
    pub fn methods(&self) -> Option<impl Iterator<Item = &str>> {
        let methods = self.methods.as_ref()?;
        Some(methods.iter().map(MethodName::as_str))
    }

    /// The name of its saved config, if it has one.
    pub fn saved_config(&self) -> Option<&str> {
        match self.config.as_ref()? {
            OwnConfig::Saved(name) => Some(name),
            OwnConfig::Inline(_) => None,
        }
    }

    /// Path and methods, by which people know it.
    pub fn name(&self) -> String {
        name(&self.path, self.methods.as_ref())
    }

    /// As the operator wrote it, with its secrets: not to be shown.
    pub fn written(&self) -> &Value {
        &self.written
    }
}

fn name(path: &EndpointPath, methods: Option<&List<MethodName>>) -> String {
    match methods {
        None => path.as_str().to_owned(),
        Some(methods) => {
            let methods: Vec<_> = methods.iter().map(MethodName::as_str).collect();
            format!("{} [{}]", path.as_str(), methods.join(", "))
        }
    }
}

impl PartialEq for Endpoint {
    fn eq(&self, other: &Self) -> bool {
        self.written == other.written
    }
}

impl Eq for Endpoint {}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Endpoint({})", self.name())
    }
}
