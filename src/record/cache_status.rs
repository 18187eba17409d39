//! What the cache did for a request, in the words of replies, metrics and the log.

use crate::{
    cache::NoCacheReason,
    observe::metrics::{CacheResult, LabelValue as _},
};

/// What the cache did for a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CacheStatus {
    /// It took no part.
    Disabled(NoCacheReason),
    /// The answer was kept from an earlier request.
    Hit,
    /// The same call was under way for another request, and none was made for this one. `well`: its
    /// answer is a 200.
    Joined { well: bool },
    /// Nothing was kept; the answer is, if it may be.
    Miss,
    /// The caller wanted a fresh answer, which is kept if it may be.
    Refresh,
}

impl CacheStatus {
    /// As replies and metrics tell it.
    pub fn result(self) -> CacheResult {
        match self {
            CacheStatus::Disabled(_) => CacheResult::Disabled,
            CacheStatus::Hit | CacheStatus::Joined { well: true } => CacheResult::Hit,
            CacheStatus::Miss | CacheStatus::Joined { well: false } => CacheResult::Miss,
            CacheStatus::Refresh => CacheResult::Refresh,
        }
    }

    /// The word in replies.
    pub fn name(self) -> &'static str {
        self.result().label()
    }

    /// As the log tells it.
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

    /// Why the cache was of no use, where it was asked for. `not_kept`: why the answer was not
    /// kept.
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
