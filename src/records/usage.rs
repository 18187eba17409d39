//! What was used in a time, by whom and of what? Answered from the sums of hours and days alone, so
//! that a chart of a month reads little. Values of metadata have sums of their own.

mod query;

use std::collections::BTreeMap;

use sqlx::{ColumnIndex, Decode, FromRow, Row, Type};

use super::{
    Records,
    conditions::Conditions,
    filter::Column,
    metadata_sums,
    rollup::{Amounts, COUNTS, Span},
    search::{Reading, SearchError},
    session::{Bound, Session},
    sketch::Sketch,
};

pub use self::query::{METADATA, UsageQuery};

/// Rows of one response.
pub const MOST_ROWS: usize = 10_000;

/// What the rows of a sum have in common: where it begins, and a text for each column asked for,
/// with the value of a field of the metadata at the end.
pub type RowKey = (Option<i64>, Vec<Option<String>>);

/// One row of what was used.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UsageRow {
    pub key_name: Option<String>,
    pub team_name: Option<String>,
    pub amounts: Amounts,
}

impl Records {
    /// What was used; in the order of time and names.
    ///
    /// # Errors
    /// The store cannot be read, or there would be too many rows.
    pub async fn usage(
        &self,
        query: UsageQuery,
    ) -> Result<BTreeMap<RowKey, UsageRow>, SearchError> {
        let open = self.open()?;
        let work = async move {
            let mut reading = Reading::begin(&open).await?;
            let mut rows = BTreeMap::<RowKey, UsageRow>::new();
            for part in query.parts() {
                let found = read_part(&mut reading.session, &query, part).await;
                for (key, row) in reading.ended(found)? {
                    let sum = rows.entry(key).or_default();
                    sum.amounts.merge(&row.amounts);
                    sum.key_name = row.key_name.or(sum.key_name.take());
                    sum.team_name = row.team_name.or(sum.team_name.take());
                }
                if rows.len() > MOST_ROWS {
                    return Err(SearchError::TooMany);
                }
            }
            Ok(rows)
        };
        self.on_thread(work).await
    }
}

async fn read_part(
    session: &mut Session<'_>,
    query: &UsageQuery,
    (span, from, to): (Span, i64, i64),
) -> sqlx::Result<Vec<(RowKey, UsageRow)>> {
    let mut conditions = Conditions::default();
    conditions.add("span = ?", Bound::int(span.seconds()));
    conditions.add("at >= ?", Bound::int(from));
    conditions.add("at < ?", Bound::int(to));
    for (column, value) in &query.equal {
        conditions.add(&format!("{} = ?", column.sql()), Bound::text(value));
    }
    if let Some(asked) = &query.metadata {
        conditions.add("name = ?", Bound::text(&asked.name));
        if let Some(value) = &asked.equal {
            conditions.add("value = ?", Bound::text(value));
        }
    }
    let sql = statement(query, &conditions.sql(), session.is_postgres());
    let rows = session.rows::<Found>(sql, &conditions.values).await?;
    let rows = rows.into_iter().filter(|it| it.row.amounts.counts[0] > 0);
    Ok(rows
        .map(|found| (key_of(query, found.at, found.texts), found.row))
        .collect())
}

fn key_of(query: &UsageQuery, at: i64, texts: Vec<Option<String>>) -> RowKey {
    let chosen = query.by.iter().map(|column| {
        let place = Column::OF_SUMS.iter().position(|it| it == column);
        place.and_then(|place| texts.get(place).cloned().flatten())
    });
    let is_grouped = query.metadata.as_ref().is_some_and(|it| it.is_grouped);
    let value = is_grouped.then(|| texts.last().cloned().flatten());
    (query.by_time.map(|_| at), chosen.chain(value).collect())
}

/// Each row has the same columns, of which those that are not asked for are null.
fn statement(query: &UsageQuery, conditions: &str, is_postgres: bool) -> String {
    const NULL: &str = "CAST(NULL AS TEXT)";
    let mut groups = Vec::new();
    let mut columns = Vec::new();
    match query.by_time {
        Some(span) => {
            let length = span.seconds();
            groups.push(format!("at / {length} * {length}"));
            columns.push(format!("at / {length} * {length}"));
        }
        None => columns.push("CAST(0 AS BIGINT)".to_owned()),
    }
    for column in Column::OF_SUMS {
        match query.by.contains(&column) {
            true => {
                groups.push(column.sql().to_owned());
                columns.push(column.sql().to_owned());
            }
            false => columns.push(NULL.to_owned()),
        }
    }
    match query.metadata.as_ref().is_some_and(|it| it.is_grouped) {
        true => {
            groups.push("value".to_owned());
            columns.push("value".to_owned());
        }
        false => columns.push(NULL.to_owned()),
    }
    for (column, name) in [(Column::Key, "key_name"), (Column::Team, "team_name")] {
        match query.by.contains(&column) {
            true => columns.push(format!("MAX({name})")),
            false => columns.push(NULL.to_owned()),
        }
    }
    columns.extend(COUNTS.map(|count| sum(count, is_postgres)));
    let (table, sketches) = match query.metadata {
        None => (
            "throughway_record_usage",
            ["latency", "first_token"].map(|it| joined(it, is_postgres)),
        ),
        Some(_) => (metadata_sums::TABLE, ["''", "''"].map(str::to_owned)),
    };
    columns.extend(sketches);
    let columns = columns.join(", ");
    let groups = match groups.is_empty() {
        true => String::new(),
        false => format!("GROUP BY {}", groups.join(", ")),
    };
    format!(
        "SELECT {columns} FROM {table} WHERE {conditions} {groups} LIMIT {}",
        MOST_ROWS + 1
    )
}

/// A sum that does not fail when it is too large for an integer.
fn sum(column: &str, is_postgres: bool) -> String {
    match is_postgres {
        true => format!(
            "CAST(LEAST(COALESCE(SUM({column}), 0), {}) AS BIGINT)",
            i64::MAX
        ),
        // Exact up to 2^53, which is nine million dollars.
        false => format!("CAST(TOTAL({column}) AS BIGINT)"),
    }
}

/// Histograms one behind the other, which are read as their sum.
fn joined(column: &str, is_postgres: bool) -> String {
    match is_postgres {
        true => format!("ENCODE(COALESCE(STRING_AGG({column}, ''::bytea), ''::bytea), 'hex')"),
        false => format!("COALESCE(GROUP_CONCAT(HEX({column}), ''), '')"),
    }
}

struct Found {
    at: i64,
    texts: Vec<Option<String>>,
    row: UsageRow,
}

impl<'r, R: Row> FromRow<'r, R> for Found
where
    usize: ColumnIndex<R>,
    i64: Decode<'r, R::Database> + Type<R::Database>,
    Option<String>: Decode<'r, R::Database> + Type<R::Database>,
    String: Decode<'r, R::Database> + Type<R::Database>,
{
    fn from_row(row: &'r R) -> sqlx::Result<Self> {
        // With the value of a field of the metadata.
        const NAMES: usize = 2 + Column::OF_SUMS.len();
        const FIRST: usize = NAMES + 2;
        let texts = (1..NAMES).map(|at| row.try_get(at));
        let mut amounts = Amounts::default();
        for (at, count) in amounts.counts.iter_mut().enumerate() {
            let found: i64 = row.try_get(FIRST + at)?;
            *count = u64::try_from(found).unwrap_or_default();
        }
        let sketch = |at: usize| {
            let text: String = row.try_get(FIRST + COUNTS.len() + at)?;
            let sketch = bytes_of(&text).and_then(|it| Sketch::read(&it));
            sketch.ok_or_else(|| sqlx::Error::Decode("a damaged sketch".into()))
        };
        (amounts.latency, amounts.first_token) = (sketch(0)?, sketch(1)?);
        Ok(Found {
            at: row.try_get(0)?,
            texts: texts.collect::<sqlx::Result<_>>()?,
            row: UsageRow {
                key_name: row.try_get(NAMES)?,
                team_name: row.try_get(NAMES + 1)?,
                amounts,
            },
        })
    }
}

/// The bytes of hexadecimal digits.
fn bytes_of(digits: &str) -> Option<Vec<u8>> {
    let pairs = digits.as_bytes().chunks(2);
    let digit = |byte: u8| char::from(byte).to_digit(16);
    pairs
        .map(|pair| match pair {
            [high, low] => u8::try_from(digit(*high)? << 4 | digit(*low)?).ok(),
            _ => None,
        })
        .collect()
}
