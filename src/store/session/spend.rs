//! The statements for what was spent of budgets. They touch nothing else of the store.

use jiff::Timestamp;
use sqlx::{query, query_as};

use super::{Place, Result, Session, Transaction};
use crate::{
    budget::BudgetId,
    spend::{self, SavedCount, Whose},
};

/// Differences are added, so that several processes may count in one database.
const ADD_SPEND: &str = "INSERT INTO throughway_spend \
     (budget, start, whose, label, ends, spent, granted) VALUES ($1, $2, $3, $4, $5, $6, $7) \
     ON CONFLICT (budget, start, whose) DO UPDATE SET \
     spent = throughway_spend.spent + excluded.spent, \
     granted = throughway_spend.granted + excluded.granted";
const SPEND: &str = "SELECT budget, start, whose, label, ends, spent, granted \
     FROM throughway_spend WHERE ends IS NULL OR ends > $1";
const FORGET_SPEND: &str = "DELETE FROM throughway_spend WHERE ends < $1";

/// PostgreSQL cannot store it; a value of a request's metadata may have it.
const NUL: char = '\0';

type SpendColumns = (String, i64, String, String, Option<i64>, i64, i64);

impl Session<'_> {
    /// Adds to what was spent at one place.
    pub(in crate::store) async fn add_spend(&mut self, count: &SavedCount) -> Result<()> {
        let (budget, whose) = (
            count.place.budget.to_string(),
            count.place.whose.to_string(),
        );
        execute!(
            self,
            ADD_SPEND,
            &budget,
            count.place.start,
            &whose,
            count.label.replace(NUL, ""),
            count.end,
            count.spent,
            count.granted
        )
        .map(drop)
    }

    /// What was spent in windows that had not ended at this time.
    pub(in crate::store) async fn spend(&mut self, now: Timestamp) -> Result<Vec<SavedCount>> {
        let now = now.as_millisecond();
        let rows: Vec<SpendColumns> =
            run!(self, on => query_as(SPEND).bind(now).fetch_all(&mut **on))?;
        let count = |row| saved_count_of(self.place, row);
        rows.into_iter().map(count).collect()
    }

    /// Removes what was spent in windows that ended before this time.
    pub(in crate::store) async fn forget_spend(&mut self, before: Timestamp) -> Result<()> {
        execute!(self, FORGET_SPEND, before.as_millisecond()).map(drop)
    }
}

fn saved_count_of(place: &Place, row: SpendColumns) -> Result<SavedCount> {
    let (budget, start, whose, label, end, spent, granted) = row;
    let damaged = || place.damaged("a row of what was spent has no valid id");
    Ok(SavedCount {
        place: spend::Place {
            budget: BudgetId::parse(&budget).ok_or_else(damaged)?,
            start,
            whose: Whose::parse(&whose).ok_or_else(damaged)?,
        },
        end,
        label: label.into(),
        spent,
        granted,
    })
}
