//! Seals the secrets of a stored endpoint, opens them, and puts in what references name.

use actix_http::header::HeaderName;
use serde_json::Value;

use super::{
    Basis,
    hosts::hosts,
    texts::{self, Found, Use, plain},
};
use crate::{
    http::credential,
    identity::document::FieldError,
    secret::Secret,
    store::{Kind, SealedPlace, is_sealed},
};

const ELSEWHERE: &str = "may not refer to a secret: `${NAME}` stands in `credential`, `headers` \
                         and `api_key` only";
const MALFORMED: &str = "refers to a secret as ${NAME}, which is the whole value or follows one \
                         word, as in `Bearer ${NAME}`";
const NO_SECRET_KEY: &str = "is a secret, and the settings have no `secret_key` to seal it with: \
                             set one, or put the secret under `secrets` and write ${NAME} here";

impl Basis<'_> {
    /// The document as a settings file would have it: secrets opened, references replaced.
    ///
    /// # Errors
    /// A value cannot be opened, or a reference names nothing.
    pub(super) fn opened(&self, id: &str, document: &Value) -> Result<Value, FieldError> {
        let mut document = document.clone();
        let mut open = |found: &Found<'_>, value: &mut Value| {
            if is_sealed(value) {
                *value = self.open(id, found, value)?;
            } else if let Some(text) = value.as_str().filter(|text| text.contains("${")) {
                *value = self.referred(found, text)?.into();
            }
            Ok(())
        };
        texts::each(&mut document, self.headers(), &mut open)?;
        Ok(document)
    }

    fn open(&self, id: &str, found: &Found<'_>, value: &Value) -> Result<Value, FieldError> {
        let refuse = |reason: String| FieldError::new(found.path, reason);
        let Some(keys) = self.keys else {
            return Err(refuse("is sealed, and there is no `secret_key`".to_owned()));
        };
        let opened = keys.open(place(id, found.pointer), value);
        let secret = opened.map_err(|error| refuse(format!("cannot be opened: {error}")))?;
        Ok(secret.expose().into())
    }

    /// The text that refers to a secret, with the secret in it.
    fn referred(&self, found: &Found<'_>, text: &str) -> Result<String, FieldError> {
        let refuse = |reason: String| Err(FieldError::new(found.path, reason));
        if found.usage == Use::Plain {
            return refuse(ELSEWHERE.to_owned());
        }
        let Some((before, name)) = reference(text) else {
            return refuse(MALFORMED.to_owned());
        };
        match self.settings.secrets.get(name) {
            Some(secret) => Ok(format!("{before}{}", secret.expose())),
            None => refuse(format!(
                "refers to the secret {name}, which is not under `secrets` in the settings"
            )),
        }
    }

    /// Seals what is secret and not sealed yet.
    ///
    /// # Errors
    /// There is no key to seal with.
    pub(super) fn seal(&self, id: &str, document: &mut Value) -> Result<(), FieldError> {
        let mut seal = |found: &Found<'_>, value: &mut Value| {
            let text = value.as_str().filter(|text| !text.contains("${"));
            let (Use::Secret, Some(text)) = (found.usage, text) else {
                return Ok(());
            };
            let refuse = |reason: String| FieldError::new(found.path, reason);
            let keys = self.keys.ok_or_else(|| refuse(NO_SECRET_KEY.to_owned()))?;
            let sealed = keys.seal(place(id, found.pointer), &Secret::new(text));
            *value = sealed.map_err(|error| refuse(format!("cannot be sealed: {error}")))?;
            Ok(())
        };
        texts::each(document, self.headers(), &mut seal)
    }

    /// Refuses credentials where everybody who may read the endpoint would see them.
    ///
    /// # Errors
    /// The first such place.
    pub(super) fn check_shown(&self, document: &Value) -> Result<(), FieldError> {
        let refuse = |path: &str| {
            let reason = "has a parameter that carries a credential: give it as credential.query";
            Err(FieldError::new(path, reason))
        };
        let own = &self.settings.credentials.query;
        let carries =
            |name: &str| credential::QUERY.contains(&name) || own.iter().any(|it| it == name);
        let query = document.get("query").and_then(Value::as_object);
        if let Some(name) = query.and_then(|query| query.keys().find(|name| carries(name))) {
            return refuse(&format!("query.{name}"));
        }
        for host in hosts(document) {
            let (_, query) = host.text.split_once('?').unwrap_or_default();
            let mut names = query.split('&').filter_map(|part| part.split('=').next());
            if names.any(carries) {
                return refuse(&host.path);
            }
        }
        Ok(())
    }

    fn headers(&self) -> &[HeaderName] {
        &self.settings.credentials.headers
    }
}

/// Hides the values of a document of the settings, where the texts of secrets stand as they are.
pub fn hide(document: &mut Value, headers: &[HeaderName]) {
    let mut hide = |found: &Found<'_>, value: &mut Value| {
        match found.usage {
            Use::Secret | Use::Line => *value = "(hidden)".into(),
            Use::Plain => {}
        }
        Ok(())
    };
    // `hide` has no error.
    let _ = texts::each(document, headers, &mut hide);
    hide_values(document.get_mut("query"));
    hide_others(document);
}

fn hide_values(fields: Option<&mut Value>) {
    let fields = fields.and_then(Value::as_object_mut);
    let values = fields.into_iter().flat_map(|it| it.values_mut());
    values.for_each(|it| *it = "(hidden)".into());
}

/// Hides queries of hosts and values for bodies, which may hold anything.
fn hide_others(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                match (plain(name).as_str(), value) {
                    ("target" | "customhost", Value::String(text)) => {
                        let end = text.find('?').unwrap_or(text.len());
                        text.truncate(end);
                    }
                    ("overrideparams", value) => hide_values(Some(value)),
                    (_, value) => hide_others(value),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(hide_others),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn place<'a>(id: &'a str, pointer: &'a str) -> SealedPlace<'a> {
    let kind = Kind::Endpoint;
    SealedPlace { kind, id, pointer }
}

/// What stands before a reference, and the name in it.
fn reference(text: &str) -> Option<(&str, &str)> {
    let (before, rest) = text.split_once("${")?;
    let name = rest.strip_suffix('}')?;
    let is_word = |it: &str| {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        !it.is_empty() && it.bytes().all(fits)
    };
    let is_name = name
        .bytes()
        .all(|it| it.is_ascii_alphanumeric() || it == b'_');
    let is_scheme = before.is_empty() || before.strip_suffix(' ').is_some_and(is_word);
    (is_name && !name.is_empty() && is_scheme).then_some((before, name))
}

/// Refuses the tokens of this machine's own account: they belong to whoever runs the machine, as
/// the environment does, and whoever may make endpoints could send them anywhere.
///
/// # Errors
/// The path of `metadata_server`.
pub fn check_accounts(value: &Value, path: &str) -> Result<(), FieldError> {
    match value {
        Value::Object(fields) => fields.iter().try_for_each(|(name, value)| {
            let dot = if path.is_empty() { "" } else { "." };
            let here = format!("{path}{dot}{name}");
            match plain(name).as_str() {
                "metadataserver" if path.ends_with("google") && !value.is_null() => {
                    let reason = "is for the settings file only: give a service_account here";
                    Err(FieldError::new(here, reason))
                }
                "overrideparams" => Ok(()),
                _ => check_accounts(value, &here),
            }
        }),
        Value::Array(items) => {
            let mut items = items.iter().enumerate();
            items.try_for_each(|(place, item)| check_accounts(item, &format!("{path}[{place}]")))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_is_the_whole_value_or_follows_one_word() {
        for (text, expected) in [
            ("${KEY}", Some(("", "KEY"))),
            ("Bearer ${KEY}", Some(("Bearer ", "KEY"))),
            ("AWS4-X ${K_1}", Some(("AWS4-X ", "K_1"))),
            ("sk-${KEY}", None),
            ("two words ${KEY}", None),
            ("${KEY}${KEY}", None),
            ("${KEY} ", None),
            ("${}", None),
            ("${a b}", None),
            ("$${KEY}", None),
            ("${KEY", None),
            ("plain", None),
        ] {
            assert_eq!(reference(text), expected, "{text}");
        }
    }
}
