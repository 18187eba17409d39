//! The values of `$in` and `$nin` as hash sets, so that a test is a lookup instead of a scan.
//! Equality is defined by `compare::is`; a property test keeps the two consistent.

use std::collections::HashSet;

use serde_json::Value;

use super::compare::spelled;

/// Texts, numbers, booleans and null, each under every form in which a request may have it.
#[derive(Clone, Debug, Default)]
pub(super) struct ValueSet {
    texts: HashSet<Box<str>>,
    /// Integers, compared exactly with integers.
    wholes: HashSet<i64>,
    /// The same integers as floats, compared with everything else.
    rounded_wholes: HashSet<u64>,
    /// All other numbers.
    floats: HashSet<u64>,
    has_true: bool,
    has_false: bool,
    has_null: bool,
}

impl ValueSet {
    /// From scalar values.
    pub fn of<'v>(values: impl IntoIterator<Item = &'v Value>) -> Self {
        let mut set = ValueSet::default();
        for value in values {
            set.add(value);
        }
        set
    }

    fn add(&mut self, value: &Value) {
        match value {
            Value::String(text) => {
                self.texts.insert(text.as_str().into());
            }
            Value::Number(number) => {
                let float = number.as_f64().map(bits);
                if let Some(whole) = number.as_i64() {
                    self.wholes.insert(whole);
                    self.rounded_wholes.extend(float);
                } else {
                    self.floats.extend(float);
                }
            }
            Value::Bool(true) => self.has_true = true,
            Value::Bool(false) => self.has_false = true,
            Value::Null => self.has_null = true,
            Value::Array(_) | Value::Object(_) => {}
        }
    }

    /// Bytes of memory held; the hash tables are estimated.
    pub fn held_bytes(&self) -> usize {
        const SPARE: usize = 2;
        let texts: usize = self.texts.iter().map(|text| text.len()).sum();
        let entries = self.texts.capacity() * size_of::<Box<str>>()
            + (self.wholes.capacity() + self.rounded_wholes.capacity() + self.floats.capacity())
                * size_of::<u64>();
        size_of::<Self>() + texts + SPARE * entries
    }

    /// The value, or one item of a list, is in the set.
    pub fn holds(&self, value: &Value) -> bool {
        match value {
            Value::Array(items) => items.iter().any(|item| self.holds_one(item)),
            single => self.holds_one(single),
        }
    }

    fn holds_one(&self, value: &Value) -> bool {
        match value {
            Value::String(text) => self.holds_text(text),
            Value::Number(number) => match (number.as_i64(), number.as_f64()) {
                (Some(whole), Some(float)) => {
                    self.wholes.contains(&whole) || self.floats.contains(&bits(float))
                }
                (_, Some(float)) => self.holds_float(float),
                (_, None) => false,
            },
            Value::Bool(true) => self.has_true,
            Value::Bool(false) => self.has_false,
            Value::Null => self.has_null,
            Value::Array(_) | Value::Object(_) => false,
        }
    }

    fn holds_text(&self, text: &str) -> bool {
        let spells = |word: &str, wanted: bool| wanted && text == word;
        self.texts.contains(text)
            || spells("true", self.has_true)
            || spells("false", self.has_false)
            || spelled(text).is_some_and(|number| self.holds_float(number))
    }

    fn holds_float(&self, number: f64) -> bool {
        let bits = bits(number);
        self.floats.contains(&bits) || self.rounded_wholes.contains(&bits)
    }
}

/// Bits for comparison: equal numbers have equal bits, with one sign for zero. `NaN` is never
/// added.
fn bits(number: f64) -> u64 {
    match number == 0.0 {
        true => 0,
        false => number.to_bits(),
    }
}
