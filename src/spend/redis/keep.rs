//! What goes on beside requests: leases are prolonged while they are held, and Redis is told of what
//! has ended until it has it.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use futures_util::future::join_all;
use redis::ScriptInvocation;
use tokio::time::{MissedTickBehavior, interval, sleep};

use super::{
    LEASE, PROLONG, RedisSpend,
    ended::{Ended, Part},
    leases_key, let_go, window_key,
};

/// How often what is due is looked for.
const INTERVAL: Duration = Duration::from_secs(1);
/// So many are told at the same time.
const BATCH: usize = 64;
/// How long it is remembered that a reservation is settled: longer than it is told again.
const MARK: Duration = Duration::from_secs(600);

impl RedisSpend {
    /// Prolongs leases and tells of what has ended, for as long as it is awaited.
    pub async fn keep(self: Arc<Self>) {
        tokio::join!(self.keep_prolonging(), self.keep_telling());
    }

    async fn keep_prolonging(&self) {
        let mut tick = interval(INTERVAL);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tick.tick().await;
            let now = Instant::now();
            let due: Vec<_> = {
                let mut leases = self.leases();
                let due = leases.iter_mut().filter(|(_, lease)| lease.due <= now);
                due.map(|(id, lease)| {
                    lease.due = now + PROLONG;
                    (*id, lease.parts.clone())
                })
                .collect()
            };
            for (id, parts) in due {
                if self.ask(self.prolongation(id, &parts)).await.is_err() {
                    sleep(INTERVAL).await;
                    break;
                }
            }
        }
    }

    fn prolongation(&self, id: u64, parts: &[Part]) -> ScriptInvocation<'_> {
        let mut call = self.prolong.key(self.mark_key(id));
        call.arg(self.name(id)).arg(LEASE.as_millis() as u64);
        for part in parts {
            call.key(window_key(&part.place))
                .key(leases_key(&part.place));
            call.arg(part.place.whose.to_string())
                .arg(part.amount)
                .arg(let_go(part.end, part.kind));
        }
        call
    }

    async fn keep_telling(&self) {
        let mut tick = interval(INTERVAL);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = self.has_ended.notified() => {}
                _ = tick.tick() => {}
            }
            self.tell_all().await;
        }
    }

    /// Tells of all that has ended, oldest first, until Redis does not respond.
    pub async fn tell_all(&self) {
        loop {
            let some = self.ended().first(BATCH);
            if some.is_empty() {
                return;
            }
            let telling = some.iter().map(|it| self.ask(self.settlement(it)));
            let told = join_all(telling).await;
            let done = some.iter().zip(&told).filter(|(_, told)| told.is_ok());
            self.ended().remove(&done.map(|(it, _)| it.id).collect());
            if told.iter().any(Result::is_err) {
                return;
            }
        }
    }

    fn settlement(&self, ended: &Ended) -> ScriptInvocation<'_> {
        let mut call = self.settle.key(self.mark_key(ended.id));
        let name = if ended.has_lease {
            self.name(ended.id)
        } else {
            String::new()
        };
        call.arg(MARK.as_millis() as u64).arg(name);
        for part in &ended.parts {
            call.key(window_key(&part.place))
                .key(leases_key(&part.place));
            call.arg(part.place.whose.to_string())
                .arg(part.amount)
                .arg(part.spent);
            call.arg(let_go(part.end, part.kind));
        }
        call
    }
}
