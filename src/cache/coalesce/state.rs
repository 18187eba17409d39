//! One flight: what has come of it, who reads it, and how far each of them is.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll, Waker},
};

use bytes::Bytes;
use slab::Slab;

use super::locked;
use crate::cache::{NoCacheReason, cacheable::LARGEST_ANSWER};

/// Bytes that may wait for the fastest reader, once not everything is kept any more.
pub const AHEAD: u64 = 256 * 1024;
/// Bytes that may be held for the others where there is no room.
pub const MOST_WITHOUT_ROOM: u64 = 1024 * 1024;
/// Bytes that a reader may be behind, then: as many as are kept anyway, and some for who joined just before.
pub const MOST_BEHIND: u64 = LARGEST_ANSWER + 4 * 1024 * 1024;
/// Bytes that a chunk takes besides its own.
const CHUNK_OVERHEAD: u64 = 64;

/// Bytes that all flights may hold.
pub struct Room {
    used: AtomicU64,
    most: u64,
}

impl Room {
    pub fn new(most: u64) -> Self {
        Room {
            used: AtomicU64::new(0),
            most,
        }
    }

    fn take(&self, bytes: u64) -> bool {
        let grown = |used: u64| {
            let grown = used.checked_add(bytes);
            grown.filter(|used| *used <= self.most)
        };
        let taken = self
            .used
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, grown);
        taken.is_ok()
    }

    fn give_back(&self, bytes: u64) {
        self.used.fetch_sub(bytes, Ordering::Relaxed);
    }

    #[cfg(test)]
    pub fn used(&self) -> u64 {
        self.used.load(Ordering::Relaxed)
    }
}

/// One of those under way.
pub struct Flight<B> {
    state: Mutex<State<B>>,
    room: Arc<Room>,
}

pub struct State<B> {
    pub beginning: Option<B>,
    /// What has come and is not let go of, and whether there is room for it.
    pub chunks: VecDeque<(Bytes, bool)>,
    /// Chunks let go of before the first of these.
    pub gone: u64,
    /// Bytes that have come.
    pub bytes: u64,
    /// Bytes held that found no room.
    crowd: u64,
    pub end: Option<Result<(), Arc<str>>>,
    /// All of it has come; whether it may be kept is not known yet.
    pub judged: bool,
    /// The one who leads is gone.
    pub abandoned: bool,
    /// Why nobody can join, and nothing is to be kept.
    pub refused: Option<NoCacheReason>,
    pub seats: Slab<Seat>,
    pub lead: Option<Waker>,
}

/// How far a reader is.
#[derive(Default)]
pub struct Seat {
    /// The chunk to be read next, counted from the first.
    pub next: u64,
    /// Bytes read.
    pub bytes: u64,
    /// Taken while the answer was judged: what is not kept is none of its own.
    pub late: bool,
    /// It has seen the last of it.
    pub left_behind: bool,
    pub waker: Option<Waker>,
}

impl<B> Flight<B> {
    pub(super) fn new(room: Arc<Room>) -> Self {
        let state = State {
            beginning: None,
            chunks: VecDeque::new(),
            gone: 0,
            bytes: 0,
            crowd: 0,
            end: None,
            judged: true,
            abandoned: false,
            refused: None,
            seats: Slab::new(),
            lead: None,
        };
        Flight {
            state: Mutex::new(state),
            room,
        }
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State<B>> {
        locked(&self.state)
    }

    /// Changes something that readers wait for.
    pub(super) fn tell(&self, change: impl FnOnce(&mut State<B>, &Room)) {
        let mut state = self.state();
        change(&mut state, &self.room);
        let waiting = state.seats.iter_mut();
        let waiting: Vec<Waker> = waiting.filter_map(|(_, seat)| seat.waker.take()).collect();
        drop(state);
        waiting.into_iter().for_each(Waker::wake);
    }

    /// Somebody has got on or has gone: the one who leads may have waited for that.
    pub(super) fn move_on(&self, mut state: MutexGuard<'_, State<B>>) {
        state.let_go(&self.room);
        let lead = state.lead.take();
        drop(state);
        lead.into_iter().for_each(Waker::wake);
    }

    /// Somebody reads, or waits to.
    pub fn is_read(&self) -> bool {
        self.state().readers().next().is_some()
    }

    /// Ready while nobody reads. One task can wait for it.
    pub fn poll_unread(&self, cx: &Context<'_>) -> Poll<()> {
        let mut state = self.state();
        if state.readers().next().is_none() {
            return Poll::Ready(());
        }
        state.lead = Some(cx.waker().clone());
        Poll::Pending
    }
}

impl<B> Drop for Flight<B> {
    fn drop(&mut self) {
        let mut state = locked(&self.state);
        while state.pop(&self.room) {}
    }
}

impl<B> State<B> {
    /// Those who can still get all of it.
    pub fn readers(&self) -> impl Iterator<Item = &Seat> {
        let seats = self.seats.iter().map(|(_, seat)| seat);
        seats.filter(|seat| !seat.left_behind)
    }

    pub fn fastest(&self) -> u64 {
        self.readers().map(|seat| seat.bytes).max().unwrap_or(0)
    }

    pub fn refuse(&mut self, reason: NoCacheReason) {
        self.refused.get_or_insert(reason);
    }

    pub fn push(&mut self, chunk: Bytes, room: &Room) {
        let length = chunk.len() as u64;
        self.bytes += length;
        let has_room = room.take(length + CHUNK_OVERHEAD);
        if !has_room {
            self.crowd += length;
            self.refuse(NoCacheReason::NoRoom);
        }
        self.chunks.push_back((chunk, has_room));
        if self.bytes > LARGEST_ANSWER {
            self.refuse(NoCacheReason::TooLarge);
        }
        self.let_go(room);
        if self.refused.is_some() {
            self.leave_behind(room);
        }
    }

    /// The slowest have seen the last of it, as long as too much is held for them; never the fastest.
    fn leave_behind(&mut self, room: &Room) {
        let fastest = self.fastest();
        loop {
            let slowest = self.readers().map(|seat| seat.bytes).min();
            let Some(slowest) = slowest.filter(|slowest| *slowest < fastest) else {
                return;
            };
            // What the fastest has not read either is held for all.
            let crowd = self.crowd.saturating_sub(self.bytes - fastest);
            if self.bytes - slowest <= MOST_BEHIND && crowd <= MOST_WITHOUT_ROOM {
                return;
            }
            for (_, seat) in &mut self.seats {
                seat.left_behind |= seat.bytes == slowest;
            }
            self.let_go(room);
        }
    }

    /// Nobody can join any more.
    pub fn is_closed(&self) -> bool {
        self.refused.is_some() || self.abandoned
    }

    /// Drops what all have read, where nobody can join any more.
    pub fn let_go(&mut self, room: &Room) {
        if self.is_closed() {
            let slowest = self.readers().map(|seat| seat.next).min();
            while self.gone < slowest.unwrap_or(u64::MAX) && self.pop(room) {}
        }
    }

    fn pop(&mut self, room: &Room) -> bool {
        let Some((chunk, has_room)) = self.chunks.pop_front() else {
            return false;
        };
        self.gone += 1;
        let length = chunk.len() as u64;
        match has_room {
            true => room.give_back(length + CHUNK_OVERHEAD),
            false => self.crowd -= length,
        }
        true
    }
}
