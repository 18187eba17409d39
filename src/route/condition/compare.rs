//! Compares a value of a request with a value of a condition.

use std::cmp::Ordering;

use serde_json::Value;

/// Longer texts, in bytes, are not parsed as numbers.
const LONGEST_NUMBER: usize = 64;

pub(super) fn is_or_contains(value: &Value, wanted: &Value) -> bool {
    let contains = |items: &Vec<Value>| items.iter().any(|item| is(item, wanted));
    is(value, wanted) || value.as_array().is_some_and(contains)
}

pub(super) fn is(value: &Value, wanted: &Value) -> bool {
    match (value, wanted) {
        (Value::String(text), Value::Bool(wanted)) => text.parse() == Ok(*wanted),
        (Value::Number(_), Value::Number(_)) | (Value::String(_), Value::Number(_)) => {
            compare(value, wanted) == Some(Ordering::Equal)
        }
        _ => value == wanted,
    }
}

/// Compares numbers with numbers, texts with texts, and a text with a number if it can be parsed as
/// one.
pub(super) fn compare(value: &Value, bound: &Value) -> Option<Ordering> {
    match (value, bound) {
        (Value::String(text), Value::String(bound)) => Some(text.cmp(bound)),
        (Value::Number(number), Value::Number(bound)) => match (number.as_i64(), bound.as_i64()) {
            (Some(number), Some(bound)) => Some(number.cmp(&bound)),
            _ => number.as_f64()?.partial_cmp(&bound.as_f64()?),
        },
        (Value::String(text), Value::Number(bound)) => spelled(text)?.partial_cmp(&bound.as_f64()?),
        _ => None,
    }
}

/// The number written in a text.
pub(super) fn spelled(text: &str) -> Option<f64> {
    match text.len() <= LONGEST_NUMBER {
        true => text.trim().parse().ok(),
        false => None,
    }
}
