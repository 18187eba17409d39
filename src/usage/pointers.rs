//! The JSON pointers of an endpoint as a tree of keys, to be followed while a text passes.

use super::{
    counts::{Field, Style},
    places::{Node, Place, Way},
    scan::{Key, Step},
};
use crate::endpoint::UsagePlaces;

/// The tree: each entry is a key below another one.
#[derive(Debug)]
pub struct Pointers {
    entries: Vec<Entry>,
}

#[derive(Debug)]
struct Entry {
    /// The node above: 0 is the root, others are numbered from 1 in their order.
    above: u16,
    token: Box<str>,
    is_followed: bool,
    place: Option<Place>,
}

impl Pointers {
    pub fn of(places: &UsagePlaces) -> Self {
        let mut pointers = Pointers {
            entries: Vec::new(),
        };
        for (pointer, place) in [
            (&places.model, Place::Model),
            // Cached tokens are part of the input.
            (&places.input, Place::Input(Style::Prompt)),
            (&places.cache_read, Place::Count(Field::CacheReadInside)),
            (&places.cache_write, Place::Count(Field::CacheWriteInside)),
            (&places.output, Place::Count(Field::Output)),
            (&places.reasoning, Place::Count(Field::Reasoning)),
        ] {
            if let Some(pointer) = pointer {
                pointers.add(pointer.as_str(), place);
            }
        }
        pointers
    }

    fn add(&mut self, pointer: &str, place: Place) {
        let mut above = 0;
        let mut tokens = pointer.split('/').skip(1).peekable();
        while let Some(token) = tokens.next() {
            let token = token.replace("~1", "/").replace("~0", "~");
            let at = self.find_or_add(above, &token);
            let entry = &mut self.entries[usize::from(at) - 1];
            match tokens.peek() {
                Some(_) => entry.is_followed = true,
                None => entry.place = Some(place),
            }
            above = at;
        }
    }

    /// Six pointers of at most 256 bytes have fewer tokens than a `u16` counts.
    fn find_or_add(&mut self, above: u16, token: &str) -> u16 {
        let is_it = |entry: &Entry| entry.above == above && &*entry.token == token;
        let place = self.entries.iter().position(is_it).unwrap_or_else(|| {
            self.entries.push(Entry {
                above,
                token: token.into(),
                is_followed: false,
                place: None,
            });
            self.entries.len() - 1
        });
        place as u16 + 1
    }

    /// What is at this key of a node.
    pub fn step(&self, at: u16, key: Key<'_>) -> Way {
        let mut digits = itoa::Buffer::new();
        let token = match key {
            Key::Name(name) => name,
            Key::Index(index) => digits.format(index).as_bytes(),
        };
        let is_it = |entry: &Entry| entry.above == at && entry.token.as_bytes() == token;
        let Some(found) = self.entries.iter().position(is_it) else {
            return Step::SKIP;
        };
        let entry = &self.entries[found];
        Step {
            follow: entry.is_followed.then_some(Node::Pointed(found as u16 + 1)),
            capture: entry.place,
        }
    }
}
