//! Changes: one or several with their audit rows in one transaction, and the rotation of sealed
//! values. All checks are made inside the transaction.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::{
    error::{Result, StoreError},
    object::{Applied, AuditEntry, Change, Edit, Object, ObjectId},
    seal::{SealError, SealKeys, document},
    session::Session,
};
use crate::spend::SavedCount;

/// How many rows are removed at once, so that changes need not wait.
const STEP: u32 = 500;
/// The longest name or id, in bytes.
const LONGEST_NAME: usize = 256;

/// What a rotation did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rotated {
    /// Values that were sealed anew.
    pub values: usize,
    /// The objects that hold them.
    pub objects: usize,
    pub revision: u64,
}

/// Applies all edits or, on an error, none.
pub(super) async fn apply(
    mut session: Session<'_>,
    keys: Option<&SealKeys>,
    edits: Vec<Edit>,
) -> Result<Vec<Applied>> {
    let now = now();
    let mut applied = Vec::with_capacity(edits.len());
    for edit in edits {
        let done = apply_one(&mut session, keys, now, edit.change).await?;
        append_audit(&mut session, now, edit.audit).await?;
        applied.push(done);
    }
    if let Some(last) = applied.last() {
        session.notify(last.revision).await?;
    }
    session.commit().await?;
    Ok(applied)
}

async fn apply_one(
    session: &mut Session<'_>,
    keys: Option<&SealKeys>,
    now: Timestamp,
    change: Change,
) -> Result<Applied> {
    check_sealed(session, keys, &change).await?;
    let revision = session.advance().await?;
    let object = match change {
        Change::Create {
            object,
            name,
            document,
        } => Some(create(session, now, revision, object, name, document).await?),
        Change::Update {
            object,
            name,
            document,
            expected,
        } => {
            let new = Object {
                name,
                document,
                revision,
                updated_at: now,
                ..current(session, object, expected).await?
            };
            Some(update(session, new).await?)
        }
        Change::Delete { object, expected } => {
            current(session, object.clone(), expected).await?;
            session.delete(&object, revision).await?;
            None
        }
    };
    Ok(Applied { revision, object })
}

async fn create(
    session: &mut Session<'_>,
    now: Timestamp,
    revision: u64,
    object: ObjectId,
    name: String,
    document: Map<String, Value>,
) -> Result<Object> {
    check_name(&object, &name)?;
    if session.object(&object).await?.is_some() {
        return Err(StoreError::IdInUse { object });
    }
    let new = Object {
        kind: object.kind,
        id: object.id.clone(),
        name,
        document,
        revision,
        created_at: now,
        updated_at: now,
    };
    if !session.insert(&new).await? {
        let name = new.name;
        return Err(StoreError::NameInUse { object, name });
    }
    session.unbury(&object).await?;
    Ok(new)
}

async fn update(session: &mut Session<'_>, new: Object) -> Result<Object> {
    let object = ObjectId::new(new.kind, new.id.clone());
    check_name(&object, &new.name)?;
    match session.update(&new).await? {
        true => Ok(new),
        false => Err(StoreError::NameInUse {
            object,
            name: new.name,
        }),
    }
}

/// The object as it is stored, if it has the expected revision.
async fn current(
    session: &mut Session<'_>,
    object: ObjectId,
    expected: Option<u64>,
) -> Result<Object> {
    let Some(found) = session.object(&object).await? else {
        return Err(StoreError::NotFound { object });
    };
    match expected {
        Some(expected) if expected != found.revision => Err(StoreError::RevisionConflict {
            object,
            expected,
            found: found.revision,
        }),
        Some(_) | None => Ok(found),
    }
}

fn check_name(object: &ObjectId, name: &str) -> Result<()> {
    let is_good = |text: &str| {
        (1..=LONGEST_NAME).contains(&text.len()) && !text.chars().any(char::is_control)
    };
    match is_good(name) && is_good(&object.id) {
        true => Ok(()),
        false => Err(StoreError::InvalidName {
            object: object.clone(),
        }),
    }
}

/// Writes an audit row that belongs to no change of an object.
pub(super) async fn audit_only(mut session: Session<'_>, entry: AuditEntry) -> Result<()> {
    append_audit(&mut session, now(), entry).await?;
    session.commit().await
}

async fn append_audit(
    session: &mut Session<'_>,
    at: Timestamp,
    mut entry: AuditEntry,
) -> Result<()> {
    let values = [&mut entry.before, &mut entry.after];
    values.into_iter().flatten().for_each(document::hide);
    session.append_audit(at, &entry).await
}

/// Removes at most [`STEP`] rows each of the audit log and of the deletions. A deletion goes after
/// the audit row of its change: the oldest row tells from where on nothing is missing.
pub(super) async fn forget(mut session: Session<'_>, before: Timestamp) -> Result<bool> {
    session.lock().await?;
    let audited = session.forget_audit(before, STEP).await?;
    let deleted = session.forget_deletions(STEP).await?;
    session.commit().await?;
    Ok(audited.max(deleted) >= u64::from(STEP))
}

/// Checks at the start that the keys are those that sealed the store.
pub(super) async fn check_keys(session: &mut Session<'_>, keys: Option<&SealKeys>) -> Result<()> {
    if let Some(canary) = session.canary().await? {
        keys.ok_or(SealError::NoKeys)?.check_canary(&canary)?;
    }
    Ok(())
}

/// Checks that sealed values can be opened where they are to stand.
async fn check_sealed(
    session: &mut Session<'_>,
    keys: Option<&SealKeys>,
    change: &Change,
) -> Result<()> {
    match change.document() {
        Some(document) if document::check(keys, change.object(), document)? => {
            ensure_canary(session, keys).await
        }
        Some(_) | None => Ok(()),
    }
}

/// Writes the canary with the first sealed value. Another process may have written it with other
/// keys since this one started, so it is checked each time.
async fn ensure_canary(session: &mut Session<'_>, keys: Option<&SealKeys>) -> Result<()> {
    let keys = keys.ok_or(SealError::NoKeys)?;
    session.lock().await?;
    match session.canary().await? {
        Some(canary) => Ok(keys.check_canary(&canary).map(drop)?),
        None => session.set_canary(&keys.canary()?).await,
    }
}

/// Seals every value with the first key, or none if one cannot be opened.
pub(super) async fn rotate(
    mut session: Session<'_>,
    keys: &SealKeys,
    mut audit: AuditEntry,
) -> Result<Rotated> {
    session.lock().await?;
    let now = now();
    let mut rotated = Rotated {
        values: 0,
        objects: 0,
        revision: session.revision().await?,
    };
    for mut object in session.sealed_objects().await? {
        let values = document::reseal(keys, &mut object)?;
        if values > 0 {
            rotated.revision = session.advance().await?;
            object.revision = rotated.revision;
            object.updated_at = now;
            session.update(&object).await?;
            rotated.values += values;
            rotated.objects += 1;
        }
    }
    if let Some(canary) = session.canary().await?
        && !keys.check_canary(&canary)?
    {
        session.set_canary(&keys.canary()?).await?;
    }
    audit.after = Some(json!({ "values": rotated.values, "objects": rotated.objects }));
    append_audit(&mut session, now, audit).await?;
    session.notify(rotated.revision).await?;
    session.commit().await?;
    Ok(rotated)
}

/// The present in whole milliseconds, as it is stored.
fn now() -> Timestamp {
    let now = Timestamp::now();
    Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now)
}

/// Adds differences in the order of their places, so that two processes cannot wait for each other.
pub(super) async fn add_spend(mut session: Session<'_>, differences: &[SavedCount]) -> Result<()> {
    let mut ordered: Vec<&SavedCount> = differences.iter().collect();
    ordered.sort_unstable_by_key(|it| it.place);
    for difference in ordered {
        session.add_spend(difference).await?;
    }
    session.commit().await
}
