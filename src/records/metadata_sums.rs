//! What do the values of metadata use, such as each user or each team of a caller's own? Sums of
//! hours and days for the names that the settings choose; without such names nothing is done.
//! Callers invent values, so a key has room for some only, and what goes beyond is `other`.

use std::{
    borrow::Cow,
    collections::{BTreeMap, HashMap, HashSet},
};

use super::{
    columns,
    filter::Column,
    insert::placeholders,
    rollup::{COUNTS, Counts, MOST as MOST_COUNT, OTHER, Span, counts_of, digest},
    room::Room,
    session::{Bound, Session},
};
use crate::record::{Named, Record};

/// Values of one name that a key can have in one span, not counting `other`.
const MOST_OF_KEY: i64 = 1000;
/// Values of one name in one span, not counting `other`.
const MOST: i64 = 5000;
/// How many sums one statement looks up or writes.
const LENGTH: usize = 32;

/// What these sums can be grouped by and filtered for besides the value.
pub const COLUMNS: [Column; 2] = [Column::Key, Column::Team];

pub const TABLE: &str = "throughway_record_metadata";

const NAMES: [&str; 9] = [
    "span",
    "at",
    "name",
    "digest",
    "value",
    "key_id",
    "key_name",
    "team_id",
    "team_name",
];

/// The sums of one name in one span have these in common: length and beginning of the span, name.
type Place<'n> = (i64, i64, &'n str);

/// The value of a field, and who sent it.
#[derive(Clone)]
struct Group<'r> {
    value: Cow<'r, str>,
    key: Option<&'r Named>,
    team: Option<&'r Named>,
}

impl Group<'_> {
    fn key_id(&self) -> Option<&str> {
        self.key.map(|it| &*it.id)
    }

    /// Tells the groups of a place apart, whatever texts a caller chooses.
    fn digest(&self) -> Vec<u8> {
        let team = self.team.map(|it| &*it.id);
        digest([Some(&*self.value), self.key_id(), team])
    }
}

/// The sums of a place, by the digests of their groups.
type Sums<'r> = HashMap<Vec<u8>, (Group<'r>, Counts)>;

/// Adds records to the sums of these names.
pub async fn add(
    session: &mut Session<'_>,
    names: &[Box<str>],
    records: &[&Record],
) -> sqlx::Result<()> {
    for (place, sums) in sums_of(names, records) {
        let sums = limited(session, place, sums).await?;
        let sums: Vec<_> = sums.into_iter().collect();
        for sums in sums.chunks(LENGTH) {
            save(session, place, sums).await?;
        }
    }
    Ok(())
}

fn sums_of<'r>(names: &'r [Box<str>], records: &[&'r Record]) -> BTreeMap<Place<'r>, Sums<'r>> {
    let mut places = BTreeMap::<Place<'r>, Sums<'r>>::new();
    for name in names {
        for record in records {
            let Some(value) = record.metadata.get(name) else {
                continue;
            };
            let group = Group {
                value: columns::text(value),
                key: record.key.as_ref(),
                team: record.team.as_ref(),
            };
            let (digest, counts) = (group.digest(), counts_of(record));
            for span in Span::ALL {
                let place = (span.seconds(), span.begin(record), &**name);
                let sums = places.entry(place).or_default();
                merge(sums, digest.clone(), group.clone(), &counts);
            }
        }
    }
    places
}

fn merge<'r>(sums: &mut Sums<'r>, digest: Vec<u8>, group: Group<'r>, counts: &Counts) {
    let (_, sum) = sums.entry(digest).or_insert((group, Counts::default()));
    for (sum, count) in sum.iter_mut().zip(counts) {
        *sum = sum.saturating_add(*count);
    }
}

/// The sums, with those for which there is no room under `other`.
async fn limited<'r>(
    session: &mut Session<'_>,
    place: Place<'_>,
    sums: Sums<'r>,
) -> sqlx::Result<Sums<'r>> {
    let stored = stored(session, place, sums.keys()).await?;
    if stored.len() == sums.len() {
        return Ok(sums);
    }
    let mut room = room_at(session, place).await?;
    let mut limited = Sums::new();
    for (digest, (group, counts)) in sums {
        if stored.contains(&digest) || room.takes(group.key_id()) {
            merge(&mut limited, digest, group, &counts);
        } else {
            let group = Group {
                value: OTHER.into(),
                ..group
            };
            merge(&mut limited, group.digest(), group, &counts);
        }
    }
    Ok(limited)
}

/// Which of these sums are stored.
async fn stored<'d>(
    session: &mut Session<'_>,
    place: Place<'_>,
    digests: impl Iterator<Item = &'d Vec<u8>>,
) -> sqlx::Result<HashSet<Vec<u8>>> {
    let digests: Vec<&Vec<u8>> = digests.collect();
    let mut stored = HashSet::new();
    for part in digests.chunks(LENGTH) {
        let list: Vec<String> = (4..4 + part.len()).map(|at| format!("${at}")).collect();
        let sql = format!(
            "SELECT digest FROM {TABLE} \
             WHERE span = $1 AND at = $2 AND name = $3 AND digest IN ({})",
            list.join(",")
        );
        let mut values = place_values(place).to_vec();
        values.extend(part.iter().map(|it| Bound::Bytes(it.as_slice().into())));
        let rows = session.rows::<(Vec<u8>,)>(sql, &values).await?;
        stored.extend(rows.into_iter().map(|(digest,)| digest));
    }
    Ok(stored)
}

fn place_values((span, at, name): Place<'_>) -> [Bound<'_>; 3] {
    [Bound::int(span), Bound::int(at), Bound::text(name)]
}

/// How many more sums there can be at a place.
async fn room_at(session: &mut Session<'_>, place: Place<'_>) -> sqlx::Result<Room> {
    let sql = format!(
        "SELECT key_id, COUNT(*) FROM {TABLE} \
         WHERE span = $1 AND at = $2 AND name = $3 AND value <> $4 GROUP BY key_id"
    );
    let mut values = place_values(place).to_vec();
    values.push(Bound::text(OTHER));
    let counts = session.rows(sql, &values).await?;
    Ok(Room::beside(counts, MOST_OF_KEY, MOST))
}

/// Adds to the stored sums.
async fn save(
    session: &mut Session<'_>,
    place: Place<'_>,
    sums: &[(Vec<u8>, (Group<'_>, Counts))],
) -> sqlx::Result<()> {
    let columns: Vec<&str> = NAMES.into_iter().chain(COUNTS).collect();
    let smaller = match session.is_postgres() {
        true => "LEAST",
        false => "MIN",
    };
    let added = |it| {
        format!("{it} = {smaller}({TABLE}.{it} + excluded.{it}, CAST({MOST_COUNT} AS BIGINT))")
    };
    let renamed = ["key_name", "team_name"].map(|it| format!("{it} = excluded.{it}"));
    let replaced: Vec<String> = renamed.into_iter().chain(COUNTS.map(added)).collect();
    let sql = format!(
        "INSERT INTO {TABLE} ({}) VALUES {} ON CONFLICT (span, at, name, digest) DO UPDATE SET {}",
        columns.join(", "),
        placeholders(session, sums.len(), columns.len()),
        replaced.join(", ")
    );
    let values = sums.iter().flat_map(|sum| values_of(place, sum));
    let values: Vec<Bound<'_>> = values.collect();
    session.execute(sql, values).await.map(drop)
}

fn values_of<'s>(
    place: Place<'s>,
    (digest, (group, counts)): &'s (Vec<u8>, (Group<'_>, Counts)),
) -> impl Iterator<Item = Bound<'s>> {
    let text = |text: Option<&'s str>| Bound::Text(text.map(columns::text));
    let rest = [
        Bound::Bytes(digest.as_slice().into()),
        text(Some(&group.value)),
        text(group.key_id()),
        text(group.key.map(|it| &*it.name)),
        text(group.team.map(|it| &*it.id)),
        text(group.team.map(|it| &*it.name)),
    ];
    let counts = counts.map(|it| Bound::int(it.min(MOST_COUNT).cast_signed()));
    place_values(place).into_iter().chain(rest).chain(counts)
}
