//! What was spent of budgets, and what requests under way have reserved of them. A request is
//! admitted by reserving what it may cost, in one step over all its budgets, so that requests that
//! come at once cannot overspend together. Counts in this process, or in Redis for all replicas.

mod claim;
mod learned;
mod memory;
mod redis;
mod reservation;
mod saved;

use std::sync::Arc;

use prometheus_client::metrics::{counter::Counter, gauge::Gauge};

pub use self::{
    claim::{Claim, Kind, Place, Whose},
    learned::Learner,
    memory::{Standing, Value},
    reservation::{GivenUp, Reservation, Spent},
    saved::SavedCount,
};
use self::{
    learned::Learned,
    memory::Memory,
    redis::{Granted, RedisSpend},
    reservation::Kept,
};

use crate::redis_client::{OnRedisFailure, RedisClient, Unavailable};

/// The counts of all budgets.
pub struct Spend {
    memory: Memory,
    /// Where replicas count together. What this process has spent is in `memory`, too, for the
    /// time in which Redis is away.
    shared: Option<Arc<RedisSpend>>,
    on_failure: OnRedisFailure,
    learned: Learned,
    counts: Counts,
}

/// The metrics.
#[derive(Clone, Debug, Default)]
pub struct Counts {
    /// Requests that were refused because a budget was exhausted.
    pub refusals: Counter,
    /// Reservations that are neither settled nor released.
    pub outstanding: Gauge,
}

/// A request may be sent.
#[derive(Debug)]
pub struct Reserved {
    pub reservation: Reservation,
    /// The budget nearest its end of those that are past their soft threshold.
    pub warning: Option<Warning>,
}

/// A budget is past its soft threshold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Warning {
    /// The place of the claim in the list.
    pub claim: usize,
    pub standing: Standing,
    /// Nobody was told so in this window yet.
    pub is_news: bool,
}

/// A change of counts by an operator.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Adjustment {
    /// Added to what counts as spent, which is never less than nothing.
    pub spent: i64,
    /// Added to what may be spent.
    pub granted: i64,
}

impl Adjustment {
    /// What takes it back. `spent_before`: what had been spent then, below which nothing goes.
    pub fn undone(self, spent_before: u64) -> Self {
        let least = i64::try_from(spent_before).map_or(i64::MIN, |spent| -spent);
        Adjustment {
            spent: -self.spent.max(least),
            granted: -self.granted,
        }
    }
}

/// Why nothing is reserved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotReserved {
    Refused(Refused),
    /// Redis does not respond, and the settings say to deny.
    Uncounted,
}

/// A budget has no room for a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The place of the claim in the list.
    pub claim: usize,
    pub standing: Standing,
}

impl Spend {
    /// `replicas`: the shared Redis; without it counts are this process's own.
    pub fn new(
        counts: Counts,
        replicas: Option<Arc<RedisClient>>,
        on_failure: OnRedisFailure,
    ) -> Self {
        Spend {
            memory: Memory::default(),
            shared: replicas.map(|replicas| Arc::new(RedisSpend::new(replicas))),
            on_failure,
            learned: Learned::default(),
            counts,
        }
    }

    /// Reserves what a request claims of all its budgets, or nothing.
    ///
    /// # Errors
    /// The first budget without room.
    pub async fn reserve(
        self: &Arc<Self>,
        claims: &[Claim<'_>],
        learner: Option<Learner>,
    ) -> Result<Reserved, NotReserved> {
        let Some(shared) = &self.shared else {
            return self.reserve_here(claims, learner);
        };
        match (shared.reserve(claims).await, self.on_failure) {
            (Ok(Ok(granted)), _) => Ok(self.granted(claims, granted, learner)),
            (Ok(Err(refused)), _) => Err(self.refuse(refused)),
            (Err(Unavailable), OnRedisFailure::Local) => self.reserve_here(claims, learner),
            (Err(Unavailable), OnRedisFailure::Allow) => Ok(self.uncounted(claims, learner)),
            (Err(Unavailable), OnRedisFailure::Deny) => Err(NotReserved::Uncounted),
        }
    }

    fn reserve_here(
        self: &Arc<Self>,
        claims: &[Claim<'_>],
        learner: Option<Learner>,
    ) -> Result<Reserved, NotReserved> {
        let reserved = self.memory.reserve(claims);
        let (places, warning) = reserved.map_err(|refused| self.refuse(refused))?;
        let kept = claims.iter().zip(places).map(Kept::here).collect();
        let reservation = Reservation::new(self.clone(), kept, None, learner);
        Ok(Reserved {
            reservation,
            warning,
        })
    }

    /// What Redis has reserved.
    fn granted(
        self: &Arc<Self>,
        claims: &[Claim<'_>],
        (lease, granted): Granted,
        learner: Option<Learner>,
    ) -> Reserved {
        let warning = self.memory.mirror(claims, &granted);
        let places = granted.into_iter().map(|(place, _)| place);
        let kept = claims.iter().zip(places).map(Kept::elsewhere).collect();
        Reserved {
            reservation: Reservation::new(self.clone(), kept, Some(lease), learner),
            warning,
        }
    }

    /// Redis is away, and nothing is checked. What is spent is counted all the same.
    fn uncounted(self: &Arc<Self>, claims: &[Claim<'_>], learner: Option<Learner>) -> Reserved {
        let here: Vec<_> = claims
            .iter()
            .map(|claim| (claim.place, self.memory.standing(&claim.place)))
            .collect();
        self.memory.mirror(claims, &here);
        let places = here.into_iter().map(|(place, _)| place);
        let kept = claims.iter().zip(places).map(Kept::elsewhere).collect();
        Reserved {
            reservation: Reservation::new(self.clone(), kept, None, learner),
            warning: None,
        }
    }

    fn refuse(&self, refused: Refused) -> NotReserved {
        self.counts.refusals.inc();
        NotReserved::Refused(refused)
    }

    /// The output that requests of this kind usually have at an origin, if that was learned.
    pub fn usual_output(&self, learner: Learner, origin: &str) -> Option<u64> {
        self.learned.usual(learner.at(origin))
    }

    /// How much is spent and reserved at one place. `None`: Redis does not respond.
    pub async fn standing(&self, place: &Place) -> Option<Standing> {
        match &self.shared {
            None => Some(self.memory.standing(place)),
            Some(shared) => match (shared.standing(place).await, self.on_failure) {
                (Ok(standing), _) => Some(standing),
                (Err(_), OnRedisFailure::Local) => Some(self.memory.standing(place)),
                (Err(_), OnRedisFailure::Allow | OnRedisFailure::Deny) => None,
            },
        }
    }

    /// Everything that is counted for a budget in the window of this place, with the text that
    /// each part is counted by. `None`: Redis does not respond.
    pub async fn values(&self, place: &Place) -> Option<Vec<Value>> {
        match &self.shared {
            None => Some(self.memory.values(place)),
            Some(shared) => match (shared.values(place).await, self.on_failure) {
                (Ok(values), _) => Some(values),
                (Err(_), OnRedisFailure::Local) => Some(self.memory.values(place)),
                (Err(_), OnRedisFailure::Allow | OnRedisFailure::Deny) => None,
            },
        }
    }

    /// Adds to what counts as spent at the claim's place, and to what may be spent. `false`: Redis
    /// does not respond.
    pub async fn adjust(&self, claim: &Claim<'_>, by: Adjustment) -> bool {
        let is_shared = match &self.shared {
            None => true,
            Some(shared) => shared.adjust(claim, by).await.is_ok(),
        };
        if is_shared {
            self.memory.adjust(claim, by);
        }
        is_shared
    }

    /// Whether Redis has the counts, which are then not saved elsewhere.
    pub fn is_shared(&self) -> bool {
        self.shared.is_some()
    }

    /// Maintains this process's reservations in Redis, for as long as it is awaited.
    pub async fn keep_shared(self: Arc<Self>) {
        if let Some(shared) = &self.shared {
            shared.clone().keep().await;
        }
    }

    /// Tells Redis of everything that has ended, as far as it responds.
    pub async fn tell_shared(&self) {
        if let Some(shared) = &self.shared {
            shared.tell_all().await;
        }
    }

    /// Takes counts that were saved.
    pub fn load(&self, saved: Vec<SavedCount>) {
        self.memory.load(saved);
    }

    /// At most `most` counts that changed since they were last saved, as differences. What cannot
    /// be saved is to be given [back](Self::unsave).
    pub fn unsaved(&self, most: usize) -> Vec<SavedCount> {
        self.memory.unsaved(most)
    }

    /// These differences were not saved.
    pub fn unsave(&self, differences: Vec<SavedCount>) {
        self.memory.unsave(differences);
    }

    /// Forgets windows of limits that have ended at this time, in milliseconds since 1970, and
    /// those of budgets that ended before another.
    pub fn forget(&self, now: i64, before: i64) {
        if self.is_shared() {
            // Nobody saves these.
            drop(self.memory.unsaved(usize::MAX));
        }
        self.memory.forget(now, before);
    }
}
