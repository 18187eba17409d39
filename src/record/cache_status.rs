//! What the cache did for a request, in the words of replies, metrics and the log.

use crate::cache::NoCacheReason;

/// What the cache did for a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CacheStatus {
    /// No part in it.
    Disabled(NoCacheReason),
    /// The answer was given before.
    Hit,
    /// It was under way for another request: no call was made for this one. `well`: what came of that is a 200.
    Joined { well: bool },
    /// It was not, and is kept if it may be.
    Miss,
    /// The same, because the caller wanted a fresh one.
    Refresh,
}

impl CacheStatus {
    /// As replies tell it.
    pub fn name(self) -> &'static str {
        match self {
            CacheStatus::Disabled(_) => "DISABLED",
            CacheStatus::Hit | CacheStatus::Joined { well: true } => "HIT",
            CacheStatus::Miss | CacheStatus::Joined { well: false } => "MISS",
            CacheStatus::Refresh => "REFRESH",
        }
    }

    /// As the log tells it.
    pub fn name_in_log(self) -> Option<&'static str> {
        match self {
            CacheStatus::Disabled(_) => None,
            CacheStatus::Joined { .. } => Some("JOINED"),
            CacheStatus::Hit | CacheStatus::Miss | CacheStatus::Refresh => Some(self.name()),
        }
    }

    /// Somebody wanted the cache to have a part.
    pub fn was_asked_for(self) -> bool {
        self != CacheStatus::Disabled(NoCacheReason::NotAsked)
    }

    /// Why the cache was of no use, where it was asked for; `not_kept`: why the answer was not kept.
    pub fn reason(self, not_kept: Option<NoCacheReason>) -> Option<&'static str> {
        let reason = match self {
            CacheStatus::Disabled(NoCacheReason::NotAsked)
            | CacheStatus::Hit
            | CacheStatus::Joined { .. } => None,
            CacheStatus::Disabled(reason) => Some(reason),
            CacheStatus::Miss | CacheStatus::Refresh => not_kept,
        };
        reason.map(NoCacheReason::name)
    }
}
