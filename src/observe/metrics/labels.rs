//! Which values can a metric's label have? All are closed sets, so clients cannot add values.

use crate::{
    cache::NoCacheReason,
    error::Code,
    observe::outcome::Outcome,
    route::{attempts::Fault, breaker::Transition},
};

/// The values of one label.
pub trait LabelValue: Copy + PartialEq + 'static {
    const ALL: &'static [Self];
    /// A value is on the page even before it was counted once.
    const IS_SHOWN_AT_ZERO: bool = true;

    /// The value on the page.
    fn label(self) -> &'static str;
}

/// The class of an upstream's status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatusClass {
    Informational,
    Success,
    Redirection,
    ClientError,
    ServerError,
}

impl StatusClass {
    /// Statuses from 600 on, which HTTP does not know, count as 5xx (RFC 9110 §15).
    pub fn of(status: u16) -> Self {
        match status {
            ..200 => StatusClass::Informational,
            200..300 => StatusClass::Success,
            300..400 => StatusClass::Redirection,
            400..500 => StatusClass::ClientError,
            500.. => StatusClass::ServerError,
        }
    }
}

impl LabelValue for StatusClass {
    const ALL: &'static [Self] = &[
        StatusClass::Informational,
        StatusClass::Success,
        StatusClass::Redirection,
        StatusClass::ClientError,
        StatusClass::ServerError,
    ];

    fn label(self) -> &'static str {
        match self {
            StatusClass::Informational => "1xx",
            StatusClass::Success => "2xx",
            StatusClass::Redirection => "3xx",
            StatusClass::ClientError => "4xx",
            StatusClass::ServerError => "5xx",
        }
    }
}

/// Which kind of route a request was on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RouteLabel {
    Unified,
    Endpoint,
    Provider,
    Unknown,
}

impl LabelValue for RouteLabel {
    const ALL: &'static [Self] = &[
        RouteLabel::Unified,
        RouteLabel::Endpoint,
        RouteLabel::Provider,
        RouteLabel::Unknown,
    ];

    fn label(self) -> &'static str {
        match self {
            RouteLabel::Unified => "unified",
            RouteLabel::Endpoint => "endpoint",
            RouteLabel::Provider => "provider",
            RouteLabel::Unknown => "unknown",
        }
    }
}

/// What tokens were used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenKind {
    Input,
    CacheRead,
    CacheWrite,
    Output,
    Reasoning,
}

impl LabelValue for TokenKind {
    const ALL: &'static [Self] = &[
        TokenKind::Input,
        TokenKind::CacheRead,
        TokenKind::CacheWrite,
        TokenKind::Output,
        TokenKind::Reasoning,
    ];

    fn label(self) -> &'static str {
        match self {
            TokenKind::Input => "input",
            TokenKind::CacheRead => "cache_read",
            TokenKind::CacheWrite => "cache_write",
            TokenKind::Output => "output",
            TokenKind::Reasoning => "reasoning",
        }
    }
}

/// Which of two hedged requests won.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Winner {
    First,
    Second,
}

impl LabelValue for Winner {
    const ALL: &'static [Self] = &[Winner::First, Winner::Second];

    fn label(self) -> &'static str {
        match self {
            Winner::First => "first",
            Winner::Second => "second",
        }
    }
}

/// What the cache did for a request, as responses and metrics say it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CacheResult {
    Hit,
    Miss,
    Refresh,
    Disabled,
}

impl LabelValue for CacheResult {
    const ALL: &'static [Self] = &[
        CacheResult::Hit,
        CacheResult::Miss,
        CacheResult::Refresh,
        CacheResult::Disabled,
    ];

    fn label(self) -> &'static str {
        match self {
            CacheResult::Hit => "HIT",
            CacheResult::Miss => "MISS",
            CacheResult::Refresh => "REFRESH",
            CacheResult::Disabled => "DISABLED",
        }
    }
}

/// Why an entry of the cache's Redis was removed unread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnusableEntry {
    Damaged,
    OtherFormat,
}

impl LabelValue for UnusableEntry {
    const ALL: &'static [Self] = &[UnusableEntry::Damaged, UnusableEntry::OtherFormat];

    fn label(self) -> &'static str {
        match self {
            UnusableEntry::Damaged => "damaged",
            UnusableEntry::OtherFormat => "other_format",
        }
    }
}

impl LabelValue for Outcome {
    const ALL: &'static [Self] = &Outcome::ALL;

    fn label(self) -> &'static str {
        self.as_str()
    }
}

impl LabelValue for Code {
    const ALL: &'static [Self] = Code::ALL;

    fn label(self) -> &'static str {
        self.name()
    }
}

impl LabelValue for Transition {
    const ALL: &'static [Self] = &Transition::ALL;

    fn label(self) -> &'static str {
        self.as_str()
    }
}

impl LabelValue for Fault {
    const ALL: &'static [Self] = &Fault::ALL;

    fn label(self) -> &'static str {
        self.as_str()
    }
}

impl LabelValue for NoCacheReason {
    const ALL: &'static [Self] = &NoCacheReason::ALL;
    /// There are many reasons, and most gateways meet few of them.
    const IS_SHOWN_AT_ZERO: bool = false;

    fn label(self) -> &'static str {
        self.name()
    }
}
