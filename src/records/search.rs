//! How are records found? By reading only, on a thread of its own, within a limit of time: a search
//! delays neither requests nor the writer.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use uuid::Uuid;

use super::{
    Records,
    database::OpenDatabase,
    filter::Filter,
    session::{Bound, Session},
};
use crate::{record::Record, store::StoreError};

/// How long one search may take.
pub const LONGEST: Duration = Duration::from_secs(5);

/// Why nothing was found out.
#[derive(Debug, thiserror::Error)]
pub enum SearchError {
    #[error("records are stored nowhere: `records.store` is off in the settings")]
    NoStore,
    #[error("the store of records cannot be used now")]
    Away,
    #[error("{0}")]
    Store(StoreError),
    #[error(
        "the search took longer than {} s: ask for a shorter time, with from and to, or for one \
         key",
        LONGEST.as_secs()
    )]
    TooLong,
    #[error(
        "there are more than {} rows: group by less, or ask for a shorter time",
        super::usage::MOST_ROWS
    )]
    TooMany,
    #[error("the search was broken off")]
    BrokenOff,
}

/// A page of records, newest first.
pub struct Page {
    pub records: Vec<Record>,
    /// Where the next page begins, if there is one.
    pub next: Option<Uuid>,
}

impl Records {
    /// A page of records, newest first; `before`: only those before that one.
    ///
    /// # Errors
    /// The store cannot be read, or not in time.
    pub async fn search(
        &self,
        filter: Filter,
        before: Option<Uuid>,
        limit: usize,
    ) -> Result<Page, SearchError> {
        let open = self.open()?;
        let work = async move {
            let mut reading = Reading::begin(&open).await?;
            let found = page(&mut reading.session, &filter, before, limit).await;
            reading.ended(found)
        };
        self.on_thread(work).await
    }

    /// One record.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn record(&self, id: Uuid) -> Result<Option<Record>, SearchError> {
        let open = self.open()?;
        let work = async move {
            let mut reading = Reading::begin(&open).await?;
            let id = [Bound::Bytes(id.as_bytes().as_slice().into())];
            let chosen = "FROM throughway_records WHERE id = $1";
            let found = documents(&mut reading.session, chosen, &id).await;
            let found = reading.ended(found)?;
            Ok(found.into_iter().find_map(Document::read))
        };
        self.on_thread(work).await
    }

    /// The open store.
    pub(super) fn open(&self) -> Result<Arc<OpenDatabase>, SearchError> {
        let open = self.shared.database.load_full();
        open.ok_or_else(|| match self.shared.health().state {
            "off" => SearchError::NoStore,
            _ => SearchError::Away,
        })
    }

    /// Works on the thread of searches; ends if nobody waits for it any longer.
    pub(super) async fn on_thread<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, SearchError>> + Send + 'static,
    ) -> Result<T, SearchError> {
        let runtime = self.searches.get().ok_or(SearchError::NoStore)?;
        let mut tasks = tokio::task::JoinSet::new();
        tasks.spawn_on(work, runtime);
        match tasks.join_next().await {
            Some(Ok(result)) => result,
            Some(Err(_)) | None => Err(SearchError::BrokenOff),
        }
    }
}

/// A transaction that only reads, for a limited time.
pub(super) struct Reading<'d> {
    pub session: Session<'d>,
    deadline: Instant,
}

impl<'d> Reading<'d> {
    pub async fn begin(open: &'d OpenDatabase) -> Result<Self, SearchError> {
        let begun = Session::read(&open.database).await;
        let mut session = begun.map_err(SearchError::Store)?;
        let deadline = Instant::now() + LONGEST;
        let limited = session.limit(LONGEST, deadline).await;
        limited.map_err(|error| SearchError::Store(session.place().fault(error)))?;
        Ok(Reading { session, deadline })
    }

    /// What a failure means.
    pub fn ended<T>(&self, result: sqlx::Result<T>) -> Result<T, SearchError> {
        result.map_err(|error| match Instant::now() >= self.deadline {
            true => SearchError::TooLong,
            false => SearchError::Store(self.session.place().fault(error)),
        })
    }
}

async fn page(
    session: &mut Session<'_>,
    filter: &Filter,
    before: Option<Uuid>,
    limit: usize,
) -> sqlx::Result<Page> {
    let before = before.as_ref().map(|it| it.as_bytes().as_slice());
    let mut conditions = filter.conditions(before, session.is_postgres());
    let most = i64::try_from(limit).unwrap_or(i64::MAX - 1) + 1;
    conditions.values.push(Bound::int(most));
    let index = match (session.is_postgres(), filter.index()) {
        (false, Some(index)) => format!("INDEXED BY {index}"),
        (false, None) | (true, _) => String::new(),
    };
    let chosen = format!(
        "FROM throughway_records {index} WHERE {} ORDER BY id DESC LIMIT ${}",
        conditions.sql(),
        conditions.values.len()
    );
    let mut documents = documents(session, &chosen, &conditions.values).await?;
    let has_more = documents.len() > limit;
    documents.truncate(limit);
    let last = documents
        .last()
        .and_then(|it| Uuid::from_slice(&it.id).ok());
    let records = documents.into_iter().filter_map(Document::read);
    // Other traces can have the same hash.
    let records = records.filter(|record| filter.has_trace_of(record));
    let records = records.collect();
    Ok(Page {
        records,
        next: last.filter(|_| has_more),
    })
}

/// A record as it is stored.
struct Document {
    id: Vec<u8>,
    document: String,
}

impl Document {
    /// One that cannot be read does not hide the others of its page.
    fn read(self) -> Option<Record> {
        let read = serde_json::from_str(&self.document);
        read.inspect_err(|error| {
            let id = Uuid::from_slice(&self.id).unwrap_or_default();
            tracing::error!(%id, %error, "a stored record cannot be read");
        })
        .ok()
    }
}

/// The records of the rows that `chosen` names: a statement from its `FROM` on.
async fn documents(
    session: &mut Session<'_>,
    chosen: &str,
    values: &[Bound<'_>],
) -> sqlx::Result<Vec<Document>> {
    let sql = match session.is_postgres() {
        true => format!("SELECT id, document {chosen}"),
        // Ids first: an index may have all that is asked, and then no other row is read.
        false => format!(
            "SELECT rows.id, documents.document FROM (SELECT id {chosen}) AS found \
             CROSS JOIN throughway_records AS rows ON rows.id = found.id \
             JOIN throughway_record_documents AS documents ON documents.sequence = rows.document \
             ORDER BY rows.id DESC"
        ),
    };
    let rows = session.rows::<(Vec<u8>, String)>(sql, values).await?;
    let documents = rows.into_iter();
    Ok(documents
        .map(|(id, document)| Document { id, document })
        .collect())
}
