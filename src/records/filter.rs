//! Which records are asked for? A filter is read from the query of a URL; it selects the rows of
//! the store and the records of the live tail alike.

use std::{borrow::Cow, ops::Range};

use jiff::Timestamp;

use super::{columns, conditions::Conditions, session::Bound};
use crate::{
    money::Usd,
    record::{CacheNote, Record, RouteKind},
};

/// A parameter of a query that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadParameter {
    pub name: String,
    pub message: String,
}

impl BadParameter {
    pub fn new(name: &str, message: impl Into<String>) -> Self {
        BadParameter {
            name: name.to_owned(),
            message: message.into(),
        }
    }
}

/// What records can be asked for by, and sums be grouped by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Column {
    Key,
    Team,
    Origin,
    Provider,
    Model,
    Route,
    RouteName,
    Outcome,
    Code,
    Cache,
}

impl Column {
    const ALL: [Column; 10] = [
        Column::Key,
        Column::Team,
        Column::Origin,
        Column::Provider,
        Column::Model,
        Column::Route,
        Column::RouteName,
        Column::Outcome,
        Column::Code,
        Column::Cache,
    ];
    /// Those that sums have.
    pub const OF_SUMS: [Column; 8] = [
        Column::Key,
        Column::Team,
        Column::Origin,
        Column::Provider,
        Column::Model,
        Column::Route,
        Column::RouteName,
        Column::Outcome,
    ];

    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.name() == name)
    }

    /// The name of the parameter.
    pub fn name(self) -> &'static str {
        match self {
            Column::Key => "key",
            Column::Team => "team",
            Column::Origin => "origin",
            Column::Provider => "provider",
            Column::Model => "model",
            Column::Route => "route",
            Column::RouteName => "route_name",
            Column::Outcome => "outcome",
            Column::Code => "code",
            Column::Cache => "cache",
        }
    }

    /// The name of the column.
    pub fn sql(self) -> &'static str {
        match self {
            Column::Key => "key_id",
            Column::Team => "team_id",
            Column::Origin
            | Column::Provider
            | Column::Model
            | Column::Route
            | Column::RouteName
            | Column::Outcome
            | Column::Code
            | Column::Cache => self.name(),
        }
    }

    fn of(self, record: &Record) -> Option<Cow<'_, str>> {
        let text = match self {
            Column::Key => record.key.as_ref().map(|it| &*it.id),
            Column::Team => record.team.as_ref().map(|it| &*it.id),
            Column::Origin => record.origin.as_deref(),
            Column::Provider => record.provider.as_deref(),
            Column::Model => columns::model(record),
            Column::Route => Some(columns::route(record.route)),
            Column::RouteName => record.route_name.as_deref(),
            Column::Outcome => Some(&*record.outcome),
            Column::Code => record.code.as_deref(),
            Column::Cache => Some(columns::cache(record.cache)),
        };
        text.map(columns::text)
    }

    /// The values that are possible, if these are few.
    fn values(self) -> Option<Vec<&'static str>> {
        use crate::observe::metrics::Outcome;
        match self {
            Column::Route => Some(
                [
                    RouteKind::Unified,
                    RouteKind::Endpoint,
                    RouteKind::Provider,
                    RouteKind::Unknown,
                ]
                .map(columns::route)
                .to_vec(),
            ),
            Column::Cache => Some(
                [
                    CacheNote::Off,
                    CacheNote::Hit,
                    CacheNote::Joined,
                    CacheNote::Miss,
                    CacheNote::Refresh,
                ]
                .map(columns::cache)
                .to_vec(),
            ),
            Column::Outcome => Some(Outcome::ALL.map(Outcome::as_str).to_vec()),
            Column::Key
            | Column::Team
            | Column::Origin
            | Column::Provider
            | Column::Model
            | Column::RouteName
            | Column::Code => None,
        }
    }

    /// # Errors
    /// It is a value that no record has.
    pub fn check(self, value: &str) -> Result<(), BadParameter> {
        let name = self.name();
        if value.len() > columns::LONGEST {
            let message = format!("{name} has at most {} bytes", columns::LONGEST);
            return Err(BadParameter::new(name, message));
        }
        match self.values() {
            Some(values) if !values.contains(&value) => {
                let message = format!("{name} is one of {}", values.join(", "));
                Err(BadParameter::new(name, message))
            }
            Some(_) | None => Ok(()),
        }
    }
}

/// Which records are asked for; all of the conditions hold.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Filter {
    /// Milliseconds since 1970 of the arrival.
    pub from: Option<i64>,
    /// Before this.
    pub to: Option<i64>,
    pub equal: Vec<(Column, String)>,
    pub status: Option<Range<u16>>,
    pub failed: Option<bool>,
    pub truncated: Option<bool>,
    pub min_cost: Option<Usd>,
    pub metadata: Vec<(String, String)>,
    pub trace_id: Option<String>,
}

impl Filter {
    /// Takes one parameter of a query. `false`: it is not one of a filter.
    ///
    /// # Errors
    /// Its value cannot be used.
    pub fn take(&mut self, name: &str, value: &str) -> Result<bool, BadParameter> {
        let refuse = |message: &str| Err(BadParameter::new(name, message));
        if let Some(column) = Column::of_name(name) {
            column.check(value)?;
            self.equal.push((column, columns::text(value).into_owned()));
            return Ok(true);
        }
        if let Some(field) = name.strip_prefix("metadata.") {
            if field.is_empty() || field.contains(['"', '\\', '\0']) {
                return refuse("metadata.NAME takes a name without quotes and backslashes");
            }
            self.metadata.push((field.to_owned(), value.to_owned()));
            return Ok(true);
        }
        match name {
            "from" => self.from = Some(time(name, value)?),
            "to" => self.to = Some(time(name, value)?),
            "failed" => self.failed = Some(yes_or_no(name, value)?),
            "truncated" => self.truncated = Some(yes_or_no(name, value)?),
            "trace_id" => self.trace_id = Some(value.to_owned()),
            "status" => match statuses(value) {
                Some(statuses) => self.status = Some(statuses),
                None => return refuse("status is a number such as 429, or a class such as 5xx"),
            },
            "min_cost" => match serde_json::from_value::<Usd>(value.into()) {
                Ok(cost) => self.min_cost = Some(cost),
                Err(error) => return refuse(&format!("min_cost {error}")),
            },
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Whether a record is asked for.
    pub fn matches(&self, record: &Record) -> bool {
        let arrived = columns::arrived(record);
        let cost = record.cost.as_ref().map(|it| it.usd);
        let has = |(name, value): &(String, String)| {
            let found = record.metadata.get(&**name);
            found.is_some_and(|it| columns::text(it) == columns::text(value))
        };
        let equals = |(column, value): &(Column, String)| {
            column.of(record).is_some_and(|it| it == value.as_str())
        };
        self.from.is_none_or(|from| arrived >= from)
            && self.to.is_none_or(|to| arrived < to)
            && self.equal.iter().all(equals)
            && self
                .status
                .as_ref()
                .is_none_or(|it| it.contains(&record.status))
            && self.failed.is_none_or(|it| it == columns::failed(record))
            && self.truncated.is_none_or(|it| it == record.truncated)
            && self
                .min_cost
                .is_none_or(|least| cost.is_some_and(|it| it >= least))
            && self.metadata.iter().all(has)
            && self.has_trace_of(record)
    }

    pub fn has_trace_of(&self, record: &Record) -> bool {
        self.trace_id
            .as_ref()
            .is_none_or(|it| **it == *record.trace_id)
    }

    fn has(&self, column: Column) -> bool {
        self.equal.iter().any(|(it, _)| *it == column)
    }

    /// Whether only records can match that have failed.
    fn is_of_failures(&self) -> bool {
        let outcome = |(column, value): &(Column, String)| {
            *column == Column::Code || (*column == Column::Outcome && columns::is_cut(value))
        };
        self.failed == Some(true)
            || self.truncated == Some(true)
            || self.status.as_ref().is_some_and(|it| it.start >= 400)
            || self.equal.iter().any(outcome)
    }

    /// The index by which SQLite finds the records, newest first. It has no statistics, and would
    /// choose one whose rows must all be read and sorted.
    pub fn index(&self) -> Option<&'static str> {
        if self.trace_id.is_some() {
            // A few ids, see `Conditions::add_trace`.
            None
        } else if self.has(Column::Key) {
            Some("throughway_records_key")
        } else if self.has(Column::Origin) && self.has(Column::Model) {
            Some("throughway_records_model")
        } else if self.is_of_failures() {
            Some("throughway_records_failed")
        } else {
            None
        }
    }

    /// The conditions on a row, with the values of `$1` and so on. `before`: an id.
    pub fn conditions(&self, before: Option<&[u8]>, is_postgres: bool) -> Conditions<'_> {
        let mut all = Conditions::default();
        if let Some(from) = self.from {
            all.add("id >= ?", Bound::Bytes(columns::id_from(from).into()));
        }
        if let Some(to) = self.to {
            all.add("id < ?", Bound::Bytes(columns::id_from(to).into()));
        }
        if let Some(before) = before {
            all.add("id < ?", Bound::Bytes(before.to_vec().into()));
        }
        for (column, value) in &self.equal {
            all.add(&format!("{} = ?", column.sql()), Bound::text(value));
        }
        if let Some(status) = &self.status {
            all.add("status >= ?", Bound::int(status.start.into()));
            all.add("status < ?", Bound::int(status.end.into()));
        }
        if self.is_of_failures() {
            // In these words, so that the index of failures can be used.
            all.texts.push("failed = 1".to_owned());
        } else if self.failed == Some(false) {
            all.texts.push("failed = 0".to_owned());
        }
        if let Some(truncated) = self.truncated {
            all.add("truncated = ?", Bound::int(truncated.into()));
        }
        if let Some(least) = self.min_cost {
            let least = i64::try_from(least.nano()).unwrap_or(i64::MAX);
            all.add("cost >= ?", Bound::int(least));
        }
        if let Some(trace_id) = &self.trace_id {
            all.add_trace(trace_id);
        }
        for (name, value) in &self.metadata {
            all.add_metadata(name, value, is_postgres);
        }
        all
    }
}

/// A time in milliseconds: of RFC 3339, or in seconds since 1970.
pub fn time(name: &str, value: &str) -> Result<i64, BadParameter> {
    let seconds = value.parse::<u32>().map(|it| i64::from(it) * 1000);
    let written = || value.parse::<Timestamp>().map(|it| it.as_millisecond());
    seconds.or_else(|_| written()).map_err(|_| {
        let message =
            format!("{name} is a time such as 2026-11-22T08:00:00Z, or in seconds since 1970");
        BadParameter::new(name, message)
    })
}

fn yes_or_no(name: &str, value: &str) -> Result<bool, BadParameter> {
    let refuse = || BadParameter::new(name, format!("{name} is true or false"));
    value.parse().map_err(|_| refuse())
}

/// `429`, or `4xx`.
fn statuses(value: &str) -> Option<Range<u16>> {
    if let Some(class) = value.strip_suffix("xx") {
        let class: u16 = class.parse().ok().filter(|it| (1..=9).contains(it))?;
        return Some(class * 100..class * 100 + 100);
    }
    let status: u16 = value.parse().ok().filter(|it| *it < 1000)?;
    Some(status..status + 1)
}
