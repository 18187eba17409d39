//! Parses `credential`: one scheme with what it needs. Callers cannot give it.

use std::sync::Arc;

use serde_json::Value;

use super::{
    ConfigObjectError,
    fields::Section,
    object::{At, Object},
    values::{Params, header_name},
};
use crate::{
    credential::{
        Credential, Scheme,
        aws::Signer,
        google::{Account, METADATA_HOST, ServiceAccount, Source},
        lines::HeaderLine,
        query::QueryParams,
    },
    secret::Secret,
};

type Parsed<T> = Result<T, ConfigObjectError>;

/// The most headers, parameters or scopes of one credential.
const MOST_PARTS: usize = 16;
const NOT_ASCII: &str = "must consist of visible ASCII characters";
const ONE_SCHEME: &str =
    "needs exactly one scheme: bearer, header, query, basic, aws_sigv4 or google";

/// The `credential` of a target.
pub fn of_target(at: &At<'_>, target: &Object<'_>, params: Params) -> Parsed<Arc<Credential>> {
    match params {
        Params::Values => {}
        Params::Texts => {
            return at.refuse(
                "may be given in the gateway's settings only: use api_key, with auth if it goes \
                 elsewhere than in Authorization",
            );
        }
    }
    if let Some(other) = ["api_key", "auth"]
        .into_iter()
        .find(|key| target.get(key).is_some())
    {
        return at.refuse(format!(
            "does not go with {other}: leave out one of the two"
        ));
    }
    read(at).map(Arc::new)
}

pub fn read(at: &At<'_>) -> Parsed<Credential> {
    let object = at.object(Section::Credential)?;
    let names = Section::Credential.names();
    let mut given = names
        .into_iter()
        .filter_map(|name| Some((name, object.get(name)?)));
    let (Some((name, scheme)), None) = (given.next(), given.next()) else {
        return at.refuse(ONE_SCHEME);
    };
    let scheme = match name {
        "bearer" => bearer(&scheme)?,
        "header" => lines(&scheme)?,
        "query" => query(&scheme)?,
        "basic" => basic(&scheme)?,
        "aws_sigv4" => aws_sigv4(&scheme)?,
        "google" => google(&scheme)?,
        _ => return at.refuse(ONE_SCHEME),
    };
    Ok(Credential::new(scheme))
}

fn bearer(at: &At<'_>) -> Parsed<Scheme> {
    match HeaderLine::bearer(&at.secret()?) {
        Some(line) => Ok(Scheme::Lines([line].into())),
        None => at.refuse(NOT_ASCII),
    }
}

/// The values of an object of names and texts, each with its name.
fn parts<'v>(at: &At<'v>, what: &str) -> Parsed<Vec<(&'v str, At<'v>)>> {
    let map = at.map()?;
    if !(1..=MOST_PARTS).contains(&map.len()) {
        return at.refuse(format!(
            "needs 1 to {MOST_PARTS} {what}, each with its value"
        ));
    }
    let part = |(name, value): (&'v String, &'v Value)| {
        let path = format!("{}.{name}", at.path);
        (name.as_str(), At { value, path })
    };
    Ok(map.iter().map(part).collect())
}

fn lines(at: &At<'_>) -> Parsed<Scheme> {
    let mut lines: Vec<HeaderLine> = Vec::new();
    for (name, at) in parts(at, "headers")? {
        let name = header_name(name, &at)?;
        if lines.iter().any(|line| *line.name() == name) {
            return at.refuse("names a header that is given twice");
        }
        match HeaderLine::new(name, at.secret()?.expose()) {
            Some(line) => lines.push(line),
            None => return at.refuse(NOT_ASCII),
        }
    }
    Ok(Scheme::Lines(lines.into()))
}

fn query(at: &At<'_>) -> Parsed<Scheme> {
    let mut params = Vec::new();
    for (name, at) in parts(at, "parameters")? {
        if name.is_empty() {
            return at.refuse("has no name");
        }
        params.push((name, Secret::new(at.text()?)));
    }
    let params = params.iter().map(|(name, value)| (*name, value));
    Ok(Scheme::Query(QueryParams::new(params)))
}

/// The value of a key that must be given.
fn needed<'v>(at: &At<'v>, object: &Object<'v>, name: &'static str) -> Parsed<At<'v>> {
    match object.get(name) {
        Some(value) => Ok(value),
        None => at.refuse(format!("needs {name}")),
    }
}

fn basic(at: &At<'_>) -> Parsed<Scheme> {
    let object = at.object(Section::Basic)?;
    let user = needed(at, &object, "user")?;
    if user.text()?.contains(':') {
        return user.refuse("must have no colon");
    }
    let password = needed(at, &object, "password")?;
    let Some(text) = password.value.as_str() else {
        return password.refuse("must be a text");
    };
    match HeaderLine::basic(&Secret::new(user.text()?), &Secret::new(text)) {
        Some(line) => Ok(Scheme::Lines([line].into())),
        None => at.refuse(NOT_ASCII),
    }
}

fn aws_sigv4(at: &At<'_>) -> Parsed<Scheme> {
    let object = at.object(Section::AwsSigV4)?;
    Ok(Scheme::Signature(Signer {
        access_key_id: needed(at, &object, "access_key_id")?.secret()?,
        secret_access_key: needed(at, &object, "secret_access_key")?.secret()?,
        session_token: object.read_as("session_token", At::secret)?,
        region: word(&needed(at, &object, "region")?)?,
        service: word(&needed(at, &object, "service")?)?,
    }))
}

/// The name of a region or a service. Never a secret: a value that is none is not repeated.
fn word(at: &At<'_>) -> Parsed<Box<str>> {
    let text = at.text()?;
    let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    match text.len() <= 64 && text.bytes().all(fits) {
        true => Ok(text.into()),
        false => at.refuse("must be of a-z, 0-9 and -, as in AWS's own documentation"),
    }
}

fn google(at: &At<'_>) -> Parsed<Scheme> {
    let object = at.object(Section::Google)?;
    let (account, server) = (object.get("service_account"), object.get("metadata_server"));
    let source = match (account, server) {
        (Some(at), None) => Source::ServiceAccount(Box::new(service_account(&at)?)),
        (None, Some(at)) => Source::MetadataServer(metadata_server(&at)?),
        (None, None) | (Some(_), Some(_)) => {
            return at.refuse("needs service_account or metadata_server, and not both");
        }
    };
    let scopes = object.read_as("scopes", scopes)?.unwrap_or_default();
    Ok(Scheme::Token(Account::new(source, &scopes)))
}

fn service_account(at: &At<'_>) -> Parsed<ServiceAccount> {
    let json = match at.value {
        Value::String(text) if text.trim_start().starts_with('{') => {
            let json = serde_json::from_str(text);
            json.or_else(|_| at.refuse("is not JSON that can be read"))?
        }
        Value::Object(_) => at.value.clone(),
        _ => {
            return at.refuse(
                "must be the path of a service account's key file (in the settings file only), \
                 or the JSON in it",
            );
        }
    };
    ServiceAccount::read(json).or_else(|reason| at.refuse(reason))
}

fn metadata_server(at: &At<'_>) -> Parsed<Box<str>> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b".-:[]".contains(&byte);
    match at.value {
        Value::Bool(true) => Ok(METADATA_HOST.into()),
        Value::String(host) if !host.is_empty() && host.bytes().all(fits) => {
            Ok(host.as_str().into())
        }
        _ => at.refuse("must be true, or the metadata server's host with or without a port"),
    }
}

fn scopes<'v>(at: &At<'v>) -> Parsed<Vec<&'v str>> {
    let items = at.items()?;
    if !(1..=MOST_PARTS).contains(&items.len()) {
        return at.refuse(format!("needs 1 to {MOST_PARTS} scopes"));
    }
    let scope = |at: &At<'v>| {
        let text = at.text()?;
        let fits = |byte: u8| byte.is_ascii_graphic() && !b"\"\\,".contains(&byte);
        match text.bytes().all(fits) {
            true => Ok(text),
            false => at.refuse("must be a scope, such as https://www.googleapis.com/auth/..."),
        }
    };
    items.iter().map(scope).collect()
}
