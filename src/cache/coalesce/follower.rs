//! The follower: reads the response that the leader receives, at its own pace.

use std::{
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;

use super::{
    Flight,
    state::{FollowerState, State},
};
use crate::cache::NoCacheReason;

/// The leader was dropped before the response began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Abandoned;

/// Why a body ends early.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    #[error("{0}")]
    Upstream(Arc<str>),
    #[error("the gateway stopped reading the response that several clients share")]
    Abandoned,
    #[error("the client read too slowly for a response that several clients share")]
    LeftBehind,
}

/// Reads the response of a flight, from its beginning.
pub struct Follower<B> {
    flight: Arc<Flight<B>>,
    id: usize,
}

impl<B: Clone> Follower<B> {
    /// For the leader itself: nothing has been released yet.
    pub(super) fn first(flight: &Arc<Flight<B>>) -> Self {
        let id = flight.state().followers.insert(FollowerState::default());
        Follower {
            flight: flight.clone(),
            id,
        }
    }

    /// Joins a flight if it can still be read from the beginning.
    pub(super) fn join(flight: &Arc<Flight<B>>) -> Option<Self> {
        let mut state = flight.state();
        let open = !state.is_closed() && state.released == 0;
        let follower = FollowerState {
            late: !state.judged,
            ..FollowerState::default()
        };
        let id = open.then(|| state.followers.insert(follower))?;
        drop(state);
        let flight = flight.clone();
        Some(Follower { flight, id })
    }

    /// Reads on from here for as long as others do. `None`: nobody else does.
    pub fn listen(&self) -> Option<Self> {
        let mut state = self.flight.state();
        let FollowerState { next, bytes, .. } = state.followers[self.id];
        let has_others = state.readers().count() > 1;
        let listener = FollowerState {
            next,
            bytes,
            listens: true,
            ..FollowerState::default()
        };
        let id = has_others.then(|| state.followers.insert(listener))?;
        drop(state);
        let flight = self.flight.clone();
        Some(Follower { flight, id })
    }

    /// The head of the response.
    pub fn poll_beginning(&self, cx: &Context<'_>) -> Poll<Result<B, Abandoned>> {
        let mut state = self.flight.state();
        let late = state.followers[self.id].late;
        if late && (state.abandoned || (state.judged && state.refused.is_some())) {
            return Poll::Ready(Err(Abandoned));
        }
        if let Some(beginning) = &state.beginning
            && (state.judged || !late)
        {
            return Poll::Ready(Ok(beginning.clone()));
        }
        if state.abandoned {
            return Poll::Ready(Err(Abandoned));
        }
        state.followers[self.id].waker = Some(cx.waker().clone());
        Poll::Pending
    }

    /// The next chunk, the end of the body, or why there is none.
    pub fn poll_chunk(&self, cx: &Context<'_>) -> Poll<Option<Result<Bytes, Broken>>> {
        let mut state = self.flight.state();
        let State {
            followers,
            chunks,
            released,
            ..
        } = &mut *state;
        let follower = &mut followers[self.id];
        // A chunk that was released before it was read cannot be delivered any more.
        let ahead = follower
            .next
            .checked_sub(*released)
            .filter(|_| !follower.left_behind);
        let Some(ahead) = ahead.and_then(|ahead| usize::try_from(ahead).ok()) else {
            return Poll::Ready(Some(Err(Broken::LeftBehind)));
        };
        if let Some((chunk, _)) = chunks.get(ahead).cloned() {
            follower.next += 1;
            follower.bytes += chunk.len() as u64;
            if state.is_closed() {
                self.flight.wake_leader(state);
            }
            return Poll::Ready(Some(Ok(chunk)));
        }
        match &state.end {
            Some(Ok(())) => Poll::Ready(None),
            Some(Err(reason)) => Poll::Ready(Some(Err(Broken::Upstream(reason.clone())))),
            None if state.abandoned => Poll::Ready(Some(Err(Broken::Abandoned))),
            None => {
                state.followers[self.id].waker = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }

    /// Why the response will not be stored, as far as that is known.
    pub fn refused(&self) -> Option<NoCacheReason> {
        self.flight.state().refused
    }
}

impl<B> Drop for Follower<B> {
    fn drop(&mut self) {
        let mut state = self.flight.state();
        state.followers.remove(self.id);
        self.flight.wake_leader(state);
    }
}
