//! The built-in providers: where their API is, where their keys go, and which environment variable
//! holds such a key by convention. The rows are in `providers`, their reference page in `page`.

mod page;
mod providers;
#[cfg(test)]
mod tests;

use actix_http::header::{self, HeaderName};
use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::{policy::Auth, suggest};
use crate::secret::Secret;

pub use page::page;
pub use providers::PROVIDERS;

/// Where a provider's key goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyPlace {
    /// `Authorization: Bearer KEY`.
    Bearer,
    /// `Authorization: Token KEY`.
    Token,
    /// `Authorization: Basic KEY`; the key is the base64 of user and password.
    Basic,
    /// `Authorization: KEY`, without a scheme.
    Authorization,
    /// `x-api-key: KEY`.
    XApiKey,
    /// `x-goog-api-key: KEY`.
    XGoogApiKey,
    /// `api-key: KEY`.
    ApiKey,
    /// `xi-api-key: KEY`.
    XiApiKey,
}

/// The environment variables that hold a provider's key by convention.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyVariables {
    /// The provider has none.
    None,
    /// The first of these that is set holds the key.
    First(&'static [&'static str]),
    /// User and password of [`KeyPlace::Basic`]; both are needed.
    Pair(&'static str, &'static str),
}

/// Whose API the provider's generating routes follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ApiFamily {
    OpenAi,
    Anthropic,
    Gemini,
    Cohere,
    Bedrock,
    /// One of its own, or no generating routes.
    Own,
}

/// A built-in provider.
#[derive(Debug)]
pub struct CatalogueEntry {
    pub name: &'static str,
    /// Other accepted names.
    pub aliases: &'static [&'static str],
    /// The origin of its API; the paths of its documentation are appended. `None` if the address
    /// differs for each customer, so that a custom host is needed.
    pub root: Option<&'static str>,
    /// The base URL for `/v1`: the path after the gateway's `/v1` is appended. `None` where `root`
    /// is.
    pub base: Option<&'static str>,
    /// A base URL of a customer, where each has another one.
    pub example: Option<&'static str>,
    pub api: ApiFamily,
    pub key: KeyPlace,
    pub variables: KeyVariables,
    /// Its documentation of the API.
    pub docs: &'static str,
}

/// A key that the environment holds.
pub struct EnvironmentKey {
    /// The variable, or the variables.
    pub names: String,
    pub key: Secret,
}

impl KeyPlace {
    /// The header, and what stands before the key in it, if anything does.
    fn parts(self) -> (HeaderName, Option<&'static str>) {
        match self {
            KeyPlace::Bearer => (header::AUTHORIZATION, Some("Bearer")),
            KeyPlace::Token => (header::AUTHORIZATION, Some("Token")),
            KeyPlace::Basic => (header::AUTHORIZATION, Some("Basic")),
            KeyPlace::Authorization => (header::AUTHORIZATION, None),
            KeyPlace::XApiKey => (HeaderName::from_static("x-api-key"), None),
            KeyPlace::XGoogApiKey => (HeaderName::from_static("x-goog-api-key"), None),
            KeyPlace::ApiKey => (HeaderName::from_static("api-key"), None),
            KeyPlace::XiApiKey => (HeaderName::from_static("xi-api-key"), None),
        }
    }
}

impl KeyVariables {
    /// The variables, as a sentence names them; `None` if there are none.
    pub fn names(self) -> Option<String> {
        match self {
            KeyVariables::None => None,
            KeyVariables::First(names) => Some(names.join(" or ")),
            KeyVariables::Pair(user, password) => Some(format!("{user} and {password}")),
        }
    }

    /// Reads the key; an empty variable is unset.
    pub fn read(self, mut lookup: impl FnMut(&str) -> Option<String>) -> Option<EnvironmentKey> {
        let mut set = |name: &str| lookup(name).filter(|value| !value.is_empty());
        match self {
            KeyVariables::None => None,
            KeyVariables::First(names) => names.iter().find_map(|name| {
                Some(EnvironmentKey {
                    names: (*name).to_owned(),
                    key: Secret::new(set(name)?),
                })
            }),
            KeyVariables::Pair(user, password) => Some(EnvironmentKey {
                names: format!("{user} and {password}"),
                key: Secret::new(STANDARD.encode(format!("{}:{}", set(user)?, set(password)?))),
            }),
        }
    }
}

impl CatalogueEntry {
    /// Where its key goes, in the form of a target's `auth`.
    pub fn auth(&self) -> Auth {
        let (header, scheme) = self.key.parts();
        Auth {
            header,
            scheme: scheme.map(Into::into),
        }
    }

    /// Its names, each with `_` and with `-`.
    pub fn all_names(&self) -> impl Iterator<Item = String> {
        let names = [self.name].into_iter().chain(self.aliases.iter().copied());
        names.flat_map(|name| [name.replace('-', "_"), name.replace('_', "-")])
    }

    pub fn is_called(&self, name: &str) -> bool {
        is_same(self.name, name) || self.aliases.iter().any(|alias| is_same(alias, name))
    }
}

/// `_` and `-` are one sign in a provider's name: `azure_ai` and `azure-ai`.
fn is_same(known: &str, written: &str) -> bool {
    let plain = |byte: u8| if byte == b'_' { b'-' } else { byte };
    known.bytes().map(plain).eq(written.bytes().map(plain))
}

/// `Authorization: Bearer`, the default.
pub fn bearer() -> Auth {
    Auth {
        header: header::AUTHORIZATION,
        scheme: Some("Bearer".into()),
    }
}

/// Finds a provider by name or alias.
pub fn find(name: &str) -> Option<&'static CatalogueEntry> {
    PROVIDERS.iter().find(|it| it.is_called(name))
}

/// All names, for error messages.
pub fn names() -> String {
    let names: Vec<&str> = PROVIDERS.iter().map(|it| it.name).collect();
    names.join(", ")
}

/// The closest name to what was written, if one is close.
pub fn nearest(written: &str) -> Option<&'static str> {
    let names = PROVIDERS
        .iter()
        .flat_map(|it| it.aliases.iter().chain([&it.name]));
    let most = (written.len() / 3).max(1);
    suggest::nearest(written, names.copied(), most)
}
