//! What the response to a request for a token says (RFC 6749, section 5). An error repeats nothing
//! of the response but its status and its error code: the rest may repeat the request.

use std::time::Duration;

use serde::Deserialize;

use super::super::tokens::Token;
use crate::secret::Secret;

/// How long a token is used if the response does not say how long it is valid.
const UNSAID: u64 = 300;
/// The longest time that a response may claim, in seconds: no real token is valid for a day.
const LONGEST: u64 = 24 * 3600;
/// The longest error code that is repeated.
const LONGEST_CODE: usize = 64;

/// Why a response has no token.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unusable {
    #[error("the token server refused with status {0}")]
    Status(u16),
    #[error("the token server refused with status {0} ({1})")]
    Refused(u16, Box<str>),
    #[error("the token server's response has no access token")]
    NoToken,
}

#[derive(Deserialize)]
struct Granted {
    access_token: Secret,
    token_type: Option<String>,
    expires_in: Option<f64>,
}

#[derive(Deserialize)]
struct Refused {
    error: Box<str>,
}

/// Reads the whole response to a request for a token.
///
/// # Errors
/// [`Unusable`].
pub fn read(status: u16, body: &[u8]) -> Result<Token, Unusable> {
    if status != 200 {
        let refused = serde_json::from_slice::<Refused>(body).ok();
        let code = refused.map(|it| it.error).filter(|code| is_code(code));
        return Err(match code {
            Some(code) => Unusable::Refused(status, code),
            None => Unusable::Status(status),
        });
    }
    let granted: Granted = serde_json::from_slice(body).map_err(|_| Unusable::NoToken)?;
    let kind = granted.token_type.as_deref().unwrap_or("Bearer");
    let seconds = granted.expires_in.unwrap_or(UNSAID as f64);
    if !kind.eq_ignore_ascii_case("bearer") || seconds < 1.0 || granted.access_token.is_empty() {
        return Err(Unusable::NoToken);
    }
    // Saturates at both ends, and a number that is none becomes zero.
    let life = Duration::from_secs((seconds as u64).clamp(1, LONGEST));
    Token::new(&granted.access_token, life).ok_or(Unusable::NoToken)
}

/// A code such as `invalid_grant`, and nothing that could be a part of a secret.
fn is_code(text: &str) -> bool {
    (1..=LONGEST_CODE).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte == b'_')
}
