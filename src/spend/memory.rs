//! Counts in this process, under one lock that only requests with budgets take. The values of one
//! budget and window are bounded; those that find no room are counted together.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use foldhash::fast::RandomState;

use super::{Adjustment, Claim, Kind, Place, Refused, SavedCount, Warning, Whose};
use crate::budget::{Amount, BudgetId, Share};

/// The most values of one budget in one window; each takes about 200 bytes.
pub const MOST_VALUES: usize = 10_000;

/// The most windows of limits that callers have set.
const MOST_OF_CALLERS: usize = 10_000;

/// How much is spent and reserved.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    pub spent: u64,
    pub reserved: u64,
    /// What top-ups have added to the limit.
    pub granted: u64,
}

impl Standing {
    /// Whether a request that may use `amount` fits under the limit. The first one of several is
    /// let in while anything is left: what is left could otherwise never be spent by requests
    /// whose estimate is larger.
    fn has_room(&self, limit: u64, amount: u64) -> bool {
        let limit = limit.saturating_add(self.granted);
        let taken = self.spent.saturating_add(self.reserved);
        let fits = amount == 0 || taken.saturating_add(amount) <= limit;
        self.spent < limit && (fits || self.reserved == 0)
    }

    /// What is neither spent nor reserved.
    pub fn remaining(&self, limit: u64) -> u64 {
        let taken = self.spent.saturating_add(self.reserved);
        limit.saturating_add(self.granted).saturating_sub(taken)
    }

    /// The share that is spent or reserved.
    pub fn share(&self, limit: u64) -> Share {
        let taken = self.spent.saturating_add(self.reserved);
        Share::of(taken, limit.saturating_add(self.granted))
    }
}

/// The counts of one value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Value {
    pub whose: Whose,
    pub label: Box<str>,
    pub standing: Standing,
}

/// The counts by budget and window.
#[derive(Default)]
pub struct Memory(Mutex<Counts>);

#[derive(Default)]
struct Counts {
    windows: HashMap<(BudgetId, i64), Window, RandomState>,
    /// Where something has changed since it was saved.
    changed: Vec<Place>,
    /// The windows of limits that callers have set.
    of_callers: usize,
}

struct Window {
    kind: Kind,
    end: Option<i64>,
    values: HashMap<Whose, Count, RandomState>,
}

#[derive(Default)]
struct Count {
    standing: Standing,
    label: Box<str>,
    /// What of `standing` is not saved.
    unsaved_spent: i64,
    unsaved_granted: i64,
    is_changed: bool,
    /// The log has been told that the soft threshold is passed.
    is_told: bool,
}

impl Window {
    fn new(kind: Kind, end: Option<i64>) -> Self {
        Window {
            kind,
            end,
            values: HashMap::default(),
        }
    }

    fn is_full_for(&self, whose: Whose) -> bool {
        self.values.len() >= MOST_VALUES && !self.values.contains_key(&whose)
    }
}

impl Memory {
    /// Reserves all claims or none. Gives the places that count, and the warning that is due.
    pub fn reserve(&self, claims: &[Claim<'_>]) -> Result<(Vec<Place>, Option<Warning>), Refused> {
        let mut counts = self.lock();
        let places: Vec<Place> = claims.iter().map(|it| counts.counting(it)).collect();
        for (at, (claim, place)) in claims.iter().zip(&places).enumerate() {
            let standing = counts.standing(place);
            if !standing.has_room(claim.limit, claim.amount) {
                return Err(Refused {
                    claim: at,
                    standing,
                });
            }
        }
        let mut warning = None;
        for (at, (claim, place)) in claims.iter().zip(&places).enumerate() {
            let count = counts.count(*place, claim);
            let reserved = count.standing.reserved;
            count.standing.reserved = reserved.saturating_add(claim.amount);
            let standing = count.standing;
            warning = nearer(warning, count.warning(at, claim, standing), claims);
        }
        Ok((places, warning))
    }

    /// Makes counts for what is reserved elsewhere, and gives the warning that is due.
    pub fn mirror(&self, claims: &[Claim<'_>], granted: &[(Place, Standing)]) -> Option<Warning> {
        let mut counts = self.lock();
        let mut warning = None;
        for (at, (claim, (place, standing))) in claims.iter().zip(granted).enumerate() {
            let place = Place {
                whose: place.whose,
                ..counts.counting(claim)
            };
            let due = counts.count(place, claim).warning(at, claim, *standing);
            warning = nearer(warning, due, claims);
        }
        warning
    }

    /// Ends a reservation: `amount` is not reserved any longer, and so much was spent.
    pub fn settle(&self, place: &Place, amount: u64, spent: u64) {
        let mut counts = self.lock();
        let Some(count) = counts.existing(place) else {
            return;
        };
        let standing = &mut count.standing;
        standing.reserved = standing.reserved.saturating_sub(amount);
        if spent > 0 {
            counts.spend(place, i64::try_from(spent).unwrap_or(i64::MAX));
        }
    }

    pub fn standing(&self, place: &Place) -> Standing {
        self.lock().standing(place)
    }

    pub fn values(&self, place: &Place) -> Vec<Value> {
        let counts = self.lock();
        let window = counts.windows.get(&(place.budget, place.start));
        let values = window.into_iter().flat_map(|window| &window.values);
        let value = |(whose, count): (&Whose, &Count)| Value {
            whose: *whose,
            label: count.label.clone(),
            standing: count.standing,
        };
        values.map(value).collect()
    }

    /// Changes what is spent and what is added to the limit.
    pub fn adjust(&self, claim: &Claim<'_>, by: Adjustment) -> Standing {
        let mut counts = self.lock();
        let place = claim.place;
        counts.count(place, claim);
        counts.spend(&place, by.spent);
        counts.grant(&place, by.granted);
        counts.standing(&place)
    }

    pub fn load(&self, saved: Vec<SavedCount>) {
        let mut counts = self.lock();
        for it in saved {
            let place = it.place;
            let window = counts.windows.entry((place.budget, place.start));
            let window = window.or_insert_with(|| Window::new(Kind::Budget, it.end));
            let count = window.values.entry(place.whose).or_default();
            count.label = it.label;
            let standing = &mut count.standing;
            standing.spent = standing.spent.saturating_add_signed(it.spent);
            standing.granted = standing.granted.saturating_add_signed(it.granted);
        }
    }

    pub fn unsaved(&self, most: usize) -> Vec<SavedCount> {
        let mut counts = self.lock();
        let left = counts.changed.len().saturating_sub(most);
        let places = counts.changed.split_off(left);
        let mut differences = Vec::with_capacity(places.len());
        for place in places {
            let Some(window) = counts.windows.get_mut(&(place.budget, place.start)) else {
                continue;
            };
            let end = window.end;
            let Some(count) = window.values.get_mut(&place.whose) else {
                continue;
            };
            count.is_changed = false;
            differences.push(SavedCount {
                place,
                end,
                label: count.label.clone(),
                spent: std::mem::take(&mut count.unsaved_spent),
                granted: std::mem::take(&mut count.unsaved_granted),
            });
        }
        differences
    }

    pub fn unsave(&self, differences: Vec<SavedCount>) {
        let mut counts = self.lock();
        for it in differences {
            if let Some(count) = counts.existing(&it.place) {
                count.unsaved_spent = count.unsaved_spent.saturating_add(it.spent);
                count.unsaved_granted = count.unsaved_granted.saturating_add(it.granted);
                counts.note_changed(&it.place);
            }
        }
    }

    pub fn forget(&self, now: i64, before: i64) {
        self.lock().forget(now, before);
    }

    fn lock(&self) -> MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Counts {
    /// Where something is counted that belongs at `place`.
    fn counting(&mut self, claim: &Claim<'_>) -> Place {
        let place = claim.place;
        if !self.has_room_for(claim) {
            return Place {
                budget: BudgetId::OTHER_LIMITS,
                whose: Whose::OVERFLOW,
                ..place
            };
        }
        let window = self.windows.get(&(place.budget, place.start));
        match window.is_some_and(|window| window.is_full_for(place.whose)) {
            false => place,
            true => Place {
                whose: Whose::OVERFLOW,
                ..place
            },
        }
    }

    /// Callers may set any number of limits, and so those share a count that find no room.
    fn has_room_for(&mut self, claim: &Claim<'_>) -> bool {
        let place = claim.place;
        let is_new = |counts: &Counts| !counts.windows.contains_key(&(place.budget, place.start));
        if claim.kind != Kind::CallersLimit || self.of_callers < MOST_OF_CALLERS || !is_new(self) {
            return true;
        }
        // What ended before this window began is over.
        self.forget(place.start, i64::MIN);
        self.of_callers < MOST_OF_CALLERS
    }

    fn forget(&mut self, now: i64, before: i64) {
        let of_callers = &mut self.of_callers;
        self.windows.retain(|_, window| {
            let over = match window.kind {
                Kind::Budget => before,
                Kind::Limit | Kind::CallersLimit => now,
            };
            let is_used = |count: &Count| count.standing.reserved > 0 || count.is_changed;
            let is_over = window.end.is_some_and(|end| end < over);
            let stays = !is_over || window.values.values().any(is_used);
            if !stays && window.kind == Kind::CallersLimit {
                *of_callers = of_callers.saturating_sub(1);
            }
            stays
        });
    }

    fn standing(&self, place: &Place) -> Standing {
        let window = self.windows.get(&(place.budget, place.start));
        let count = window.and_then(|window| window.values.get(&place.whose));
        count.map(|count| count.standing).unwrap_or_default()
    }

    fn existing(&mut self, place: &Place) -> Option<&mut Count> {
        let window = self.windows.get_mut(&(place.budget, place.start))?;
        window.values.get_mut(&place.whose)
    }

    /// The count at a place; a new one is the claim's.
    fn count(&mut self, place: Place, claim: &Claim<'_>) -> &mut Count {
        let is_callers = claim.kind == Kind::CallersLimit;
        let of_callers = &mut self.of_callers;
        let window = self.windows.entry((place.budget, place.start));
        let window = window.or_insert_with(|| {
            *of_callers += usize::from(is_callers);
            Window::new(claim.kind, claim.end.map(|end| end.as_millisecond()))
        });
        window.values.entry(place.whose).or_insert_with(|| Count {
            label: match place.whose == Whose::OVERFLOW {
                true => "(others)".into(),
                false => (&*claim.label).into(),
            },
            ..Count::default()
        })
    }

    fn spend(&mut self, place: &Place, amount: i64) {
        if let Some(count) = self.existing(place) {
            let before = count.standing.spent;
            let sum = before.saturating_add_signed(amount);
            count.standing.spent = sum.min(Amount::MOST_IN_ALL);
            let difference = count.standing.spent.wrapping_sub(before).cast_signed();
            count.unsaved_spent = count.unsaved_spent.saturating_add(difference);
            self.note_changed(place);
        }
    }

    fn grant(&mut self, place: &Place, amount: i64) {
        if let Some(count) = self.existing(place) {
            let before = count.standing.granted;
            let sum = before.saturating_add_signed(amount);
            count.standing.granted = sum.min(Amount::MOST_IN_ALL);
            let difference = count.standing.granted.wrapping_sub(before).cast_signed();
            count.unsaved_granted = count.unsaved_granted.saturating_add(difference);
            self.note_changed(place);
        }
    }

    fn note_changed(&mut self, place: &Place) {
        let window = self.windows.get_mut(&(place.budget, place.start));
        let window = window.filter(|window| window.kind == Kind::Budget);
        let count = window.and_then(|window| window.values.get_mut(&place.whose));
        let is_news = |count: &mut Count| !std::mem::replace(&mut count.is_changed, true);
        if count.is_some_and(is_news) {
            self.changed.push(*place);
        }
    }
}

impl Count {
    fn warning(&mut self, at: usize, claim: &Claim<'_>, standing: Standing) -> Option<Warning> {
        let is_past = claim.soft? <= standing.share(claim.limit);
        is_past.then(|| Warning {
            claim: at,
            standing,
            is_news: !std::mem::replace(&mut self.is_told, true),
        })
    }
}

/// The warning about the budget that is nearer its end.
fn nearer(one: Option<Warning>, other: Option<Warning>, claims: &[Claim<'_>]) -> Option<Warning> {
    let share = |it: &Warning| {
        claims
            .get(it.claim)
            .map(|claim| it.standing.share(claim.limit))
    };
    match (one, other) {
        (Some(one), Some(other)) if share(&other) > share(&one) => Some(other),
        (Some(one), _) => Some(one),
        (None, other) => other,
    }
}

#[cfg(test)]
mod tests;
