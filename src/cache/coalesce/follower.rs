//! Who reads along.

use std::{
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;

use super::{
    Flight,
    state::{Seat, State},
};
use crate::cache::NoCacheReason;

/// Who leads has gone before there was anything to tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Abandoned;

/// Why a body does not go on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    #[error("{0}")]
    Upstream(Arc<str>),
    #[error("the gateway stopped reading the answer that several clients share")]
    Abandoned,
    #[error("the client read too slowly for an answer that several clients share")]
    LeftBehind,
}

/// Who reads along.
pub struct Follower<B> {
    flight: Arc<Flight<B>>,
    place: usize,
}

impl<B: Clone> Follower<B> {
    /// For who leads: nothing has been let go of yet.
    pub(super) fn first(flight: &Arc<Flight<B>>) -> Self {
        let place = flight.state().seats.insert(Seat::default());
        Follower {
            flight: flight.clone(),
            place,
        }
    }

    /// Takes a seat, where one can still read from the beginning.
    pub(super) fn join(flight: &Arc<Flight<B>>) -> Option<Self> {
        let mut state = flight.state();
        let open = !state.is_closed() && state.gone == 0;
        let seat = Seat {
            late: !state.judged,
            ..Seat::default()
        };
        let place = open.then(|| state.seats.insert(seat))?;
        drop(state);
        let flight = flight.clone();
        Some(Follower { flight, place })
    }

    /// What comes before the body.
    pub fn poll_beginning(&self, cx: &Context<'_>) -> Poll<Result<B, Abandoned>> {
        let mut state = self.flight.state();
        let late = state.seats[self.place].late;
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
        state.seats[self.place].waker = Some(cx.waker().clone());
        Poll::Pending
    }

    /// The next bytes, the end, or why there is none.
    pub fn poll_chunk(&self, cx: &Context<'_>) -> Poll<Option<Result<Bytes, Broken>>> {
        let mut state = self.flight.state();
        let State {
            seats,
            chunks,
            gone,
            ..
        } = &mut *state;
        let seat = &mut seats[self.place];
        // What was let go of before it was read is as good as left behind.
        let ahead = seat.next.checked_sub(*gone).filter(|_| !seat.left_behind);
        let Some(ahead) = ahead.and_then(|ahead| usize::try_from(ahead).ok()) else {
            return Poll::Ready(Some(Err(Broken::LeftBehind)));
        };
        if let Some((chunk, _)) = chunks.get(ahead).cloned() {
            seat.next += 1;
            seat.bytes += chunk.len() as u64;
            if state.is_closed() {
                self.flight.move_on(state);
            }
            return Poll::Ready(Some(Ok(chunk)));
        }
        match &state.end {
            Some(Ok(())) => Poll::Ready(None),
            Some(Err(reason)) => Poll::Ready(Some(Err(Broken::Upstream(reason.clone())))),
            None if state.abandoned => Poll::Ready(Some(Err(Broken::Abandoned))),
            None => {
                state.seats[self.place].waker = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }

    /// Why the answer is not kept, as far as that is known.
    pub fn refused(&self) -> Option<NoCacheReason> {
        self.flight.state().refused
    }
}

impl<B> Drop for Follower<B> {
    fn drop(&mut self) {
        let mut state = self.flight.state();
        state.seats.remove(self.place);
        self.flight.move_on(state);
    }
}
