//! A budget with its owner, and the id under which it is counted.

use std::fmt;

use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::{Budget, Window};

/// A budget of one owner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scoped {
    pub budget: Budget,
    /// Whose it is: `settings`, `keys.key_...`, `teams.team_...`, `endpoints./path`.
    pub owner: Box<str>,
    id: BudgetId,
}

impl Scoped {
    pub fn new(budget: Budget, owner: impl Into<Box<str>>) -> Self {
        let owner = owner.into();
        Scoped {
            id: BudgetId::of(&budget, &owner),
            budget,
            owner,
        }
    }

    pub fn id(&self) -> BudgetId {
        self.id
    }

    /// What people know it by.
    pub fn name(&self) -> &str {
        match &self.budget.name {
            Some(name) => name,
            None => self.budget.window.name(),
        }
    }
}

/// Identifies a budget in all replicas: a digest of its owner, its name, and what it counts. Its
/// limit is no part of it: a budget that is raised goes on with what was spent.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BudgetId([u8; 16]);

const PREFIX: &str = "bud_";

impl BudgetId {
    fn of(budget: &Budget, owner: &str) -> Self {
        let zone = match &budget.window {
            Window::Total => None,
            Window::Calendar(calendar) => calendar.zone.iana_name(),
        };
        let week_start = match &budget.window {
            Window::Total => None,
            Window::Calendar(calendar) => Some(calendar.week_start.to_monday_zero_offset()),
        };
        let text = json!([
            owner,
            budget.name,
            budget.limit.unit.name(),
            budget.window.name(),
            zone,
            week_start,
            budget.by.name(),
            budget.only,
        ]);
        let digest: [u8; 32] = Sha256::digest(text.to_string()).into();
        let mut id = [0; 16];
        id.copy_from_slice(&digest[..16]);
        BudgetId(id)
    }

    /// What all limits count that find no room of their own.
    pub const OTHER_LIMITS: BudgetId = BudgetId([0; 16]);

    /// A limit of tokens, which is counted as budgets are.
    pub fn of_limit(id: [u8; 16]) -> Self {
        BudgetId(id)
    }

    /// The id that [`Display`](fmt::Display) wrote.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix(PREFIX)?;
        let is_hex = |it: u8| it.is_ascii_digit() || (b'a'..=b'f').contains(&it);
        if digits.len() != 32 || !digits.bytes().all(is_hex) {
            return None;
        }
        let number = u128::from_str_radix(digits, 16).ok()?;
        Some(BudgetId(number.to_be_bytes()))
    }
}

impl fmt::Display for BudgetId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PREFIX}{:032x}", u128::from_be_bytes(self.0))
    }
}

impl fmt::Debug for BudgetId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
