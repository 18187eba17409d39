//! Lays the environment over the file, and the flags over both. This file has the one list of our
//! environment variables, and is the only one that reads the process's environment.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;

use super::address::Listen;
use super::de::word_from_flag;
use super::document::Node;
use super::kind::from_flag;
use super::units::Count;
use crate::guard::Preset;
use crate::secret::Secret;

/// An environment variable that the gateway reads.
pub struct Variable {
    /// Its name.
    pub name: &'static str,
    /// The path of the setting it stands for.
    pub key: &'static str,
}

/// Makes a row of the table.
const fn variable(name: &'static str, key: &'static str) -> Variable {
    Variable { name, key }
}

/// The variables that stand for settings, in the order of the reference page.
pub const VARIABLES: [Variable; 11] = [
    variable("THROUGHWAY_LISTEN", "listen"),
    variable("THROUGHWAY_WORKERS", "workers"),
    variable("THROUGHWAY_GUARD", "guard.preset"),
    variable("THROUGHWAY_PORTKEY", "portkey"),
    variable("THROUGHWAY_ALLOW_UNAUTHENTICATED", "allow_unauthenticated"),
    variable(ADMIN_TOKEN, "admin_token"),
    variable("THROUGHWAY_DEFAULT_TARGET", "default_target"),
    variable("THROUGHWAY_LOG", "log.level"),
    variable("THROUGHWAY_STORE", "store.kind"),
    variable("THROUGHWAY_DATA_DIR", "data_dir"),
    variable("THROUGHWAY_SECRET_KEY", "secret_key"),
];

/// A key of the settings, and the layer above the file that sets it.
pub(super) type Origin = (&'static str, String);

const PREFIX: &str = "THROUGHWAY_";
/// The variable that names the settings file itself.
pub const CONFIG: &str = "THROUGHWAY_CONFIG";

/// The variable that names the running gateway, for the commands that ask one.
const URL: &str = "THROUGHWAY_URL";
const ADMIN_TOKEN: &str = "THROUGHWAY_ADMIN_TOKEN";

fn names() -> impl Iterator<Item = &'static str> {
    let settings = VARIABLES.iter().map(|variable| variable.name);
    [CONFIG, URL].into_iter().chain(settings)
}

/// The environment variables, taken once. Tests make their own.
#[derive(Clone, Default)]
pub struct Environment(BTreeMap<String, String>);

impl Environment {
    /// The variables of the process. Those that are not UTF-8 count as unset.
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that reads the environment"
    )]
    pub fn of_process() -> Self {
        let text = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        };
        Self(std::env::vars_os().filter_map(text).collect())
    }

    /// Colours may be sent to a terminal: `NO_COLOR` is not set (no-color.org), and `TERM` names a
    /// terminal that supports them.
    pub fn takes_colour(&self) -> bool {
        let is_unset = |name| self.setting(name).is_none();
        is_unset("NO_COLOR") && self.setting("TERM").is_some_and(|term| term != "dumb")
    }

    /// Whether the process is told to use a proxy, which the gateway does not do.
    pub fn names_a_proxy(&self) -> bool {
        [
            "HTTPS_PROXY",
            "https_proxy",
            "HTTP_PROXY",
            "http_proxy",
            "ALL_PROXY",
            "all_proxy",
        ]
        .iter()
        .any(|name| self.0.contains_key(*name))
    }

    /// A variable that holds a provider's key by convention.
    pub(super) fn provider_key(&self, name: &str) -> Option<String> {
        self.0.get(name).cloned()
    }

    /// The settings file that `THROUGHWAY_CONFIG` names.
    pub fn config_file(&self) -> Option<PathBuf> {
        self.setting(CONFIG).map(PathBuf::from)
    }

    /// A variable that says where users keep their files, such as `HOME`.
    pub fn directory(&self, name: &str) -> Option<String> {
        self.0.get(name).cloned()
    }

    /// Google Cloud's metadata server, as its own libraries are told of another one than the usual.
    pub fn google_metadata_host(&self) -> Option<&str> {
        self.setting("GCE_METADATA_HOST")
    }

    /// The running gateway that `THROUGHWAY_URL` names.
    pub fn gateway_url(&self) -> Option<&str> {
        self.setting(URL)
    }

    /// The token by which commands ask a running gateway.
    pub fn admin_token(&self) -> Option<Secret> {
        self.setting(ADMIN_TOKEN).map(Secret::new)
    }

    /// A variable that the gateway itself reads; an empty one is absent.
    fn setting(&self, name: &str) -> Option<&str> {
        let text = self.0.get(name)?.as_str();
        (!text.is_empty()).then_some(text)
    }

    /// A lookup for the settings file that notes every name it was asked for.
    pub(super) fn noting<'a>(
        &'a self,
        used: &'a mut Vec<String>,
    ) -> impl FnMut(&str) -> Option<String> + 'a {
        |name| {
            used.push(name.to_owned());
            self.0.get(name).cloned()
        }
    }

    /// Lays our variables over the file; returns the keys that they set.
    pub(super) fn lay_over(&self, file: &mut Node) -> Vec<Origin> {
        let mut set = Vec::new();
        for variable in &VARIABLES {
            if let Some(text) = self.setting(variable.name) {
                file.set(variable.key, Node::given(text));
                set.push((variable.key, variable.name.to_owned()));
            }
        }
        set
    }

    /// A warning for each `THROUGHWAY_*` variable that is neither ours nor used by the file.
    pub(super) fn unknown(&self, used: &[String]) -> Vec<String> {
        let ours = |name: &str| names().any(|it| it == name);
        let names = self.0.keys().filter(|name| name.starts_with(PREFIX));
        names
            .filter(|name| !ours(name) && !used.contains(name) && !set_by_kubernetes(name))
            .map(|name| unknown_variable(name))
            .collect()
    }
}

impl<const N: usize> From<[(&str, &str); N]> for Environment {
    fn from(pairs: [(&str, &str); N]) -> Self {
        pairs.into_iter().collect()
    }
}

impl<'a> FromIterator<(&'a str, &'a str)> for Environment {
    fn from_iter<I: IntoIterator<Item = (&'a str, &'a str)>>(pairs: I) -> Self {
        let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        Self(pairs.into_iter().map(owned).collect())
    }
}

/// Kubernetes describes a Service named `throughway` to every pod in such variables.
fn set_by_kubernetes(name: &str) -> bool {
    let rest = name.trim_start_matches(PREFIX);
    rest == "PORT" || rest.starts_with("PORT_") || rest.starts_with("SERVICE_")
}

fn unknown_variable(name: &str) -> String {
    let distances = names().map(|it| (strsim::damerau_levenshtein(name, it), it));
    match distances.min() {
        Some((distance, close)) if distance <= 3 => format!(
            "the environment variable {name} is not one of the gateway's and was ignored; did you \
             mean {close}?"
        ),
        _ => format!("the environment variable {name} is not one of the gateway's and was ignored"),
    }
}

/// The flags for settings, which take precedence over the file and the environment. The help of the
/// commands shows these texts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Args)]
pub struct Flags {
    /// Address to listen on, such as 127.0.0.1:8787 (the default) [env: THROUGHWAY_LISTEN]
    #[arg(long, value_name = "ADDR", value_parser = from_flag::<Listen>)]
    pub listen: Option<SocketAddr>,
    /// Worker threads, by default one per core [env: THROUGHWAY_WORKERS]
    #[arg(long, value_name = "N", value_parser = from_flag::<Count<1024>>)]
    pub workers: Option<usize>,
    /// Where requests may go: public, allowlist, self_hosted, dev [env: THROUGHWAY_GUARD]
    ///
    /// By default dev when listening on loopback, else public. public: https on port 443 to public
    /// addresses. allowlist: only what the settings list. self_hosted: public, and the private
    /// networks the settings list. dev: private addresses, http and any port; on loopback only.
    #[arg(long, value_name = "PRESET", value_parser = word_from_flag::<Preset>)]
    pub guard: Option<Preset>,
    /// Take x-portkey-* headers for x-gateway-* ones [env: THROUGHWAY_PORTKEY]
    #[arg(long)]
    pub portkey: bool,
    /// Start without keys where other machines can connect
    /// [env: THROUGHWAY_ALLOW_UNAUTHENTICATED]
    #[arg(long)]
    pub allow_unauthenticated: bool,
    /// Directory of the gateway's own files, such as the store of keys [env: THROUGHWAY_DATA_DIR]
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
}

impl Flags {
    /// Lays the flags over the file; returns the keys that they set.
    pub(super) fn lay_over(&self, file: &mut Node) -> Vec<Origin> {
        let mut set = Vec::new();
        let on = |flag: bool| flag.then(|| "true".to_owned());
        let given = [
            ("listen", self.listen.map(|it| it.to_string())),
            ("workers", self.workers.map(|it| it.to_string())),
            ("guard.preset", self.guard.map(|it| it.to_string())),
            ("portkey", on(self.portkey)),
            ("allow_unauthenticated", on(self.allow_unauthenticated)),
            (
                "data_dir",
                self.data_dir.as_ref().map(|it| it.display().to_string()),
            ),
        ];
        for (key, text) in given {
            if let Some(text) = text {
                file.set(key, Node::given(text));
                set.push((key, "a flag of the command line".to_owned()));
            }
        }
        set
    }
}
