//! Why a command on keys failed, in sentences for the person at the terminal.

use crate::{
    cli::{
        client::{BadAddress, NoResponse},
        stopped::NoStore,
    },
    error::GatewayError,
    gateway::UnusableSettings,
    identity::document::FieldError,
    route::suggest,
};

/// How many letters of a name may differ from the one that was meant.
const MOST_WRONG: usize = 2;

/// Why nothing was done, except where it says otherwise.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    #[error("the gateway's URL {0}")]
    Url(#[from] BadAddress),
    #[error(
        "no gateway responds at {url} ({reason}): start it, name another by --url, or give \
         --data-dir to change the store of a stopped gateway"
    )]
    Away { url: String, reason: NoResponse },
    #[error(
        "{url}: {reason}; the change may have been made nevertheless: see `throughway keys list`"
    )]
    Unsure { url: String, reason: NoResponse },
    #[error("{url}: {reason}")]
    NoResponse { url: String, reason: NoResponse },
    #[error("what responds at {url} has no admin API for keys ({status}): is it this gateway?")]
    NotOurs { url: String, status: u16 },
    #[error(
        "{message}: set THROUGHWAY_ADMIN_TOKEN to the gateway's admin token, or to a key with the \
         role admin"
    )]
    NoToken { message: String },
    #[error("{message} (the token is that of THROUGHWAY_ADMIN_TOKEN)")]
    Token { message: String },
    /// The gateway's own words.
    #[error("{message}")]
    Refused { message: String },
    #[error("there is no endpoint for {} {}", method.escape_debug(), path.escape_debug())]
    NoEndpoint { method: String, path: String },
    #[error("there is no key {}{meant}", written.escape_debug())]
    Unknown { written: String, meant: String },
    #[error(transparent)]
    Field(#[from] FieldError),
    #[error(transparent)]
    NoStore(#[from] NoStore),
    #[error(transparent)]
    Settings(#[from] UnusableSettings),
    /// Of the store, in the words of the admin API.
    #[error("{}", .0.message)]
    Change(#[from] GatewayError),
    #[error("the output cannot be made: {0}")]
    Output(String),
}

impl Failure {
    /// A key that nothing is called, with the name that was probably meant.
    pub fn unknown<'n>(written: &str, names: impl Iterator<Item = &'n str>) -> Self {
        let meant = suggest::nearest(written, names, MOST_WRONG);
        Failure::Unknown {
            written: written.to_owned(),
            meant: suggest::did_you_mean(meant),
        }
    }
}
