//! Conditions on a request: what a config can test, and whether it holds.
//!
//! | operator | holds when the field's value |
//! |---|---|
//! | `$eq` (or a bare value) | equals this value; of a list in the body, one item does |
//! | `$ne` | differs from this value, or is absent |
//! | `$gt` `$gte` `$lt` `$lte` | is greater or less: numbers by value, texts by their bytes |
//! | `$in` | equals a value of the list; of a list in the body, one item does |
//! | `$nin` | equals no value of the list, or is absent |
//! | `$regex` | is a text of at most 8 KiB in which the pattern matches (in linear time) |
//!
//! Metadata, headers, method and path are texts. Compared with a number or a boolean, a text counts
//! as the number (at most 64 bytes) or boolean that it spells. Of a list in the body, texts,
//! numbers, booleans and nulls are compared; a list with more than [`MOST_TESTED_ITEMS`] items
//! cannot be tested. Several operators on a field and several fields in an object must all hold;
//! `$and` and `$or` take lists of objects.

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

/// A fact about a request that conditions and sticky load balancing can name.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Field {
    /// `metadata.KEY`.
    Metadata(Box<str>),
    /// `params.KEY.KEY...`: a value in the JSON body, at any depth; a number is an index into a
    /// list.
    Param(Box<[Box<str>]>),
    /// `headers.NAME`, in lower case.
    Header(Box<str>),
    /// `method`.
    Method,
    /// `url.pathname`: the raw path as the client sent it.
    Path,
}

impl Field {
    /// Bytes of memory held by the name.
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

/// The source of a request's facts.
pub trait Facts {
    /// The value as JSON, reduced to what tests look at: scalar items of a list, and of an object
    /// only that it is one. `None` if the request does not have it.
    ///
    /// # Errors
    /// The list is too long to be tested.
    fn get(&self, field: &Field) -> Result<Option<Cow<'_, Value>>, TooManyItems>;

    /// The value as JSON text or a digest of that, equal for requests that agree in this fact.
    fn text(&self, field: &Field) -> Option<Cow<'_, str>>;
}

/// A list in the body has more items than conditions test.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a list has more than {MOST_TESTED_ITEMS} items")]
pub struct TooManyItems;

/// A parsed condition with compiled regular expressions. Clones share it.
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
    /// The result of the comparison is one of these.
    Compares(Value, &'static [Ordering]),
    In(Box<ValueSet>),
    NotIn(Box<ValueSet>),
    Matches(Pattern),
}

impl Condition {
    /// Whether the condition holds for a request.
    ///
    /// # Errors
    /// It tests a list that is too long.
    pub fn holds(&self, facts: &dyn Facts) -> Result<bool, TooManyItems> {
        self.0.holds(facts)
    }

    /// The condition needs values from the body.
    pub fn needs_params(&self) -> bool {
        let mut needs = false;
        self.each_field(&mut |field| needs |= matches!(field, Field::Param(_)));
        needs
    }

    /// Bytes of memory held.
    pub fn held_bytes(&self) -> usize {
        self.0.held_bytes()
    }

    /// Calls `see` with the field of each test.
    pub fn each_field<'c>(&'c self, see: &mut dyn FnMut(&'c Field)) {
        self.0.each_test(&mut |field, _| see(field));
    }

    /// The worst-case work of its patterns: size of the compiled pattern times length of the text.
    /// `length` gives the longest possible text of a field.
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
