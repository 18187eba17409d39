//! Conditions on a request: what a config may ask about it, and whether it holds.
//!
//! | operator | holds when the field's value |
//! |---|---|
//! | `$eq` (or a bare value) | is this value; a list in the body: one of its items is |
//! | `$ne` | is not, or there is none |
//! | `$gt` `$gte` `$lt` `$lte` | is more, less: numbers as numbers, texts by their bytes |
//! | `$in` | is one of the list; a list in the body: one of its items is |
//! | `$nin` | is none of the list, or there is none |
//! | `$regex` | is a text of at most 8 KiB in which the pattern is found (linear time, no look-around) |
//!
//! Metadata, headers, method and path are texts. Compared with a number or a bool, a text counts as
//! what it spells (a number in at most 64 bytes). Of a list in the body the texts, numbers,
//! booleans and nulls count; one of more than [`MOST_TESTED_ITEMS`] cannot be tested. Several
//! operators on a field and several fields in an object must all hold; `$and` and `$or` take lists
//! of objects.

mod budget;
mod compare;
mod parse;
mod pattern;
#[cfg(test)]
mod tests;
mod value_set;

use std::{borrow::Cow, cmp::Ordering, sync::Arc};

use serde_json::Value;

pub use self::{
    budget::{WorkBudget, bounds},
    pattern::LONGEST_SEARCHED,
};
use self::{
    compare::{compare, is_or_contains},
    pattern::Pattern,
    value_set::ValueSet,
};

/// The longest list in a body that a condition can test.
pub const MOST_TESTED_ITEMS: usize = 4096;

/// One fact about a request that conditions and sticky balancing may name.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Field {
    /// `metadata.KEY`.
    Metadata(Box<str>),
    /// `params.KEY.KEY...`: a value in the JSON body, at any depth; numbers count in lists.
    Param(Box<[Box<str>]>),
    /// `headers.NAME`, lower-cased.
    Header(Box<str>),
    /// `method`.
    Method,
    /// `url.pathname`: the raw path as the client sent it.
    Path,
}

impl Field {
    /// Bytes of memory that the name holds.
    pub fn held_bytes(&self) -> usize {
        let text = match self {
            Field::Metadata(name) | Field::Header(name) => name.len(),
            Field::Param(path) => path
                .iter()
                .map(|key| key.len() + size_of::<Box<str>>())
                .sum(),
            Field::Method | Field::Path => 0,
        };
        size_of::<Field>() + text
    }
}

/// Where the facts come from.
pub trait Facts {
    /// The fact's value as JSON, as far as tests look at it: of a list the items that are neither
    /// lists nor objects, of an object only that it is one. `None` where the request has no such
    /// thing.
    ///
    /// # Errors
    /// A list that is too long to be tested.
    fn get(&self, field: &Field) -> Result<Option<Cow<'_, Value>>, TooManyItems>;

    /// What tells requests alike in this fact: its value as JSON text, or a digest of that.
    fn text(&self, field: &Field) -> Option<Cow<'_, str>>;
}

/// A list in the body has more items than conditions look through.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a list has more than {MOST_TESTED_ITEMS} items")]
pub struct TooManyItems;

/// A condition, read and checked; regular expressions are compiled. A clone is the same one.
#[derive(Clone, Debug)]
pub struct Condition(Arc<Term>);

#[derive(Clone, Debug)]
enum Term {
    All(Vec<Term>),
    Any(Vec<Term>),
    Test(Field, Test),
}

#[derive(Clone, Debug)]
enum Test {
    Is(Value),
    IsNot(Value),
    /// The comparison's outcome is one of these.
    Compares(Value, &'static [Ordering]),
    In(Box<ValueSet>),
    NotIn(Box<ValueSet>),
    Matches(Pattern),
}

impl Condition {
    /// Whether it holds for a request.
    ///
    /// # Errors
    /// It looks at a list that is too long to be tested.
    pub fn holds(&self, facts: &dyn Facts) -> Result<bool, TooManyItems> {
        self.0.holds(facts)
    }

    /// It asks for values in the body.
    pub fn needs_params(&self) -> bool {
        let mut needs = false;
        self.each_field(&mut |field| needs |= matches!(field, Field::Param(_)));
        needs
    }

    /// Bytes of memory that it holds.
    pub fn held_bytes(&self) -> usize {
        self.0.held_bytes()
    }

    /// Shows every field that it tests, once for each test.
    pub fn each_field<'c>(&'c self, see: &mut dyn FnMut(&'c Field)) {
        self.0.each_test(&mut |field, _| see(field));
    }

    /// The work of its patterns at the worst: bytes of the compiled pattern times bytes of the
    /// text. `length`: how long the text of a field may be.
    pub fn pattern_work(&self, length: &dyn Fn(&Field) -> usize) -> usize {
        let mut work: usize = 0;
        self.0.each_test(&mut |field, test| {
            if let Test::Matches(pattern) = test {
                work = work.saturating_add(pattern.work(length(field)));
            }
        });
        work
    }
}

impl Term {
    fn holds(&self, facts: &dyn Facts) -> Result<bool, TooManyItems> {
        match self {
            Term::All(terms) => {
                for term in terms {
                    if !term.holds(facts)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            Term::Any(terms) => {
                for term in terms {
                    if term.holds(facts)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            Term::Test(field, test) => Ok(test.holds(facts.get(field)?.as_deref())),
        }
    }

    fn held_bytes(&self) -> usize {
        let more = match self {
            Term::All(terms) | Term::Any(terms) => terms.iter().map(Term::held_bytes).sum(),
            Term::Test(field, test) => field.held_bytes() + test.held_bytes(),
        };
        size_of::<Term>() + more
    }

    fn each_test<'c>(&'c self, see: &mut dyn FnMut(&'c Field, &'c Test)) {
        match self {
            Term::All(terms) | Term::Any(terms) => {
                terms.iter().for_each(|term| term.each_test(see));
            }
            Term::Test(field, test) => see(field, test),
        }
    }
}

impl Test {
    fn held_bytes(&self) -> usize {
        match self {
            Test::Is(value) | Test::IsNot(value) | Test::Compares(value, _) => {
                size_of::<Value>() + value.as_str().map_or(0, str::len)
            }
            Test::In(set) | Test::NotIn(set) => set.held_bytes(),
            Test::Matches(pattern) => pattern.held_bytes(),
        }
    }

    fn holds(&self, value: Option<&Value>) -> bool {
        let is = |wanted: &Value| value.is_some_and(|value| is_or_contains(value, wanted));
        let is_in = |set: &ValueSet| value.is_some_and(|value| set.holds(value));
        match self {
            Test::Is(wanted) => is(wanted),
            Test::IsNot(wanted) => !is(wanted),
            Test::In(set) => is_in(set),
            Test::NotIn(set) => !is_in(set),
            Test::Compares(bound, outcomes) => value
                .and_then(|value| compare(value, bound))
                .is_some_and(|outcome| outcomes.contains(&outcome)),
            Test::Matches(pattern) => {
                let text = value.and_then(Value::as_str);
                text.is_some_and(|text| pattern.is_found_in(text))
            }
        }
    }
}
