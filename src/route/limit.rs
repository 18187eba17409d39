//! `rate_limit` as checked values: how many requests one of many may send. Nothing is counted here.

use std::{num::NonZeroU32, time::Duration};

use sha2::{Digest as _, Sha256};

/// How much of the gateway one of those that `by` tells apart may have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limit {
    pub rate: Option<Rate>,
    /// Requests under way at once, until the last byte of each answer.
    pub concurrent: Option<NonZeroU32>,
    pub by: By,
}

impl Limit {
    /// All that it counts by: requests, burst, nanoseconds of the window, requests at once; zero for what it does not.
    pub fn numbers(&self) -> [u64; 4] {
        let [requests, burst, window] = self.rate.map_or([0; 3], |rate| {
            let window = u64::try_from(rate.window.as_nanos()).unwrap_or(u64::MAX);
            [rate.requests.get().into(), rate.burst.get().into(), window]
        });
        let concurrent = self.concurrent.map_or(0, NonZeroU32::get);
        [requests, burst, window, concurrent.into()]
    }
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

    /// How long an empty bucket may take to be full again.
    pub const LONGEST_REFILL: Duration = Duration::from_secs(365 * 24 * 3600);

    /// How long an empty bucket takes to be full again.
    pub fn refill(&self) -> Duration {
        self.interval().saturating_mul(self.burst.get())
    }

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
    pub const EXPECTED: &str =
        "caller, client_address, origin, or metadata.NAME with a name of at most 128 bytes";
    /// Longest name of a metadata value, in bytes: every target that a limit holds for has a copy.
    const LONGEST_NAME: usize = 128;

    /// `None`: none of [`EXPECTED`](Self::EXPECTED).
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "caller" => Some(By::Caller),
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

/// What tells one limit from all others, in every replica: a digest of all that it says and of where it stands.
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
        let digest: [u8; 32] = digest.finalize().into();
        let mut id = [0; 16];
        id.copy_from_slice(&digest[..16]);
        LimitId(id)
    }

    pub fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

/// Who share a limit's counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// The caller's own: nobody else's requests count, whatever it says.
    Caller,
    /// The operator's: everybody's requests count.
    Settings,
}
