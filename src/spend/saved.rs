//! A count as the store keeps it, so that a restart goes on with what was spent.

use super::Place;

/// What was spent at one place; as the store has it, or as the difference to that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SavedCount {
    pub place: Place,
    /// When the window ends, in milliseconds since 1970.
    pub end: Option<i64>,
    /// What the counts are by, for people.
    pub label: Box<str>,
    pub spent: i64,
    /// What was added to the limit by top-ups.
    pub granted: i64,
}
