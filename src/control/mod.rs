//! Who changes the snapshot? The settings file, the admin API and other replicas by way of the
//! store: one owner does all of it, one change after another, so that none is lost.

mod change;
mod open;
mod owner;
mod read;
mod refused;
mod spend;

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use tokio::{
    runtime::Handle,
    sync::Mutex,
    task::JoinError,
    time::{sleep, timeout},
};

pub use self::{
    change::{Action, Asked, Changed, Expected},
    open::{CannotOpen, Opened, check_exposure, open, record_store},
    read::{Found, Listed, listed, object, shown},
};
use self::{owner::Owner, refused::unusable};
use crate::{
    config::Settings,
    error::{Code, GatewayError},
    gateway::{Current, Gateway, StoreHealth},
    store::{AuditPage, Store},
};

/// How soon changes that could not be read are tried again.
const AGAIN: Duration = Duration::from_secs(1);

/// How often the store is searched for what it need not keep any longer.
const FORGET_EVERY: Duration = Duration::from_secs(3600);
/// The pause between two steps of the removal.
const STEP: Duration = Duration::from_millis(100);

/// Changes the snapshot of a process. All work runs on the runtime that opened the store, whose
/// connections belong to it, and to its end, even if who asked for it has left.
#[derive(Clone)]
pub struct Control {
    pub current: Current,
    store: Option<Arc<Store>>,
    owner: Arc<Mutex<Owner>>,
    runtime: Handle,
    /// Held while counts of budgets are saved.
    saving: Arc<Mutex<()>>,
}

impl Control {
    /// Puts the gateway in force, with the objects of the store. Must be called on the runtime
    /// that opened it.
    pub fn new(gateway: Gateway, settings: &Arc<Settings>, opened: Option<Opened>) -> Self {
        let (gateway, store, revision) = match opened {
            Some(mut opened) => {
                let objects = opened.joined(settings);
                let gateway = gateway.renewed(settings, objects);
                gateway.process.store.note(StoreHealth::Ok);
                let spend = &gateway.process.budgets.spend;
                if !spend.is_shared() {
                    spend.load(opened.take_spend());
                }
                (gateway, Some(opened.store), opened.revision)
            }
            None => (gateway, None, 0),
        };
        let current = Current::new(Arc::new(gateway));
        let owner = Owner::new(current.clone(), settings.clone(), store.clone(), revision);
        Control {
            current,
            store,
            owner: Arc::new(Mutex::new(owner)),
            runtime: Handle::current(),
            saving: Arc::default(),
        }
    }

    /// Changes a key or a team. When it returns, the change is durable and in force.
    ///
    /// # Errors
    /// Why it cannot be made; then nothing has changed, unless the error says that it may have.
    pub async fn change(&self, asked: Asked) -> Result<Changed, GatewayError> {
        let owner = self.owner.clone();
        let changing = async move { owner.lock().await.change(asked).await };
        self.runtime
            .spawn(changing)
            .await
            .unwrap_or_else(|it| Err(broken_off(&it)))
    }

    /// A page of the audit log, newest first.
    ///
    /// # Errors
    /// There is no store, or it cannot be read.
    pub async fn audit(&self, cursor: Option<u64>, limit: u32) -> Result<AuditPage, GatewayError> {
        let Some(store) = self.store.clone() else {
            return Err(no_store());
        };
        let reading = async move { store.audit(cursor, limit).await };
        match self.runtime.spawn(reading).await {
            Ok(page) => page.map_err(|error| unusable(&error)),
            Err(error) => Err(broken_off(&error)),
        }
    }

    /// The settings in force.
    pub async fn settings(&self) -> Arc<Settings> {
        self.owner.lock().await.settings.clone()
    }

    /// Puts other settings in force, and counts the reload. The store's objects stay.
    /// `needs_restart`: changed settings that are read at the start only.
    pub async fn put_settings(
        &self,
        settings: Arc<Settings>,
        needs_restart: Vec<String>,
    ) -> Arc<Gateway> {
        let mut owner = self.owner.lock().await;
        owner.put_settings(settings, needs_restart).await
    }

    /// Removes what the store keeps no longer than `retention`, for as long as it is awaited. Each
    /// step is short, and others may change the store in between.
    pub async fn forget(self, retention: Duration) {
        let Some(store) = self.store else { return };
        loop {
            let before = Timestamp::now().checked_sub(retention);
            // The log tells of a store that cannot be used.
            let has_more = match before {
                Ok(before) => store.forget(before).await.unwrap_or(false),
                Err(_) => false,
            };
            sleep(if has_more { STEP } else { FORGET_EVERY }).await;
        }
    }

    /// Takes settings that differ from those in force in their places in the file only.
    pub async fn note_places(&self, settings: Arc<Settings>) {
        self.owner.lock().await.settings = settings;
    }

    /// Follows the store, for as long as it is awaited: what others change is put in force.
    pub async fn follow(self) {
        let Some(store) = &self.store else { return };
        let mut status = store.status();
        let mut told = owner::Told::default();
        loop {
            let now = status.borrow_and_update().clone();
            told.tell(&now, &self.current.get().process);
            let is_behind = self.owner.lock().await.follow().await.is_err();
            let pause = if is_behind { AGAIN } else { Duration::MAX };
            if let Ok(Err(_)) = timeout(pause, status.changed()).await {
                return;
            }
        }
    }
}

fn no_store() -> GatewayError {
    let message = "this gateway has no store: `store.kind` is off in the settings";
    GatewayError::new(Code::Conflict, message)
}

fn broken_off(error: &JoinError) -> GatewayError {
    tracing::error!(%error, "a change was broken off");
    GatewayError::new(Code::Internal, "the work was broken off")
}
