//! Responses stored in this process's memory, shared by all workers and limited in bytes. Purges
//! are exact: a response requested before a purge is not served after it, even if it arrives later.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{
        Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use foldhash::fast::RandomState;
use moka::{Expiry, policy::EvictionPolicy, sync::Cache};

use super::{
    NoCacheReason,
    key::{CacheKey, Namespace},
    stored_response::{StoredResponse, UnixMillis},
};

/// Purges remembered individually. Beyond that, older ones are merged into one purge of everything.
const MAX_PURGES: usize = 1024;

/// moka evicts in batches, by number of entries, which is late when entries are large. Eviction is
/// forced whenever this fraction of `max_bytes` has been added.
const EVICTION_FRACTION: u64 = 16;

/// A point in time between two purges.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Epoch(u64);

/// When a request was sent, which decides whether its response may still be stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked {
    pub epoch: Epoch,
    /// The number of refreshes so far, including this one.
    refreshes: u64,
}

/// Size of the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stats {
    pub entries: u64,
    pub bytes: u64,
}

/// Responses by key, evicted in LRU order. A TinyLFU policy would reject new keys at first, so an
/// immediate repeat of a request would be a miss.
pub struct MemoryStore {
    entries: Cache<CacheKey, Arc<Entry>, RandomState>,
    purges: RwLock<Purges>,
    /// The number of the last purge, readable without the lock.
    epoch: AtomicU64,
    refreshes: AtomicU64,
    max_bytes: u64,
    /// Bytes added since the last forced eviction.
    unevicted: AtomicU64,
}

struct Entry {
    namespace: Namespace,
    asked: Asked,
    response: Arc<StoredResponse>,
}

impl MemoryStore {
    /// Default for the memory limit.
    pub const DEFAULT_MAX_BYTES: u64 = 256 * 1024 * 1024;

    pub fn new(max_bytes: u64) -> Self {
        let weight = |_: &CacheKey, entry: &Arc<Entry>| entry.weight();
        let entries = Cache::builder()
            .max_capacity(max_bytes)
            .weigher(weight)
            .eviction_policy(EvictionPolicy::lru())
            .expire_after(ByTtl)
            .build_with_hasher(RandomState::default());
        MemoryStore {
            entries,
            purges: RwLock::default(),
            epoch: AtomicU64::new(0),
            refreshes: AtomicU64::new(0),
            max_bytes,
            unevicted: AtomicU64::new(0),
        }
    }

    /// The current state, to be passed to [`put`](Self::put) with the response of a request sent
    /// now.
    pub fn asks(&self) -> Asked {
        Asked {
            epoch: self.epoch(),
            refreshes: self.refreshes.load(Ordering::Acquire),
        }
    }

    /// The same for a refresh: responses to earlier requests will not replace its response.
    pub fn refreshes(&self) -> Asked {
        Asked {
            epoch: self.epoch(),
            refreshes: self.refreshes.fetch_add(1, Ordering::AcqRel) + 1,
        }
    }

    fn epoch(&self) -> Epoch {
        Epoch(self.epoch.load(Ordering::Acquire))
    }

    pub fn get(&self, key: &CacheKey, now: UnixMillis) -> Option<Arc<StoredResponse>> {
        let entry = self.entries.get(key)?;
        let good = entry.response.is_fresh(now) && !self.is_purged(&entry);
        good.then(|| entry.response.clone())
    }

    /// Stores a response to a request sent at `asked`, replacing any other.
    ///
    /// # Errors
    /// The entry was purged or refreshed since then; the response is not stored.
    pub fn put(
        &self,
        key: CacheKey,
        namespace: Namespace,
        response: Arc<StoredResponse>,
        asked: Asked,
    ) -> Result<(), NoCacheReason> {
        let entry = Entry {
            namespace,
            asked,
            response,
        };
        let weight = entry.weight().into();
        // The lock is held until the entry is inserted, so a later purge finds it.
        let purges = self.purges();
        if purges.cover(&entry) || purges.cover_key(&key, asked.epoch) {
            return Err(NoCacheReason::Purged);
        }
        if self.is_superseded(&key, asked, &purges) {
            return Err(NoCacheReason::Superseded);
        }
        self.entries.insert(key, Arc::new(entry));
        drop(purges);
        if self.unevicted.fetch_add(weight, Ordering::Relaxed) + weight
            > self.max_bytes / EVICTION_FRACTION
        {
            self.unevicted.store(0, Ordering::Relaxed);
            self.entries.run_pending_tasks();
        }
        Ok(())
    }

    /// The stored entry comes from a refresh that started later.
    fn is_superseded(&self, key: &CacheKey, asked: Asked, purges: &Purges) -> bool {
        if self.refreshes.load(Ordering::Acquire) == asked.refreshes {
            return false;
        }
        let there = self.entries.get(key);
        there.is_some_and(|it| it.asked.refreshes > asked.refreshes && !purges.cover(&it))
    }

    /// Removes the entry of one key and returns whether there was one.
    pub fn remove(&self, key: &CacheKey) -> bool {
        let mut purges = self.purges_mut();
        let epoch = purges.note_key(*key);
        self.epoch.store(epoch.0, Ordering::Release);
        drop(purges);
        self.entries.remove(key).is_some()
    }

    /// Removes all entries of a namespace, of all callers. Visits every entry, so not for the
    /// request path.
    pub fn purge(&self, namespace: &Namespace) {
        self.begin_epoch(namespace);
        // Old entries are no longer served from here on; the rest only frees memory. It may also
        // remove a newer response under the same key, which costs one miss.
        let covered = |entry: &Entry| self.purges().cover(entry);
        let old = self.entries.iter().filter(|(_, entry)| covered(entry));
        let keys: Vec<Arc<CacheKey>> = old.map(|(key, _)| key).collect();
        keys.iter().for_each(|key| self.entries.invalidate(&**key));
        self.entries.run_pending_tasks();
    }

    /// Exact numbers; applies pending evictions first.
    pub fn stats(&self) -> Stats {
        self.entries.run_pending_tasks();
        Stats {
            entries: self.entries.entry_count(),
            bytes: self.entries.weighted_size(),
        }
    }

    /// Removes all entries.
    pub fn purge_all(&self) {
        let mut purges = self.purges_mut();
        let epoch = purges.note_all();
        self.epoch.store(epoch.0, Ordering::Release);
        drop(purges);
        self.entries.invalidate_all();
        self.entries.run_pending_tasks();
    }

    fn is_purged(&self, entry: &Entry) -> bool {
        entry.asked.epoch != self.epoch() && self.purges().cover(entry)
    }

    fn begin_epoch(&self, namespace: &Namespace) {
        let mut purges = self.purges_mut();
        let epoch = purges.note(namespace.clone());
        self.epoch.store(epoch.0, Ordering::Release);
    }

    /// A panic elsewhere cannot leave the purges inconsistent, so poisoning is ignored.
    fn purges(&self) -> RwLockReadGuard<'_, Purges> {
        self.purges.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn purges_mut(&self) -> RwLockWriteGuard<'_, Purges> {
        self.purges.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entry {
    fn weight(&self) -> u32 {
        let name = match &self.namespace {
            Namespace::None => 0,
            Namespace::Caller(name) | Namespace::Settings(name) => name.len(),
        };
        u32::try_from(self.response.weight() + name).unwrap_or(u32::MAX)
    }
}

/// When what was purged. moka's own predicate invalidation drops a predicate once it has visited
/// all queued entries and may miss one that is being inserted.
#[derive(Default)]
struct Purges {
    last: u64,
    by_namespace: PurgeTimes<Namespace>,
    /// For responses in flight; stored ones are removed at once.
    by_key: PurgeTimes<CacheKey>,
}

/// The time of the last purge of each item.
struct PurgeTimes<K> {
    last: HashMap<K, u64>,
    /// Everything older is purged.
    floor: u64,
}

impl<K> Default for PurgeTimes<K> {
    fn default() -> Self {
        PurgeTimes {
            last: HashMap::new(),
            floor: 0,
        }
    }
}

impl<K: Hash + Eq> PurgeTimes<K> {
    fn note(&mut self, what: K, when: u64) {
        if self.last.len() >= MAX_PURGES && !self.last.contains_key(&what) {
            self.note_all(when);
        }
        self.last.insert(what, when);
    }

    fn note_all(&mut self, when: u64) {
        self.last.clear();
        self.floor = when;
    }

    fn covers(&self, what: &K, asked: Epoch) -> bool {
        let since = self.last.get(what).copied().unwrap_or(0);
        asked.0 < since.max(self.floor)
    }
}

impl Purges {
    fn note(&mut self, namespace: Namespace) -> Epoch {
        self.last += 1;
        self.by_namespace.note(namespace, self.last);
        Epoch(self.last)
    }

    fn note_key(&mut self, key: CacheKey) -> Epoch {
        self.last += 1;
        self.by_key.note(key, self.last);
        Epoch(self.last)
    }

    fn note_all(&mut self) -> Epoch {
        self.last += 1;
        self.by_namespace.note_all(self.last);
        Epoch(self.last)
    }

    fn cover(&self, entry: &Entry) -> bool {
        self.by_namespace
            .covers(&entry.namespace, entry.asked.epoch)
    }

    fn cover_key(&self, key: &CacheKey, asked: Epoch) -> bool {
        self.by_key.covers(key, asked)
    }
}

/// Each entry lives as long as its response is fresh, and starts anew when replaced.
struct ByTtl;

impl Expiry<CacheKey, Arc<Entry>> for ByTtl {
    fn expire_after_create(
        &self,
        _: &CacheKey,
        entry: &Arc<Entry>,
        _: Instant,
    ) -> Option<Duration> {
        Some(entry.response.ttl())
    }

    fn expire_after_update(
        &self,
        _: &CacheKey,
        entry: &Arc<Entry>,
        _: Instant,
        _: Option<Duration>,
    ) -> Option<Duration> {
        Some(entry.response.ttl())
    }
}

#[cfg(test)]
mod tests;
