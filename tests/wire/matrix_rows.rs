//! What a row of the fault matrix expects in each column, and the kinds of rows that most are.

use crate::matrix::Faulty;

/// What the client sees.
#[derive(Clone)]
pub enum Sees {
    /// A response of the gateway's own: status and code.
    Own(u16, &'static str),
    /// The faulty target's response, whole: status and body.
    Theirs(u16, Vec<u8>),
    /// Status 200, exactly this much of the faulty target's body, then an aborted transfer.
    Cut(Vec<u8>),
    /// The healthy target's response, whole.
    Healthy,
}

pub fn own(status: u16, code: &'static str) -> Sees {
    Sees::Own(status, code)
}

pub fn theirs(status: u16, body: impl Into<Vec<u8>>) -> Sees {
    Sees::Theirs(status, body.into())
}

pub fn cut(body: impl Into<Vec<u8>>) -> Sees {
    Sees::Cut(body.into())
}

/// What is expected in one cell.
pub struct Cell {
    pub sees: Sees,
    /// How often the first and the second target are called.
    pub calls: [usize; 2],
    /// `x-gateway-retry-attempt-count`: -1 when all retries were used and none helped.
    pub retries: &'static str,
}

/// The first target is called once, the second one's response is the client's.
pub fn moves_on() -> Cell {
    Cell {
        sees: Sees::Healthy,
        calls: [1, 1],
        retries: "0",
    }
}

/// The first target is called once, and the client gets its outcome.
pub fn stays(sees: Sees) -> Cell {
    Cell {
        sees,
        calls: [1, 0],
        retries: "0",
    }
}

/// Both targets fail; the client gets the second one's outcome.
fn both_fail(sees: Sees) -> Cell {
    Cell {
        sees,
        calls: [1, 1],
        retries: "0",
    }
}

/// The first target is called three times: two retries do not help.
fn retries_fail(sees: Sees) -> Cell {
    Cell {
        sees,
        calls: [3, 0],
        retries: "-1",
    }
}

/// One row.
pub struct Row {
    pub fault: fn() -> Faulty,
    /// A custom host and no config.
    pub plain: Cell,
    /// One target with two retries that honours the provider's `retry-after`.
    pub retry: Cell,
    /// How long the cell with retries takes, in milliseconds, where the row is about waiting.
    /// Without `retry-after` two back-offs of up to 1 s and up to 2 s take less than 3 s.
    pub retry_takes: Option<(u64, u64)>,
    /// A fallback to a healthy target.
    pub fallback: Cell,
    /// A fallback from a loadbalance, in which the other target has no weight, to a healthy target.
    pub nested: Cell,
    /// A fallback with a hedge.
    pub hedge: Cell,
    /// A fallback to a second target that has the same fault.
    pub exhausted: Cell,
}

/// The usual row: a retry tries again, a fallback moves on, and the client sees the fault when
/// nothing is left to try.
pub fn failing(fault: fn() -> Faulty, sees: Sees) -> Row {
    Row {
        retry: retries_fail(sees.clone()),
        ..not_retried(fault, sees)
    }
}

/// A fallback moves on, a retry does not try again.
pub fn not_retried(fault: fn() -> Faulty, sees: Sees) -> Row {
    Row {
        fallback: moves_on(),
        nested: moves_on(),
        hedge: moves_on(),
        exhausted: both_fail(sees.clone()),
        ..relayed(fault, sees)
    }
}

/// Nothing is tried after it, whatever the config says.
pub fn relayed(fault: fn() -> Faulty, sees: Sees) -> Row {
    let stays = || stays(sees.clone());
    Row {
        fault,
        plain: stays(),
        retry: stays(),
        retry_takes: None,
        fallback: stays(),
        nested: stays(),
        hedge: stays(),
        exhausted: stays(),
    }
}

/// A test for each cell, in a module for each row.
macro_rules! rows {
    ($($name:ident: $row:expr;)*) => { $(
        mod $name {
            #[allow(unused_imports, reason = "not every row needs all")]
            use super::*;
            use $crate::{matrix::{Column, check}, matrix_rows::Row};

            fn row() -> Row { $row }

            #[test]
            fn without_a_config() { check(Column::Plain, &row()); }
            #[test]
            fn with_retries() { check(Column::Retry, &row()); }
            #[test]
            fn with_a_fallback() { check(Column::Fallback, &row()); }
            #[test]
            fn with_a_fallback_from_a_loadbalance() { check(Column::Nested, &row()); }
            #[test]
            fn with_a_hedge() { check(Column::Hedge, &row()); }
            #[test]
            fn with_a_fallback_to_the_same_fault() { check(Column::Exhausted, &row()); }
        }
    )* };
}
pub(crate) use rows;
