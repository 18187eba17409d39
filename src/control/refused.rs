//! Which error of the gateway's own is it, if the store, a document or the directory refuses a
//! change?

use std::time::Duration;

use crate::{
    error::{Code, GatewayError},
    identity::{
        directory::{Conflict, InUse},
        document::FieldError,
    },
    store::{Cause, Kind, StoreError},
};

/// A document that cannot be used.
pub(super) fn field(error: &FieldError) -> GatewayError {
    GatewayError::about(Code::InvalidRequest, &error.path, error.to_string())
}

/// A change that does not go with the other objects.
pub(super) fn conflict(conflicts: &[Conflict], id: &str) -> GatewayError {
    let Some(first) = conflicts.first() else {
        return GatewayError::new(Code::Conflict, "the change has a conflict");
    };
    match first {
        Conflict::UnknownTeam { key, team, .. } if key.to_string() == id => {
            let message = format!("team names {team}, which does not exist: make the team first");
            GatewayError::about(Code::InvalidRequest, "team", message)
        }
        Conflict::UnknownTeam { name, .. } => {
            let message = format!("the key {name} is in this team under the name or id it has now");
            GatewayError::new(Code::Conflict, message)
        }
        Conflict::Key { what, other, .. } => in_use(*what, "key", &other.to_string()),
        Conflict::Team { what, other, .. } => in_use(*what, "team", &other.to_string()),
    }
}

fn in_use(what: InUse, kind: &str, other: &str) -> GatewayError {
    let param = match what {
        InUse::Id => "id",
        InUse::Name => "name",
        InUse::Digest => "digest",
    };
    let message = format!("{param} is in use by the {kind} {other}");
    GatewayError::about(Code::Conflict, param, message)
}

/// A store that refuses a change.
pub(super) fn unusable(error: &StoreError) -> GatewayError {
    match error {
        StoreError::NameInUse { object, .. } => {
            let param = match object.kind {
                Kind::Key | Kind::Team => "name",
                // Its name is made of path and methods.
                Kind::Endpoint => "path",
            };
            GatewayError::about(Code::Conflict, param, error.to_string())
        }
        StoreError::IdInUse { .. } => GatewayError::new(Code::Conflict, error.to_string()),
        StoreError::RevisionConflict { .. } => {
            GatewayError::new(Code::PreconditionFailed, error.to_string())
        }
        StoreError::NotFound { .. } => GatewayError::new(Code::UnknownObject, error.to_string()),
        StoreError::InvalidName { .. } => {
            GatewayError::about(Code::InvalidRequest, "name", error.to_string())
        }
        StoreError::Seal(_) => GatewayError::new(Code::Conflict, error.to_string()),
        StoreError::Unavailable { cause, .. } => unavailable(*cause),
        StoreError::Damaged { .. } | StoreError::NewerSchema { .. } | StoreError::InvalidUrl(_) => {
            unavailable(Cause::Other)
        }
    }
}

/// The log has the details, which tell of this machine.
fn unavailable(cause: Cause) -> GatewayError {
    let mut message = format!("the store {cause}: the log says more");
    if cause == Cause::NoResponse {
        message.push_str(". The change may have been made nevertheless");
    }
    let mut error = GatewayError::new(Code::StoreUnavailable, message);
    error.retry_after = Some(Duration::from_secs(1));
    error
}
