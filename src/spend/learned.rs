//! How long are responses usually? The 95th percentile of their tokens, for each key, model and
//! origin, by which the next request is estimated. What a caller's own host says of itself is not
//! believed of another. Bounded: a key that uses many models learns of some only.

use std::{
    collections::HashMap,
    hash::BuildHasher as _,
    sync::{Mutex, PoisonError},
};

use foldhash::fast::{FixedState, RandomState};

/// The most pairs of a key and a model at an origin; each takes about 120 bytes.
const MOST: usize = 16_384;
/// The most models at origins of one key.
const MOST_OF_ONE: u8 = 64;
/// So many responses must have been seen.
const ENOUGH: u32 = 8;
/// After so many the older ones count half.
const MANY: u32 = 512;
/// Two for each doubling, up to 16 million tokens.
const BUCKETS: usize = 49;

/// Whose requests, and for which model.
#[derive(Clone, Copy, Debug, Default)]
pub struct Learner {
    key: u64,
    model: u64,
}

/// The same at one origin.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Lesson {
    key: u64,
    model_and_origin: u64,
}

impl Learner {
    /// `key`: the id of the gateway key, if there is one.
    pub fn new(key: Option<&[u8; 16]>, model: Option<&str>) -> Self {
        let hasher = FixedState::default();
        Learner {
            key: key.map_or(0, |id| hasher.hash_one(id)),
            model: model.map_or(0, |model| hasher.hash_one(model)),
        }
    }

    pub fn at(self, origin: &str) -> Lesson {
        Lesson {
            key: self.key,
            model_and_origin: FixedState::default().hash_one((self.model, origin)),
        }
    }
}

#[derive(Default)]
pub struct Learned(Mutex<Sketches>);

#[derive(Default)]
struct Sketches {
    of: HashMap<Lesson, Sketch, RandomState>,
    /// How many models each key has.
    models: HashMap<u64, u8, RandomState>,
}

/// How many responses had how many tokens.
struct Sketch {
    seen: u32,
    buckets: [u16; BUCKETS],
}

impl Learned {
    /// A response had so many tokens.
    pub fn note(&self, lesson: Lesson, tokens: u64) {
        let mut sketches = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(sketch) = sketches.sketch(lesson) {
            sketch.note(tokens);
        }
    }

    /// The 95th percentile, once enough was seen.
    pub fn usual(&self, lesson: Lesson) -> Option<u64> {
        let sketches = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        sketches.of.get(&lesson)?.usual()
    }
}

impl Sketches {
    fn sketch(&mut self, lesson: Lesson) -> Option<&mut Sketch> {
        if !self.of.contains_key(&lesson) {
            let models = self.models.entry(lesson.key).or_default();
            if self.of.len() >= MOST || *models >= MOST_OF_ONE {
                return None;
            }
            *models += 1;
        }
        Some(self.of.entry(lesson).or_insert(Sketch {
            seen: 0,
            buckets: [0; BUCKETS],
        }))
    }
}

impl Sketch {
    fn note(&mut self, tokens: u64) {
        if self.seen >= MANY {
            self.buckets.iter_mut().for_each(|count| *count /= 2);
            self.seen = self.buckets.iter().map(|count| u32::from(*count)).sum();
        }
        self.seen += 1;
        self.buckets[bucket(tokens)] += 1;
    }

    fn usual(&self) -> Option<u64> {
        if self.seen < ENOUGH {
            return None;
        }
        let wanted = (self.seen * 95).div_ceil(100);
        let mut seen = 0;
        let mut buckets = self.buckets.iter();
        let at = buckets.position(|count| {
            seen += u32::from(*count);
            seen >= wanted
        });
        at.map(most_in)
    }
}

/// The bucket for so many tokens: 0 and 1, then two for each doubling.
fn bucket(tokens: u64) -> usize {
    let at = (0..BUCKETS).find(|at| tokens <= most_in(*at));
    at.unwrap_or(BUCKETS - 1)
}

/// The most tokens that a bucket is for.
fn most_in(bucket: usize) -> u64 {
    let doubled = 1_u64 << (bucket / 2);
    match bucket % 2 {
        0 => doubled,
        _ => doubled + doubled.div_ceil(2),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_length_is_that_of_nearly_all_responses() {
        let learned = Learned::default();
        let learner = Learner::new(Some(&[1; 16]), Some("m")).at("http://a");
        for tokens in 0..7 {
            learned.note(learner, 100 + tokens);
            assert_eq!(learned.usual(learner), None);
        }
        (0..93).for_each(|_| learned.note(learner, 100));
        assert_eq!(learned.usual(learner), Some(128));
        (0..20).for_each(|_| learned.note(learner, 5000));
        assert_eq!(learned.usual(learner), Some(6144));
        for other in [
            Learner::new(None, Some("m")).at("http://a"),
            Learner::new(Some(&[1; 16]), Some("n")).at("http://a"),
            Learner::new(Some(&[1; 16]), Some("m")).at("http://b"),
        ] {
            assert_eq!(learned.usual(other), None);
        }
    }

    #[test]
    fn what_was_seen_long_ago_is_forgotten() {
        let learned = Learned::default();
        let learner = Lesson::default();
        (0..10_000).for_each(|_| learned.note(learner, 1_000_000));
        (0..2000).for_each(|_| learned.note(learner, 10));
        assert_eq!(learned.usual(learner), Some(12));
    }

    #[test]
    fn one_key_cannot_take_all_the_room() {
        let learned = Learned::default();
        for model in 0..1000 {
            let model = model.to_string();
            let learner = Learner::new(Some(&[1; 16]), Some(&model)).at("http://a");
            (0..8).for_each(|_| learned.note(learner, 10));
        }
        let known = learned.0.lock().unwrap().of.len();
        assert_eq!(known, usize::from(MOST_OF_ONE));
        let other = Learner::new(Some(&[2; 16]), Some("m")).at("http://a");
        (0..8).for_each(|_| learned.note(other, u64::MAX));
        assert_eq!(learned.usual(other), Some(16_777_216));
    }
}
