//! The leases of this process: which must be prolonged and which must still be returned to Redis.
//! Does no I/O and reads no clock.

use std::{
    collections::{HashMap, HashSet},
    time::{Duration, Instant},
};

use foldhash::fast::RandomState;

use super::super::Key;

/// How long a lease lives in Redis after its replica last prolonged it.
pub const LEASE: Duration = Duration::from_secs(30);
/// The interval between prolongations.
const PROLONG: Duration = Duration::from_secs(10);
/// The same after Redis did not respond or lost its data.
const PROLONG_RETRY: Duration = Duration::from_secs(3);
/// Ended leases are forgotten after this time: they have expired in Redis even if it hung for half
/// a minute before it processed the request for the lease.
const REMEMBERED: Duration = Duration::from_secs(60);
/// A failed return is retried after as long as it has been pending, within these limits.
const RETURN_RETRY: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(10)];
/// The most ended leases that travel with another command, to keep it short.
const MAX_PIGGYBACKED: usize = 100;
/// The most leases in one command of their own.
const MAX_RETURNED: usize = 500;

/// Some leases of one key.
pub type OfKey = (Key, Vec<u64>);

/// The leases of this process, by key and number.
#[derive(Default)]
pub struct Leases {
    held: HashMap<Key, Held, RandomState>,
    /// Ended leases not known to be returned, oldest first.
    ended: HashMap<Key, Vec<Ended>, RandomState>,
    /// Leases that are being prolonged now. It is unknown whether Redis processes the prolongation
    /// or the return last, so those that end meanwhile are returned a second time.
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
    /// When to return it.
    due: Instant,
}

impl Leases {
    /// Redis has granted the lease.
    pub fn hold(&mut self, key: Key, id: u64, now: Instant) {
        let held = self.held.entry(key).or_insert_with(|| Held {
            ids: HashSet::default(),
            due: now + PROLONG,
            due_if_lost: now,
        });
        held.ids.insert(id);
    }

    /// The lease has ended; Redis may still have it.
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

    /// The ended leases to send with a command for this key, newest first.
    pub fn to_piggyback(&self, key: &Key) -> Vec<u64> {
        let ended = self.ended.get(key).into_iter().flatten().rev();
        ended.map(|it| it.id).take(MAX_PIGGYBACKED).collect()
    }

    /// The leases to return now. They are due again later unless [`returned`](Self::returned) is
    /// called.
    pub fn due_to_return(&mut self, now: Instant) -> Vec<OfKey> {
        let mut due = Vec::new();
        self.ended.retain(|key, ended| {
            ended.retain(|it| now < it.since + REMEMBERED);
            let mut ids = Vec::new();
            for it in ended.iter_mut().filter(|it| it.due <= now) {
                let [least, most] = RETURN_RETRY;
                it.due = now + (now - it.since).clamp(least, most);
                ids.push(it.id);
            }
            due.extend(in_questions(*key, &ids));
            !ended.is_empty()
        });
        due
    }

    /// Redis has processed the return of these.
    pub fn returned(&mut self, key: &Key, ids: &[u64]) {
        let Some(ended) = self.ended.get_mut(key) else {
            return;
        };
        ended.retain(|it| self.prolonging.contains(&it.id) || !ids.contains(&it.id));
        if ended.is_empty() {
            self.ended.remove(key);
        }
    }

    /// The keys whose leases must be prolonged now.
    pub fn to_prolong(&self, now: Instant) -> Vec<Key> {
        let due = self.held.iter().filter(|(_, held)| held.due <= now);
        due.map(|(key, _)| *key).collect()
    }

    /// The leases of these keys, which are being prolonged until
    /// [`end_prolonging`](Self::end_prolonging).
    pub fn begin_prolonging(&mut self, keys: &[Key], now: Instant) -> Vec<OfKey> {
        let mut all = Vec::new();
        for key in keys {
            let Some(held) = self.held.get_mut(key) else {
                continue;
            };
            held.due_if_lost = now + PROLONG_RETRY;
            held.due = held.due_if_lost;
            let ids: Vec<u64> = held.ids.iter().copied().collect();
            self.prolonging.extend(&ids);
            all.extend(in_questions(*key, &ids));
        }
        all
    }

    /// Redis has prolonged the leases of this key.
    pub fn prolonged(&mut self, key: &Key, now: Instant) {
        if let Some(held) = self.held.get_mut(key) {
            held.due = now + PROLONG;
        }
    }

    /// The prolongation has ended.
    pub fn end_prolonging(&mut self, now: Instant) {
        let ended = self.ended.values_mut().flatten();
        for it in ended.filter(|it| self.prolonging.contains(&it.id)) {
            it.due = now;
        }
        self.prolonging.clear();
    }

    /// Redis was unavailable and may have lost its data.
    pub fn may_be_lost(&mut self) {
        for held in self.held.values_mut() {
            held.due = held.due.min(held.due_if_lost);
        }
    }
}

fn in_questions(key: Key, ids: &[u64]) -> impl Iterator<Item = OfKey> {
    ids.chunks(MAX_RETURNED).map(move |ids| (key, ids.to_vec()))
}

#[cfg(test)]
mod tests;
