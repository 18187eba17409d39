//! Identical requests that are under way at the same time: one is sent, the others read along what comes of it. Shared by all
//! workers. Bytes and their order only: what makes requests identical, and what an answer is, are the caller's to say.
//!
//! While everything that has come may still be kept, it is there for whoever joins. Beyond that, the flight takes nobody in, lets go
//! of what all have read, goes on no faster than its fastest reader, and leaves behind who is too slow for it.

use std::{
    collections::{HashMap, VecDeque},
    hash::{BuildHasher as _, Hash},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll, Waker},
};

use bytes::Bytes;
use foldhash::fast::RandomState;
use slab::Slab;

use super::{NoCacheReason, cacheable::LARGEST_ANSWER};

const SHARDS: usize = 16;
/// Bytes that may wait for the fastest reader, once not everything is kept any more.
pub const AHEAD: u64 = 256 * 1024;
/// Bytes that a reader may be behind, then. Less than is kept anyway would save nothing.
pub const MOST_BEHIND: u64 = LARGEST_ANSWER;

type Shard<K, B> = HashMap<K, Arc<Flight<B>>, RandomState>;

/// Those under way. `B`: what readers learn before the body.
pub struct Flights<K, B> {
    shards: [Mutex<Shard<K, B>>; SHARDS],
    hasher: RandomState,
    /// How many have come to their end.
    ended: AtomicU64,
    room: Arc<Room>,
}

/// What came of entering.
pub enum Entered<K: Hash + Eq + Clone, B: Clone> {
    /// Nobody else is asking: the caller sends.
    Lead(Lead<K, B>),
    Join(Reader<B>),
}

impl<K: Hash + Eq + Clone, B: Clone> Flights<K, B> {
    /// All together hold at most `most_bytes` for those who come late or read slowly.
    pub fn new(most_bytes: u64) -> Self {
        Flights {
            shards: Default::default(),
            hasher: RandomState::default(),
            ended: AtomicU64::new(0),
            room: Arc::new(Room {
                used: AtomicU64::new(0),
                most: most_bytes,
            }),
        }
    }

    /// Joins who is asking the same, or else leads.
    pub fn enter(self: &Arc<Self>, key: &K) -> Entered<K, B> {
        let mut shard = self.shard(key);
        if let Some(flight) = shard.get(key) {
            return Entered::Join(Reader::new(flight.clone()));
        }
        let lead = self.lead(Some(key.clone()));
        shard.insert(key.clone(), lead.flight.clone());
        Entered::Lead(lead)
    }

    /// Leads where nobody may join.
    pub fn alone(self: &Arc<Self>) -> Lead<K, B> {
        self.lead(None)
    }

    /// Takes nobody into those of these keys any more. What comes of them is not to be kept.
    pub fn close(&self, covers: impl Fn(&K) -> bool) {
        for shard in &self.shards {
            locked(shard).retain(|key, flight| {
                let covered = covers(key);
                if covered {
                    flight.state().refuse(NoCacheReason::Purged);
                }
                !covered
            });
        }
    }

    /// How many have come to their end so far: as long as that stays the same, nothing new is kept.
    pub fn ended(&self) -> u64 {
        self.ended.load(Ordering::Acquire)
    }

    /// How many are under way.
    pub fn count(&self) -> usize {
        self.shards.iter().map(|shard| locked(shard).len()).sum()
    }

    fn lead(self: &Arc<Self>, key: Option<K>) -> Lead<K, B> {
        let flight = Flight {
            state: Mutex::default(),
            room: self.room.clone(),
        };
        Lead {
            flights: self.clone(),
            key,
            flight: Arc::new(flight),
        }
    }

    fn shard(&self, key: &K) -> MutexGuard<'_, Shard<K, B>> {
        // Which of them does not matter: truncated.
        let hash = self.hasher.hash_one(key) as usize;
        locked(&self.shards[hash % SHARDS])
    }
}

/// A panic elsewhere leaves a state that is as good as before.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Bytes that all flights may hold.
struct Room {
    used: AtomicU64,
    most: u64,
}

impl Room {
    fn take(&self, bytes: u64) -> bool {
        let grown = |used: u64| Some(used + bytes).filter(|used| *used <= self.most);
        let taken = self
            .used
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, grown);
        taken.is_ok()
    }

    fn give_back(&self, bytes: u64) {
        self.used.fetch_sub(bytes, Ordering::Relaxed);
    }
}

/// One of those under way.
pub struct Flight<B> {
    state: Mutex<State<B>>,
    room: Arc<Room>,
}

struct State<B> {
    beginning: Option<B>,
    /// What has come and is not let go of.
    chunks: VecDeque<Bytes>,
    /// Chunks let go of before the first of these.
    gone: u64,
    /// Bytes that have come.
    bytes: u64,
    /// Bytes counted in the room.
    counted: u64,
    /// Some bytes found no room.
    crowded: bool,
    end: Option<Result<(), Arc<str>>>,
    /// The one who leads is gone, with no end.
    abandoned: bool,
    /// Why nobody can join, and nothing is to be kept.
    refused: Option<NoCacheReason>,
    readers: Slab<Seat>,
    lead: Option<Waker>,
}

impl<B> Default for State<B> {
    fn default() -> Self {
        State {
            beginning: None,
            chunks: VecDeque::new(),
            gone: 0,
            bytes: 0,
            counted: 0,
            crowded: false,
            end: None,
            abandoned: false,
            refused: None,
            readers: Slab::new(),
            lead: None,
        }
    }
}

/// How far a reader is.
#[derive(Default)]
struct Seat {
    /// The chunk to be read next, counted from the first.
    next: u64,
    /// Bytes read.
    bytes: u64,
    left_behind: bool,
    waker: Option<Waker>,
}

impl<B> Flight<B> {
    fn state(&self) -> MutexGuard<'_, State<B>> {
        locked(&self.state)
    }

    /// Changes something that readers wait for.
    fn tell(&self, change: impl FnOnce(&mut State<B>)) {
        let mut state = self.state();
        change(&mut state);
        let waiting = state.readers.iter_mut();
        let waiting: Vec<Waker> = waiting.filter_map(|(_, seat)| seat.waker.take()).collect();
        drop(state);
        waiting.into_iter().for_each(Waker::wake);
    }
}

impl<B> Drop for Flight<B> {
    fn drop(&mut self) {
        self.room.give_back(self.state().counted);
    }
}

impl<B> State<B> {
    fn refuse(&mut self, reason: NoCacheReason) {
        self.refused.get_or_insert(reason);
    }

    fn push(&mut self, chunk: Bytes, room: &Room) {
        let length = chunk.len() as u64;
        self.bytes += length;
        self.chunks.push_back(chunk);
        match room.take(length) {
            true => self.counted += length,
            false => {
                self.crowded = true;
                self.refuse(NoCacheReason::NoRoom);
            }
        }
        if self.bytes > LARGEST_ANSWER {
            self.refuse(NoCacheReason::TooLarge);
        }
        if self.refused.is_some() {
            self.leave_behind();
            self.let_go(room);
        }
    }

    /// Those who are too slow have seen the last of it.
    fn leave_behind(&mut self) {
        let most = if self.crowded { AHEAD } else { MOST_BEHIND };
        // A single chunk may be larger.
        let slow = |seat: &Seat| self.bytes - seat.bytes > most && seat.bytes < self.fastest();
        let slow: Vec<usize> = self
            .readers
            .iter()
            .filter(|(_, seat)| slow(seat))
            .map(|(place, _)| place)
            .collect();
        for place in slow {
            self.readers[place].left_behind = true;
        }
    }

    fn fastest(&self) -> u64 {
        let read = self.readers.iter().map(|(_, seat)| seat.bytes);
        read.max().unwrap_or(0)
    }

    /// Drops what all have read, if nobody can join any more.
    fn let_go(&mut self, room: &Room) {
        let reading = self.readers.iter().filter(|(_, seat)| !seat.left_behind);
        let slowest = reading.map(|(_, seat)| seat.next).min();
        let slowest = slowest.unwrap_or(self.gone);
        while self.gone < slowest
            && let Some(chunk) = self.chunks.pop_front()
        {
            self.gone += 1;
            let counted = self.counted.min(chunk.len() as u64);
            self.counted -= counted;
            room.give_back(counted);
        }
    }
}

/// Who sends for all. Dropped before the end, it leaves the others to themselves.
pub struct Lead<K: Hash + Eq + Clone, B: Clone> {
    flights: Arc<Flights<K, B>>,
    /// Under which others join.
    key: Option<K>,
    flight: Arc<Flight<B>>,
}

impl<K: Hash + Eq + Clone, B: Clone> Lead<K, B> {
    pub fn flight(&self) -> &Arc<Flight<B>> {
        &self.flight
    }

    /// Tells what comes before the body.
    pub fn begin(&self, beginning: B) {
        self.flight.tell(|state| state.beginning = Some(beginning));
    }

    /// The body's next bytes have come.
    pub fn push(&self, chunk: Bytes) {
        let room = &self.flight.room;
        self.flight.tell(|state| state.push(chunk, room));
        if self.refused().is_some() {
            self.close();
        }
    }

    /// Not to be kept; who is there reads on, and nobody can join any more.
    pub fn refuse(&self, reason: NoCacheReason) {
        self.close();
        self.flight.state().refuse(reason);
    }

    /// Why it is not to be kept.
    pub fn refused(&self) -> Option<NoCacheReason> {
        self.flight.state().refused
    }

    /// Acts, unless it is not to be kept; who refuses waits meanwhile.
    ///
    /// # Errors
    /// Why it is not to be kept.
    pub fn keep<T>(&self, act: impl FnOnce() -> T) -> Result<T, NoCacheReason> {
        let state = self.flight.state();
        match state.refused {
            None => Ok(act()),
            Some(reason) => Err(reason),
        }
    }

    /// Everything that has come; in pieces of it only where it is not to be kept.
    pub fn whole(&self) -> Bytes {
        let state = self.flight.state();
        let chunks: Vec<&[u8]> = state.chunks.iter().map(|chunk| &**chunk).collect();
        chunks.concat().into()
    }

    /// Nothing more comes: that was all, or why not.
    pub fn end(&self, end: Result<(), String>) {
        let end = end.map_err(Into::into);
        self.flight.tell(|state| state.end = Some(end));
    }

    /// Reads what the others read, from its beginning.
    pub fn reader(&self) -> Reader<B> {
        Reader::new(self.flight.clone())
    }

    /// Takes nobody in any more if nobody is there; whether that is so.
    pub fn close_if_alone(&mut self) -> bool {
        let Some(key) = &self.key else {
            return self.flight.state().readers.is_empty();
        };
        let mut shard = self.flights.shard(key);
        let alone = self.flight.state().readers.is_empty();
        if alone {
            remove(&mut shard, key, &self.flight);
            drop(shard);
            self.key = None;
        }
        alone
    }

    /// Ready when nobody reads any more; nobody joins then either.
    pub fn poll_alone(&mut self, cx: &Context<'_>) -> Poll<()> {
        let alone = self.flight.poll_unread(cx).is_ready() && self.close_if_alone();
        if alone {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
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

    fn close(&self) {
        if let Some(key) = &self.key {
            remove(&mut self.flights.shard(key), key, &self.flight);
        }
    }
}

impl<B> Flight<B> {
    /// Somebody reads, or waits to.
    pub fn is_read(&self) -> bool {
        !self.state().readers.is_empty()
    }

    /// Ready while nobody reads. One task can wait for it.
    pub fn poll_unread(&self, cx: &Context<'_>) -> Poll<()> {
        let mut state = self.state();
        if state.readers.is_empty() {
            return Poll::Ready(());
        }
        state.lead = Some(cx.waker().clone());
        Poll::Pending
    }
}

/// Another may have taken the place since.
fn remove<K: Hash + Eq, B>(shard: &mut Shard<K, B>, key: &K, flight: &Arc<Flight<B>>) {
    if shard.get(key).is_some_and(|it| Arc::ptr_eq(it, flight)) {
        shard.remove(key);
    }
}

impl<K: Hash + Eq + Clone, B: Clone> Drop for Lead<K, B> {
    fn drop(&mut self) {
        // First: whoever finds the place empty sees that there was an end.
        self.flights.ended.fetch_add(1, Ordering::Release);
        self.close();
        self.flight.tell(|state| state.abandoned = true);
    }
}

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
pub struct Reader<B> {
    flight: Arc<Flight<B>>,
    place: usize,
}

impl<B: Clone> Reader<B> {
    fn new(flight: Arc<Flight<B>>) -> Self {
        let place = flight.state().readers.insert(Seat::default());
        Reader { flight, place }
    }

    /// What comes before the body.
    pub fn poll_beginning(&self, cx: &Context<'_>) -> Poll<Result<B, Abandoned>> {
        let mut state = self.flight.state();
        if let Some(beginning) = &state.beginning {
            return Poll::Ready(Ok(beginning.clone()));
        }
        if state.abandoned {
            return Poll::Ready(Err(Abandoned));
        }
        state.readers[self.place].waker = Some(cx.waker().clone());
        Poll::Pending
    }

    /// The next bytes, the end, or why there is none.
    pub fn poll_chunk(&self, cx: &Context<'_>) -> Poll<Option<Result<Bytes, Broken>>> {
        let mut guard = self.flight.state();
        let state = &mut *guard;
        let seat = &mut state.readers[self.place];
        if seat.left_behind {
            return Poll::Ready(Some(Err(Broken::LeftBehind)));
        }
        // Nothing is let go of before all have read it.
        let ahead = usize::try_from(seat.next - state.gone).unwrap_or(usize::MAX);
        if let Some(chunk) = state.chunks.get(ahead).cloned() {
            seat.next += 1;
            seat.bytes += chunk.len() as u64;
            if state.refused.is_some() {
                state.let_go(&self.flight.room);
                let lead = state.lead.take();
                drop(guard);
                lead.into_iter().for_each(Waker::wake);
            }
            return Poll::Ready(Some(Ok(chunk)));
        }
        match &state.end {
            Some(Ok(())) => Poll::Ready(None),
            Some(Err(reason)) => Poll::Ready(Some(Err(Broken::Upstream(reason.clone())))),
            None if state.abandoned => Poll::Ready(Some(Err(Broken::Abandoned))),
            None => {
                seat.waker = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }

    /// Why the answer is not kept, as far as that is known.
    pub fn refused(&self) -> Option<NoCacheReason> {
        self.flight.state().refused
    }
}

impl<B> Drop for Reader<B> {
    fn drop(&mut self) {
        let mut state = self.flight.state();
        state.readers.remove(self.place);
        if state.refused.is_some() {
            state.let_go(&self.flight.room);
        }
        let lead = state.lead.take();
        drop(state);
        lead.into_iter().for_each(Waker::wake);
    }
}

#[cfg(test)]
mod tests;
