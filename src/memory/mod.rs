//! Limits the memory of all request bodies together, and the share of each client. Code that
//! buffers bytes of a body reserves memory first and releases it by dropping the reservation.

#[cfg(test)]
mod tests;

use std::{
    hash::BuildHasher as _,
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

use bytes::Bytes;
use foldhash::quality::RandomState;
use prometheus_client::metrics::{counter::Counter, gauge::Gauge};
use thiserror::Error;

/// The number of per-client counters. Clients are hashed to them; two with the same counter share
/// it.
pub const SHARES: usize = 1024;

/// Metrics of the reservations.
#[derive(Clone, Debug, Default)]
pub struct Counts {
    /// Bytes reserved now.
    pub kept: Gauge<i64, AtomicI64>,
    /// Reservations that were refused.
    pub refused: Counter,
}

/// No memory is left, in total or for this client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the memory for request bodies (`memory.bodies`) is used up")]
pub struct NoRoom;

/// The memory for the request bodies of all workers.
///
/// A client may hold as much as remains free after it: a single one half of the total, two a third
/// each, so a new client always finds some. Clients need not be known in advance, and none is
/// remembered.
pub struct BodyMemory {
    limit: i64,
    counts: Counts,
    shares: Box<[AtomicI64]>,
    hasher: RandomState,
}

impl BodyMemory {
    pub fn new(limit: u64, counts: Counts) -> Arc<Self> {
        Arc::new(BodyMemory {
            limit: i64::try_from(limit).unwrap_or(i64::MAX),
            counts,
            shares: (0..SHARES).map(|_| AtomicI64::new(0)).collect(),
            hasher: RandomState::default(),
        })
    }

    /// The account of a client. All addresses of an IPv6 /64 belong to the same client.
    pub fn account(self: &Arc<Self>, client: Option<IpAddr>) -> Account {
        let subnet = match client.map(|it| it.to_canonical()) {
            None => 0,
            Some(IpAddr::V4(address)) => u128::from(u32::from(address)) + 1,
            Some(IpAddr::V6(address)) => u128::from(address) >> 64 << 64,
        };
        let hash = usize::try_from(self.hasher.hash_one(subnet) % SHARES as u64);
        Account {
            memory: Some(self.clone()),
            share: Share(hash.unwrap_or_default()),
        }
    }

    fn take(&self, share: Share, bytes: i64) -> Result<(), NoRoom> {
        let total = self.counts.kept.inner();
        let taken = total.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |total| {
            total.checked_add(bytes).filter(|it| *it <= self.limit)
        });
        let granted = taken.is_ok_and(|before| {
            let own = &self.shares[share.0];
            let held = own.fetch_add(bytes, Ordering::Relaxed) + bytes;
            let fair = held <= self.limit - (before + bytes);
            if !fair {
                self.give_back(share, bytes);
            }
            fair
        });
        if !granted {
            self.counts.refused.inc();
        }
        granted.then_some(()).ok_or(NoRoom)
    }

    fn give_back(&self, share: Share, bytes: i64) {
        self.shares[share.0].fetch_sub(bytes, Ordering::Relaxed);
        self.counts.kept.inner().fetch_sub(bytes, Ordering::Relaxed);
    }
}

/// The index of a client's counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Share(usize);

impl Share {
    /// Less than [`SHARES`].
    pub fn number(self) -> usize {
        self.0
    }
}

/// The client that a reservation is charged to.
#[derive(Clone)]
pub struct Account {
    /// `None` if its bytes are not counted.
    memory: Option<Arc<BodyMemory>>,
    share: Share,
}

impl Account {
    /// For bytes that are already counted, or that do not belong to a caller.
    pub const UNCOUNTED: Account = Account {
        memory: None,
        share: Share(0),
    };

    /// The counter of the client.
    pub fn share(&self) -> Share {
        self.share
    }

    /// Reserves memory.
    ///
    /// # Errors
    /// None is left.
    pub fn reserve(&self, bytes: usize) -> Result<Reservation, NoRoom> {
        let mut reservation = Reservation {
            account: self.clone(),
            bytes: 0,
        };
        reservation.grow(bytes)?;
        Ok(reservation)
    }
}

/// Reserved memory, released when dropped.
pub struct Reservation {
    account: Account,
    bytes: i64,
}

impl Reservation {
    /// Reserves more memory.
    ///
    /// # Errors
    /// None is left; the existing reservation is unchanged.
    pub fn grow(&mut self, more: usize) -> Result<(), NoRoom> {
        let more = i64::try_from(more).map_err(|_| NoRoom)?;
        if let Some(memory) = &self.account.memory {
            memory.take(self.account.share, more)?;
        }
        self.bytes += more;
        Ok(())
    }

    /// Turns bytes into `Bytes` that keep the reservation until the last copy is dropped.
    pub fn hold(self, bytes: impl AsRef<[u8]> + Send + 'static) -> Bytes {
        Bytes::from_owner(Held { bytes, _room: self })
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        if let Some(memory) = &self.account.memory {
            memory.give_back(self.account.share, self.bytes);
        }
    }
}

struct Held<T> {
    bytes: T,
    _room: Reservation,
}

impl<T: AsRef<[u8]>> AsRef<[u8]> for Held<T> {
    fn as_ref(&self) -> &[u8] {
        self.bytes.as_ref()
    }
}
