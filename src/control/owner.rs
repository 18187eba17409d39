//! The one owner of the snapshot: puts settings in force, and what the store says.

use std::{collections::HashSet, sync::Arc};

use jiff::Timestamp;

use super::refused::unusable;
use crate::{
    config::Settings,
    endpoint::Table,
    error::GatewayError,
    gateway::{Basis, Candidate, Current, Gateway, LeftOut, Objects, Process, StoreHealth},
    identity::Known,
    observe::metrics::Metrics,
    store::{AuditEntry, Changes, Kind, Object, ObjectId, Status, Store, StoreError},
};

/// What only one change at a time may touch.
pub(super) struct Owner {
    current: Current,
    pub settings: Arc<Settings>,
    pub store: Option<Arc<Store>>,
    /// The revision of the store that is in force.
    pub revision: u64,
    /// Objects that the log has been told are left out.
    told: HashSet<(ObjectId, String)>,
}

impl Owner {
    pub fn new(
        current: Current,
        settings: Arc<Settings>,
        store: Option<Arc<Store>>,
        revision: u64,
    ) -> Self {
        let mut owner = Owner {
            current,
            settings,
            store,
            revision,
            told: HashSet::new(),
        };
        owner.tell_of_left_out();
        owner.tell_of_dangling();
        owner
    }

    /// The snapshot in force.
    pub fn gateway(&self) -> Arc<Gateway> {
        self.current.get()
    }

    /// `needs_restart`: changed settings that are read at the start only.
    pub async fn put_settings(
        &mut self,
        settings: Arc<Settings>,
        needs_restart: Vec<String>,
    ) -> Arc<Gateway> {
        let (candidates, unreadable) = self.gateway().objects().of_store();
        let audit = reload_entry(&self.settings, &settings);
        self.settings = settings;
        let objects = Objects::joined(&self.basis(), candidates, unreadable);
        let gateway = self.renewed(objects);
        // Before they are in force: whoever meets the new settings finds the reload counted.
        gateway.process.note_reload(needs_restart);
        self.put(gateway);
        self.tell_of_dangling();
        if let Some(store) = &self.store
            && let Err(error) = store.append_audit(audit).await
        {
            tracing::warn!(%error, "the audit log does not tell of the reload");
        }
        self.gateway()
    }

    /// Puts the store's changes in force, if it has told of any.
    ///
    /// # Errors
    /// They cannot be read now.
    pub async fn follow(&mut self) -> Result<(), StoreError> {
        let store = self.store.as_ref();
        match store.is_some_and(|it| it.status().borrow().revision != self.revision) {
            true => self.catch_up().await,
            false => Ok(()),
        }
    }

    /// Reads what has changed in the store, and puts it in force.
    async fn catch_up(&mut self) -> Result<(), StoreError> {
        let Some(store) = self.store.clone() else {
            return Ok(());
        };
        match store.changes_since(self.revision).await? {
            Changes::Since {
                changed,
                deleted,
                revision,
            } => {
                if revision != self.revision {
                    self.take(&changed, &deleted);
                    self.revision = revision;
                }
            }
            Changes::LoadAgain => {
                let (mut candidates, mut unreadable) = (Vec::new(), Vec::new());
                let revision = store
                    .load_each(|object| sort(&object, &mut candidates, &mut unreadable))
                    .await?;
                tracing::warn!(
                    revision,
                    "the store was read anew: what changed since is not known"
                );
                let objects = Objects::joined(&self.basis(), candidates, unreadable);
                self.put(self.renewed(objects));
                self.revision = revision;
            }
        }
        Ok(())
    }

    /// Puts changed and deleted objects of the store in force.
    pub fn take(&mut self, changed: &[Object], deleted: &[ObjectId]) {
        let (mut candidates, mut unreadable) = (Vec::new(), Vec::new());
        for object in changed {
            sort(object, &mut candidates, &mut unreadable);
        }
        let before = self.gateway().objects();
        let simply = || before.changed(&self.basis(), &candidates, deleted);
        let objects = unreadable.is_empty().then(simply).flatten();
        let objects = objects
            .unwrap_or_else(|| before.joined_anew(&self.basis(), candidates, unreadable, deleted));
        self.put(self.renewed(objects));
    }

    /// With what the store's objects are joined.
    pub fn basis(&self) -> Basis<'_> {
        let keys = self.store.as_ref().and_then(|it| it.seal_keys().ok());
        Basis {
            settings: &self.settings,
            keys,
        }
    }

    fn renewed(&self, objects: Objects) -> Gateway {
        self.gateway().renewed(&self.settings, objects)
    }

    fn put(&mut self, gateway: Gateway) {
        self.current.replace(Arc::new(gateway));
        self.tell_of_left_out();
    }

    fn tell_of_left_out(&mut self) {
        let gateway = self.gateway();
        for left_out in &gateway.stored.left_out {
            let seen = (left_out.id.clone(), left_out.reason.clone());
            if self.told.insert(seen) {
                let (id, name, reason) = (&left_out.id.id, &left_out.name, &left_out.reason);
                let kind = left_out.id.kind.name();
                tracing::warn!(
                    kind,
                    id,
                    name,
                    reason,
                    "an object of the store has no effect"
                );
            }
        }
    }

    /// The store's objects are checked when they are made; the settings that they name may have
    /// changed since.
    fn tell_of_dangling(&mut self) {
        let objects = self.gateway().objects();
        let known = self.known();
        let keys = objects.directory.keys().filter_map(|it| {
            objects.stored.key(it.key.id)?;
            let error = it.key.check_references(&known).err()?;
            Some((Kind::Key, it.key.id.to_string(), &it.key.name, error))
        });
        let teams = objects.directory.teams().filter_map(|it| {
            objects.stored.team(it.id)?;
            let error = it.check_references(&known).err()?;
            Some((Kind::Team, it.id.to_string(), &it.name, error))
        });
        let dangling: Vec<_> = keys.chain(teams).collect();
        for (kind, id, name, error) in dangling {
            let reason = error.to_string();
            let (object, kind) = (ObjectId::new(kind, id.clone()), kind.name());
            if self.told.insert((object, reason.clone())) {
                tracing::warn!(kind, id, %name, reason, "the settings lack what an object names");
            }
        }
    }

    /// What keys and teams may name.
    pub fn known(&self) -> Snapshot<'_> {
        Snapshot {
            settings: &self.settings,
            endpoints: self.gateway().endpoints.table.clone(),
        }
    }

    /// The store, which a change needs.
    pub fn writable(&self) -> Result<Arc<Store>, GatewayError> {
        self.store.clone().ok_or_else(super::no_store)
    }

    /// Reads what others changed, before a change is tried again.
    pub async fn refresh(&mut self) -> Result<(), GatewayError> {
        self.catch_up().await.map_err(|error| unusable(&error))
    }
}

/// What keys and teams may name: what the settings have, and the endpoints of the store.
pub(super) struct Snapshot<'s> {
    settings: &'s Settings,
    endpoints: Arc<Table>,
}

impl Known for Snapshot<'_> {
    fn has_provider(&self, name: &str) -> bool {
        self.settings.has_provider(name)
    }

    fn has_endpoint(&self, path: &str) -> bool {
        self.endpoints.has(path)
    }

    fn has_config(&self, name: &str) -> bool {
        self.settings.has_config(name)
    }
}

fn sort(object: &Object, candidates: &mut Vec<Candidate>, unreadable: &mut Vec<LeftOut>) {
    match Candidate::read(object) {
        Ok(candidate) => candidates.push(candidate),
        Err(left_out) => unreadable.push(left_out),
    }
}

/// The audit row of a reload: the settings that differ, without secrets.
fn reload_entry(old: &Settings, new: &Settings) -> AuditEntry {
    let (old, new) = (old.lines(), new.lines());
    let differing = |these: &[(String, String)], others: &[(String, String)]| {
        let those = these.iter().filter(|line| !others.contains(line));
        those
            .map(|(name, value)| (name.clone(), value.clone().into()))
            .collect::<serde_json::Map<_, _>>()
    };
    AuditEntry {
        actor: "settings file".to_owned(),
        source: "file".to_owned(),
        action: "reload".to_owned(),
        kind: "settings".to_owned(),
        before: Some(differing(&old, &new).into()),
        after: Some(differing(&new, &old).into()),
        ..AuditEntry::default()
    }
}

/// What the log has been told of the store's health.
#[derive(Default)]
pub(super) struct Told {
    reading: Option<StoreError>,
    writing: Option<StoreError>,
}

impl Told {
    /// Tells log, metrics and the readiness page of what is new.
    pub fn tell(&mut self, now: &Status, process: &Process) {
        let metrics = &process.metrics;
        tell("read", &mut self.reading, &now.read_failure, metrics);
        tell("changed", &mut self.writing, &now.write_failure, metrics);
        let is_up = self.reading.is_none() && self.writing.is_none();
        metrics.store_up.set(i64::from(is_up));
        let since = Timestamp::now();
        process.store.note(match (&self.reading, &self.writing) {
            (Some(_), _) => StoreHealth::Away { since },
            (None, Some(_)) => StoreHealth::NotWritable { since },
            (None, None) => StoreHealth::Ok,
        });
    }
}

fn tell(what: &str, told: &mut Option<StoreError>, now: &Option<StoreError>, metrics: &Metrics) {
    match (&told, now) {
        (None, Some(error)) => {
            metrics.store_failures.inc();
            tracing::error!(%error, "the store cannot be {what}; known keys work on");
        }
        (Some(_), None) => tracing::info!("the store can be {what} again"),
        (None, None) | (Some(_), Some(_)) => {}
    }
    told.clone_from(now);
}
