//! Reads one endpoint as an operator writes it.

use std::{collections::BTreeMap, sync::Arc};

use actix_http::header::HeaderName;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{
    Endpoint, OwnConfig,
    query::{self, Values},
    table::MOST_SEGMENTS,
    usage::UsagePlaces,
};
use crate::{
    guard::BaseUrl,
    identity::{
        allow::{EndpointPath, List, MethodName},
        document::{self, FieldError},
    },
    money::Usd,
    route::{
        config::{ConfigObjectError, parse_value},
        config_types::Entry,
        policy::ForwardHeaders,
    },
};

/// The fields, but for what other readers read.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    path: EndpointPath,
    #[serde(default)]
    target: Option<String>,
    #[serde(default = "yes")]
    include_subpath: bool,
    #[serde(default)]
    methods: Option<List<MethodName>>,
    #[serde(default)]
    credential: Option<Value>,
    #[serde(default)]
    headers: Option<Value>,
    #[serde(default)]
    forward_headers: Option<Value>,
    #[serde(default)]
    query: BTreeMap<String, Values>,
    #[serde(default = "yes")]
    auth: bool,
    #[serde(default)]
    config: Option<Value>,
    #[serde(default)]
    cost_per_request: Option<Usd>,
    #[serde(default)]
    usage: Option<UsagePlaces>,
    #[serde(default = "yes")]
    enabled: bool,
}

fn yes() -> bool {
    true
}

pub fn read(document: &Value) -> Result<Endpoint, FieldError> {
    let written: Written = document::read(document)?;
    check_path(written.path.as_str())?;
    let config = written.config.map(config).transpose()?;
    let parts = [
        ("credential", written.credential),
        ("headers", written.headers),
    ];
    let target = target(written.target, parts, &written.query)?;
    check_used(&target, config.as_ref())?;
    Ok(Endpoint {
        path: written.path,
        include_subpath: written.include_subpath,
        methods: written.methods,
        auth: written.auth,
        enabled: written.enabled,
        forward_headers: forward_headers(written.forward_headers)?,
        target: Arc::new(target),
        config,
        cost_per_request: written.cost_per_request,
        usage: written.usage.map(Arc::new),
        written: document.clone(),
    })
}

/// What the name of an endpoint is made of.
#[derive(Deserialize)]
struct Named {
    path: EndpointPath,
    #[serde(default)]
    methods: Option<List<MethodName>>,
}

/// The name of an endpoint by its document, of which nothing else is read.
///
/// # Errors
/// Path or methods cannot be used.
pub fn name_of(document: &Value) -> Result<String, FieldError> {
    let named: Named = document::read(document)?;
    Ok(super::name(&named.path, named.methods.as_ref()))
}

/// A path that requests can have and that nothing else of the gateway's has.
fn check_path(path: &str) -> Result<(), FieldError> {
    let refuse = |reason: &str| Err(FieldError::new("path", reason));
    let mut segments = path.split('/').skip(1);
    if segments.clone().any(str::is_empty) {
        return refuse("must have no empty segment, and no slash at its end");
    }
    if segments.clone().count() > MOST_SEGMENTS {
        return refuse(&format!("must have at most {MOST_SEGMENTS} segments"));
    }
    match (segments.next(), segments.next()) {
        (Some("gateway"), _) => refuse("is under /gateway, where the gateway's own pages are"),
        (Some("v1"), None) => refuse(
            "is /v1, where the unified routes are: a path below it, such as /v1/rerank, is \
             possible",
        ),
        _ => Ok(()),
    }
}

/// The host with all that the operator says of it.
fn target(
    target: Option<String>,
    parts: [(&str, Option<Value>); 2],
    query: &BTreeMap<String, Values>,
) -> Result<Entry, FieldError> {
    let given = parts.into_iter();
    let given = given.filter_map(|(name, value)| Some((name.to_owned(), value?)));
    let parts: Map<String, Value> = given.collect();
    let entry = parse_value(Value::Object(parts), "").map_err(field)?;
    let custom_host = match target {
        None => None,
        Some(text) => {
            let refuse = |reason: String| FieldError::new("target", reason);
            BaseUrl::parse(&text).map_err(|error| refuse(format!("cannot be used: {error}")))?;
            Some(query::appended(&text, query).into())
        }
    };
    Ok(Entry {
        custom_host,
        ..entry
    })
}

fn config(written: Value) -> Result<OwnConfig, FieldError> {
    match written {
        Value::String(name) => Ok(OwnConfig::Saved(name.into())),
        written => {
            let entry = parse_value(written, "config").map_err(field)?;
            Ok(OwnConfig::Inline(Arc::new(entry)))
        }
    }
}

/// Every request must have a target, and a target that no request could have is a mistake.
fn check_used(target: &Entry, config: Option<&OwnConfig>) -> Result<(), FieldError> {
    let own = match config {
        None => Some(&*EMPTY),
        Some(OwnConfig::Inline(entry)) => Some(&**entry),
        // Checked with the settings, which have it.
        Some(OwnConfig::Saved(_)) => None,
    };
    match (own, &target.custom_host) {
        (None, _) => Ok(()),
        (Some(own), None) if !own.names_every_target() => Err(FieldError::new(
            "target",
            "is missing: the base URL that the path stands for, such as https://api.example.com",
        )),
        (Some(own), Some(_)) if own.names_every_target() => Err(FieldError::new(
            "config",
            "names a host or provider for every target, so that none is the endpoint's own: leave \
             out provider and custom_host of one, or leave out `target`",
        )),
        (Some(_), Some(_) | None) => Ok(()),
    }
}

static EMPTY: std::sync::LazyLock<Entry> = std::sync::LazyLock::new(Entry::default);

/// `true`, `false` or a list of names.
fn forward_headers(written: Option<Value>) -> Result<ForwardHeaders, FieldError> {
    let refuse = |path: String| {
        let reason = "must be true, false, or a list of header names";
        FieldError::new(path, reason)
    };
    match written {
        None | Some(Value::Bool(true)) => Ok(ForwardHeaders::All),
        Some(Value::Bool(false)) => Ok(ForwardHeaders::Only(Box::default())),
        Some(Value::Array(names)) => {
            let name = |(place, name): (usize, &Value)| {
                let name = name.as_str().and_then(|it| HeaderName::try_from(it).ok());
                name.ok_or_else(|| refuse(format!("forward_headers[{place}]")))
            };
            let names = names.iter().enumerate().map(name).collect::<Result<_, _>>();
            names.map(ForwardHeaders::Only)
        }
        Some(_) => Err(refuse("forward_headers".to_owned())),
    }
}

fn field(error: ConfigObjectError) -> FieldError {
    FieldError::new(error.path.trim_start_matches('.'), error.reason)
}
