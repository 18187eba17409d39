//! How many sums may there be? Callers invent origins, models and values of metadata: a key has
//! room for some sums, and so have all keys together.

use std::collections::HashMap;

/// What is left of it.
pub struct Room {
    by_key: HashMap<Option<String>, i64>,
    all: i64,
    most_of_key: i64,
    most: i64,
}

impl Room {
    /// The room beside sums that are stored, which are counted by key.
    pub fn beside(counts: Vec<(Option<String>, i64)>, most_of_key: i64, most: i64) -> Self {
        Room {
            all: counts.iter().map(|(_, count)| count).sum(),
            by_key: counts.into_iter().collect(),
            most_of_key,
            most,
        }
    }

    /// Takes room for one more, if there is any.
    pub fn takes(&mut self, key_id: Option<&str>) -> bool {
        let of_key = self.by_key.entry(key_id.map(str::to_owned)).or_default();
        let takes = *of_key < self.most_of_key && self.all < self.most;
        *of_key += i64::from(takes);
        self.all += i64::from(takes);
        takes
    }
}
