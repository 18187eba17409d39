//! The state of one flight: its chunks, its followers, and how far each has read.

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
use crate::cache::{NoCacheReason, cacheable::LARGEST_RESPONSE};

/// Once not everything is buffered any more: bytes that the leader may be ahead of the fastest
/// follower.
pub const AHEAD: u64 = 256 * 1024;
/// Bytes that may be buffered beyond the memory limit, so that followers that keep up are not cut
/// off.
pub const MOST_WITHOUT_ROOM: u64 = 1024 * 1024;
/// Bytes that a follower may be behind once not everything is buffered any more: a whole storable
/// response, and some for a follower that joined just before.
pub const MOST_BEHIND: u64 = LARGEST_RESPONSE + 4 * 1024 * 1024;
/// Estimated memory for a chunk besides its bytes.
const CHUNK_OVERHEAD: u64 = 64;

/// The memory limit of all flights together.
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

/// One response in flight, shared by its leader and followers.
pub struct Flight<B> {
    state: Mutex<State<B>>,
    room: Arc<Room>,
}

pub struct State<B> {
    pub beginning: Option<B>,
    /// The buffered chunks, and for each whether its memory is reserved in [`Room`].
    pub chunks: VecDeque<(Bytes, bool)>,
    /// How many chunks were released before the first of these.
    pub released: u64,
    /// Bytes received.
    pub bytes: u64,
    /// Buffered bytes without reserved memory.
    unreserved: u64,
    pub end: Option<Result<(), Arc<str>>>,
    /// False while it is being checked whether the complete response may be stored.
    pub judged: bool,
    /// The leader was dropped.
    pub abandoned: bool,
    /// Why nobody can join and the response is not stored.
    pub refused: Option<NoCacheReason>,
    pub followers: Slab<FollowerState>,
    pub leader_waker: Option<Waker>,
}

/// How far a follower has read.
#[derive(Default)]
pub struct FollowerState {
    /// The index of the next chunk, counted from the beginning.
    pub next: u64,
    /// Bytes read.
    pub bytes: u64,
    /// It joined while the response was being checked, and gets it only if it may be stored.
    pub late: bool,
    /// It read too slowly and was cut off.
    pub left_behind: bool,
    /// It reads as long as others do, and for its own sake nothing is read.
    pub listens: bool,
    pub waker: Option<Waker>,
}

impl<B> Flight<B> {
    pub(super) fn new(room: Arc<Room>) -> Self {
        let state = State {
            beginning: None,
            chunks: VecDeque::new(),
            released: 0,
            bytes: 0,
            unreserved: 0,
            end: None,
            judged: true,
            abandoned: false,
            refused: None,
            followers: Slab::new(),
            leader_waker: None,
        };
        Flight {
            state: Mutex::new(state),
            room,
        }
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State<B>> {
        locked(&self.state)
    }

    /// Changes the state and wakes all followers.
    pub(super) fn update(&self, change: impl FnOnce(&mut State<B>, &Room)) {
        let mut state = self.state();
        change(&mut state, &self.room);
        let waiting = state.followers.iter_mut();
        let waiting: Vec<Waker> = waiting
            .filter_map(|(_, follower)| follower.waker.take())
            .collect();
        drop(state);
        waiting.into_iter().for_each(Waker::wake);
    }

    /// Releases chunks and wakes the leader after a follower has read or left.
    pub(super) fn wake_leader(&self, mut state: MutexGuard<'_, State<B>>) {
        state.release_read(&self.room);
        let lead = state.leader_waker.take();
        drop(state);
        lead.into_iter().for_each(Waker::wake);
    }

    /// There are followers that have not been cut off.
    pub fn is_read(&self) -> bool {
        self.state().readers().next().is_some()
    }

    /// Ready when there are no followers. Only one task can wait for this.
    pub fn poll_unread(&self, cx: &Context<'_>) -> Poll<()> {
        let mut state = self.state();
        if state.readers().next().is_none() {
            return Poll::Ready(());
        }
        state.leader_waker = Some(cx.waker().clone());
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
    /// Followers that have not been cut off, without those that listen only.
    pub fn readers(&self) -> impl Iterator<Item = &FollowerState> {
        self.present().filter(|follower| !follower.listens)
    }

    /// Followers that have not been cut off.
    fn present(&self) -> impl Iterator<Item = &FollowerState> {
        let followers = self.followers.iter().map(|(_, follower)| follower);
        followers.filter(|follower| !follower.left_behind)
    }

    pub fn fastest(&self) -> u64 {
        self.readers()
            .map(|follower| follower.bytes)
            .max()
            .unwrap_or(0)
    }

    pub fn refuse(&mut self, reason: NoCacheReason) {
        self.refused.get_or_insert(reason);
    }

    pub fn push(&mut self, chunk: Bytes, room: &Room) {
        let length = chunk.len() as u64;
        self.bytes += length;
        let has_room = room.take(length + CHUNK_OVERHEAD);
        if !has_room {
            self.unreserved += length;
            self.refuse(NoCacheReason::NoRoom);
        }
        self.chunks.push_back((chunk, has_room));
        if self.bytes > LARGEST_RESPONSE {
            self.refuse(NoCacheReason::TooLarge);
        }
        self.release_read(room);
        if self.refused.is_some() {
            self.leave_behind(room);
        }
    }

    /// Cuts off the slowest followers while too much is buffered for them; never the fastest.
    fn leave_behind(&mut self, room: &Room) {
        let fastest = self.fastest();
        loop {
            let slowest = self.readers().map(|follower| follower.bytes).min();
            let Some(slowest) = slowest.filter(|slowest| *slowest < fastest) else {
                return;
            };
            // Bytes that the fastest follower has not read either are not the slow ones' fault.
            let unreserved = self.unreserved.saturating_sub(self.bytes - fastest);
            if self.bytes - slowest <= MOST_BEHIND && unreserved <= MOST_WITHOUT_ROOM {
                return;
            }
            for (_, follower) in &mut self.followers {
                follower.left_behind |= follower.bytes == slowest;
            }
            self.release_read(room);
        }
    }

    /// Nobody can join any more.
    pub fn is_closed(&self) -> bool {
        self.refused.is_some() || self.abandoned
    }

    /// Once nobody can join, releases the chunks that all followers have read.
    pub fn release_read(&mut self, room: &Room) {
        if self.is_closed() {
            let slowest = self.present().map(|follower| follower.next).min();
            while self.released < slowest.unwrap_or(u64::MAX) && self.pop(room) {}
        }
    }

    fn pop(&mut self, room: &Room) -> bool {
        let Some((chunk, has_room)) = self.chunks.pop_front() else {
            return false;
        };
        self.released += 1;
        let length = chunk.len() as u64;
        match has_room {
            true => room.give_back(length + CHUNK_OVERHEAD),
            false => self.unreserved -= length,
        }
        true
    }
}
