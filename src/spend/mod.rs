//! What was spent of budgets, and what requests under way have reserved of them. A request is
//! admitted by reserving what it may cost, in one step over all its budgets, so that requests that
//! come at once cannot overspend together. Counts in this process, or in Redis for all replicas.

mod claim;
mod learned;
mod memory;
mod reservation;
mod saved;

use std::sync::Arc;

use prometheus_client::metrics::{counter::Counter, gauge::Gauge};

pub use self::{
    claim::{Claim, Place, Whose},
    learned::Learner,
    memory::{Standing, Value},
    reservation::{Reservation, Spent},
    saved::SavedCount,
};
use self::{learned::Learned, memory::Memory, reservation::Kept};

/// The counts of all budgets.
pub struct Spend {
    memory: Memory,
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
    pub fn new(counts: Counts) -> Self {
        Spend {
            memory: Memory::default(),
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
        learner: Learner,
    ) -> Result<Reserved, NotReserved> {
        self.reserve_here(claims, learner)
            .map_err(NotReserved::Refused)
    }

    fn reserve_here(
        self: &Arc<Self>,
        claims: &[Claim<'_>],
        learner: Learner,
    ) -> Result<Reserved, Refused> {
        match self.memory.reserve(claims) {
            Ok((places, warning)) => {
                let kept = claims.iter().zip(places).map(Kept::of).collect();
                let reservation = Reservation::new(self.clone(), kept, learner);
                Ok(Reserved {
                    reservation,
                    warning,
                })
            }
            Err(refused) => {
                self.counts.refusals.inc();
                Err(refused)
            }
        }
    }

    /// The output that requests of this kind usually have, if that was learned.
    pub fn usual_output(&self, learner: Learner) -> Option<u64> {
        self.learned.usual(learner)
    }

    /// How much is spent and reserved at one place. `None`: Redis does not respond.
    pub async fn standing(&self, place: &Place) -> Option<Standing> {
        Some(self.memory.standing(place))
    }

    /// Everything that is counted for a budget in the window of this place, with the text that
    /// each part is counted by. `None`: Redis does not respond.
    pub async fn values(&self, place: &Place) -> Option<Vec<Value>> {
        Some(self.memory.values(place))
    }

    /// Adds to what counts as spent at the claim's place, and to what may be spent. `None`: Redis
    /// does not respond.
    pub async fn adjust(&self, claim: &Claim<'_>, by: Adjustment) -> Option<Standing> {
        Some(self.memory.adjust(claim, by))
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

    /// Forgets windows that ended before this time, in milliseconds since 1970.
    pub fn forget(&self, before: i64) {
        self.memory.forget(before);
    }
}
