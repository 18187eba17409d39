//! The state of one GCRA limiter, kept for governor. Unlike governor's own state, it can take a
//! request back.

use std::{
    num::NonZeroU64,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use governor::{
    nanos::Nanos,
    state::{NotKeyed, StateStore},
};

/// GCRA's theoretical arrival time: when the limit is full again, in nanoseconds since the limiter
/// was made. 0 before the first request. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Arrival(Arc<AtomicU64>);

impl Arrival {
    /// Lets the limit be full earlier by the time that one request takes.
    pub fn advance(&self, interval: Duration) {
        let interval = u64::from(Nanos::from(interval));
        let earlier = |time: u64| Some(time.saturating_sub(interval));
        // Cannot fail, since there always is a new value.
        let _ = self
            .0
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, earlier);
    }

    /// When the limit is full again, since the limiter was made.
    pub fn since_made(&self) -> Duration {
        Duration::from_nanos(self.0.load(Ordering::Acquire))
    }
}

impl StateStore for Arrival {
    type Key = NotKeyed;

    fn measure_and_replace<T, F, E>(&self, _: &NotKeyed, decide: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        let mut before = self.0.load(Ordering::Acquire);
        loop {
            let known = NonZeroU64::new(before).map(|time| time.get().into());
            let (outcome, after) = decide(known)?;
            match self.0.compare_exchange_weak(
                before,
                after.into(),
                Ordering::AcqRel,
                Ordering::Acquire,
            ) {
                Ok(_) => return Ok(outcome),
                Err(changed) => before = changed,
            }
        }
    }
}
