//! Keys, teams and endpoints as the admin API shows them: one, or a page of a list.

use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::{
    error::{Code, GatewayError},
    gateway::{Gateway, Item, LeftOut, StoredEndpoint, Version, parsed},
    identity::{EndpointId, KeyId, TeamId},
    store::Kind,
};

/// A page of a list.
pub struct Listed {
    pub objects: Vec<Value>,
    pub next: Option<String>,
}

/// An object of settings or store.
pub enum Found {
    OfFile(Item),
    OfStore {
        item: Item,
        version: Version,
        /// Why it has no effect, if it has none.
        error: Option<String>,
    },
    /// The store has it, and its document cannot be read: a newer program wrote it, say.
    Unreadable(LeftOut),
}

/// The object of this id.
///
/// # Errors
/// `unknown_object`.
pub fn object(gateway: &Gateway, kind: Kind, id: &str) -> Result<Found, GatewayError> {
    in_force(gateway, kind, id)
        .or_else(|| left_out(gateway, kind, id))
        .ok_or_else(|| {
            let message = format!("there is no {} with this id", kind.name());
            GatewayError::new(Code::UnknownObject, message)
        })
}

fn in_force(gateway: &Gateway, kind: Kind, id: &str) -> Option<Found> {
    let directory = gateway.access.directory();
    let (item, version) = match kind {
        Kind::Key => {
            let key = &directory.key(parsed(id)?)?.key;
            let item = Item::Key(Box::new(key.as_ref().clone()));
            (item, gateway.stored.key(key.id))
        }
        Kind::Team => {
            let team = directory.team(parsed(id)?)?;
            let item = Item::Team(Box::new(team.as_ref().clone()));
            (item, gateway.stored.team(team.id))
        }
        Kind::Endpoint => endpoint(gateway, parsed(id)?)?,
    };
    Some(match version {
        None => Found::OfFile(item),
        Some(version) => Found::OfStore {
            item,
            version,
            error: None,
        },
    })
}

fn endpoint(gateway: &Gateway, id: EndpointId) -> Option<(Item, Option<Version>)> {
    if let Some(stored) = gateway.endpoints.stored(id) {
        return Some((Item::Endpoint(stored.item.clone()), Some(stored.version)));
    }
    let (_, endpoint) = gateway.endpoints.in_settings(id)?;
    let credentials = &gateway.known.credentials;
    let item = StoredEndpoint::of_settings(endpoint, &credentials.headers);
    Some((Item::Endpoint(Arc::new(item)), None))
}

fn left_out(gateway: &Gateway, kind: Kind, id: &str) -> Option<Found> {
    let mut all = gateway.stored.left_out.iter();
    let found = all.find(|it| it.id.kind == kind && it.id.id == id)?;
    Some(match &found.item {
        None => Found::Unreadable(found.clone()),
        Some(item) => Found::OfStore {
            item: item.clone(),
            version: found.version,
            error: Some(found.reason.clone()),
        },
    })
}

/// A page of the list in the order of ids, which is that of their making for objects of the store;
/// from after `cursor`, the id of the last one on the page before.
///
/// # Errors
/// The cursor is no id.
pub fn listed(
    gateway: &Arc<Gateway>,
    kind: Kind,
    cursor: Option<&str>,
    limit: usize,
) -> Result<Listed, GatewayError> {
    let directory = gateway.access.directory();
    let ids = match kind {
        Kind::Key => {
            let mut ids: Vec<KeyId> = directory.keys().map(|it| it.key.id).collect();
            ids.extend(ids_left_out::<KeyId>(gateway, kind));
            page(ids, after(cursor)?, limit)
        }
        Kind::Team => {
            let mut ids: Vec<TeamId> = directory.teams().map(|it| it.id).collect();
            ids.extend(ids_left_out::<TeamId>(gateway, kind));
            page(ids, after(cursor)?, limit)
        }
        Kind::Endpoint => {
            let mut ids: Vec<EndpointId> = gateway.endpoints.ids().collect();
            ids.extend(ids_left_out::<EndpointId>(gateway, kind));
            page(ids, after(cursor)?, limit)
        }
    };
    let (ids, has_more) = ids;
    let next = ids.last().filter(|_| has_more).cloned();
    let found = ids.iter().filter_map(|id| object(gateway, kind, id).ok());
    let objects = found.map(|it| it.shown()).collect();
    Ok(Listed { objects, next })
}

fn ids_left_out<I: DeserializeOwned>(gateway: &Gateway, kind: Kind) -> impl Iterator<Item = I> {
    let all = gateway.stored.left_out.iter();
    let of_kind = all.filter(move |it| it.id.kind == kind);
    of_kind.filter_map(|it| parsed(&it.id.id))
}

fn after<I: DeserializeOwned>(cursor: Option<&str>) -> Result<Option<I>, GatewayError> {
    let Some(text) = cursor else { return Ok(None) };
    let refused = || {
        let message = "cursor is the next_cursor of the page before";
        GatewayError::about(Code::InvalidQuery, "cursor", message)
    };
    parsed(text).map(Some).ok_or_else(refused)
}

/// The ids of a page, and whether there are more. Only those of the page are sorted.
fn page<I: Ord + ToString>(mut ids: Vec<I>, after: Option<I>, limit: usize) -> (Vec<String>, bool) {
    if let Some(after) = &after {
        ids.retain(|id| id > after);
    }
    let has_more = ids.len() > limit;
    if has_more {
        ids.select_nth_unstable(limit);
        ids.truncate(limit);
    }
    ids.sort_unstable();
    ids.dedup();
    (ids.iter().map(ToString::to_string).collect(), has_more)
}

impl Found {
    /// The version of an object of the store.
    pub fn version(&self) -> Option<Version> {
        match self {
            Found::OfFile(_) => None,
            Found::OfStore { version, .. } => Some(*version),
            Found::Unreadable(left_out) => Some(left_out.version),
        }
    }

    /// The object as the API shows it; one that has no effect with the reason.
    pub fn shown(&self) -> Value {
        let (mut fields, error) = match self {
            Found::OfFile(item) => (shown(item, None), None),
            Found::OfStore {
                item,
                version,
                error,
            } => (shown(item, Some(*version)), error.as_ref()),
            Found::Unreadable(left_out) => (shown_unreadable(left_out), Some(&left_out.reason)),
        };
        if let Some(error) = error {
            fields["error"] = json!(error);
        }
        fields
    }
}

fn shown_unreadable(left_out: &LeftOut) -> Value {
    json!({
        "id": left_out.id.id,
        "name": left_out.name,
        "source": "store",
        "updated_at": left_out.version.updated_at.to_string(),
    })
}

/// The object as the API shows it.
pub fn shown(item: &Item, version: Option<Version>) -> Value {
    let mut shown = item.shown();
    if let Some(fields) = shown.as_object_mut() {
        let source = if version.is_some() { "store" } else { "file" };
        fields.insert("source".to_owned(), json!(source));
        if let Some(version) = version {
            let updated_at = version.updated_at.to_string();
            fields.insert("updated_at".to_owned(), json!(updated_at));
        }
    }
    shown
}
