//! Who sends for all.

use std::{
    hash::Hash,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;

use super::{AHEAD, Flight, Flights, Follower};
use crate::cache::NoCacheReason;

/// Who sends for all. Dropped before the end, it leaves the others to themselves.
pub struct Leader<K: Hash + Eq + Clone, B: Clone> {
    flights: Arc<Flights<K, B>>,
    /// Under which others join; `None`: nobody can.
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

    /// Tells what comes before the body.
    pub fn begin(&self, beginning: B) {
        self.flight
            .tell(|state, _| state.beginning = Some(beginning));
    }

    /// The body's next bytes have come.
    pub fn push(&mut self, chunk: Bytes) {
        let mut refused = false;
        self.flight.tell(|state, room| {
            state.push(chunk, room);
            refused = state.refused.is_some();
        });
        if refused {
            self.close();
        }
    }

    /// Not to be kept; who is there reads on, and nobody can join any more.
    pub fn refuse(&mut self, reason: NoCacheReason) {
        self.flight.state().refuse(reason);
        self.close();
    }

    /// Why it is not to be kept.
    pub fn refused(&self) -> Option<NoCacheReason> {
        self.flight.state().refused
    }

    /// All pieces of the body, once it has come.
    ///
    /// # Errors
    /// Why it is not to be kept; then not all of it is there.
    pub fn pieces(&self) -> Result<Vec<Bytes>, NoCacheReason> {
        let state = self.flight.state();
        match state.refused {
            Some(reason) => Err(reason),
            None => Ok(state.chunks.iter().map(|(it, _)| it.clone()).collect()),
        }
    }

    /// All of it has come, and it takes a while to tell whether it may be kept: whoever joins
    /// meanwhile waits for that.
    pub fn begin_judging(&self) {
        self.flight.state().judged = false;
    }

    /// Nothing more comes: that was all, or why not.
    pub fn end(&self, end: Result<(), String>) {
        let end = end.map_err(Into::into);
        self.flight.tell(|state, _| {
            state.judged = true;
            state.end = Some(end);
        });
    }

    /// Reads what the others read, from its beginning.
    pub fn reader(&self) -> Follower<B> {
        Follower::first(&self.flight)
    }

    /// Takes nobody in any more if nobody is there; whether that is so.
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

    /// Ready when nobody reads any more; nobody joins then either.
    pub fn poll_alone(&mut self, cx: &Context<'_>) -> Poll<()> {
        while self.flight.poll_unread(cx).is_ready() {
            if self.close_if_alone() {
                return Poll::Ready(());
            }
            // Somebody has joined in between: that one's leaving is to be heard of.
        }
        Poll::Pending
    }

    /// Ready when the next bytes may come.
    pub fn poll_room(&self, cx: &Context<'_>) -> Poll<()> {
        let mut state = self.flight.state();
        if state.refused.is_none() || state.bytes - state.fastest() < AHEAD {
            return Poll::Ready(());
        }
        state.lead = Some(cx.waker().clone());
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
        self.flight.tell(|state, room| {
            state.abandoned = true;
            state.let_go(room);
        });
    }
}
