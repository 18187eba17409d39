//! How do records get into their store? A batch is one transaction, with the sums that it adds to,
//! so that rows and sums agree whatever happens to the process.

use std::{borrow::Cow, collections::HashSet, sync::Arc};

use super::{
    columns, fold, metadata_sums,
    session::{Bound, Session},
};
use crate::record::Record;

/// The columns of a row, but for its document.
const COLUMNS: [&str; 17] = [
    "id",
    "key_id",
    "team_id",
    "route",
    "route_name",
    "origin",
    "provider",
    "model",
    "status",
    "code",
    "outcome",
    "failed",
    "truncated",
    "cache",
    "cost",
    "trace",
    "metadata",
];
/// How many rows one statement inserts: a few lengths, so that few statements are prepared.
const LENGTHS: [usize; 4] = [256, 32, 4, 1];
/// The bytes of most documents.
const USUAL_DOCUMENT: usize = 1200;
/// Held by a batch in PostgreSQL, since batches of several replicas add to the same sums.
const LOCK: i64 = 0x7468_726f_7265_636f;

/// Records that are written together.
pub struct Batch<'b> {
    pub records: &'b [Arc<Record>],
    /// It was written before, and whether that was lost is not known.
    pub is_again: bool,
}

/// Writes a batch and adds it to the sums; the caller commits. `metadata`: the names that have
/// sums of their own.
pub async fn insert(
    session: &mut Session<'_>,
    batch: &Batch<'_>,
    metadata: &[Box<str>],
) -> sqlx::Result<()> {
    if session.is_postgres() {
        let lock = "SELECT pg_advisory_xact_lock($1)";
        session.execute(lock, vec![Bound::int(LOCK)]).await?;
    }
    let known = match batch.is_again {
        true => stored(session, batch.records).await?,
        false => HashSet::new(),
    };
    let is_new = |record: &&Arc<Record>| !known.contains(record.id.as_bytes().as_slice());
    let records: Vec<&Record> = batch
        .records
        .iter()
        .filter(is_new)
        .map(|it| &**it)
        .collect();
    match session.is_postgres() {
        true => insert_rows(session, &records, |_, record| document(record)).await?,
        false => {
            let first = insert_documents(session, &records).await?;
            let sequence = |at: usize, _: &Record| Bound::int(first + at as i64);
            insert_rows(session, &records, sequence).await?;
        }
    }
    fold::add(session, &records).await?;
    metadata_sums::add(session, metadata, &records).await
}

/// Which of these records are stored, by their ids.
async fn stored(
    session: &mut Session<'_>,
    records: &[Arc<Record>],
) -> sqlx::Result<HashSet<Vec<u8>>> {
    let mut stored = HashSet::new();
    for record in records {
        let id = Bound::Bytes(Cow::Borrowed(record.id.as_bytes()));
        let sql = "SELECT id FROM throughway_records WHERE id = $1";
        let found = session.rows::<(Vec<u8>,)>(sql, &[id]).await?;
        stored.extend(found.into_iter().map(|(id,)| id));
    }
    Ok(stored)
}

/// SQLite's documents have a table of their own; returns the sequence of the first.
async fn insert_documents(session: &mut Session<'_>, records: &[&Record]) -> sqlx::Result<i64> {
    let last = "SELECT COALESCE(MAX(sequence), 0) FROM throughway_record_documents";
    let last = session.rows::<(i64,)>(last, &[]).await?;
    let first = last.first().map_or(0, |(last,)| *last) + 1;
    let mut at = first;
    for records in chunks(records) {
        let mut values = Vec::with_capacity(2 * records.len());
        for record in records {
            values.extend([Bound::int(at), document(record)]);
            at += 1;
        }
        let columns = "throughway_record_documents (sequence, document)";
        let sql = insertion(session, columns, records.len(), 2);
        session.execute(sql, values).await?;
    }
    Ok(first)
}

async fn insert_rows<'r>(
    session: &mut Session<'_>,
    records: &[&'r Record],
    document: impl Fn(usize, &'r Record) -> Bound<'r>,
) -> sqlx::Result<()> {
    let width = COLUMNS.len() + 1;
    let mut at = 0;
    for records in chunks(records) {
        let mut values = Vec::with_capacity(width * records.len());
        for record in records {
            values.extend(row(record));
            values.push(document(at, record));
            at += 1;
        }
        let columns = format!("throughway_records ({}, document)", COLUMNS.join(", "));
        let sql = insertion(session, &columns, records.len(), width);
        session.execute(sql, values).await?;
    }
    Ok(())
}

fn row(record: &Record) -> [Bound<'_>; COLUMNS.len()] {
    let cost = record.cost.as_ref().map(|it| it.usd.nano());
    [
        Bound::Bytes(Cow::Borrowed(record.id.as_bytes())),
        Bound::Text(record.key.as_ref().map(|it| columns::text(&it.id))),
        Bound::Text(record.team.as_ref().map(|it| columns::text(&it.id))),
        Bound::text(columns::route(record.route)),
        Bound::Text(record.route_name.as_deref().map(columns::text)),
        Bound::Text(record.origin.as_deref().map(columns::text)),
        Bound::Text(record.provider.as_deref().map(columns::text)),
        Bound::Text(columns::model(record).map(columns::text)),
        Bound::int(record.status.into()),
        Bound::Text(record.code.as_deref().map(columns::text)),
        Bound::Text(Some(columns::text(&record.outcome))),
        Bound::int(columns::failed(record).into()),
        Bound::int(record.truncated.into()),
        Bound::text(columns::cache(record.cache)),
        Bound::Int(cost.map(|it| i64::try_from(it).unwrap_or(i64::MAX))),
        Bound::Int(columns::trace(record)),
        Bound::Text(metadata(record)),
    ]
}

/// Metadata as a JSON object, without NUL, which PostgreSQL's JSON cannot have.
fn metadata(record: &Record) -> Option<Cow<'_, str>> {
    if record.metadata.is_empty() {
        return None;
    }
    let fields = record.metadata.iter();
    let fields = fields.map(|(name, value)| (columns::text(name), columns::text(value)));
    let fields: std::collections::BTreeMap<_, _> = fields.collect();
    serde_json::to_string(&fields).ok().map(Cow::Owned)
}

/// The whole record as JSON text, which escapes NUL.
fn document(record: &Record) -> Bound<'static> {
    let mut json = Vec::with_capacity(USUAL_DOCUMENT);
    // A record has neither maps with other keys than texts nor failing implementations, and JSON
    // is UTF-8.
    let written = serde_json::to_writer(&mut json, record).ok();
    let text = written.and_then(|()| String::from_utf8(json).ok());
    Bound::text(text.unwrap_or_default())
}

/// Parts of a list, of [`LENGTHS`] only.
pub fn chunks<T>(mut all: &[T]) -> impl Iterator<Item = &[T]> {
    std::iter::from_fn(move || {
        let length = LENGTHS.iter().find(|length| **length <= all.len())?;
        let (part, rest) = all.split_at(*length);
        all = rest;
        Some(part)
    })
}

/// A statement that inserts rows. The whole transaction is given up when a statement fails, so
/// SQLite need not note how to undo one statement.
fn insertion(session: &Session<'_>, columns: &str, rows: usize, width: usize) -> String {
    let verb = match session.is_postgres() {
        true => "INSERT",
        false => "INSERT OR FAIL",
    };
    let rows = placeholders(session, rows, width);
    format!("{verb} INTO {columns} VALUES {rows}")
}

/// The places of the values of rows: `($1,$2),($3,$4)`. For SQLite they have no names: it would
/// look for each name among all of them.
pub fn placeholders(session: &Session<'_>, rows: usize, columns: usize) -> String {
    match session.is_postgres() {
        true => numbered(rows, columns),
        false => {
            let row = format!("(?{})", ",?".repeat(columns - 1));
            let others = format!(",{row}").repeat(rows - 1);
            format!("{row}{others}")
        }
    }
}

fn numbered(rows: usize, columns: usize) -> String {
    let row = |row: usize| {
        let each = (1..=columns).map(|column| format!("${}", row * columns + column));
        format!("({})", each.collect::<Vec<_>>().join(","))
    };
    (0..rows).map(row).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_have_few_lengths_and_leave_nothing_out() {
        let all: Vec<usize> = (0..330).collect();
        let lengths: Vec<usize> = chunks(&all).map(<[usize]>::len).collect();
        assert_eq!(lengths, [256, 32, 32, 4, 4, 1, 1]);
        assert_eq!(chunks(&all).flatten().copied().collect::<Vec<_>>(), all);
        assert_eq!(numbered(2, 2), "($1,$2),($3,$4)");
    }
}
