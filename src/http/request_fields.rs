//! The header lines of a request, sorted in one pass: what the gateway itself reads, the lines of
//! its own namespace, and those that go on to an upstream (RFC 9110 §7.6.1).

use actix_http::header::{self, HeaderMap, HeaderName, HeaderValue};

use super::{
    content_length::{NotANumber, decimal},
    hop_by_hop::{is_connection_option, is_hop_by_hop},
    list,
};

/// Lines that most requests have at most.
const USUAL_LINES: usize = 16;
/// Most names that `Connection` may list: each line is compared with all of them.
const MOST_NAMED: usize = 32;

/// One header line.
pub type Line<'h> = (&'h HeaderName, &'h HeaderValue);

/// The header lines of one request. Of a field that must be single, the first line counts.
#[derive(Default)]
pub struct RequestFields<'h> {
    pub host: Option<&'h HeaderValue>,
    pub origin: Option<&'h HeaderValue>,
    pub sec_fetch_site: Option<&'h HeaderValue>,
    pub accept: Option<&'h HeaderValue>,
    /// There is an `Access-Control-Request-Method` line.
    pub asks_preflight: bool,
    pub has_idempotency_key: bool,
    pub has_via: bool,
    pub framing: Framing,
    /// Header names that `Connection` lists.
    named: Vec<&'h [u8]>,
    /// Lines of the gateway's own namespace.
    pub ours: Vec<Line<'h>>,
    /// Lines that are not hop-by-hop, not ours, and not written by the gateway itself.
    pub end_to_end: Vec<Line<'h>>,
}

/// The lines that say how a request's body is framed, and whether it is a WebSocket handshake.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Framing {
    pub has_transfer_encoding: bool,
    /// The value of `Content-Length`, if there is such a line.
    pub content_length: Option<Result<u64, NotANumber>>,
    /// An `Upgrade` line names WebSocket and nothing else. actix-http takes any such request for a
    /// tunnel, whatever its method and whatever `Connection` says.
    pub names_websocket: bool,
    /// `Connection` lists `upgrade`, without which an `Upgrade` line has no effect (RFC 9110 §7.8).
    pub asks_upgrade: bool,
}

/// `Connection` lists more names than the gateway compares with each line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooManyNamed;

impl<'h> RequestFields<'h> {
    /// Sorts the lines; `is_ours` tells the gateway's own namespace.
    pub fn of(headers: &'h HeaderMap, is_ours: impl Fn(&HeaderName) -> bool) -> Self {
        let mut fields = RequestFields {
            end_to_end: Vec::with_capacity(USUAL_LINES),
            ..Self::default()
        };
        for (name, value) in headers {
            if is_ours(name) {
                fields.ours.push((name, value));
            } else {
                fields.sort(name, value);
            }
        }
        let named = &fields.named;
        if !named.is_empty() && named.len() <= MOST_NAMED {
            let lists = |name: &HeaderName| {
                let name = name.as_str().as_bytes();
                named.iter().any(|named| named.eq_ignore_ascii_case(name))
            };
            fields.end_to_end.retain(|(name, _)| !lists(name));
        }
        fields
    }

    /// Refuses a `Connection` that lists so many names that they were not looked at.
    ///
    /// # Errors
    /// [`TooManyNamed`]; `end_to_end` is then not to be used.
    pub fn check_named(&self) -> Result<(), TooManyNamed> {
        match self.named.len() > MOST_NAMED {
            true => Err(TooManyNamed),
            false => Ok(()),
        }
    }

    fn sort(&mut self, name: &'h HeaderName, value: &'h HeaderValue) {
        match *name {
            header::HOST => set_first(&mut self.host, value),
            // The gateway answers it itself.
            header::EXPECT => {}
            header::CONTENT_LENGTH => {
                let length = || decimal(value.as_bytes()).ok_or(NotANumber);
                self.framing.content_length.get_or_insert_with(length);
            }
            header::TRANSFER_ENCODING => self.framing.has_transfer_encoding = true,
            header::CONNECTION => self.sort_connection(value.as_bytes()),
            header::UPGRADE => {
                let protocol = value.as_bytes().trim_ascii();
                self.framing.names_websocket |= protocol.eq_ignore_ascii_case(b"websocket");
            }
            _ if is_hop_by_hop(name) => {}
            _ => {
                self.note(name, value);
                self.end_to_end.push((name, value));
            }
        }
    }

    /// What the gateway reads of a line that goes on.
    fn note(&mut self, name: &HeaderName, value: &'h HeaderValue) {
        match *name {
            header::ACCEPT => set_first(&mut self.accept, value),
            header::ORIGIN => set_first(&mut self.origin, value),
            header::VIA => self.has_via = true,
            header::ACCESS_CONTROL_REQUEST_METHOD => self.asks_preflight = true,
            _ => match name.as_str() {
                "idempotency-key" => self.has_idempotency_key = true,
                "sec-fetch-site" => set_first(&mut self.sec_fetch_site, value),
                _ => {}
            },
        }
    }

    fn sort_connection(&mut self, line: &'h [u8]) {
        for token in list::items(line) {
            self.framing.asks_upgrade |= token.eq_ignore_ascii_case(b"upgrade");
            if !is_connection_option(token) && self.named.len() <= MOST_NAMED {
                self.named.push(token);
            }
        }
    }
}

fn set_first<'h>(field: &mut Option<&'h HeaderValue>, value: &'h HeaderValue) {
    field.get_or_insert(value);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(lines: &[(&str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            let value = HeaderValue::from_str(value).expect("a value");
            headers.append(name.parse().expect("a name"), value);
        }
        headers
    }

    fn is_ours(name: &HeaderName) -> bool {
        name.as_str().starts_with("x-gateway-")
    }

    #[test]
    fn each_line_has_its_place_and_the_first_of_several_counts() {
        let headers = map(&[
            ("host", "a"),
            ("host", "b"),
            ("accept", "text/event-stream"),
            ("accept", "*/*"),
            ("origin", "https://app.example"),
            ("sec-fetch-site", "same-origin"),
            ("access-control-request-method", "POST"),
            ("idempotency-key", "1"),
            ("via", "1.1 proxy"),
            ("content-length", "5"),
            ("content-length", "6"),
            ("x-gateway-provider", "openai"),
            ("x-tenant", "t"),
        ]);
        let fields = RequestFields::of(&headers, is_ours);
        let text = |value: Option<&HeaderValue>| value.map(|it| it.to_str().unwrap().to_owned());
        assert_eq!(text(fields.host).as_deref(), Some("a"));
        assert_eq!(text(fields.accept).as_deref(), Some("text/event-stream"));
        assert_eq!(text(fields.origin).as_deref(), Some("https://app.example"));
        assert_eq!(text(fields.sec_fetch_site).as_deref(), Some("same-origin"));
        assert!(fields.asks_preflight && fields.has_idempotency_key && fields.has_via);
        assert_eq!(fields.framing.content_length, Some(Ok(5)));
        assert_eq!(fields.ours.len(), 1);
        let mut left: Vec<_> = fields.end_to_end.iter().map(|it| it.0.as_str()).collect();
        left.sort_unstable();
        let expected = [
            "accept",
            "accept",
            "access-control-request-method",
            "idempotency-key",
            "origin",
            "sec-fetch-site",
            "via",
            "x-tenant",
        ];
        assert_eq!(left, expected);
    }

    #[test]
    fn the_upgrade_line_is_compared_whole_and_connection_as_a_list() {
        for (upgrade, connection, expected) in [
            ("websocket", "upgrade", (true, true)),
            (" WebSocket ", "keep-alive, Upgrade", (true, true)),
            ("websocket", "keep-alive", (true, false)),
            ("websocket, h2c", "upgrade", (false, true)),
            ("h2c", "upgrades", (false, false)),
        ] {
            let headers = map(&[("upgrade", upgrade), ("connection", connection)]);
            let Framing {
                names_websocket,
                asks_upgrade,
                ..
            } = RequestFields::of(&headers, is_ours).framing;
            let found = (names_websocket, asks_upgrade);
            assert_eq!(found, expected, "{upgrade:?}, {connection:?}");
        }
    }

    #[test]
    fn connection_takes_out_what_it_lists_up_to_a_bound() {
        let list = |count: usize| {
            let names: Vec<_> = (0..count).map(|at| format!("x-{at}")).collect();
            names.join(",")
        };
        for (count, verdict) in [(32, Ok(())), (33, Err(TooManyNamed))] {
            let connection = list(count);
            let headers = map(&[("connection", &connection), ("x-0", "1"), ("x-99", "1")]);
            let fields = RequestFields::of(&headers, is_ours);
            assert_eq!(fields.check_named(), verdict, "{count}");
            if verdict.is_ok() {
                let left: Vec<_> = fields.end_to_end.iter().map(|it| it.0.as_str()).collect();
                assert_eq!(left, ["x-99"]);
            }
        }
        let headers = map(&[("connection", "close, Keep-Alive,, X-Hop"), ("x-hop", "1")]);
        let fields = RequestFields::of(&headers, is_ours);
        assert_eq!(fields.named.as_slice(), [b"X-Hop"]);
        assert!(fields.end_to_end.is_empty());
    }
}
