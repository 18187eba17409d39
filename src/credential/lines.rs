//! The schemes whose header lines never change: `bearer` (RFC 6750), `header` and `basic`
//! (RFC 7617).

use actix_http::header::{self, HeaderName, HeaderValue};
use base64::{Engine as _, engine::general_purpose::STANDARD};

use crate::secret::Secret;

/// A header line that carries a credential. Cannot be printed.
pub struct HeaderLine {
    name: HeaderName,
    value: HeaderValue,
}

impl HeaderLine {
    /// `None`: the value has bytes that no header may have.
    pub fn new(name: HeaderName, value: &str) -> Option<Self> {
        let mut value = HeaderValue::from_str(value).ok()?;
        value.set_sensitive(true);
        Some(HeaderLine { name, value })
    }

    pub fn bearer(token: &Secret) -> Option<Self> {
        Self::new(header::AUTHORIZATION, &format!("Bearer {}", token.expose()))
    }

    /// `user` has no colon.
    pub fn basic(user: &Secret, password: &Secret) -> Option<Self> {
        let pair = STANDARD.encode(format!("{}:{}", user.expose(), password.expose()));
        Self::new(header::AUTHORIZATION, &format!("Basic {pair}"))
    }

    pub fn name(&self) -> &HeaderName {
        &self.name
    }

    pub fn value(&self) -> &HeaderValue {
        &self.value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_reads_as_its_rfc_says() {
        let secret = |text: &str| Secret::new(text);
        let basic = HeaderLine::basic(&secret("Aladdin"), &secret("open sesame"));
        let basic = basic.expect("a line");
        // The example of RFC 7617, section 2.
        assert_eq!(basic.value(), "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
        let empty = HeaderLine::basic(&secret("sk-1"), &secret("")).expect("a line");
        assert_eq!(empty.value(), "Basic c2stMTo=");
        let bearer = HeaderLine::bearer(&secret("mF_9.B5f-4.1JqM")).expect("a line");
        assert_eq!(bearer.value(), "Bearer mF_9.B5f-4.1JqM");
        assert!(bearer.value().is_sensitive() && basic.value().is_sensitive());
        assert!(HeaderLine::bearer(&secret("a\r\nx: y")).is_none());
    }
}
