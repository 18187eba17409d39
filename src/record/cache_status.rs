//! What did the cache do for a request? In the words of responses, metrics and the log.

use crate::{
    cache::NoCacheReason,
    observe::metrics::{CacheResult, LabelValue as _},
};

/// What the cache did for a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CacheStatus {
    /// The cache was not used.
    Disabled(NoCacheReason),
    /// The response was stored by an earlier request.
    Hit,
    /// The same call was under way for another request, whose response was shared. `well`: its
    /// status is 200.
    Joined { well: bool },
    /// Nothing was stored; the response will be, if it may.
    Miss,
    /// The caller wanted a fresh response, which will be stored if it may.
    Refresh,
}

impl CacheStatus {
    /// The result in responses and metrics.
    pub fn result(self) -> CacheResult {
        match self {
            CacheStatus::Disabled(_) => CacheResult::Disabled,
            CacheStatus::Hit | CacheStatus::Joined { well: true } => CacheResult::Hit,
            CacheStatus::Miss | CacheStatus::Joined { well: false } => CacheResult::Miss,
            CacheStatus::Refresh => CacheResult::Refresh,
        }
    }

    /// The word in responses.
    pub fn name(self) -> &'static str {
        self.result().label()
    }

    /// The word in the log.
    pub fn name_in_log(self) -> Option<&'static str> {
        match self {
            CacheStatus::Disabled(_) => None,
            CacheStatus::Joined { .. } => Some("JOINED"),
            CacheStatus::Hit | CacheStatus::Miss | CacheStatus::Refresh => Some(self.name()),
        }
    }

    /// Whether the caller or a config asked for the cache.
    pub fn was_asked_for(self) -> bool {
        self != CacheStatus::Disabled(NoCacheReason::NotAsked)
    }

    /// Why the cache could not be used, where it was asked for. `not_kept`: why the response was
    /// not stored.
    pub fn reason(self, not_kept: Option<NoCacheReason>) -> Option<NoCacheReason> {
        match self {
            CacheStatus::Disabled(NoCacheReason::NotAsked)
            | CacheStatus::Hit
            | CacheStatus::Joined { .. } => None,
            CacheStatus::Disabled(reason) => Some(reason),
            CacheStatus::Miss | CacheStatus::Refresh => not_kept,
        }
    }
}
