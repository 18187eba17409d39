//! The credentials that came with a request: for what a target gets, whose breaker it is, whom limits count and whose answers the
//! cache keeps. Which names carry credentials is the plan's table.

use actix_http::{
    RequestHead,
    header::{HeaderName, HeaderValue},
};

use super::{plan::CredentialNames, url};

/// What a request shows of who sent it. Cannot be printed.
#[derive(Clone, Copy)]
pub struct Presented<'a> {
    pub names: &'a CredentialNames,
    pub head: &'a RequestHead,
    pub query: Option<&'a str>,
    /// A placeholder for a credential, which is none.
    pub placeholder: Option<&'a HeaderValue>,
}

impl<'a> Presented<'a> {
    /// Each credential by the name it travels under: headers in the table's order, those of one name in theirs, then the query's.
    pub fn credentials(self) -> impl Iterator<Item = (&'a str, &'a [u8])> {
        let headers = self.names.headers.iter();
        let headers = headers.flat_map(move |name| {
            let values = self.under(name);
            values.map(move |value| (name.as_str(), value.as_bytes()))
        });
        let query = url::named(self.query.unwrap_or_default(), &self.names.query);
        headers.chain(query.map(|part| match part.split_once('=') {
            Some((name, value)) => (name, value.as_bytes()),
            None => (part, &b""[..]),
        }))
    }

    fn under(self, name: &'a HeaderName) -> impl Iterator<Item = &'a HeaderValue> {
        let is_placeholder = move |value: &HeaderValue| {
            let placeholder = self.placeholder;
            placeholder.is_some_and(|placeholder| std::ptr::eq(placeholder, value))
        };
        let values = self.head.headers().get_all(name);
        values.filter(move |value| !is_placeholder(value))
    }
}

#[cfg(test)]
mod tests {
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
            let presented = Presented {
                names: &names,
                head: &head,
                query: Some("a=1&api_key=q&b=2"),
                placeholder: head.headers().get("x-api-key"),
            };
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
