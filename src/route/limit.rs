//! `rate_limit` as checked values: how many requests one of many may send. Nothing is counted here.

use std::{num::NonZeroU32, time::Duration};

/// How much of the gateway one of those that `by` tells apart may have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limit {
    pub rate: Option<Rate>,
    /// Requests under way at once, until the last byte of each answer.
    pub concurrent: Option<NonZeroU32>,
    pub by: By,
}

/// Requests in time, by the generic cell rate algorithm (GCRA): a bucket of `burst` that refills evenly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    pub requests: NonZeroU32,
    pub window: Duration,
    /// Requests that may come at once. In any one window at most `requests` and `burst` together pass.
    pub burst: NonZeroU32,
}

impl Rate {
    /// The longest window: a limit of a day is the longest that is of use.
    pub const LONGEST_WINDOW: Duration = Duration::from_secs(24 * 3600);

    /// The time in which one request is earned; never zero.
    pub fn interval(&self) -> Duration {
        (self.window / self.requests.get()).max(Duration::from_nanos(1))
    }
}

/// What tells apart those that a limit counts for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum By {
    /// The caller's credentials; without any, its address.
    Caller,
    ClientAddress,
    /// The upstream's scheme, host and port; counted for each attempt.
    Origin,
    /// A value of `x-gateway-metadata`; requests without it are counted together.
    Metadata(Box<str>),
}

impl By {
    /// What a limit may say.
    pub const EXPECTED: &str = "caller, client_address, origin, or metadata.NAME";

    /// `None`: none of [`EXPECTED`](Self::EXPECTED).
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "caller" => Some(By::Caller),
            "client_address" => Some(By::ClientAddress),
            "origin" => Some(By::Origin),
            _ => {
                let key = text.strip_prefix("metadata.")?;
                (!key.is_empty()).then(|| By::Metadata(key.into()))
            }
        }
    }

    /// As a limit says it.
    pub fn name(&self) -> String {
        match self {
            By::Caller => "caller".to_owned(),
            By::ClientAddress => "client_address".to_owned(),
            By::Origin => "origin".to_owned(),
            By::Metadata(key) => format!("metadata.{key}"),
        }
    }
}

/// A limit and whose it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scoped {
    pub limit: Limit,
    pub scope: Scope,
    /// Where it stands, for messages: `config.rate_limit`, `limits[0]`.
    pub place: Box<str>,
}

/// Who share a limit's counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// The caller's own: nobody else's requests count, whatever it says.
    Caller,
    /// The operator's: everybody's requests count.
    Settings,
}
