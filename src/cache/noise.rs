//! Which request headers does the cache key leave out? Those that say nothing of what is asked: a
//! built-in list, what proxies in front add where the settings trust them, and what the settings
//! name. A name that tells callers or questions apart is refused.

use actix_http::header::{HeaderName, HeaderValue};

use crate::route::credential;

/// The headers that the key leaves out, as the settings say. The default is the built-in list
/// alone.
#[derive(Clone, Debug, Default)]
pub struct Noise {
    /// Names of `cache.ignore_headers`.
    more: Box<[HeaderName]>,
    proxies: Proxies,
}

/// Whether proxies in front of the gateway are trusted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Proxies {
    #[default]
    None,
    Trusted,
}

/// Who is answered with what is kept for a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Readers {
    /// The caller that asked, told by its credentials.
    Caller,
    /// Others, too. A header of one of them must not shape what the others get.
    Others,
}

/// What proxies say of the client's connection. Nothing in an answer follows from it.
const CONNECTION: [&str; 4] = [
    "x-amzn-trace-id",
    "x-forwarded-by",
    "x-forwarded-for",
    "x-real-ip",
];
/// What proxies say of the address that the client asked. Upstreams make links of it: where others
/// get the answer, one caller could have the links of all lead to a host of its own.
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
    pub fn new(more: Vec<HeaderName>, proxies: Proxies) -> Self {
        Noise {
            more: more.into(),
            proxies,
        }
    }

    /// The key leaves lines of this name out.
    pub fn contains(&self, name: &HeaderName, readers: Readers) -> bool {
        is_built_in(name.as_str())
            || self.more.contains(name)
            || (self.proxies == Proxies::Trusted && is_proxies_own(name.as_str(), readers))
    }

    /// The key may leave lines of this name out, whoever asks.
    pub fn may_contain(&self, name: &HeaderName) -> bool {
        self.contains(name, Readers::Caller)
    }

    /// Takes noise out of a request's lines.
    pub fn strip(&self, lines: &mut Vec<(&HeaderName, &HeaderValue)>, readers: Readers) {
        lines.retain(|(name, _)| !self.contains(name, readers));
    }
}

fn is_proxies_own(name: &str, readers: Readers) -> bool {
    CONNECTION.contains(&name) || (readers == Readers::Caller && ADDRESS.contains(&name))
}

/// Who sends it with which library, traces, the one attempt's name, and framing, which is ours.
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

/// Why a name cannot be ignored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotIgnorable {
    #[error(
        "names a header that tells callers apart: one caller would get what is kept for another"
    )]
    Caller,
    #[error("names a header that says what is asked for, or in which form")]
    Question,
    #[error("names a header of the gateway's own, which is never part of the key")]
    Own,
}

/// Words, between hyphens, of names that carry credentials.
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
/// Words of names by which what signs people in, in front of the gateway, tells who they are.
const SIGN_IN_WORDS: [&str; 6] = [
    "authenticated",
    "cert",
    "dn",
    "oidc",
    "principal",
    "webauth",
];
/// Beginnings of such names. AWS signs `x-amz-*`.
const SIGN_IN_PREFIXES: [&str; 4] = ["tailscale-user-", "x-amz-", "x-consumer-", "x-forwarded-"];
/// Whose account is used, and on whose behalf.
const ACCOUNTS: [&str; 6] = [
    "openai-organization",
    "openai-project",
    "remote-user",
    "x-goog-user-project",
    "x-remote-user",
    "x-user",
];
/// The meaning of the request or the form of the answer.
const QUESTIONS: [&str; 8] = [
    "anthropic-beta",
    "anthropic-version",
    "cache-control",
    "openai-beta",
    "pragma",
    "prefer",
    "range",
    "x-http-method-override",
];
const QUESTION_PREFIXES: [&str; 3] = ["accept", "content-", "if-"];

/// Whether the settings may have the key leave this name out.
///
/// # Errors
/// Why not: entries would be given to callers or questions that they do not belong to.
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
    let is_question = QUESTIONS.contains(&text) || begins_with(&QUESTION_PREFIXES);
    match is_question {
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
    fn nothing_that_may_not_be_ignored_is_ignored_by_default() {
        let noise = Noise::new(Vec::new(), Proxies::Trusted);
        for text in CONNECTION.into_iter().chain(ADDRESS) {
            assert_eq!(check_ignorable(&name(text)), Ok(()), "{text}");
            assert!(noise.contains(&name(text), Readers::Caller), "{text}");
            assert!(!Noise::default().may_contain(&name(text)), "{text}");
        }
        let refused = ACCOUNTS.into_iter().chain(QUESTIONS).map(name);
        for name in refused.chain(credential::HEADERS) {
            assert!(check_ignorable(&name).is_err(), "{name}");
            assert!(!noise.may_contain(&name), "{name}");
        }
    }

    #[test]
    fn a_name_is_refused_for_what_it_says() {
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
