//! `throughway keys`: makes, lists and changes gateway keys, by the admin API of a running gateway
//! or in the store of a stopped one.

pub(super) mod api;
pub mod args;
pub(in crate::cli) mod backend;
mod direct;
pub(super) mod failure;
mod offline;
mod print;
mod request;
mod time;

use std::io::{self, Write};

use jiff::Timestamp;
use serde_json::{Value, json};

use self::{
    api::Api,
    args::{CreateArgs, KeysCommand, RotateArgs, Where},
    backend::{Backend, field, find},
    direct::Direct,
    failure::Failure,
    print::{Outcome, print},
};
use crate::config::Environment;

/// Runs a command; returns the exit code.
///
/// # Errors
/// `out` or `err` cannot be written.
pub fn run(
    command: &KeysCommand,
    environment: &Environment,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> io::Result<u8> {
    let done = outcome(command, environment);
    let printed = done.and_then(|it| print(&it, command.place().json, Timestamp::now()));
    match printed {
        Ok(printed) => {
            out.write_all(printed.out.as_bytes())?;
            out.flush()?;
            err.write_all(printed.note.as_bytes())?;
            Ok(0)
        }
        Err(failure) => {
            writeln!(err, "error: {failure}")?;
            Ok(1)
        }
    }
}

impl KeysCommand {
    fn place(&self) -> &Where {
        match self {
            KeysCommand::Create(args) => &args.place,
            KeysCommand::List(place) => place,
            KeysCommand::Rotate(args) => &args.one.place,
            KeysCommand::Show(one)
            | KeysCommand::Block(one)
            | KeysCommand::Unblock(one)
            | KeysCommand::Delete(one) => &one.place,
        }
    }
}

fn outcome(command: &KeysCommand, environment: &Environment) -> Result<Outcome, Failure> {
    if let KeysCommand::Create(args) = command
        && args.offline
    {
        return offline(args);
    }
    let place = command.place();
    if place.data_dir.is_some() || place.config.is_some() {
        return carry_out(command, &Direct::open(place, environment)?);
    }
    carry_out(command, &Api::new(place.url.as_deref(), environment)?)
}

fn offline(args: &CreateArgs) -> Result<Outcome, Failure> {
    let made = offline::create(&request::request(args))?;
    let more = match args.place.json {
        true => json!({ "settings": made.settings }),
        false => made.settings,
    };
    let key = made.key.expose().to_owned();
    Ok(Outcome::Secret { key, more })
}

fn carry_out(command: &KeysCommand, backend: &dyn Backend) -> Result<Outcome, Failure> {
    match command {
        KeysCommand::Create(args) => backend.create(&request::request(args)).and_then(secret),
        KeysCommand::List(_) => backend.list().map(Outcome::Keys),
        KeysCommand::Show(one) => find(backend, &one.key).map(Outcome::One),
        KeysCommand::Rotate(args) => rotate(args, backend),
        KeysCommand::Block(one) => set_blocked(backend, &one.key, true),
        KeysCommand::Unblock(one) => set_blocked(backend, &one.key, false),
        KeysCommand::Delete(one) => {
            let key = find(backend, &one.key)?;
            backend.delete(field(&key, "id"))?;
            let verb = "deleted";
            Ok(Outcome::Done { verb, key })
        }
    }
}

fn rotate(args: &RotateArgs, backend: &dyn Backend) -> Result<Outcome, Failure> {
    let key = find(backend, &args.one.key)?;
    backend
        .rotate(field(&key, "id"), args.grace)
        .and_then(secret)
}

fn set_blocked(backend: &dyn Backend, written: &str, blocked: bool) -> Result<Outcome, Failure> {
    let key = find(backend, written)?;
    let key = backend.patch(field(&key, "id"), &json!({ "blocked": blocked }))?;
    let verb = if blocked { "blocked" } else { "unblocked" };
    Ok(Outcome::Done { verb, key })
}

/// Takes the secret out of a key that was made or rotated.
fn secret(mut key: Value) -> Result<Outcome, Failure> {
    let secret = key
        .as_object_mut()
        .and_then(|fields| fields.shift_remove("key"));
    match secret {
        Some(Value::String(secret)) => Ok(Outcome::Secret {
            key: secret,
            more: key,
        }),
        _ => Err(Failure::Output("the response has no key".to_owned())),
    }
}

#[cfg(test)]
mod tests;
