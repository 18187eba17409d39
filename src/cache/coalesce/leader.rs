//! The leader: makes the upstream call for all coalesced requests.

use std::{
    hash::Hash,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;

use super::{AHEAD, Flight, Flights, Follower};
use crate::cache::NoCacheReason;

/// The request that makes the upstream call. Dropped before the end, it ends the flight with an
/// error for all followers.
pub struct Leader<K: Hash + Eq + Clone, B: Clone> {
    flights: Arc<Flights<K, B>>,
    /// The key under which others join; `None` if nobody can.
    key: Option<K>,
    flight: Arc<Flight<B>>,
}

impl<K: Hash + Eq + Clone, B: Clone> Leader<K, B> {
    pub(super) fn new(flights: Arc<Flights<K, B>>, key: Option<K>, flight: Arc<Flight<B>>) -> Self {
        Leader {
            flights,
            key,
            flight,
        }
    }

    pub fn flight(&self) -> &Arc<Flight<B>> {
        &self.flight
    }

    /// Publishes the head of the response.
    pub fn begin(&self, beginning: B) {
        self.flight
            .update(|state, _| state.beginning = Some(beginning));
    }

    /// Publishes the next chunk of the body.
    pub fn push(&mut self, chunk: Bytes) {
        let mut refused = false;
        self.flight.update(|state, room| {
            state.push(chunk, room);
            refused = state.refused.is_some();
        });
        if refused {
            self.close();
        }
    }

    /// Marks the response as not to be stored. Present followers read on, and nobody else can join.
    pub fn refuse(&mut self, reason: NoCacheReason) {
        self.flight.state().refuse(reason);
        self.close();
    }

    /// Why the response will not be stored.
    pub fn refused(&self) -> Option<NoCacheReason> {
        self.flight.state().refused
    }

    /// All chunks of the complete body.
    ///
    /// # Errors
    /// Why the response will not be stored; some chunks may be missing then.
    pub fn pieces(&self) -> Result<Vec<Bytes>, NoCacheReason> {
        let state = self.flight.state();
        match state.refused {
            Some(reason) => Err(reason),
            None => Ok(state.chunks.iter().map(|(it, _)| it.clone()).collect()),
        }
    }

    /// The body is complete, and checking whether it may be stored takes time. Followers that join
    /// from here on wait for the result.
    pub fn begin_judging(&self) {
        self.flight.state().judged = false;
    }

    /// Ends the body, cleanly or with an error.
    pub fn end(&self, end: Result<(), String>) {
        let end = end.map_err(Into::into);
        self.flight.update(|state, _| {
            state.judged = true;
            state.end = Some(end);
        });
    }

    /// A follower for the leader's own client, from the beginning.
    pub fn reader(&self) -> Follower<B> {
        Follower::first(&self.flight)
    }

    /// Closes the flight if it has no followers; returns whether it did.
    pub fn close_if_alone(&mut self) -> bool {
        let Some(key) = &self.key else {
            return !self.flight.is_read();
        };
        let mut shard = self.flights.shard(key);
        let alone = !self.flight.is_read();
        if alone {
            self.flights.remove(&mut shard, key, &self.flight);
            drop(shard);
            self.key = None;
        }
        alone
    }

    /// Ready when there are no followers left; the flight is closed then.
    pub fn poll_alone(&mut self, cx: &Context<'_>) -> Poll<()> {
        while self.flight.poll_unread(cx).is_ready() {
            if self.close_if_alone() {
                return Poll::Ready(());
            }
            // A follower joined in between: wait until it leaves.
        }
        Poll::Pending
    }

    /// Ready when the next chunk may be read from the upstream.
    pub fn poll_room(&self, cx: &Context<'_>) -> Poll<()> {
        let mut state = self.flight.state();
        if state.refused.is_none() || state.bytes - state.fastest() < AHEAD {
            return Poll::Ready(());
        }
        state.leader_waker = Some(cx.waker().clone());
        Poll::Pending
    }

    fn close(&mut self) {
        if let Some(key) = self.key.take() {
            let mut shard = self.flights.shard(&key);
            self.flights.remove(&mut shard, &key, &self.flight);
        }
    }
}

impl<K: Hash + Eq + Clone, B: Clone> Drop for Leader<K, B> {
    fn drop(&mut self) {
        self.close();
        self.flight.update(|state, room| {
            state.abandoned = true;
            state.release_read(room);
        });
    }
}
