//! The leases of this process, and what Redis has still to hear of them: which are to be prolonged, which to be given back. Asks
//! neither Redis nor a clock.

use std::{
    collections::{HashMap, HashSet},
    time::{Duration, Instant},
};

use foldhash::fast::RandomState;

use super::super::Key;

/// How long a request counts as under way after its replica was last heard of.
pub const LEASE: Duration = Duration::from_secs(30);
/// How long a lease is left alone before it is prolonged.
const PROLONG: Duration = Duration::from_secs(10);
/// The same after Redis did not answer, or lost what it knew.
const PROLONG_AGAIN: Duration = Duration::from_secs(3);
/// What ended so long ago has run out by itself, even where Redis hung for half a minute before it was told of the lease.
const REMEMBERED: Duration = Duration::from_secs(60);
/// What was not given back is tried again after as long as it has been waiting, within these bounds.
const RETURN_AGAIN: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(10)];
/// Names that one question brings along at most, so that it stays a short one.
const MOST_BROUGHT: usize = 100;
/// Names in one question that is about nothing else.
const MOST_NAMES: usize = 500;

/// Some leases of one key.
pub type OfKey = (Key, Vec<u64>);

/// The leases of this process, by key and number.
#[derive(Default)]
pub struct Leases {
    held: HashMap<Key, Held, RandomState>,
    /// Those not known to be given back, the oldest first.
    ended: HashMap<Key, Vec<Ended>, RandomState>,
    /// Those that Redis is just asked to prolong. Which of prolonging and giving back it hears of last is not known, so that
    /// those that end meanwhile are given back once more.
    prolonging: HashSet<u64, RandomState>,
}

struct Held {
    ids: HashSet<u64, RandomState>,
    /// When to prolong them.
    due: Instant,
    /// When to prolong them if Redis has lost them.
    due_if_lost: Instant,
}

struct Ended {
    id: u64,
    since: Instant,
    /// When to give it back.
    due: Instant,
}

impl Leases {
    /// Redis has it.
    pub fn hold(&mut self, key: Key, id: u64, now: Instant) {
        let held = self.held.entry(key).or_insert_with(|| Held {
            ids: HashSet::default(),
            due: now + PROLONG,
            due_if_lost: now,
        });
        held.ids.insert(id);
    }

    /// Redis may have it, and should not for longer.
    pub fn end(&mut self, key: Key, id: u64, now: Instant) {
        if let Some(held) = self.held.get_mut(&key) {
            held.ids.remove(&id);
            if held.ids.is_empty() {
                self.held.remove(&key);
            }
        }
        self.ended.entry(key).or_default().push(Ended {
            id,
            since: now,
            due: now,
        });
    }

    /// What a question about this key can give back besides, the newest first.
    pub fn to_bring(&self, key: &Key) -> Vec<u64> {
        let ended = self.ended.get(key).into_iter().flatten().rev();
        ended.map(|it| it.id).take(MOST_BROUGHT).collect()
    }

    /// What is to be given back now. It is asked for again later, unless it [was given back](Self::returned).
    pub fn due_to_return(&mut self, now: Instant) -> Vec<OfKey> {
        let mut due = Vec::new();
        self.ended.retain(|key, ended| {
            ended.retain(|it| now < it.since + REMEMBERED);
            let mut ids = Vec::new();
            for it in ended.iter_mut().filter(|it| it.due <= now) {
                let [least, most] = RETURN_AGAIN;
                it.due = now + (now - it.since).clamp(least, most);
                ids.push(it.id);
            }
            due.extend(in_questions(*key, &ids));
            !ended.is_empty()
        });
        due
    }

    /// Redis has heard that these have ended.
    pub fn returned(&mut self, key: &Key, ids: &[u64]) {
        let Some(ended) = self.ended.get_mut(key) else {
            return;
        };
        ended.retain(|it| self.prolonging.contains(&it.id) || !ids.contains(&it.id));
        if ended.is_empty() {
            self.ended.remove(key);
        }
    }

    /// The keys whose leases are to be prolonged now.
    pub fn to_prolong(&self, now: Instant) -> Vec<Key> {
        let due = self.held.iter().filter(|(_, held)| held.due <= now);
        due.map(|(key, _)| *key).collect()
    }

    /// The leases of these keys, which Redis is asked to prolong until [that ends](Self::end_prolonging).
    pub fn begin_prolonging(&mut self, keys: &[Key], now: Instant) -> Vec<OfKey> {
        let mut all = Vec::new();
        for key in keys {
            let Some(held) = self.held.get_mut(key) else {
                continue;
            };
            held.due_if_lost = now + PROLONG_AGAIN;
            held.due = held.due_if_lost;
            let ids: Vec<u64> = held.ids.iter().copied().collect();
            self.prolonging.extend(&ids);
            all.extend(in_questions(*key, &ids));
        }
        all
    }

    /// Redis has prolonged those of this key.
    pub fn prolonged(&mut self, key: &Key, now: Instant) {
        if let Some(held) = self.held.get_mut(key) {
            held.due = now + PROLONG;
        }
    }

    /// Redis is not asked to prolong any more.
    pub fn end_prolonging(&mut self, now: Instant) {
        let ended = self.ended.values_mut().flatten();
        for it in ended.filter(|it| self.prolonging.contains(&it.id)) {
            it.due = now;
        }
        self.prolonging.clear();
    }

    /// Redis was away, and may have lost what it knew.
    pub fn may_be_lost(&mut self) {
        for held in self.held.values_mut() {
            held.due = held.due.min(held.due_if_lost);
        }
    }
}

fn in_questions(key: Key, ids: &[u64]) -> impl Iterator<Item = OfKey> {
    ids.chunks(MOST_NAMES).map(move |ids| (key, ids.to_vec()))
}

#[cfg(test)]
mod tests;
