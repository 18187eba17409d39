//! The credentials that came with a request: for what a target gets, whose breaker it is, whom limits count and whose answers the
//! cache keeps. Which names carry credentials is the plan's table.

use std::cell::OnceCell;

use actix_http::{RequestHead, header::HeaderValue};

use super::{plan::CredentialNames, url};
use crate::rate_limit::Identity;

/// What a request shows of who sent it. Cannot be printed.
pub struct Presented<'a> {
    pub names: &'a CredentialNames,
    pub head: &'a RequestHead,
    pub query: Option<&'a str>,
    /// A placeholder for a credential, which is none.
    pub placeholder: Option<&'a HeaderValue>,
    identity: OnceCell<Option<Identity>>,
}

impl<'a> Presented<'a> {
    pub fn new(
        names: &'a CredentialNames,
        head: &'a RequestHead,
        query: Option<&'a str>,
        placeholder: Option<&'a HeaderValue>,
    ) -> Self {
        Presented {
            names,
            head,
            query,
            placeholder,
            identity: OnceCell::new(),
        }
    }

    /// Who sent it, by all credentials together. `None`: it shows none.
    pub fn identity(&self) -> Option<&Identity> {
        let identity = || Identity::by_credentials(self.credentials());
        self.identity.get_or_init(identity).as_ref()
    }

    /// Each credential by the name it travels under: headers in the table's order, those of one name in theirs, then the query's.
    pub fn credentials(&self) -> impl Iterator<Item = (&'a str, &'a [u8])> {
        let placeholder = self.placeholder;
        let lines = self.head.headers();
        let headers = self.names.headers.iter();
        let headers = headers.flat_map(move |name| {
            let values = lines.get_all(name);
            let values =
                values.filter(move |value| !placeholder.is_some_and(|it| std::ptr::eq(it, *value)));
            values.map(move |value| (name.as_str(), value.as_bytes()))
        });
        let query = url::named(self.query.unwrap_or_default(), &self.names.query);
        headers.chain(query.map(|part| match part.split_once('=') {
            Some((name, value)) => (name, value.as_bytes()),
            None => (part, &b""[..]),
        }))
    }
}

#[cfg(test)]
mod tests {
    use actix_http::header::HeaderName;

    use super::*;
    use crate::config;

    #[test]
    fn credentials_come_in_the_tables_order_whatever_order_they_were_sent_in() {
        let names = CredentialNames::new(&config::CredentialNames::default());
        let lines = [
            ("cookie", "a=1"),
            ("authorization", "Bearer x"),
            ("x-api-key", "k"),
            ("authorization", "Bearer y"),
        ];
        let shown = |order: [usize; 4]| {
            let mut head = RequestHead::default();
            for (name, value) in order.map(|place| lines[place]) {
                let name = HeaderName::from_static(name);
                head.headers.append(name, HeaderValue::from_static(value));
            }
            let query = Some("a=1&api_key=q&b=2");
            let placeholder = head.headers().get("x-api-key");
            let presented = Presented::new(&names, &head, query, placeholder);
            let shown = presented.credentials();
            let shown =
                shown.map(|(name, value)| format!("{name}={}", String::from_utf8_lossy(value)));
            shown.collect::<Vec<_>>()
        };
        let expected = [
            "authorization=Bearer x",
            "authorization=Bearer y",
            "cookie=a=1",
            "api_key=q",
        ];
        for order in [[0, 1, 2, 3], [1, 0, 3, 2], [2, 1, 3, 0]] {
            assert_eq!(shown(order), expected, "{order:?}");
        }
    }
}
