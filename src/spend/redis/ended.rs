//! Reservations that have ended and of which Redis is still to be told. Bounded: while it is away
//! for long, the oldest ones are added up.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::{Claim, Kind, Place, end_of};

/// The most that wait one by one.
const MOST: usize = 10_000;

/// A part of a reservation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    pub kind: Kind,
    pub place: Place,
    /// When the window ends, in milliseconds since 1970.
    pub end: Option<i64>,
    pub amount: u64,
    pub spent: u64,
}

impl Part {
    /// Nothing is spent of it yet.
    pub(super) fn of(claim: &Claim<'_>) -> Self {
        Part {
            kind: claim.kind,
            place: claim.place,
            end: end_of(claim),
            amount: claim.amount,
            spent: 0,
        }
    }
}

/// A reservation that has ended, or what was spent without one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    pub id: u64,
    pub has_lease: bool,
    pub parts: Vec<Part>,
}

#[derive(Default)]
pub struct Queue(VecDeque<Ended>);

impl Queue {
    /// `id`: makes a new id.
    pub fn push(&mut self, ended: Ended, id: impl FnOnce() -> u64) {
        if self.0.len() >= MOST {
            self.add_up(id());
        }
        self.0.push_back(ended);
    }

    /// The oldest ones.
    pub fn first(&self, most: usize) -> Vec<Ended> {
        self.0.iter().take(most).cloned().collect()
    }

    /// Redis has been told of these. One that was added up with others meanwhile counts twice.
    pub fn remove(&mut self, ids: &BTreeSet<u64>) {
        let told: Vec<Ended> = self.0.drain(..ids.len().min(self.0.len())).collect();
        let left = told.into_iter().filter(|it| !ids.contains(&it.id)).rev();
        left.for_each(|it| self.0.push_front(it));
    }

    /// Makes one of the older half: their leases have expired by the time that it is told.
    fn add_up(&mut self, id: u64) {
        let half = self.0.len() / 2;
        let mut sums: BTreeMap<Place, Part> = BTreeMap::new();
        for part in self.0.drain(..half).flat_map(|ended| ended.parts) {
            let spent = part.spent;
            let sum = sums.entry(part.place).or_insert(Part {
                amount: 0,
                spent: 0,
                ..part
            });
            sum.spent = sum.spent.saturating_add(spent);
        }
        let parts: Vec<Part> = sums.into_values().filter(|sum| sum.spent > 0).collect();
        if !parts.is_empty() {
            self.0.push_front(Ended {
                id,
                has_lease: false,
                parts,
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{budget::Scoped, spend::Whose};

    #[test]
    fn what_waits_for_long_is_added_up() {
        let budget = serde_json::json!({ "tokens": 1, "window": "total" });
        let scoped = Scoped::new(serde_json::from_value(budget).unwrap(), "settings");
        let place = |at: u64| Place {
            budget: scoped.id(),
            start: 0,
            whose: Whose::of_value("metadata", &at.to_le_bytes()),
        };
        let mut queue = Queue::default();
        let count = 5 * MOST as u64;
        for id in 0..count {
            let part = Part {
                kind: Kind::Budget,
                place: place(id % 3),
                end: None,
                amount: 9,
                spent: 2,
            };
            let parts = vec![part];
            let has_lease = true;
            queue.push(
                Ended {
                    id,
                    has_lease,
                    parts,
                },
                || count + id,
            );
        }
        assert!(queue.0.len() <= MOST);
        let (mut spent, mut told) = (0, 0);
        while let [first, ..] = &queue.first(64)[..] {
            spent += first.parts.iter().map(|part| part.spent).sum::<u64>();
            told += 1;
            queue.remove(&BTreeSet::from([first.id]));
        }
        assert_eq!(spent, 2 * count);
        assert!(told <= MOST, "{told}");
    }
}
