//! The settings file as it is written: every key optional, nothing filled in.
//! Shapes and single values are checked here; defaults and rules between keys in `settings`.

use std::collections::BTreeMap;
use std::mem::take;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::address::BaseText;
use super::document::Node;
use super::error::ConfigError;
use super::expand::{Lookup, expand};
use super::measure::{ByteSize, Delay, Period, Unlimited};
use super::name::{
    CredentialHeader, CredentialQuery, HostName, HostPort, IgnoredHeader, Origin, PathEnd, Via,
};
use super::objects::{self, Objects};
use super::tree::TreeError;
use super::value::{Count, Listen, Nameserver, Network, Workers};
use super::word::{AccessLog, GuardPreset, LogFormat, LogLevel, OnRedisFailure, Store};
use crate::egress::AllowEntry;
use crate::route::limit::Scoped;
use crate::route::object::CacheAsked;
use crate::secret::Secret;

/// The top level of the file. Its meaning is told in `reference`.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct File {
    pub listen: Option<Listen>,
    pub workers: Option<Workers>,
    pub guard: GuardSection,
    pub portkey: Option<bool>,
    pub allow_unauthenticated: Option<bool>,
    pub default_target: Option<BaseText>,
    pub providers: BTreeMap<String, serde_json::Value>,
    pub configs: BTreeMap<String, serde_json::Value>,
    pub default_config: Option<String>,
    /// `providers` and `configs`, once they are read.
    #[serde(skip)]
    pub objects: (Objects, Objects),
    limits: Vec<serde_json::Value>,
    pub limit_store: LimitStoreSection,
    pub cache: CacheSection,
    /// `limits`, once they are read.
    #[serde(skip)]
    pub checked_limits: Vec<Scoped>,
    pub trusted_proxies: Vec<Network>,
    pub hosts: Vec<HostName>,
    pub cors: CorsSection,
    pub admin_token: Option<Secret>,
    pub timeouts: TimeoutsSection,
    pub downstream: DownstreamSection,
    pub upstream: UpstreamSection,
    pub dns: DnsSection,
    pub drain: DrainSection,
    pub tls: Option<TlsSection>,
    pub via: Option<Via>,
    pub x_forwarded_for: Option<bool>,
    pub server_timing: Option<bool>,
    pub replay_limit: Option<ByteSize>,
    pub memory: MemorySection,
    pub log: LogSection,
    pub credentials: CredentialsSection,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GuardSection {
    pub preset: Option<GuardPreset>,
    pub allow: Vec<AllowEntry>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LimitStoreSection {
    pub store: Option<Store>,
    pub url: Option<Secret>,
    pub cluster: Option<bool>,
    pub timeout: Option<Period>,
    pub on_redis_failure: Option<OnRedisFailure>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CacheSection {
    pub store: Option<Store>,
    pub url: Option<Secret>,
    pub cluster: Option<bool>,
    pub timeout: Option<Period>,
    pub max_bytes: Option<ByteSize>,
    pub paths: Vec<PathEnd>,
    pub ignore_headers: Vec<IgnoredHeader>,
    default: Option<serde_json::Value>,
    /// `default`, once it is read.
    #[serde(skip)]
    pub asked: Option<CacheAsked>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CorsSection {
    pub origins: Vec<Origin>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TimeoutsSection {
    pub connect: Option<Period>,
    pub head: Option<Period>,
    pub idle: Option<Period>,
    pub total: Option<Unlimited<Period>>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DownstreamSection {
    pub head: Option<Period>,
    pub body_idle: Option<Period>,
    pub write_stall: Option<Period>,
    pub keep_alive: Option<Delay>,
    pub max_connections: Option<Count>,
    pub max_requests: Option<Count>,
    pub max_body: Option<Unlimited<ByteSize>>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MemorySection {
    pub bodies: Option<ByteSize>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct UpstreamSection {
    pub keepalive: Option<Delay>,
    pub max_idle_per_host: Option<Count>,
    pub tls: Vec<UpstreamTlsSection>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UpstreamTlsSection {
    pub host: HostPort,
    pub ca_file: Option<PathBuf>,
    pub client_cert: Option<PathBuf>,
    pub client_key: Option<PathBuf>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DnsSection {
    pub servers: Vec<Nameserver>,
    pub timeout: Option<Period>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DrainSection {
    pub delay: Option<Delay>,
    pub budget: Option<Delay>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TlsSection {
    pub cert: PathBuf,
    pub key: PathBuf,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LogSection {
    pub level: Option<LogLevel>,
    pub format: Option<LogFormat>,
    pub access: Option<AccessLog>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CredentialsSection {
    pub headers: Vec<CredentialHeader>,
    pub query: Vec<CredentialQuery>,
}

impl File {
    /// Reads the file at `path`.
    ///
    /// # Errors
    /// The file cannot be read, or see [`File::parse`].
    pub fn read(path: &Path, lookup: &mut Lookup<'_>) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(path).map_err(|source| ConfigError::Unreadable {
            file: path.to_owned(),
            source,
        })?;
        Self::parse(&text, path, lookup)
    }

    /// Reads a file's text, with variables from `lookup`; `path` is for messages.
    ///
    /// # Errors
    /// Bad YAML, an unset variable, an unknown key or a value of the wrong kind, with its place.
    pub fn parse(text: &str, path: &Path, lookup: &mut Lookup<'_>) -> Result<Self, ConfigError> {
        let mut root = Node::parse(text).map_err(|error| ConfigError::syntax(path, error))?;
        expand(&mut root, lookup).map_err(|error| ConfigError::variable(path, error))?;
        Self::of(&root).map_err(|error| ConfigError::tree(path, error))
    }

    fn of(root: &Node) -> Result<Self, TreeError> {
        let mut file = Self::deserialize(root)?;
        let providers = Objects::read("providers", take(&mut file.providers), root)?;
        let configs = Objects::read("configs", take(&mut file.configs), root)?;
        file.objects = (providers, configs);
        file.cache.asked = objects::cache(file.cache.default.take(), root)?;
        file.checked_limits = objects::limits(&take(&mut file.limits), root)?;
        Ok(file)
    }
}
