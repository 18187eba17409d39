//! Credentials of callers and operators, and a search for either in what arrived.

#![allow(dead_code, reason = "no test needs all of it")]

use super::{Upstream, show};

/// Every credential a caller can send in a header, all recognisable.
pub const CALLER: &str = "Authorization: Bearer caller-bearer\r\nx-api-key: caller-x-api-key\r\n\
                          api-key: caller-api-key\r\nx-goog-api-key: caller-goog\r\n\
                          xi-api-key: caller-xi\r\n\
                          Cookie: session=caller-cookie\r\n";

/// The header names of [`CALLER`].
pub const NAMES: [&str; 6] = [
    "authorization",
    "x-api-key",
    "api-key",
    "x-goog-api-key",
    "xi-api-key",
    "cookie",
];

/// What every secret of a caller's begins with.
pub const CALLER_MARK: &str = "caller-";

/// What every secret of an operator's begins with.
pub const OPERATOR_MARK: &str = "operator-";

impl Upstream {
    /// How often these bytes have come, in whatever request and wherever in it.
    pub fn received(&self, mark: &str) -> usize {
        let requests = self.requests();
        let found = requests
            .iter()
            .flat_map(|request| request.windows(mark.len()))
            .filter(|window| *window == mark.as_bytes());
        found.count()
    }

    /// No byte of the secrets marked so has come.
    #[track_caller]
    pub fn assert_never(&self, mark: &str, what: &str) {
        let all = self.requests().concat();
        assert_eq!(self.received(mark), 0, "{what}\n{}", show(&all));
    }

    /// The credentials of the latest request, by name.
    pub fn credentials(&self) -> Vec<(&'static str, String)> {
        let sent = self.last();
        let named = |name: &'static str| {
            let values = sent.all(name);
            values.into_iter().map(move |value| (name, value))
        };
        NAMES.into_iter().flat_map(named).collect()
    }
}

/// What [`CALLER`] looks like when all of it has crossed.
pub fn all_of_the_callers() -> Vec<(&'static str, String)> {
    let values = [
        "Bearer caller-bearer",
        "caller-x-api-key",
        "caller-api-key",
        "caller-goog",
        "caller-xi",
        "session=caller-cookie",
    ];
    NAMES.into_iter().zip(values.map(str::to_owned)).collect()
}
