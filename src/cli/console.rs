//! `throughway console`: prints a link that signs in to the console of a running gateway. Its
//! address and the right to make links are in a file that a gateway writes at its start and that
//! only the user can read who runs it.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write},
    net::SocketAddr,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use clap::Args;
use serde::{Deserialize, Serialize};

use super::{
    keys::{api::Api, backend::field, failure::Failure},
    start_message::reachable,
    stopped,
};
use crate::{
    app::console::PREFIX,
    config::{Environment, Flags, ObjectStoreKind, Settings},
    gateway::Process,
    secret::Secret,
    store::{DataDir, data_dir},
};

const LINKS: &str = "/gateway/admin/v1/session/links";
/// The file in the data directory.
const FILE: &str = "console.json";

/// Arguments of `console`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Args)]
pub struct ConsoleArgs {
    /// Settings file (YAML) of the gateway [env: THROUGHWAY_CONFIG]
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// The running gateway; with the admin token in THROUGHWAY_ADMIN_TOKEN [env: THROUGHWAY_URL]
    #[arg(long, value_name = "URL")]
    pub url: Option<String>,
    /// Its data directory
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
}

/// What the file says.
#[derive(Serialize, Deserialize)]
struct Running {
    url: String,
    token: String,
}

/// Prints a link; returns the exit code.
///
/// # Errors
/// `out` or `err` cannot be written.
pub fn run(
    args: &ConsoleArgs,
    environment: &Environment,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> io::Result<u8> {
    match link(args, environment) {
        Ok(link) => {
            writeln!(out, "{link}")?;
            Ok(0)
        }
        Err(failure) => {
            writeln!(err, "error: {failure}")?;
            Ok(1)
        }
    }
}

fn link(args: &ConsoleArgs, environment: &Environment) -> Result<String, Failure> {
    let api = match (environment.admin_token(), running(args, environment)) {
        (None, Some(running)) if args.url.is_none() => {
            Api::with_token(&running.url, Secret::new(running.token))?
        }
        _ => Api::new(args.url.as_deref(), environment)?,
    };
    let made = api.json("POST", LINKS, Some(&serde_json::json!({})))?;
    Ok(link_of(&api.address(), field(&made, "code")))
}

/// The URL that signs in. What follows `#` is sent to no server and stands in no log.
pub fn link_of(url: &str, code: &str) -> String {
    format!("{url}{PREFIX}#link={code}")
}

/// What the gateway of these settings has written.
fn running(args: &ConsoleArgs, environment: &Environment) -> Option<Running> {
    let flags = Flags {
        data_dir: args.data_dir.clone(),
        ..Flags::default()
    };
    let settings = stopped::settings(args.config.as_deref(), environment, &flags).ok()?;
    let text = fs::read(file(&settings, environment)?).ok()?;
    serde_json::from_slice(&text).ok()
}

fn file(settings: &Settings, environment: &Environment) -> Option<PathBuf> {
    if settings.store.kind != ObjectStoreKind::Sqlite {
        return None;
    }
    let given = settings.data_dir.clone();
    match data_dir(given, |name| environment.directory(name)) {
        Ok(DataDir::At(path)) => Some(path.join(FILE)),
        Ok(DataDir::Memory { .. }) | Err(_) => None,
    }
}

/// The file of a running gateway, which goes with it.
pub struct Written(PathBuf);

impl Written {
    /// Writes it, where the gateway has a directory of its own; who reads it may sign in.
    pub fn new(
        settings: &Settings,
        environment: &Environment,
        address: SocketAddr,
        process: &Process,
    ) -> Option<Self> {
        let path = file(settings, environment)?;
        let running = Running {
            url: url(settings, address),
            token: process.sessions.local_token().expose().to_owned(),
        };
        let text = serde_json::to_string(&running).ok()?;
        match write(&path, &text) {
            Ok(()) => Some(Written(path)),
            Err(error) => {
                let path = path.display();
                tracing::warn!(%path, %error, "`throughway console` will find no gateway");
                None
            }
        }
    }
}

impl Drop for Written {
    fn drop(&mut self) {
        // Another gateway may have replaced it, or the directory may be gone.
        let _ = fs::remove_file(&self.0);
    }
}

/// The address of the gateway from this machine.
pub fn url(settings: &Settings, address: SocketAddr) -> String {
    let scheme = match settings.tls {
        Some(_) => "https",
        None => "http",
    };
    format!("{scheme}://{}", reachable(address))
}

/// A file of an earlier gateway is replaced, so that its permissions are always ours.
fn write(path: &Path, text: &str) -> io::Result<()> {
    let new = path.with_extension(format!("{}.new", std::process::id()));
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    options.open(&new)?.write_all(text.as_bytes())?;
    fs::rename(&new, path)
}
