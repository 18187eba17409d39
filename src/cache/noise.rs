//! Which request headers the cache key leaves out: a built-in list, headers of trusted proxies, and
//! names from the settings. Names that distinguish callers or requests are refused.

use actix_http::header::{HeaderName, HeaderValue};

use crate::http::credential;

/// The headers that the key leaves out. The default is only the built-in list.
#[derive(Clone, Debug, Default)]
pub struct Noise {
    /// Names of `cache.ignore_headers`.
    ignored_by_settings: Box<[HeaderName]>,
    proxies: Proxies,
}

/// Whether proxies in front of the gateway are trusted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Proxies {
    #[default]
    None,
    Trusted,
}

/// To whom a stored response may be given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Readers {
    /// Only the caller that made the request.
    Caller,
    /// Other callers too, so no caller's header may influence the response.
    Others,
}

/// What proxies report about the client's connection. It does not affect responses.
const CONNECTION: [&str; 4] = [
    "x-amzn-trace-id",
    "x-forwarded-by",
    "x-forwarded-for",
    "x-real-ip",
];
/// What proxies report about the address that the client used. Upstreams build links from it, so
/// with shared entries one caller could make everybody's links point to its own host.
const ADDRESS: [&str; 7] = [
    "x-forwarded-host",
    "x-forwarded-port",
    "x-forwarded-prefix",
    "x-forwarded-proto",
    "x-forwarded-scheme",
    "x-forwarded-server",
    "x-forwarded-ssl",
];

impl Noise {
    pub fn new(ignored_by_settings: Vec<HeaderName>, proxies: Proxies) -> Self {
        Noise {
            ignored_by_settings: ignored_by_settings.into(),
            proxies,
        }
    }

    /// The key leaves out headers of this name.
    pub fn contains(&self, name: &HeaderName, readers: Readers) -> bool {
        is_built_in(name.as_str())
            || self.ignored_by_settings.contains(name)
            || (self.proxies == Proxies::Trusted && is_proxies_own(name.as_str(), readers))
    }

    /// The key may leave out headers of this name for some caller.
    pub(super) fn may_contain(&self, name: &HeaderName) -> bool {
        self.contains(name, Readers::Caller)
    }

    /// Removes the ignored headers.
    pub(super) fn strip(&self, lines: &mut Vec<(&HeaderName, &HeaderValue)>, readers: Readers) {
        lines.retain(|(name, _)| !self.contains(name, readers));
    }
}

fn is_proxies_own(name: &str, readers: Readers) -> bool {
    CONNECTION.contains(&name) || (readers == Readers::Caller && ADDRESS.contains(&name))
}

/// Client library, tracing, the identity of a single attempt, and framing, which the gateway does
/// itself.
pub fn is_built_in(name: &str) -> bool {
    matches!(
        name,
        "b3" | "connection"
            | "content-length"
            | "date"
            | "expect"
            | "host"
            | "idempotency-key"
            | "keep-alive"
            | "proxy-connection"
            | "te"
            | "traceparent"
            | "tracestate"
            | "trailer"
            | "transfer-encoding"
            | "upgrade"
            | "user-agent"
            | "x-request-id"
    ) || name.starts_with("x-stainless-")
}

/// Why the settings must not ignore a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotIgnorable {
    #[error(
        "names a header that tells callers apart: one caller would get another caller's response"
    )]
    Caller,
    #[error("names a header that changes what is requested or the form of the response")]
    Question,
    #[error("names a header of the gateway itself, which is never part of the key")]
    Own,
}

/// Words in header names, separated by hyphens, that indicate a credential.
const CREDENTIAL_WORDS: [&str; 18] = [
    "apikey",
    "auth",
    "authentication",
    "authorization",
    "bearer",
    "cookie",
    "credential",
    "credentials",
    "jwt",
    "key",
    "passphrase",
    "passwd",
    "password",
    "secret",
    "sig",
    "signature",
    "token",
    "tokens",
];
/// Words in the names of headers in which an authenticating proxy reports the user.
const SIGN_IN_WORDS: [&str; 6] = [
    "authenticated",
    "cert",
    "dn",
    "oidc",
    "principal",
    "webauth",
];
/// Prefixes of such names, and `x-amz-`, which AWS request signing uses.
const SIGN_IN_PREFIXES: [&str; 4] = ["tailscale-user-", "x-amz-", "x-consumer-", "x-forwarded-"];
/// Headers that select the account or the user.
const ACCOUNTS: [&str; 6] = [
    "openai-organization",
    "openai-project",
    "remote-user",
    "x-goog-user-project",
    "x-remote-user",
    "x-user",
];
/// Headers that change the meaning of the request or the form of the response.
const SEMANTIC: [&str; 8] = [
    "anthropic-beta",
    "anthropic-version",
    "cache-control",
    "openai-beta",
    "pragma",
    "prefer",
    "range",
    "x-http-method-override",
];
const SEMANTIC_PREFIXES: [&str; 3] = ["accept", "content-", "if-"];

/// Whether the settings may have the key leave out this name.
///
/// # Errors
/// Entries would be given to callers or requests that they do not belong to.
pub fn check_ignorable(name: &HeaderName) -> Result<(), NotIgnorable> {
    let text = name.as_str();
    let is_proxies = CONNECTION.contains(&text) || ADDRESS.contains(&text);
    if is_built_in(text) || is_proxies {
        return Ok(());
    }
    if text.starts_with("x-gateway-") || text.starts_with("x-portkey-") {
        return Err(NotIgnorable::Own);
    }
    let has_word = |words: &[&str]| text.split(['-', '_']).any(|word| words.contains(&word));
    let begins_with = |prefixes: &[&str]| prefixes.iter().any(|prefix| text.starts_with(prefix));
    let is_credential = credential::HEADERS.contains(name) || has_word(&CREDENTIAL_WORDS);
    let is_account =
        ACCOUNTS.contains(&text) || has_word(&SIGN_IN_WORDS) || begins_with(&SIGN_IN_PREFIXES);
    if is_credential || is_account {
        return Err(NotIgnorable::Caller);
    }
    let is_semantic = SEMANTIC.contains(&text) || begins_with(&SEMANTIC_PREFIXES);
    match is_semantic {
        true => Err(NotIgnorable::Question),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> HeaderName {
        text.parse().unwrap()
    }

    #[test]
    fn names_that_must_not_be_ignored_are_not_ignored_by_default() {
        let noise = Noise::new(Vec::new(), Proxies::Trusted);
        for text in CONNECTION.into_iter().chain(ADDRESS) {
            assert_eq!(check_ignorable(&name(text)), Ok(()), "{text}");
            assert!(noise.contains(&name(text), Readers::Caller), "{text}");
            assert!(!Noise::default().may_contain(&name(text)), "{text}");
        }
        let refused = ACCOUNTS.into_iter().chain(SEMANTIC).map(name);
        for name in refused.chain(credential::HEADERS) {
            assert!(check_ignorable(&name).is_err(), "{name}");
            assert!(!noise.may_contain(&name), "{name}");
        }
    }

    #[test]
    fn a_name_is_refused_with_the_right_reason() {
        use NotIgnorable::{Caller, Own, Question};
        for (text, expected) in [
            ("x-request-start", Ok(())),
            ("cf-ray", Ok(())),
            ("x-openwebui-user-id", Ok(())),
            ("x-keyboard", Ok(())),
            ("idempotency-key", Ok(())),
            ("x-team-token", Err(Caller)),
            ("x_api_key", Err(Caller)),
            ("x-auth-request-email", Err(Caller)),
            ("x-forwarded-user", Err(Caller)),
            ("x-forwarded-client-cert", Err(Caller)),
            ("x-amz-date", Err(Caller)),
            ("x-goog-authenticated-user-email", Err(Caller)),
            ("cf-access-authenticated-user-email", Err(Caller)),
            ("x-ms-client-principal-id", Err(Caller)),
            ("x-amzn-oidc-identity", Err(Caller)),
            ("x-webauth-user", Err(Caller)),
            ("x-consumer-username", Err(Caller)),
            ("tailscale-user-login", Err(Caller)),
            ("x-ssl-client-cert", Err(Caller)),
            ("ssl-client-subject-dn", Err(Caller)),
            ("x-bearer", Err(Caller)),
            ("x-amzn-trace-id", Ok(())),
            ("accept-language", Err(Question)),
            ("content-type", Err(Question)),
            ("if-match", Err(Question)),
            ("x-gateway-cache", Err(Own)),
            ("x-portkey-cache", Err(Own)),
        ] {
            assert_eq!(check_ignorable(&name(text)), expected, "{text}");
        }
    }
}
