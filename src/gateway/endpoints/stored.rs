//! The document of an endpoint of the store: what the admin API takes, the database keeps and
//! responses show.

use std::{fmt, sync::Arc};

use actix_http::header::HeaderName;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::{Basis, hosts, secrets};
use crate::{
    endpoint::{self, Endpoint},
    identity::{
        EndpointId, Time,
        document::{self, FieldError},
        merge_patch,
    },
    store::{hide_sealed, is_sealed},
};

/// The longest document, in bytes: each change and each start reads all of them.
const LONGEST: usize = 64 * 1024;
/// The longest name that the store takes, in bytes.
const LONGEST_NAME: usize = 256;

/// Fields that only the gateway sets.
const OWN_FIELDS: [(&str, &str); 3] = [
    ("id", "is given by the gateway and never changes"),
    ("name", "is made of path and methods"),
    ("created_at", "is given by the gateway and never changes"),
];

/// An endpoint as it is stored: its secrets are sealed, its references name them.
#[derive(Clone, PartialEq)]
pub struct StoredEndpoint {
    pub id: EndpointId,
    name: String,
    created_at: Option<Time>,
    /// What the operator gives: an object.
    fields: Value,
}

impl fmt::Debug for StoredEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StoredEndpoint({} {})", self.id, self.name)
    }
}

impl StoredEndpoint {
    /// Reads what the store has.
    ///
    /// # Errors
    /// Id, time, path or methods cannot be read. All else is read with the settings at hand.
    pub fn read(document: &Map<String, Value>) -> Result<Self, FieldError> {
        let mut fields = document.clone();
        let mut take = |name| fields.shift_remove(name).unwrap_or_default();
        let (id, created_at) = (json!({ "id": take("id") }), take("created_at"));
        take("name");
        let created_at = json!({ "created_at": created_at });
        let fields = Value::Object(fields);
        Ok(StoredEndpoint {
            id: document::read::<GivenId>(&id)?.id,
            name: endpoint::name_of(&fields)?,
            created_at: document::read::<MadeAt>(&created_at)?.created_at,
            fields,
        })
    }

    /// A new endpoint, as a request asks for it.
    ///
    /// # Errors
    /// The first problem of the request.
    pub fn create(
        request: &Value,
        id: EndpointId,
        now: Timestamp,
        basis: &Basis<'_>,
    ) -> Result<Self, FieldError> {
        check_request(request)?;
        let mut fields = request.clone();
        if let Some(fields) = fields.as_object_mut() {
            fields.retain(|_, value| !value.is_null());
        }
        let new = StoredEndpoint {
            id,
            name: String::new(),
            created_at: Some(now.into()),
            fields,
        };
        new.sealed(basis)
    }

    /// The endpoint after a merge patch. Its `credential` is replaced whole, or left as it is.
    ///
    /// # Errors
    /// The first problem of the patch, or of what it would make of the endpoint.
    pub fn patched(&self, patch: &Value, basis: &Basis<'_>) -> Result<Self, FieldError> {
        check_request(patch)?;
        let mut after = self.clone();
        if let (Some(fields), Some(_)) = (after.fields.as_object_mut(), patch.get("credential")) {
            fields.shift_remove("credential");
        }
        merge_patch::apply(&mut after.fields, patch);
        hosts::check_same_hosts(&self.fields, &after.fields)?;
        after.sealed(basis)
    }

    /// Checks the endpoint as one of the settings is checked, and seals what is not sealed yet.
    fn sealed(mut self, basis: &Basis<'_>) -> Result<Self, FieldError> {
        if self.fields.to_string().len() > LONGEST {
            let reason = format!("is longer than {LONGEST} bytes");
            return Err(FieldError::new("", reason));
        }
        self.name = self.resolved(basis)?.name();
        if self.name.len() > LONGEST_NAME {
            let reason = format!("and methods are longer than {LONGEST_NAME} bytes together");
            return Err(FieldError::new("path", reason));
        }
        secrets::check_accounts(&self.fields, "")?;
        basis.check_shown(&self.fields)?;
        basis.seal(&self.id.to_string(), &mut self.fields)?;
        Ok(self)
    }

    /// The endpoint that serves requests.
    ///
    /// # Errors
    /// What it needs of the settings or of the keys that open its secrets is not there.
    pub fn resolved(&self, basis: &Basis<'_>) -> Result<Arc<Endpoint>, FieldError> {
        let plain = basis.opened(&self.id.to_string(), &self.fields)?;
        let endpoint = Endpoint::read(&plain)?;
        basis.check(&endpoint)?;
        Ok(Arc::new(endpoint))
    }

    /// An endpoint of the settings, for responses only: its secrets are hidden.
    /// `headers`: names of credentials.
    pub fn of_settings(endpoint: &Endpoint, headers: &[HeaderName]) -> Self {
        let mut fields = endpoint.written().clone();
        secrets::hide(&mut fields, headers);
        StoredEndpoint {
            id: id_of_settings(endpoint),
            name: endpoint.name(),
            created_at: None,
            fields,
        }
    }

    pub fn path(&self) -> &str {
        let path = self.fields.get("path");
        path.and_then(Value::as_str).unwrap_or_default()
    }

    /// Path and methods.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The document as the store keeps it.
    pub fn document(&self) -> Map<String, Value> {
        let mut document = Map::new();
        document.insert("id".to_owned(), json!(self.id));
        if let Some(created_at) = self.created_at {
            document.insert("created_at".to_owned(), json!(created_at));
        }
        let fields = self.fields.as_object().cloned();
        document.extend(fields.unwrap_or_default());
        document
    }

    /// The document as the API and the audit log show it: without secrets.
    pub fn shown(&self) -> Value {
        let mut shown = Map::new();
        shown.insert("id".to_owned(), json!(self.id));
        shown.insert("name".to_owned(), json!(self.name));
        shown.extend(self.document());
        let mut shown = Value::Object(shown);
        hide_sealed(&mut shown);
        shown
    }
}

/// The id of an endpoint of the settings: the same for every start and replica.
pub fn id_of_settings(endpoint: &Endpoint) -> EndpointId {
    EndpointId::of_name(&endpoint.name())
}

#[derive(serde::Deserialize)]
struct GivenId {
    id: EndpointId,
}

#[derive(serde::Deserialize)]
struct MadeAt {
    #[serde(default)]
    created_at: Option<Time>,
}

/// Refuses fields of the gateway's own, and values that claim to be sealed: those come from the
/// store only, where each is bound to its place.
fn check_request(request: &Value) -> Result<(), FieldError> {
    let fields = document::fields(request)?;
    let own = OWN_FIELDS
        .iter()
        .find(|(name, _)| fields.contains_key(*name));
    if let Some((name, reason)) = own {
        return Err(FieldError::new(*name, *reason));
    }
    refuse_sealed(request, "")
}

fn refuse_sealed(value: &Value, path: &str) -> Result<(), FieldError> {
    if is_sealed(value) {
        let reason = "may not be given as a sealed value: give the secret itself";
        return Err(FieldError::new(path, reason));
    }
    match value {
        Value::Object(fields) => fields.iter().try_for_each(|(name, value)| {
            let dot = if path.is_empty() { "" } else { "." };
            refuse_sealed(value, &format!("{path}{dot}{name}"))
        }),
        Value::Array(items) => {
            let mut items = items.iter().enumerate();
            items.try_for_each(|(place, item)| refuse_sealed(item, &format!("{path}[{place}]")))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Ok(()),
    }
}
