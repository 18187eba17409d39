//! What was found lately, for each worker by itself: finding a model in a table takes longer than
//! most requests, and callers may name as many models as they like.

use std::{cell::RefCell, hash::Hash};

use foldhash::fast::RandomState;
use hashbrown::{Equivalent, HashMap};

use super::table::Found;

/// Most origins with models that one thread remembers. Beyond it, it forgets all.
const MOST: usize = 512;

thread_local! {
    static MEMO: RefCell<Memo> = RefCell::default();
}

#[derive(Default)]
struct Memo {
    /// Which prices the entries are of.
    generation: u64,
    entries: HashMap<Key, Option<Found>, RandomState>,
}

#[derive(PartialEq, Eq, Hash)]
struct Key {
    origin: Box<str>,
    model: Option<Box<str>>,
}

/// Hashes like [`Key`].
#[derive(PartialEq, Eq, Hash)]
struct KeyRef<'a> {
    origin: &'a str,
    model: Option<&'a str>,
}

impl Equivalent<Key> for KeyRef<'_> {
    fn equivalent(&self, key: &Key) -> bool {
        self.origin == &*key.origin && self.model == key.model.as_deref()
    }
}

/// What was found before, or else what `find` finds now.
pub fn remembered(
    generation: u64,
    origin: &str,
    model: Option<&str>,
    find: impl FnOnce() -> Option<Found>,
) -> Option<Found> {
    let key = KeyRef { origin, model };
    let known = MEMO.with_borrow(|memo| {
        let is_current = memo.generation == generation;
        is_current
            .then(|| memo.entries.get(&key).cloned())
            .flatten()
    });
    known.unwrap_or_else(|| {
        let found = find();
        MEMO.with_borrow_mut(|memo| memo.put(generation, &key, found.clone()));
        found
    })
}

impl Memo {
    fn put(&mut self, generation: u64, key: &KeyRef<'_>, found: Option<Found>) {
        if self.generation != generation || self.entries.len() >= MOST {
            self.entries.clear();
            self.generation = generation;
        }
        let key = Key {
            origin: key.origin.into(),
            model: key.model.map(Into::into),
        };
        self.entries.insert(key, found);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_remembers_what_was_not_found_and_forgets_in_time() {
        let mut searches = 0;
        let mut ask = |generation, model: &str| {
            remembered(generation, "http://a", Some(model), || {
                searches += 1;
                None
            });
            searches
        };
        assert_eq!([ask(1, "m"), ask(1, "m")], [1, 1]);
        assert_eq!([ask(2, "m"), ask(2, "m")], [2, 2], "other prices");
        for made_up in 0..2 * MOST {
            ask(2, &made_up.to_string());
        }
        assert!(MEMO.with_borrow(|memo| memo.entries.len()) <= MOST);
    }
}
