//! The partitions of PostgreSQL's table of records: one for each day (UTC), made ahead of need and
//! dropped whole.

use std::collections::BTreeSet;

use super::{
    columns,
    session::{Bound, Session},
};
use crate::store::Database;

const DAY: i64 = 24 * 3600;
/// Days that are made ahead.
const AHEAD: i64 = 2;
const NAME: &str = "throughway_records_d";
/// Held while partitions are made or dropped, since several replicas do.
const LOCK: i64 = 0x7468_726f_7061_7274;

/// The day, since 1970, of a time in milliseconds.
pub fn day_of(milliseconds: i64) -> i64 {
    milliseconds.div_euclid(DAY * 1000)
}

/// Makes the partitions of these days, unless they are there.
pub async fn make(session: &mut Session<'_>, days: &[i64]) -> sqlx::Result<()> {
    lock(session).await?;
    for day in days {
        let (from, to) = (first_id(*day), first_id(day + 1));
        // Documents are stored beside the rows, so that searches read little.
        let sql = format!(
            "CREATE TABLE IF NOT EXISTS {NAME}{day} PARTITION OF throughway_records \
             FOR VALUES FROM ('\\x{from}') TO ('\\x{to}') WITH (toast_tuple_target = 256)"
        );
        session.execute(sql, Vec::new()).await?;
    }
    Ok(())
}

/// Makes the next days' partitions and drops those that are too old or too much; returns the days
/// that are left.
pub async fn tidy(
    database: &Database,
    now: i64,
    oldest: i64,
    most_bytes: u64,
) -> sqlx::Result<BTreeSet<i64>> {
    let begun = Session::write(database).await;
    let mut session = begun.map_err(|error| sqlx::Error::Configuration(Box::new(error)))?;
    // Messages that a table is there already would be in the server's log each time.
    let quiet = "SET LOCAL client_min_messages = warning";
    session.execute(quiet, Vec::new()).await?;
    let today = now.div_euclid(DAY);
    let ahead: Vec<i64> = (today..=today + AHEAD).collect();
    make(&mut session, &ahead).await?;
    let mut days = sizes(&mut session).await?;
    let mut size: u64 = days.iter().map(|(_, size)| size.unsigned_abs()).sum();
    days.retain(|(day, bytes)| {
        let is_old = (day + 1) * DAY <= oldest;
        let is_kept = *day >= today || !(is_old || size > most_bytes);
        if !is_kept {
            size = size.saturating_sub(bytes.unsigned_abs());
        }
        is_kept
    });
    let kept: BTreeSet<i64> = days.into_iter().map(|(day, _)| day).collect();
    for (day, _) in sizes(&mut session).await? {
        if !kept.contains(&day) {
            session
                .execute(format!("DROP TABLE IF EXISTS {NAME}{day}"), Vec::new())
                .await?;
        }
    }
    let committed = session.commit().await;
    committed.map(|()| kept)
}

/// The days that have partitions, oldest first, with their sizes in bytes.
async fn sizes(session: &mut Session<'_>) -> sqlx::Result<Vec<(i64, i64)>> {
    let sql = "SELECT CAST(SUBSTRING(part.relname FROM $1) AS BIGINT) AS day, \
               pg_total_relation_size(part.oid) \
               FROM pg_inherits JOIN pg_class part ON part.oid = pg_inherits.inhrelid \
               WHERE pg_inherits.inhparent = 'throughway_records'::regclass \
               AND part.relname ~ $2 ORDER BY day";
    let values = [
        Bound::text(format!("^{NAME}(-?[0-9]+)$")),
        Bound::text(format!("^{NAME}-?[0-9]{{1,9}}$")),
    ];
    session.rows(sql, &values).await
}

async fn lock(session: &mut Session<'_>) -> sqlx::Result<()> {
    let sql = "SELECT pg_advisory_xact_lock($1)";
    session.execute(sql, vec![Bound::int(LOCK)]).await.map(drop)
}

/// The first id of a day, as hexadecimal digits.
fn first_id(day: i64) -> String {
    let id = columns::id_from(day * DAY * 1000);
    id.iter().map(|byte| format!("{byte:02x}")).collect()
}
