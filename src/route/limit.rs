//! `rate_limit` as validated values. Nothing is counted here.

use std::{
    num::{NonZeroU32, NonZeroU64},
    time::Duration,
};

use sha2::{Digest as _, Sha256};

/// How many requests may pass for each value of `by`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limit {
    pub rate: Option<Rate>,
    pub tokens: Option<TokenRate>,
    /// Requests in flight at once, each until the last byte of its response.
    pub concurrent: Option<NonZeroU32>,
    pub by: By,
}

/// Tokens in each window of the clock: the first one begins with the epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokenRate {
    pub tokens: NonZeroU64,
    pub window: Duration,
}

impl Limit {
    /// It counts requests, and not tokens alone.
    pub fn counts_requests(&self) -> bool {
        self.rate.is_some() || self.concurrent.is_some()
    }

    /// Requests, burst, window in nanoseconds, and concurrent requests; zero for what is not
    /// limited.
    pub fn numbers(&self) -> [u64; 4] {
        let [requests, burst, window] = self.rate.map_or([0; 3], |rate| {
            let window = u64::try_from(rate.window.as_nanos()).unwrap_or(u64::MAX);
            [rate.requests.get().into(), rate.burst.get().into(), window]
        });
        let concurrent = self.concurrent.map_or(0, NonZeroU32::get);
        [requests, burst, window, concurrent.into()]
    }
}

/// Requests over time, by the generic cell rate algorithm (GCRA): a bucket of `burst` that refills
/// evenly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    pub requests: NonZeroU32,
    pub window: Duration,
    /// Requests that may come at once. In one window at most `requests` plus `burst` pass.
    pub burst: NonZeroU32,
}

impl Rate {
    /// The longest window; a limit per day is the longest that is useful.
    pub(super) const LONGEST_WINDOW: Duration = Duration::from_secs(24 * 3600);

    /// The longest time that an empty bucket may take to fill up.
    pub(super) const LONGEST_REFILL: Duration = Duration::from_secs(365 * 24 * 3600);

    /// The time in which an empty bucket fills up.
    pub(super) fn refill(&self) -> Duration {
        self.interval().saturating_mul(self.burst.get())
    }

    /// The time in which one request is earned; never zero.
    pub fn interval(&self) -> Duration {
        (self.window / self.requests.get()).max(Duration::from_nanos(1))
    }
}

/// By what requests are counted separately.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum By {
    /// The caller's credentials, or its address if there are none.
    Caller,
    /// The gateway key; the caller where there is none.
    Key,
    /// The key's team; the key where there is none.
    Team,
    ClientAddress,
    /// The upstream's scheme, host and port; each attempt counts.
    Origin,
    /// A value of `x-gateway-metadata`; requests without it are counted together.
    Metadata(Box<str>),
}

impl By {
    /// The accepted values, for error messages.
    pub const EXPECTED: &str = "caller, key, team, client_address, origin, or \
                                metadata.NAME with a name of at most 128 bytes";
    /// The longest name of a metadata value in bytes; each target under the limit has a copy.
    const LONGEST_NAME: usize = 128;

    /// `None` if the text is not one of [`EXPECTED`](Self::EXPECTED).
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "caller" => Some(By::Caller),
            "key" => Some(By::Key),
            "team" => Some(By::Team),
            "client_address" => Some(By::ClientAddress),
            "origin" => Some(By::Origin),
            _ => {
                let key = text.strip_prefix("metadata.")?;
                (1..=Self::LONGEST_NAME)
                    .contains(&key.len())
                    .then(|| By::Metadata(key.into()))
            }
        }
    }

    /// The name as written in a limit.
    pub fn name(&self) -> String {
        match self {
            By::Caller => "caller".to_owned(),
            By::Key => "key".to_owned(),
            By::Team => "team".to_owned(),
            By::ClientAddress => "client_address".to_owned(),
            By::Origin => "origin".to_owned(),
            By::Metadata(key) => format!("metadata.{key}"),
        }
    }
}

/// A limit with its owner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scoped {
    pub limit: Limit,
    pub scope: Scope,
    /// Its path, for messages: `config.rate_limit`, `limits[0]`.
    pub place: Box<str>,
    id: LimitId,
}

impl Scoped {
    pub fn new(limit: Limit, scope: Scope, place: impl Into<Box<str>>) -> Self {
        let place = place.into();
        Scoped {
            id: LimitId::of(&limit, scope, &place),
            limit,
            scope,
            place,
        }
    }

    pub fn id(&self) -> LimitId {
        self.id
    }
}

/// Identifies a limit in all replicas: a digest of its values and its path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LimitId([u8; 16]);

impl LimitId {
    fn of(limit: &Limit, scope: Scope, place: &str) -> Self {
        let by = limit.by.name();
        let scope: &[u8] = match scope {
            Scope::Caller => b"caller",
            Scope::Settings => b"settings",
        };
        let mut digest = Sha256::new();
        for text in [place.as_bytes(), by.as_bytes(), scope] {
            digest.update((text.len() as u64).to_le_bytes());
            digest.update(text);
        }
        for number in limit.numbers() {
            digest.update(number.to_le_bytes());
        }
        if let Some(rate) = limit.tokens {
            let window = u64::try_from(rate.window.as_nanos()).unwrap_or(u64::MAX);
            for number in [rate.tokens.get(), window] {
                digest.update(number.to_le_bytes());
            }
        }
        let digest: [u8; 32] = digest.finalize().into();
        let mut id = [0; 16];
        id.copy_from_slice(&digest[..16]);
        LimitId(id)
    }

    pub fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

/// Whose requests a limit counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Set by a caller: only that caller's requests count.
    Caller,
    /// Set by the operator: everybody's requests count.
    Settings,
}
