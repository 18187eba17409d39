//! How much of a limit is left, where no request is counted: for the holder of a key who asks.

use std::{num::NonZeroU32, time::Duration};

use crate::route::limit::{Limit, Rate};

/// What is left of a limit, in the units of the reply headers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Left {
    /// Requests that could pass now, and the time until the whole burst could pass. `None`: the
    /// limit is for concurrent requests alone.
    pub requests: Option<(u32, Duration)>,
    /// Requests that could begin now, if concurrent ones are limited.
    pub concurrent: Option<u32>,
}

impl Left {
    /// `reset`: the time until the whole burst could pass. `concurrent`: requests under way.
    pub(super) fn of(limit: &Limit, reset: Duration, concurrent: u32) -> Self {
        let left = |most: NonZeroU32| most.get().saturating_sub(concurrent);
        Left {
            requests: limit.rate.map(|rate| (earned(rate, reset), reset)),
            concurrent: limit.concurrent.map(left),
        }
    }
}

/// The requests that could pass at once, if the bucket is full after `reset`.
fn earned(rate: Rate, reset: Duration) -> u32 {
    let missing = reset.as_nanos().div_ceil(rate.interval().as_nanos());
    let missing = u32::try_from(missing).unwrap_or(u32::MAX);
    rate.burst.get().saturating_sub(missing)
}
