//! The kept bytes of a request body: copies in segments of our own, each counted in the process's
//! memory for bodies. The pieces as they come are not kept, since a piece of one byte may hold a
//! read buffer of many kilobytes.

use bytes::Bytes;

use crate::memory::{Account, NoRoom, Reservation};

/// Bytes of the largest segment.
const SEGMENT: usize = 64 * 1024;
/// Capacity of the smallest segment.
const SMALLEST: usize = 1024;

/// Bytes of a body, from its first one on.
pub struct Kept {
    segments: Vec<Bytes>,
    /// The segment that is being filled.
    open: Option<Open>,
    bytes: usize,
    account: Account,
}

struct Open {
    data: Vec<u8>,
    /// For the capacity of `data`.
    room: Reservation,
}

impl Open {
    fn new(account: &Account, capacity: usize) -> Result<Self, NoRoom> {
        let room = account.reserve(capacity)?;
        Ok(Open {
            data: Vec::with_capacity(capacity),
            room,
        })
    }

    fn free(&self) -> usize {
        self.data.capacity() - self.data.len()
    }

    fn grow(&mut self) -> Result<(), NoRoom> {
        let more = self
            .data
            .capacity()
            .min(SEGMENT.saturating_sub(self.data.capacity()));
        self.room.grow(more)?;
        self.data.reserve_exact(self.free() + more);
        Ok(())
    }

    fn seal(self) -> Bytes {
        self.room.hold(self.data)
    }
}

impl Kept {
    pub fn new(account: Account) -> Self {
        Kept {
            segments: Vec::new(),
            open: None,
            bytes: 0,
            account,
        }
    }

    /// Segments whose bytes are counted elsewhere, if they are.
    pub fn of(segments: Vec<Bytes>, account: Account) -> Self {
        Kept {
            bytes: segments.iter().map(Bytes::len).sum(),
            segments,
            open: None,
            account,
        }
    }

    /// Drops everything.
    pub fn clear(&mut self) {
        self.segments = Vec::new();
        self.open = None;
        self.bytes = 0;
    }

    /// The number of bytes that are kept.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    pub fn account(&self) -> &Account {
        &self.account
    }

    /// Keeps a copy of the next piece.
    ///
    /// # Errors
    /// There is no room; a part of the piece may be kept.
    pub fn push(&mut self, mut piece: &[u8]) -> Result<(), NoRoom> {
        while !piece.is_empty() {
            let open = match &mut self.open {
                Some(open) => open,
                None => {
                    let capacity = piece.len().clamp(SMALLEST, SEGMENT);
                    self.open.insert(Open::new(&self.account, capacity)?)
                }
            };
            if open.free() == 0 && open.data.capacity() < SEGMENT {
                open.grow()?;
            }
            let (now, rest) = piece.split_at(piece.len().min(open.free()));
            open.data.extend_from_slice(now);
            self.bytes += now.len();
            piece = rest;
            if open.data.len() >= SEGMENT {
                self.seal();
            }
        }
        Ok(())
    }

    /// Keeps the only piece of a body without a copy: the memory that it holds is the connection's
    /// read buffer, which lives as long as the request anyway.
    ///
    /// # Errors
    /// There is no room.
    pub fn push_only(&mut self, piece: &Bytes) -> Result<(), NoRoom> {
        let room = self.account.reserve(piece.len())?;
        self.segments.push(room.hold(piece.clone()));
        self.bytes += piece.len();
        Ok(())
    }

    /// Adds a piece that is sent once, after what is kept; it is not counted.
    pub fn push_passing(&mut self, piece: Bytes) {
        self.seal();
        self.bytes += piece.len();
        self.segments.push(piece);
    }

    /// Makes everything that has come available as segments.
    pub fn seal(&mut self) {
        let open = self.open.take();
        self.segments.extend(open.map(Open::seal));
    }

    /// The sealed segments.
    pub fn segments(&self) -> &[Bytes] {
        &self.segments
    }

    /// Drops the first `count` segments.
    pub fn drop_first(&mut self, count: usize) {
        let count = count.min(self.segments.len());
        let dropped: usize = self.segments.drain(..count).map(|it| it.len()).sum();
        self.bytes -= dropped;
    }

    /// Takes out the first segment.
    pub fn pop_first(&mut self) -> Option<Bytes> {
        if self.segments.is_empty() {
            return None;
        }
        let first = self.segments.remove(0);
        self.bytes -= first.len();
        Some(first)
    }

    /// Makes one segment of several; needs no more extra room than one of them.
    ///
    /// # Errors
    /// There is no room; nothing is lost.
    pub fn join(&mut self) -> Result<(), NoRoom> {
        self.seal();
        if self.segments.len() < 2 {
            return Ok(());
        }
        let mut room = self.account.reserve(0)?;
        let mut data = Vec::with_capacity(self.bytes);
        let mut segments = std::mem::take(&mut self.segments).into_iter();
        let mut left = Vec::new();
        for segment in segments.by_ref() {
            match room.grow(segment.len()) {
                Ok(()) => data.extend_from_slice(&segment),
                Err(NoRoom) => {
                    left.push(segment);
                    break;
                }
            }
        }
        left.extend(segments);
        let whole = left.is_empty();
        if !whole {
            data.shrink_to_fit();
        }
        self.segments.push(room.hold(data));
        self.segments.append(&mut left);
        whole.then_some(()).ok_or(NoRoom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::memory::{BodyMemory, Counts};

    fn kept_of(limit: u64) -> (Kept, Counts) {
        let counts = Counts::default();
        let memory = BodyMemory::new(limit, counts.clone());
        (Kept::new(memory.account(None)), counts)
    }

    fn held(counts: &Counts) -> usize {
        usize::try_from(counts.kept.get()).expect("not below zero")
    }

    #[test]
    fn tiny_pieces_cost_no_more_than_their_bytes() {
        let (mut kept, counts) = kept_of(1 << 30);
        for _ in 0..1_000_000 {
            kept.push(b"x").expect("room");
        }
        assert_eq!(kept.bytes(), 1_000_000);
        let most = 1_000_000 + SEGMENT;
        assert!((1_000_000..=most).contains(&held(&counts)));
        assert_eq!(kept.segments().len(), 1_000_000 / SEGMENT);
        kept.clear();
        assert_eq!(held(&counts), 0);
    }

    #[test]
    fn joining_takes_little_more_room_than_there_is() {
        let bytes = vec![7; 10 * SEGMENT];
        // One client has at most half of the memory.
        let (mut kept, counts) = kept_of(2 * 11 * SEGMENT as u64);
        kept.push(&bytes).expect("room");
        kept.join().expect("room");
        assert_eq!(kept.segments(), [Bytes::from(bytes)]);
        assert_eq!(held(&counts), 10 * SEGMENT);
    }

    proptest! {
        #[test]
        fn what_was_pushed_is_there_or_there_is_no_room(
            pieces in prop::collection::vec((0..100_000_usize, any::<bool>()), 0..20),
            limit in 0..2_000_000_u64,
        ) {
            let (mut kept, counts) = kept_of(limit);
            let mut pushed: Vec<u8> = Vec::new();
            for (number, (length, sealed)) in pieces.into_iter().enumerate() {
                let piece = vec![number as u8; length];
                if kept.push(&piece).is_err() {
                    break;
                }
                pushed.extend(&piece);
                if sealed {
                    kept.seal();
                }
                prop_assert!(held(&counts) >= kept.bytes() && held(&counts) as u64 <= limit / 2);
            }
            let joined = kept.join();
            prop_assert!(joined.is_err() || kept.segments().len() <= 1);
            let there = kept.segments().concat();
            prop_assert!(there.starts_with(&pushed) && there.len() == kept.bytes());
            prop_assert!(held(&counts) >= there.len());
            let mut popped = Vec::new();
            while let Some(segment) = kept.pop_first() {
                popped.extend_from_slice(&segment);
            }
            prop_assert!(popped == there && kept.bytes() == 0);
            drop(kept);
            prop_assert_eq!(held(&counts), 0);
        }
    }
}
