//! Credentials of the operator: which schemes there are, and how each travels. Header lines and
//! query parameters are fixed; an AWS signature and a Google access token are made for each send.
//! How they are written in the settings is `route/config/credential.rs`'s to say, and to which host
//! they are bound `proxy/plan/binding.rs`'s.

pub mod aws;
mod fingerprint;
pub mod google;
pub mod lines;
pub mod query;
pub mod tokens;

use actix_http::header::{self, HeaderName};

pub use self::fingerprint::Fingerprint;
use self::{aws::Signer, google::Account, lines::HeaderLine, query::QueryParams};

/// A credential of the operator. Cannot be printed.
pub struct Credential {
    scheme: Scheme,
    fingerprint: Fingerprint,
    replaced_query: Box<[Box<str>]>,
}

/// How a credential travels: the one table of schemes.
pub enum Scheme {
    /// `bearer`, `header` and `basic`: lines that are the same in every request.
    Lines(Box<[HeaderLine]>),
    /// `query`: parameters at the end of the URL.
    Query(QueryParams),
    /// `aws_sigv4`: a signature over each request.
    Signature(Signer),
    /// `google`: an access token, fetched and renewed.
    Token(Account),
}

impl Credential {
    pub fn new(scheme: Scheme) -> Self {
        Credential {
            fingerprint: Fingerprint::of(&scheme),
            replaced_query: scheme.replaced_query(),
            scheme,
        }
    }

    pub fn scheme(&self) -> &Scheme {
        &self.scheme
    }

    /// Equal for credentials of equal content; tells nothing of the content.
    pub fn fingerprint(&self) -> &Fingerprint {
        &self.fingerprint
    }

    /// Names of the caller's query parameters that the target does not get, besides those of the
    /// table of credential names.
    pub fn replaced_query(&self) -> &[Box<str>] {
        &self.replaced_query
    }

    /// Where access tokens are fetched from, if the scheme has any.
    pub fn token_url(&self) -> Option<String> {
        match &self.scheme {
            Scheme::Token(account) => Some(account.token_url()),
            Scheme::Lines(_) | Scheme::Query(_) | Scheme::Signature(_) => None,
        }
    }

    /// The `token_uri` of a service account.
    pub fn token_uri(&self) -> Option<&str> {
        match &self.scheme {
            Scheme::Token(account) => account.token_uri(),
            Scheme::Lines(_) | Scheme::Query(_) | Scheme::Signature(_) => None,
        }
    }

    /// The request's whole body has to be read before anything is sent.
    pub fn needs_body(&self) -> bool {
        match self.scheme {
            Scheme::Signature(_) => true,
            Scheme::Lines(_) | Scheme::Query(_) | Scheme::Token(_) => false,
        }
    }
}

impl Scheme {
    /// Header lines that are the same in every request.
    pub fn lines(&self) -> &[HeaderLine] {
        match self {
            Scheme::Lines(lines) => lines,
            Scheme::Query(_) | Scheme::Signature(_) | Scheme::Token(_) => &[],
        }
    }

    /// Headers that the scheme writes itself for each send, or whose value of the caller would
    /// contradict it.
    pub fn written_at_send(&self) -> Vec<HeaderName> {
        match self {
            Scheme::Lines(_) | Scheme::Query(_) => Vec::new(),
            Scheme::Signature(_) => aws::WRITTEN.to_vec(),
            Scheme::Token(_) => vec![header::AUTHORIZATION],
        }
    }

    fn replaced_query(&self) -> Box<[Box<str>]> {
        match self {
            Scheme::Lines(_) | Scheme::Token(_) => Box::default(),
            Scheme::Query(params) => params.names().map(Into::into).collect(),
            Scheme::Signature(_) => aws::SIGNED_QUERY.into_iter().map(Into::into).collect(),
        }
    }
}
