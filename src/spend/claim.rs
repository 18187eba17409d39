//! What a request claims of one budget, and under which name it is counted. Pure.

use std::{borrow::Cow, fmt};

use jiff::Timestamp;
use sha2::{Digest as _, Sha256};

use crate::{
    budget::{BudgetId, OnUnknownUsage, Scoped, Share, Span, Unit},
    route::limit::TokenRate,
};

/// What a claim is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A budget. Its counts are saved.
    Budget,
    /// A limit of tokens, whose counts are needed no longer than its window.
    Limit,
    /// One that a caller has set for itself. There may be any number of those.
    CallersLimit,
}

/// What a request claims of one budget.
#[derive(Clone, Debug)]
pub struct Claim<'b> {
    pub kind: Kind,
    pub place: Place,
    pub unit: Unit,
    pub limit: u64,
    pub soft: Option<Share>,
    pub on_unknown_usage: OnUnknownUsage,
    pub end: Option<Timestamp>,
    /// What the counts are by, for people.
    pub label: Cow<'b, str>,
    /// What the request is estimated to use.
    pub amount: u64,
    /// The part of `amount` that is owed once the response's head has come.
    pub input: u64,
    /// Counts only what one of these origins responds; none: whoever does.
    pub origins: Vec<Box<str>>,
}

impl<'b> Claim<'b> {
    /// A claim of nothing.
    pub fn of(scoped: &Scoped, span: Span, (whose, label): (Whose, Cow<'b, str>)) -> Self {
        let budget = &scoped.budget;
        Claim {
            kind: Kind::Budget,
            place: Place {
                budget: scoped.id(),
                start: span.start.as_millisecond(),
                whose,
            },
            unit: budget.limit.unit,
            limit: budget.limit.count,
            soft: budget.soft,
            on_unknown_usage: budget.on_unknown_usage,
            end: span.end,
            label,
            amount: 0,
            input: 0,
            origins: Vec::new(),
        }
    }
}

impl Claim<'static> {
    /// A claim of nothing of a limit of tokens. Windows of the clock follow each other from the
    /// epoch on.
    pub fn of_limit(
        kind: Kind,
        (id, whose): ([u8; 16], [u8; 16]),
        rate: TokenRate,
        now: Timestamp,
    ) -> Self {
        let window = i64::try_from(rate.window.as_millis())
            .unwrap_or(i64::MAX)
            .max(1);
        let start = now
            .as_millisecond()
            .div_euclid(window)
            .saturating_mul(window);
        Claim {
            kind,
            place: Place {
                budget: BudgetId::of_limit(id),
                start,
                whose: Whose(whose),
            },
            unit: Unit::Tokens,
            limit: rate.tokens.get(),
            soft: None,
            on_unknown_usage: OnUnknownUsage::Estimate,
            end: Timestamp::from_millisecond(start.saturating_add(window)).ok(),
            label: Cow::Borrowed(""),
            amount: 0,
            input: 0,
            origins: Vec::new(),
        }
    }
}

/// Where something is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    pub budget: BudgetId,
    /// When the window begins, in milliseconds since 1970.
    pub start: i64,
    pub whose: Whose,
}

/// What a part of a budget is counted by. A digest, unless it is an id.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Whose([u8; 16]);

impl Whose {
    /// Everything together.
    pub const ALL: Whose = Whose([0xff; 16]);
    /// What finds no room of its own.
    pub const OVERFLOW: Whose = Whose([0; 16]);

    /// A key or a team.
    pub fn of_id(id: &[u8; 16]) -> Self {
        Whose(*id)
    }

    /// Any other text, of which there are several kinds.
    pub fn of_value(kind: &str, value: &[u8]) -> Self {
        let mut digest = Sha256::new();
        digest.update([kind.len() as u8]);
        digest.update(kind);
        digest.update(value);
        let digest: [u8; 32] = digest.finalize().into();
        let mut whose = [0; 16];
        whose.copy_from_slice(&digest[..16]);
        Whose(whose)
    }

    /// The text that [`Display`](fmt::Display) wrote.
    pub fn parse(text: &str) -> Option<Self> {
        let is_hex = |it: u8| it.is_ascii_digit() || (b'a'..=b'f').contains(&it);
        if text.len() != 32 || !text.bytes().all(is_hex) {
            return None;
        }
        let number = u128::from_str_radix(text, 16).ok()?;
        Some(Whose(number.to_be_bytes()))
    }
}

impl fmt::Display for Whose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", u128::from_be_bytes(self.0))
    }
}

impl fmt::Debug for Whose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
