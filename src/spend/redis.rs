//! Counts in Redis, shared by all replicas: one script reserves of all budgets of a request, by the
//! server's clock. In a cluster all budgets are on one node, since a script can have the keys of
//! one only. Reservations are leases that expire when a replica dies; what ended is told again
//! until Redis has it.

mod ended;
mod keep;
mod replies;

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use foldhash::fast::RandomState;
use redis::{Script, ScriptInvocation};
use tokio::sync::Notify;

pub use self::ended::Part;
use self::{
    ended::Ended,
    replies::{Fields, granted, number, standing, standing_of},
};
use super::{Adjustment, Claim, Kind, Place, Refused, Standing, Value, Whose, memory::MOST_VALUES};
use crate::redis_client::{Connection, RedisClient, Unavailable};

/// How long a lease lives after its replica last prolonged it.
const LEASE: Duration = Duration::from_secs(30);
/// How often a lease is prolonged.
const PROLONG: Duration = Duration::from_secs(10);
/// How long a window is kept after its end, in milliseconds, for what ends later.
const KEPT: i64 = 48 * 3600 * 1000;
/// The same for limits, of which there may be many.
const KEPT_OF_LIMIT: i64 = 60 * 1000;

/// The scripts, and what of this process is under way.
pub struct RedisSpend {
    replicas: Arc<RedisClient>,
    reserve: Script,
    settle: Script,
    prolong: Script,
    look: Script,
    adjust: Script,
    leases: Mutex<HashMap<u64, Lease, RandomState>>,
    ended: Mutex<ended::Queue>,
    /// Signalled when something has ended.
    has_ended: Notify,
    /// A random number that identifies this process among the replicas.
    process: u64,
    next: AtomicU64,
}

/// A reservation that is prolonged while it is held.
struct Lease {
    parts: Vec<Part>,
    due: Instant,
}

/// A reservation in Redis, or one that was asked for and may have been granted.
pub struct SharedLease {
    redis: Arc<RedisSpend>,
    id: u64,
    /// What is told at the end. `None`: there is nothing to be told.
    parts: Option<Vec<Part>>,
}

/// What Redis has reserved: where, and how much is spent and reserved there now.
pub type Granted = (SharedLease, Vec<(Place, Standing)>);

impl RedisSpend {
    pub fn new(replicas: Arc<RedisClient>) -> Self {
        let script =
            |text: &str| Script::new(&format!("{}\n{text}", include_str!("redis/common.lua")));
        RedisSpend {
            replicas,
            reserve: script(include_str!("redis/reserve.lua")),
            settle: script(include_str!("redis/settle.lua")),
            prolong: script(include_str!("redis/prolong.lua")),
            look: script(include_str!("redis/look.lua")),
            adjust: script(include_str!("redis/adjust.lua")),
            leases: Mutex::default(),
            ended: Mutex::default(),
            has_ended: Notify::new(),
            process: rand::random(),
            next: AtomicU64::new(0),
        }
    }

    /// Reserves all claims or none. The outer error means that Redis did not respond.
    pub async fn reserve(
        self: &Arc<Self>,
        claims: &[Claim<'_>],
    ) -> Result<Result<Granted, Refused>, Unavailable> {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let call = self.reservation(id, claims);
        let ask = async |mut connection: Connection| {
            // Made before the reply arrives: it may be lost although Redis has reserved.
            let lease = SharedLease {
                redis: self.clone(),
                id,
                parts: Some(claims.iter().map(Part::of).collect()),
            };
            let reply: Vec<String> = call.invoke_async(&mut connection).await?;
            Ok((reply, lease))
        };
        let (reply, mut lease) = self.replicas.ask(ask).await?;
        let mut reply = reply.iter().map(String::as_str);
        if reply.next() != Some("1") {
            lease.parts = None;
            return Ok(Err(Refused {
                claim: number(reply.next()),
                standing: standing(&mut reply),
            }));
        }
        let granted = granted(claims, &mut reply);
        for (part, (place, _)) in lease.parts.iter_mut().flatten().zip(&granted) {
            part.place = *place;
        }
        self.hold(&lease);
        Ok(Ok((lease, granted)))
    }

    fn reservation(&self, id: u64, claims: &[Claim<'_>]) -> ScriptInvocation<'_> {
        let mut call = self.reserve.prepare_invoke();
        call.arg(self.name(id)).arg(LEASE.as_millis() as u64);
        call.arg(MOST_VALUES).arg(Whose::OVERFLOW.to_string());
        for claim in claims {
            let place = &claim.place;
            call.key(window_key(place)).key(leases_key(place));
            call.arg(place.whose.to_string())
                .arg(claim.amount)
                .arg(claim.limit);
            call.arg(let_go(end_of(claim), claim.kind))
                .arg(&*claim.label);
        }
        call
    }

    fn hold(&self, lease: &SharedLease) {
        let due = Instant::now() + PROLONG;
        let parts = lease.parts.clone().unwrap_or_default();
        self.leases().insert(lease.id, Lease { parts, due });
    }

    /// Tells of what was spent without a lease, while Redis was away.
    pub fn note_spent(&self, parts: Vec<Part>) {
        if parts.iter().any(|part| part.spent > 0) {
            let id = self.next.fetch_add(1, Ordering::Relaxed);
            self.end(Ended {
                id,
                has_lease: false,
                parts,
            });
        }
    }

    fn end(&self, ended: Ended) {
        self.leases().remove(&ended.id);
        let more = || self.next.fetch_add(1, Ordering::Relaxed);
        self.ended().push(ended, more);
        self.has_ended.notify_one();
    }

    pub async fn standing(&self, place: &Place) -> Result<Standing, Unavailable> {
        let all = self.look(place, &place.whose.to_string()).await?;
        let whose = place.whose.to_string();
        Ok(standing_of(&all, &whose))
    }

    pub async fn values(&self, place: &Place) -> Result<Vec<Value>, Unavailable> {
        let all = self.look(place, "").await?;
        let values = all.iter().filter_map(|(field, label)| {
            let text = field.strip_prefix('l')?;
            Some(Value {
                whose: Whose::parse(text)?,
                label: label.as_str().into(),
                standing: standing_of(&all, text),
            })
        });
        Ok(values.collect())
    }

    async fn look(&self, place: &Place, whose: &str) -> Result<Fields, Unavailable> {
        let mut call = self.look.key(window_key(place));
        call.key(leases_key(place)).arg(whose);
        let ask = async |mut connection: Connection| call.invoke_async(&mut connection).await;
        self.replicas.ask(ask).await
    }

    pub async fn adjust(&self, claim: &Claim<'_>, by: Adjustment) -> Result<(), Unavailable> {
        let mut call = self.adjust.key(window_key(&claim.place));
        call.arg(claim.place.whose.to_string()).arg(&*claim.label);
        call.arg(by.spent)
            .arg(by.granted)
            .arg(let_go(end_of(claim), claim.kind));
        let ask = async |mut connection: Connection| call.invoke_async::<()>(&mut connection).await;
        self.replicas.ask(ask).await
    }

    async fn ask(&self, call: ScriptInvocation<'_>) -> Result<(), Unavailable> {
        let ask = async |mut connection: Connection| call.invoke_async::<()>(&mut connection).await;
        self.replicas.ask(ask).await
    }

    fn name(&self, id: u64) -> String {
        format!("{:x}-{id:x}", self.process)
    }

    fn mark_key(&self, id: u64) -> String {
        format!("throughway:{{budgets}}:settled:{}", self.name(id))
    }

    fn leases(&self) -> MutexGuard<'_, HashMap<u64, Lease, RandomState>> {
        self.leases.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ended(&self) -> MutexGuard<'_, ended::Queue> {
        self.ended.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SharedLease {
    /// So much was spent of each part, in the order of the claims.
    pub fn settle(mut self, spent: impl Iterator<Item = u64>) {
        for (part, spent) in self.parts.iter_mut().flatten().zip(spent) {
            part.spent = spent;
        }
    }
}

impl Drop for SharedLease {
    fn drop(&mut self) {
        if let Some(parts) = self.parts.take() {
            self.redis.end(Ended {
                id: self.id,
                has_lease: true,
                parts,
            });
        }
    }
}

fn end_of(claim: &Claim<'_>) -> Option<i64> {
    claim.end.map(|end| end.as_millisecond())
}

/// When Redis lets a window go; 0: never.
fn let_go(end: Option<i64>, kind: Kind) -> i64 {
    let kept = match kind {
        Kind::Budget => KEPT,
        Kind::Limit | Kind::CallersLimit => KEPT_OF_LIMIT,
    };
    end.map_or(0, |end| end.saturating_add(kept))
}

/// The braces keep all budgets on the same node of a cluster.
fn window_key(place: &Place) -> String {
    format!("throughway:{{budgets}}:{}:{}", place.budget, place.start)
}

fn leases_key(place: &Place) -> String {
    format!("{}:leases", window_key(place))
}
