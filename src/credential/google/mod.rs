//! The scheme `google`: access tokens for Google Cloud. How a token is requested, from whom, and
//! what the response says. Sends nothing.

mod response;
mod service_account;

use std::time::SystemTime;

use bytes::Bytes;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

pub use self::{
    response::{Unusable, read},
    service_account::ServiceAccount,
};

/// The scope of tokens where the settings name none: everything that the account may do.
pub const DEFAULT_SCOPE: &str = "https://www.googleapis.com/auth/cloud-platform";
/// The metadata server of Google Cloud by its address, which needs no name resolution.
pub const METADATA_HOST: &str = "169.254.169.254";

const METADATA_PATH: &str = "/computeMetadata/v1/instance/service-accounts/default/token";
/// RFC 7523, section 2.1.
const GRANT: &str = "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=";

/// Who gets tokens, and for what. Cannot be printed.
pub struct Account {
    source: Source,
    /// Separated by spaces.
    scopes: Box<str>,
}

/// Where tokens come from.
pub enum Source {
    /// The `token_uri` of a service account.
    ServiceAccount(Box<ServiceAccount>),
    /// The metadata server of the machine: `http://HOST`.
    MetadataServer(Box<str>),
}

/// A request for a token.
pub struct TokenRequest {
    pub method: &'static str,
    /// Absolute; http or https.
    pub url: String,
    /// Header lines besides `Host` and framing.
    pub lines: &'static [(&'static str, &'static str)],
    pub body: Bytes,
    /// It goes to the metadata server, to which nothing else may go.
    pub to_metadata_server: bool,
}

/// The key of the service account cannot sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the private key of the service account cannot sign")]
pub struct CannotSign;

impl Account {
    /// `scopes`: none means [`DEFAULT_SCOPE`].
    pub fn new(source: Source, scopes: &[&str]) -> Self {
        let scopes = match scopes {
            [] => DEFAULT_SCOPE.into(),
            some => some.join(" ").into(),
        };
        Account { source, scopes }
    }

    /// Where tokens are fetched from, to be checked with the settings.
    pub fn token_url(&self) -> String {
        match &self.source {
            Source::ServiceAccount(account) => account.token_uri().to_owned(),
            Source::MetadataServer(host) => {
                let scopes = self.scopes.replace(' ', ",");
                let scopes = utf8_percent_encode(&scopes, NON_ALPHANUMERIC);
                format!("http://{host}{METADATA_PATH}?scopes={scopes}")
            }
        }
    }

    /// The `token_uri` of a service account; the metadata server has none.
    pub fn token_uri(&self) -> Option<&str> {
        match &self.source {
            Source::ServiceAccount(account) => Some(account.token_uri()),
            Source::MetadataServer(_) => None,
        }
    }

    /// The request for a token at this time.
    ///
    /// # Errors
    /// [`CannotSign`].
    pub fn request(&self, at: SystemTime) -> Result<TokenRequest, CannotSign> {
        let url = self.token_url();
        Ok(match &self.source {
            Source::ServiceAccount(account) => TokenRequest {
                method: "POST",
                url,
                lines: &[
                    ("accept", "application/json"),
                    ("content-type", "application/x-www-form-urlencoded"),
                ],
                body: format!("{GRANT}{}", account.assertion(&self.scopes, at)?).into(),
                to_metadata_server: false,
            },
            Source::MetadataServer(_) => TokenRequest {
                method: "GET",
                url,
                lines: &[
                    ("accept", "application/json"),
                    ("metadata-flavor", "Google"),
                ],
                body: Bytes::new(),
                to_metadata_server: true,
            },
        })
    }

    /// Everything that tells this account from others.
    pub(super) fn fields(&self) -> impl Iterator<Item = &str> {
        let [kind, email, key, url] = match &self.source {
            Source::ServiceAccount(account) => account.fields(),
            Source::MetadataServer(host) => ["metadata", "", "", host],
        };
        [kind, email, key, url, &self.scopes].into_iter()
    }
}

#[cfg(test)]
mod tests;
