//! Which of an endpoint's headers are credentials, and which of our credential schemes they are.

use crate::cli::import::{report::Report, source::Item, texts::Carried, yaml::Out};

/// A header of the endpoint.
pub struct Header<'n> {
    pub name: String,
    pub value: Carried,
    pub item: Item<'n>,
}

/// LiteLLM makes Basic credentials of these two.
const USER: &str = "langfuse_public_key";
const PASSWORD: &str = "langfuse_secret_key";

/// Parts of names that mark a credential.
const WORDS: [&str; 9] = [
    "authorization",
    "auth",
    "token",
    "key",
    "apikey",
    "secret",
    "password",
    "cookie",
    "credential",
];

/// A header or parameter of this name carries a credential.
pub fn is_credential(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let mut words = name.split(['-', '_']);
    words.any(|word| WORDS.contains(&word))
}

/// Takes the credentials out of the headers; what stays is plain.
pub fn take(headers: &mut Vec<Header<'_>>, report: &mut Report) -> Option<Out> {
    let all = std::mem::take(headers);
    let (secret, plain): (Vec<_>, Vec<_>) = all
        .into_iter()
        .partition(|header| is_credential(&header.name));
    *headers = plain;
    let is_basic = |header: &Header<'_>| [USER, PASSWORD].contains(&header.name.as_str());
    let (pair, mut others): (Vec<_>, Vec<_>) = secret.into_iter().partition(is_basic);
    if let Some(basic) = basic(pair, report) {
        for header in &others {
            let reason = "stands beside LANGFUSE_PUBLIC_KEY: an endpoint has one credential";
            report.skip(&header.item, reason);
        }
        return Some(basic);
    }
    if let [Header { name, value, .. }] = &others[..]
        && name == "authorization"
        && let Some(token) = bearer(value)
    {
        return Some(Out::one("bearer", Out::secret(token)));
    }
    let lines = others.drain(..);
    let lines: Vec<_> = lines.map(|it| (it.name, Out::secret(it.value))).collect();
    (!lines.is_empty()).then(|| Out::one("header", Out::Map(lines)))
}

/// Both halves of a pair, or none.
fn basic(pair: Vec<Header<'_>>, report: &mut Report) -> Option<Out> {
    let half = |name: &str| pair.iter().find(|header| header.name == name);
    if let (Some(user), Some(password)) = (half(USER), half(PASSWORD)) {
        let (user, password) = (user.value.clone(), password.value.clone());
        let pair = Out::Map(vec![
            ("user".to_owned(), Out::secret(user)),
            ("password".to_owned(), Out::secret(password)),
        ]);
        return Some(Out::one("basic", pair));
    }
    for header in &pair {
        let reason = "needs both LANGFUSE_PUBLIC_KEY and LANGFUSE_SECRET_KEY";
        report.skip(&header.item, reason);
    }
    None
}

/// The token of `Bearer TOKEN`, in any case.
fn bearer(value: &Carried) -> Option<Carried> {
    let (scheme, token) = value.text.split_once(' ')?;
    let token = token.trim();
    let is_bearer = scheme.eq_ignore_ascii_case("bearer") && !token.is_empty();
    is_bearer.then(|| Carried {
        text: token.to_owned(),
        is_reference: value.is_reference,
    })
}
