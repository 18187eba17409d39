//! Keeps what was spent of budgets in the store: once a second, and at the end. A process that dies
//! loses at most a second of it.

use std::{sync::Arc, time::Duration};

use jiff::{SignedDuration, Timestamp};
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::{Control, broken_off, unusable};
use crate::{
    error::GatewayError,
    spend::Spend,
    store::{self, AuditEntry, Store},
};

/// How often counts are saved.
const INTERVAL: Duration = Duration::from_secs(1);
/// The most counts that are saved at once: changes of objects wait for them.
const MOST: usize = 1000;
/// How often ended windows are looked for in memory.
const LOOK: Duration = Duration::from_secs(60);
/// How often windows that have ended are removed from the store, and for how long they are kept.
const FORGET_EVERY: Duration = Duration::from_secs(3600);
const KEPT: SignedDuration = SignedDuration::from_hours(24);

impl Control {
    /// Saves counts for as long as it is awaited, and forgets old ones.
    pub async fn keep_spend(self) {
        let mut tick = interval(INTERVAL);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (mut forgotten, mut since_look) = (Instant::now(), Instant::now());
        loop {
            tick.tick().await;
            // What cannot be saved now is saved later; the log tells of the store.
            let _ = self.save_spend().await;
            if since_look.elapsed() >= LOOK {
                since_look = Instant::now();
                self.forget_counts();
            }
            if forgotten.elapsed() >= FORGET_EVERY {
                forgotten = Instant::now();
                self.forget_spend().await;
            }
        }
    }

    /// Saves the counts that have changed. One that ends before this does is not lost: whoever
    /// saves next waits for it.
    ///
    /// # Errors
    /// The store cannot be used.
    pub async fn save_spend(&self) -> store::Result<()> {
        let spend = self.current.get().process.budgets.spend.clone();
        let store = self.store.clone().filter(|_| !spend.is_shared());
        let Some(store) = store else {
            return Ok(());
        };
        let one_at_a_time = self.saving.clone();
        let saving = async move {
            let _held = one_at_a_time.lock().await;
            save(&spend, &store).await
        };
        self.runtime.spawn(saving).await.unwrap_or(Ok(()))
    }

    fn forget_counts(&self) {
        let (now, before) = (Timestamp::now(), horizon());
        let spend = &self.current.get().process.budgets.spend;
        spend.forget(now.as_millisecond(), before.as_millisecond());
    }

    async fn forget_spend(&self) {
        let before = horizon();
        if let Some(store) = &self.store {
            // The next hour tries again.
            let _ = store.forget_spend(before).await;
        }
    }

    /// Makes a change of a budget's counts durable, with its audit row, where there is a store.
    ///
    /// # Errors
    /// The store cannot be used: whoever made the change takes it back.
    pub async fn note_spend(&self, audit: AuditEntry) -> Result<(), GatewayError> {
        let Some(store) = self.store.clone() else {
            tracing::info!(
                budget = audit.name,
                action = audit.action,
                actor = audit.actor,
                "a budget's counts were changed"
            );
            return Ok(());
        };
        self.save_spend().await.map_err(|error| unusable(&error))?;
        let writing = async move { store.append_audit(audit).await };
        match self.runtime.spawn(writing).await {
            Ok(written) => written.map_err(|error| unusable(&error)),
            Err(error) => Err(broken_off(&error)),
        }
    }
}

/// Windows of budgets that ended before are forgotten.
fn horizon() -> Timestamp {
    Timestamp::now()
        .saturating_sub(KEPT)
        .unwrap_or(Timestamp::MIN)
}

async fn save(spend: &Arc<Spend>, store: &Store) -> store::Result<()> {
    loop {
        let differences = spend.unsaved(MOST);
        if differences.is_empty() {
            return Ok(());
        }
        if let Err(error) = store.add_spend(&differences).await {
            spend.unsave(differences);
            return Err(error);
        }
    }
}
