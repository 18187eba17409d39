//! Which texts in the document of a stored endpoint are secrets, which may refer to one, and which
//! are neither? One walk, by which secrets are sealed, opened and hidden.

use actix_http::header::HeaderName;
use serde_json::Value;

use crate::{http::credential, identity::document::FieldError, store::is_sealed};

/// What a text may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    /// A secret, or a reference to one.
    Secret,
    /// A line that carries no credential, or a reference.
    Line,
    /// Neither a secret nor a reference.
    Plain,
}

/// A text or a sealed value, and where it stands.
pub struct Found<'a> {
    /// JSON pointer (RFC 6901).
    pub pointer: &'a str,
    /// As errors name it: `config.targets[1].api_key`.
    pub path: &'a str,
    pub usage: Use,
}

type Visit<'v> = dyn FnMut(&Found<'_>, &mut Value) -> Result<(), FieldError> + 'v;

/// Visits every text and every sealed value. The JSON of a service account becomes one text first.
///
/// # Errors
/// The first of `visit`.
pub fn each(
    document: &mut Value,
    headers: &[HeaderName],
    visit: &mut Visit<'_>,
) -> Result<(), FieldError> {
    let here = Here::default();
    Walk { headers, visit }.walk(document, &here, Section::Target)
}

/// A key without regard to its spelling: config objects take `api_key` and `apiKey`.
pub fn plain(key: &str) -> String {
    key.replace('_', "").to_ascii_lowercase()
}

/// Which part of the document it is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Section {
    Target,
    Credential,
    Signature,
    Google,
    ServiceAccount,
    Secret,
    Headers,
    Line,
    Plain,
    /// Values for the body of requests, which the gateway does not read.
    Opaque,
}

impl Section {
    fn inside(self, key: &str, headers: &[HeaderName]) -> Self {
        match (self, plain(key).as_str()) {
            (Section::Target, "credential") => Section::Credential,
            (Section::Target, "apikey") => Section::Secret,
            (Section::Target, "headers") => Section::Headers,
            (Section::Target, "overrideparams") => Section::Opaque,
            (Section::Target, _) => Section::Target,
            (Section::Credential, "awssigv4") => Section::Signature,
            (Section::Credential, "google") => Section::Google,
            (Section::Signature, "region" | "service") => Section::Plain,
            (Section::Google, "scopes" | "metadataserver") => Section::Plain,
            (Section::Google, "serviceaccount") => Section::ServiceAccount,
            (Section::Headers, _) if carries_credential(key, headers) => Section::Secret,
            (Section::Headers, _) => Section::Line,
            (Section::Credential | Section::Signature | Section::Google, _) => Section::Secret,
            (
                Section::ServiceAccount
                | Section::Secret
                | Section::Line
                | Section::Plain
                | Section::Opaque,
                _,
            ) => self,
        }
    }

    fn usage(self) -> Use {
        match self {
            Section::Credential
            | Section::Signature
            | Section::Google
            | Section::ServiceAccount
            | Section::Secret => Use::Secret,
            Section::Headers | Section::Line => Use::Line,
            Section::Target | Section::Plain | Section::Opaque => Use::Plain,
        }
    }
}

fn carries_credential(name: &str, more: &[HeaderName]) -> bool {
    let is_it = |it: &HeaderName| it.as_str().eq_ignore_ascii_case(name);
    credential::HEADERS.iter().any(is_it) || more.iter().any(is_it)
}

#[derive(Default)]
struct Here {
    pointer: String,
    path: String,
}

impl Here {
    fn field(&self, name: &str) -> Self {
        let escaped = name.replace('~', "~0").replace('/', "~1");
        let dot = if self.path.is_empty() { "" } else { "." };
        Here {
            pointer: format!("{}/{escaped}", self.pointer),
            path: format!("{}{dot}{name}", self.path),
        }
    }

    fn item(&self, place: usize) -> Self {
        Here {
            pointer: format!("{}/{place}", self.pointer),
            path: format!("{}[{place}]", self.path),
        }
    }
}

struct Walk<'w, 'v> {
    headers: &'w [HeaderName],
    visit: &'w mut Visit<'v>,
}

impl Walk<'_, '_> {
    fn walk(&mut self, value: &mut Value, at: &Here, section: Section) -> Result<(), FieldError> {
        if section == Section::Opaque {
            return Ok(());
        }
        if section == Section::ServiceAccount && value.is_object() && !is_sealed(value) {
            *value = Value::String(value.to_string());
        }
        if value.is_string() || is_sealed(value) {
            let found = Found {
                pointer: &at.pointer,
                path: &at.path,
                usage: section.usage(),
            };
            return (self.visit)(&found, value);
        }
        match value {
            Value::Array(items) => {
                let mut items = items.iter_mut().enumerate();
                items.try_for_each(|(place, item)| self.walk(item, &at.item(place), section))
            }
            Value::Object(fields) => fields.iter_mut().try_for_each(|(name, value)| {
                let inside = section.inside(name, self.headers);
                self.walk(value, &at.field(name), inside)
            }),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_place_of_a_secret_is_known() {
        let mut document = json!({
            "path": "/p",
            "target": "t",
            "credential": {
                "bearer": "s", "header": { "region": "s" }, "query": { "k": "s" },
                "basic": { "user": "s", "password": "s" },
                "aws_sigv4": { "access_key_id": "s", "region": "p", "service": "p" },
                "google": { "service_account": { "private_key": "s" }, "scopes": ["p"] },
            },
            "headers": { "X-Api-Key": "s", "x-own": "s", "accept": "l" },
            "config": {
                "apiKey": "s",
                "override_params": { "api_key": "never visited" },
                "targets": [{ "headers": { "authorization": "s" }, "custom_host": "p" }],
            },
        });
        let own = [HeaderName::from_static("x-own")];
        let mut wrong = Vec::new();
        let mut visit = |found: &Found<'_>, value: &mut Value| {
            let text = value.as_str().unwrap_or_default();
            let expected = match text {
                "s" => Use::Secret,
                "l" => Use::Line,
                _ if text.contains("private_key") => Use::Secret,
                "never visited" => panic!("{}", found.path),
                _ => Use::Plain,
            };
            if found.usage != expected {
                wrong.push(format!("{} {}", found.pointer, found.path));
            }
            Ok(())
        };
        each(&mut document, &own, &mut visit).expect("no error");
        assert_eq!(wrong, Vec::<String>::new());
        let account = &document["credential"]["google"]["service_account"];
        assert_eq!(account, &json!(r#"{"private_key":"s"}"#));
    }
}
