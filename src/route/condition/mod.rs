//! Conditions on a request: what a config may ask about it, and whether it holds.
//!
//! | operator | holds when the field's value |
//! |---|---|
//! | `$eq` (or a bare value) | is this value; a list in the body: one of its items is |
//! | `$ne` | is not, or there is none |
//! | `$gt` `$gte` `$lt` `$lte` | is more, less: numbers as numbers, texts by their bytes |
//! | `$in` | is one of the list; a list in the body: one of its items is |
//! | `$nin` | is none of the list, or there is none |
//! | `$regex` | is a text in which the pattern is found (linear time, no look-around) |
//!
//! Metadata, headers, method and path are texts. Compared with a number or a bool, a text counts as what it spells.
//! Several operators on a field and several fields in an object must all hold; `$and` and `$or` take lists of objects.

mod parse;
#[cfg(test)]
mod tests;

use std::{borrow::Cow, cmp::Ordering};

use regex::Regex;
use serde_json::Value;

/// One fact about a request that conditions and sticky balancing may name.
#[derive(Clone, Debug, PartialEq, Eq)]
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
    /// The fact's value as JSON; `None` where the request has no such thing.
    fn get(&self, field: &Field) -> Option<Cow<'_, Value>>;
}

/// A condition, read and checked; regular expressions are compiled.
#[derive(Clone, Debug)]
pub struct Condition(Term);

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
    In(Vec<Value>),
    NotIn(Vec<Value>),
    Matches(Regex),
}

impl Condition {
    /// Whether it holds for a request.
    pub fn holds(&self, facts: &dyn Facts) -> bool {
        self.0.holds(facts)
    }

    /// It asks for values in the body.
    pub fn needs_params(&self) -> bool {
        self.0.needs_params()
    }

    /// Bytes of memory that it holds; patterns count with the most they may hold.
    pub fn held_bytes(&self) -> usize {
        self.0.held_bytes()
    }
}

impl Term {
    fn holds(&self, facts: &dyn Facts) -> bool {
        match self {
            Term::All(terms) => terms.iter().all(|term| term.holds(facts)),
            Term::Any(terms) => terms.iter().any(|term| term.holds(facts)),
            Term::Test(field, test) => test.holds(facts.get(field).as_deref()),
        }
    }

    fn needs_params(&self) -> bool {
        match self {
            Term::All(terms) | Term::Any(terms) => terms.iter().any(Term::needs_params),
            Term::Test(field, _) => matches!(field, Field::Param(_)),
        }
    }
}

impl Term {
    fn held_bytes(&self) -> usize {
        let more = match self {
            Term::All(terms) | Term::Any(terms) => terms.iter().map(Term::held_bytes).sum(),
            Term::Test(field, test) => field.held_bytes() + test.held_bytes(),
        };
        size_of::<Term>() + more
    }
}

impl Test {
    fn held_bytes(&self) -> usize {
        match self {
            Test::Is(value) | Test::IsNot(value) | Test::Compares(value, _) => value_bytes(value),
            Test::In(values) | Test::NotIn(values) => values.iter().map(value_bytes).sum(),
            Test::Matches(_) => parse::LARGEST_PATTERN,
        }
    }

    fn holds(&self, value: Option<&Value>) -> bool {
        let is = |wanted: &Value| value.is_some_and(|value| is_or_contains(value, wanted));
        match self {
            Test::Is(wanted) => is(wanted),
            Test::IsNot(wanted) => !is(wanted),
            Test::In(list) => list.iter().any(is),
            Test::NotIn(list) => !list.iter().any(is),
            Test::Compares(bound, outcomes) => value
                .and_then(|value| compare(value, bound))
                .is_some_and(|outcome| outcomes.contains(&outcome)),
            Test::Matches(pattern) => {
                let text = value.and_then(Value::as_str);
                text.is_some_and(|text| pattern.is_match(text))
            }
        }
    }
}

/// Only scalars are compared with.
fn value_bytes(value: &Value) -> usize {
    size_of::<Value>() + value.as_str().map_or(0, str::len)
}

fn is_or_contains(value: &Value, wanted: &Value) -> bool {
    let contains = |items: &Vec<Value>| items.iter().any(|item| is(item, wanted));
    is(value, wanted) || value.as_array().is_some_and(contains)
}

fn is(value: &Value, wanted: &Value) -> bool {
    match (value, wanted) {
        (Value::String(text), Value::Bool(wanted)) => text.parse() == Ok(*wanted),
        (Value::Number(_), Value::Number(_)) | (Value::String(_), Value::Number(_)) => {
            compare(value, wanted) == Some(Ordering::Equal)
        }
        _ => value == wanted,
    }
}

/// Numbers with numbers, texts with texts, a text with a number if it spells one.
fn compare(value: &Value, bound: &Value) -> Option<Ordering> {
    match (value, bound) {
        (Value::String(text), Value::String(bound)) => Some(text.cmp(bound)),
        (Value::Number(number), Value::Number(bound)) => match (number.as_i64(), bound.as_i64()) {
            (Some(number), Some(bound)) => Some(number.cmp(&bound)),
            _ => number.as_f64()?.partial_cmp(&bound.as_f64()?),
        },
        (Value::String(text), Value::Number(bound)) => {
            let number: f64 = text.trim().parse().ok()?;
            number.partial_cmp(&bound.as_f64()?)
        }
        _ => None,
    }
}
