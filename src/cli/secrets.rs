//! `throughway secrets rotate`: seals every secret of the store with the first `secret_key`.

use std::io::{self, Write};

use serde_json::json;

use super::{
    args::{SecretsArgs, SecretsCommand},
    stopped::{self, NoStore},
};
use crate::{
    config::Environment,
    store::{AuditEntry, Place, Rotated, StoreError},
};

/// Why nothing was sealed anew.
#[derive(Debug, thiserror::Error)]
enum Refused {
    #[error(transparent)]
    NoStore(#[from] NoStore),
    #[error("no secret was changed: {0}")]
    Store(#[from] StoreError),
}

/// Seals anew, all secrets or none; returns the exit code.
///
/// # Errors
/// `out` or `err` cannot be written.
pub fn run(
    command: &SecretsCommand,
    environment: &Environment,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> io::Result<u8> {
    let SecretsCommand::Rotate(args) = command;
    match actix_rt::System::new().block_on(rotate(args, environment)) {
        Ok((rotated, place)) => {
            writeln!(out, "{}", told(rotated, &place, args.json))?;
            Ok(0)
        }
        Err(refused) => {
            writeln!(err, "error: {refused}")?;
            Ok(1)
        }
    }
}

async fn rotate(
    args: &SecretsArgs,
    environment: &Environment,
) -> Result<(Rotated, Place), Refused> {
    let settings = stopped::settings(args.config.as_deref(), environment, &args.flags());
    let settings = settings.map_err(NoStore::from)?;
    let store = stopped::open(&settings, environment).await?.store;
    let entry = AuditEntry {
        actor: stopped::user(),
        source: "cli".to_owned(),
        action: "rotate".to_owned(),
        kind: "secrets".to_owned(),
        ..AuditEntry::default()
    };
    let rotated = store.rotate_secrets(entry).await?;
    Ok((rotated, store.place().clone()))
}

fn told(rotated: Rotated, place: &Place, as_json: bool) -> String {
    let Rotated {
        values, objects, ..
    } = rotated;
    match as_json {
        true => json!({ "values": values, "objects": objects }).to_string(),
        false => format!(
            "{place}: {values} secrets of {objects} objects were sealed with the first secret_key; \
             all are now"
        ),
    }
}

#[cfg(test)]
mod tests;
