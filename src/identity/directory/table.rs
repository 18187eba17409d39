//! A set of keys or teams, found by id, by name and by digest. Cloning copies pointers and numbers
//! only, so that a change of one entry among very many costs little.

use std::{
    hash::{BuildHasher as _, Hash},
    sync::Arc,
};

use foldhash::fast::FixedState;
use hashbrown::HashTable;

use crate::identity::{name::Name, token::Digest};

/// What a [`Table`] holds.
pub(super) trait Entry {
    type Id: Copy + Eq + Hash;

    fn id(&self) -> Self::Id;
    fn name(&self) -> &Name;
    /// At most 256; each is found by its place among them.
    fn digests(&self) -> impl Iterator<Item = &Digest>;
}

/// What no two entries may share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InUse {
    Id,
    Name,
    Digest,
}

/// A place in `slots`. The indexes hold places instead of keys, which keeps them small.
type Slot = u32;

/// An entry's digest, by its place among them.
type DigestAt = (Slot, u8);

#[derive(Debug)]
pub(super) struct Table<T> {
    slots: Vec<Option<Arc<T>>>,
    free: Vec<Slot>,
    ids: HashTable<Slot>,
    names: HashTable<Slot>,
    digests: HashTable<DigestAt>,
}

impl<T: Entry> Table<T> {
    pub fn by_id(&self, id: T::Id) -> Option<&Arc<T>> {
        self.entry(self.slot_of(id)?)
    }

    pub fn by_name(&self, name: &Name) -> Option<&Arc<T>> {
        let is_same = |slot: &Slot| self.entry(*slot).is_some_and(|it| it.name() == name);
        self.entry(*self.names.find(hash(name), is_same)?)
    }

    pub fn by_digest(&self, digest: &Digest) -> Option<&Arc<T>> {
        let is_same = |at: &DigestAt| self.digest(*at).is_some_and(|it| it.matches(digest));
        let (slot, _) = self.digests.find(digest_hash(digest), is_same)?;
        self.entry(*slot)
    }

    pub fn iter(&self) -> impl Iterator<Item = &Arc<T>> {
        self.slots.iter().flatten()
    }

    /// Replaces entries by such as differ in neither id, name nor digests.
    pub fn update(&mut self, mut change: impl FnMut(&Arc<T>) -> Option<Arc<T>>) {
        for entry in self.slots.iter_mut().flatten() {
            if let Some(changed) = change(entry) {
                *entry = changed;
            }
        }
    }

    /// What of an entry is in use, and by which entry.
    pub fn in_use(&self, new: &T) -> Vec<(InUse, &Arc<T>)> {
        // Of an object that is given twice, the name says more: the id may follow from it.
        let id = self.by_id(new.id()).filter(|it| it.name() != new.name());
        let id = id.map(|it| (InUse::Id, it));
        let name = self.by_name(new.name()).map(|it| (InUse::Name, it));
        let digests = new.digests().filter_map(|it| self.by_digest(it));
        let digests = digests.map(|it| (InUse::Digest, it));
        id.into_iter().chain(name).chain(digests).collect()
    }

    /// Adds an entry of which nothing is in use.
    pub fn insert(&mut self, new: Arc<T>) {
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push(None);
            (self.slots.len() - 1) as Slot
        });
        self.slots[slot as usize] = Some(new.clone());
        let slots = &self.slots;
        let entry = |slot: Slot| slots[slot as usize].as_deref();
        let id_of = |slot: &Slot| entry(*slot).map_or(0, |it| hash(&it.id()));
        let name_of = |slot: &Slot| entry(*slot).map_or(0, |it| hash(it.name()));
        let digest_of = |(slot, place): &DigestAt| {
            let digest = entry(*slot).and_then(|it| it.digests().nth(usize::from(*place)));
            digest.map_or(0, digest_hash)
        };
        self.ids.insert_unique(hash(&new.id()), slot, id_of);
        self.names.insert_unique(hash(new.name()), slot, name_of);
        for (digest, place) in new.digests().zip(0..) {
            let hash = digest_hash(digest);
            self.digests.insert_unique(hash, (slot, place), digest_of);
        }
    }

    /// Removes an entry, if there is one of this id.
    pub fn remove(&mut self, id: T::Id) {
        let Some(slot) = self.slot_of(id) else {
            return;
        };
        let Some(entry) = self.slots[slot as usize].take() else {
            return;
        };
        let is_it = |it: &Slot| *it == slot;
        remove_from(&mut self.ids, hash(&id), is_it);
        remove_from(&mut self.names, hash(entry.name()), is_it);
        for digest in entry.digests() {
            remove_from(&mut self.digests, digest_hash(digest), |(it, _)| {
                *it == slot
            });
        }
        self.free.push(slot);
    }

    fn slot_of(&self, id: T::Id) -> Option<Slot> {
        let is_same = |slot: &Slot| self.entry(*slot).is_some_and(|it| it.id() == id);
        self.ids.find(hash(&id), is_same).copied()
    }

    fn entry(&self, slot: Slot) -> Option<&Arc<T>> {
        self.slots.get(slot as usize)?.as_ref()
    }

    fn digest(&self, (slot, place): DigestAt) -> Option<&Digest> {
        self.entry(slot)?.digests().nth(usize::from(place))
    }
}

fn remove_from<V>(table: &mut HashTable<V>, hash: u64, is_it: impl FnMut(&V) -> bool) {
    if let Ok(found) = table.find_entry(hash, is_it) {
        found.remove();
    }
}

/// Without a random seed: ids and names come from the operator, who has no reason to make them
/// collide.
fn hash(key: &impl Hash) -> u64 {
    FixedState::default().hash_one(key)
}

/// The bytes of a digest are evenly distributed, so that no hash of them is needed.
fn digest_hash(digest: &Digest) -> u64 {
    let mut part = [0; 8];
    part.copy_from_slice(&digest.as_bytes()[..8]);
    u64::from_le_bytes(part)
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Table {
            slots: Vec::new(),
            free: Vec::new(),
            ids: HashTable::new(),
            names: HashTable::new(),
            digests: HashTable::new(),
        }
    }
}

impl<T> Clone for Table<T> {
    fn clone(&self) -> Self {
        Table {
            slots: self.slots.clone(),
            free: self.free.clone(),
            ids: self.ids.clone(),
            names: self.names.clone(),
            digests: self.digests.clone(),
        }
    }
}
