//! How are sums of hours and days kept? Those of a batch are added to the stored ones, in the same
//! transaction. Callers invent origins and models, so a key has room for some sums only; what goes
//! beyond is summed up under `other`.

use std::{
    borrow::Cow,
    collections::{BTreeMap, HashMap},
};

use sqlx::{ColumnIndex, Decode, FromRow, Row, Type};

use super::{
    insert::{chunks, placeholders},
    rollup::{Amounts, COUNTS, Group, MOST as MOST_COUNT, roll_up},
    room::Room,
    session::{Bound, Session},
    sketch::Sketch,
};
use crate::record::Record;

/// Sums of one key in one span, not counting those under `other`.
const MOST_OF_KEY: i64 = 200;
/// Sums of one span, not counting those under `other`.
const MOST: i64 = 5000;
/// How many sums one statement looks up. A list that is shorter repeats its last, so that
/// there is one statement.
const LENGTH: usize = 32;

const NAMES: [&str; 13] = [
    "span",
    "at",
    "digest",
    "key_id",
    "key_name",
    "team_id",
    "team_name",
    "origin",
    "provider",
    "model",
    "route",
    "route_name",
    "outcome",
];

/// Adds records to the sums.
pub async fn add(session: &mut Session<'_>, records: &[&Record]) -> sqlx::Result<()> {
    let sums = roll_up(records.iter().copied());
    let mut spans = BTreeMap::<(i64, i64), Sums<'_>>::new();
    for (group, amounts) in sums {
        let span = spans.entry((group.span.seconds(), group.at)).or_default();
        span.insert(group.digest(), (group, amounts));
    }
    for (span, sums) in spans {
        add_to_span(session, span, sums).await?;
    }
    Ok(())
}

/// Sums of one span by their digests.
type Sums<'r> = HashMap<Vec<u8>, (Group<'r>, Amounts)>;

async fn add_to_span(
    session: &mut Session<'_>,
    span: (i64, i64),
    mut sums: Sums<'_>,
) -> sqlx::Result<()> {
    let mut stored = load(session, span, sums.keys()).await?;
    if sums.keys().any(|digest| !stored.contains_key(digest)) {
        let room = room_in(session, span).await?;
        sums = limited(room, sums, &stored);
        let missing = sums.keys().filter(|digest| !stored.contains_key(*digest));
        let more = load(session, span, missing).await?;
        stored.extend(more);
    }
    for (digest, (_, amounts)) in &mut sums {
        if let Some(before) = stored.get(digest) {
            amounts.merge(before);
        }
    }
    let sums: Vec<_> = sums.into_iter().collect();
    for sums in chunks(&sums) {
        save(session, sums).await?;
    }
    Ok(())
}

/// How many more sums there can be in a span.
async fn room_in(session: &mut Session<'_>, (span, at): (i64, i64)) -> sqlx::Result<Room> {
    let sql = "SELECT key_id, COUNT(*) FROM throughway_record_usage \
               WHERE span = $1 AND at = $2 GROUP BY key_id";
    let values = vec![Bound::int(span), Bound::int(at)];
    let counts = session.rows(sql, &values).await?;
    Ok(Room::beside(counts, MOST_OF_KEY, MOST))
}

/// The sums, with those for which there is no room under `other`.
fn limited<'r>(mut room: Room, sums: Sums<'r>, stored: &HashMap<Vec<u8>, Amounts>) -> Sums<'r> {
    let mut limited = Sums::new();
    for (digest, (group, amounts)) in sums {
        if stored.contains_key(&digest) || room.takes(group.key_id()) {
            merge(&mut limited, digest, group, amounts);
        } else {
            let group = group.other();
            merge(&mut limited, group.digest(), group, amounts);
        }
    }
    limited
}

fn merge<'r>(sums: &mut Sums<'r>, digest: Vec<u8>, group: Group<'r>, amounts: Amounts) {
    let sum = sums
        .entry(digest)
        .or_insert_with(|| (group, Amounts::default()));
    sum.1.merge(&amounts);
}

/// The stored sums of these digests.
async fn load<'d>(
    session: &mut Session<'_>,
    (span, at): (i64, i64),
    digests: impl Iterator<Item = &'d Vec<u8>>,
) -> sqlx::Result<HashMap<Vec<u8>, Amounts>> {
    let digests: Vec<&Vec<u8>> = digests.collect();
    let list = (3..3 + LENGTH)
        .map(|at| format!("${at}"))
        .collect::<Vec<_>>()
        .join(",");
    let sql = format!(
        "SELECT digest, {}, latency, first_token FROM throughway_record_usage \
         WHERE span = $1 AND at = $2 AND digest IN ({list})",
        COUNTS.join(", ")
    );
    let mut found = HashMap::new();
    for part in digests.chunks(LENGTH) {
        let last = part.last().copied();
        let padded = part
            .iter()
            .copied()
            .chain(last.into_iter().cycle())
            .take(LENGTH);
        let mut values = vec![Bound::int(span), Bound::int(at)];
        values.extend(padded.map(|digest| Bound::Bytes(Cow::Borrowed(digest))));
        let rows = session.rows::<Stored>(sql.as_str(), &values).await?;
        found.extend(rows.into_iter().map(|it| (it.digest, it.amounts)));
    }
    Ok(found)
}

/// Writes sums, in place of those that are there.
async fn save(
    session: &mut Session<'_>,
    sums: &[(Vec<u8>, (Group<'_>, Amounts))],
) -> sqlx::Result<()> {
    let columns: Vec<&str> = NAMES.into_iter().chain(COUNTS).chain(SKETCHES).collect();
    let replaced = ["key_name", "team_name"]
        .into_iter()
        .chain(COUNTS)
        .chain(SKETCHES);
    let replaced: Vec<String> = replaced
        .map(|column| format!("{column} = excluded.{column}"))
        .collect();
    let (names, replaced) = (columns.join(", "), replaced.join(", "));
    let rows = placeholders(session, sums.len(), columns.len());
    let sql = format!(
        "INSERT INTO throughway_record_usage ({names}) VALUES {rows} \
         ON CONFLICT (span, at, digest) DO UPDATE SET {replaced}"
    );
    let values: Vec<Bound<'_>> = sums.iter().flat_map(values_of).collect();
    session.execute(sql, values).await.map(drop)
}

const SKETCHES: [&str; 2] = ["latency", "first_token"];

fn values_of<'v>(
    (digest, (group, amounts)): &'v (Vec<u8>, (Group<'_>, Amounts)),
) -> Vec<Bound<'v>> {
    let text = |text: Option<&'v str>| Bound::Text(text.map(Cow::Borrowed));
    let (key, team) = (group.key, group.team);
    let name = |name: &'v str| super::columns::text(name);
    let mut values = vec![
        Bound::int(group.span.seconds()),
        Bound::int(group.at),
        Bound::Bytes(Cow::Borrowed(digest)),
        text(key.map(|it| &*it.id)),
        Bound::Text(key.map(|it| name(&it.name))),
        text(team.map(|it| &*it.id)),
        Bound::Text(team.map(|it| name(&it.name))),
        text(group.origin.as_deref()),
        text(group.provider.as_deref()),
        text(group.model.as_deref()),
        text(Some(group.route)),
        text(group.route_name.as_deref()),
        text(Some(&group.outcome)),
    ];
    values.extend(
        amounts
            .counts
            .map(|it| Bound::int(it.min(MOST_COUNT).cast_signed())),
    );
    let sketches = [&amounts.latency, &amounts.first_token];
    values.extend(sketches.map(|it| Bound::Bytes(Cow::Owned(it.to_bytes()))));
    values
}

struct Stored {
    digest: Vec<u8>,
    amounts: Amounts,
}

impl<'r, R: Row> FromRow<'r, R> for Stored
where
    usize: ColumnIndex<R>,
    i64: Decode<'r, R::Database> + Type<R::Database>,
    Vec<u8>: Decode<'r, R::Database> + Type<R::Database>,
{
    fn from_row(row: &'r R) -> sqlx::Result<Self> {
        let mut amounts = Amounts::default();
        for (at, count) in amounts.counts.iter_mut().enumerate() {
            *count = u64::try_from(row.try_get::<i64, _>(at + 1)?).unwrap_or_default();
        }
        let sketch = |at: usize| {
            let bytes: Vec<u8> = row.try_get(1 + COUNTS.len() + at)?;
            Sketch::read(&bytes).ok_or_else(|| sqlx::Error::Decode("a damaged sketch".into()))
        };
        (amounts.latency, amounts.first_token) = (sketch(0)?, sketch(1)?);
        let digest = row.try_get(0)?;
        Ok(Stored { digest, amounts })
    }
}
