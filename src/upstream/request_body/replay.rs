//! What of a request body is kept to be sent again, for how long, and what is sent next.

use bytes::Bytes;

use super::kept::Kept;
use crate::memory::{Account, NoRoom};

/// The outcome of reading a body to its end in order to keep it whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whole {
    Kept,
    /// The body has more bytes than may be kept of one; it goes up as it comes.
    TooLarge,
    /// The process has no memory left for the body; it goes up as it comes.
    NoRoom,
}

/// The bytes that are kept of one body, from its first one on.
pub struct Replay {
    kept: Kept,
    keep: Keep,
    next: Next,
}

/// How much is kept, and until when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Keep {
    /// Nothing that is not still to be sent.
    Nothing,
    /// Up to so many bytes until a response begins, for the retry of a stale connection.
    UntilResponse(usize),
    /// Up to so many bytes until [`Replay::forget`]: other targets may be tried.
    ForTargets(usize),
}

impl Keep {
    fn limit(self) -> usize {
        match self {
            Keep::Nothing => 0,
            Keep::UntilResponse(limit) | Keep::ForTargets(limit) => limit,
        }
    }
}

/// Where the next bytes to send are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    /// They come from the caller.
    Source,
    /// They are kept: the number of the segment.
    Kept(usize),
    /// They are kept no longer than until they are sent; after them comes the source.
    Once,
}

/// A piece that is not kept, or only its beginning.
pub struct Unkept {
    pub why: Whole,
    /// The part of the piece that is not kept.
    pub rest: Bytes,
}

impl Replay {
    /// Keeps up to `limit` bytes on this account until a response begins.
    pub fn until_response(limit: usize, account: Account) -> Self {
        Replay {
            kept: Kept::new(account),
            keep: Keep::UntilResponse(limit),
            next: Next::Source,
        }
    }

    /// A body that is here whole, to be sent as often as wanted.
    pub fn of_whole(kept: Kept) -> Self {
        Replay {
            kept,
            keep: Keep::ForTargets(usize::MAX),
            next: Next::Kept(0),
        }
    }

    /// Keeps up to `limit` bytes until [`forget`](Self::forget).
    pub fn keep_for_targets(&mut self, limit: usize) {
        self.keep = Keep::ForTargets(limit);
    }

    /// A response has begun: the connection was not stale.
    pub fn note_response(&mut self) {
        match self.keep {
            Keep::UntilResponse(_) => self.forget(),
            Keep::Nothing | Keep::ForTargets(_) => {}
        }
    }

    pub fn account(&self) -> &Account {
        self.kept.account()
    }

    pub fn segments(&self) -> &[Bytes] {
        self.kept.segments()
    }

    /// Bytes are kept, unless none has been read.
    pub fn is_keeping(&self) -> bool {
        self.keep.limit() > 0
    }

    /// The next kept bytes to send, if the source does not have them.
    pub fn next_chunk(&mut self) -> Option<Bytes> {
        let chunk = match self.next {
            Next::Source => None,
            Next::Kept(number) => {
                self.next = Next::Kept(number + 1);
                self.kept.segments().get(number).cloned()
            }
            Next::Once => self.kept.pop_first(),
        };
        if chunk.is_none() {
            self.next = Next::Source;
        }
        chunk
    }

    /// Keeps a piece that was just read; `is_last`: the body is complete with it.
    ///
    /// # Errors
    /// There is no room for the piece, or only for its beginning.
    pub fn keep(&mut self, chunk: &Bytes, is_last: bool) -> Result<(), Unkept> {
        let before = self.kept.bytes();
        let why = match before + chunk.len() > self.keep.limit() {
            true => Whole::TooLarge,
            false => match self.keep_within(chunk, is_last) {
                Ok(()) => return Ok(()),
                Err(NoRoom) => Whole::NoRoom,
            },
        };
        let rest = chunk.slice(self.kept.bytes() - before..);
        Err(Unkept { why, rest })
    }

    fn keep_within(&mut self, chunk: &Bytes, is_last: bool) -> Result<(), NoRoom> {
        if self.kept.bytes() == 0 && is_last {
            return self.kept.push_only(chunk);
        }
        self.kept.push(chunk)?;
        if is_last {
            self.kept.seal();
        }
        Ok(())
    }

    /// No more bytes will be kept: those that are can be handed out.
    pub fn seal(&mut self) {
        self.kept.seal();
    }

    /// The first byte is sent next.
    pub fn restart(&mut self) {
        self.kept.seal();
        self.next = Next::Kept(0);
    }

    /// What was read, and `rest` after it, is to be sent once; nothing more is kept.
    pub fn send_once(&mut self, rest: Bytes) {
        self.kept.push_passing(rest);
        self.keep = Keep::Nothing;
        self.next = Next::Once;
    }

    /// Keeps nothing that is not still to be sent.
    pub fn forget(&mut self) {
        self.keep = Keep::Nothing;
        match self.next {
            Next::Source => self.kept.clear(),
            Next::Kept(sent) => {
                self.kept.drop_first(sent);
                self.next = Next::Once;
            }
            Next::Once => {}
        }
    }

    /// Keeps nothing at all: the body is not sent any more.
    pub fn discard(&mut self) {
        self.keep = Keep::Nothing;
        self.kept.clear();
        self.next = Next::Source;
    }

    /// The bytes still to be sent once, if that is all that is kept.
    pub fn unsent_once(&self) -> Option<usize> {
        (self.next == Next::Once).then(|| self.kept.bytes())
    }

    /// Makes one piece of a body that is kept whole.
    ///
    /// # Errors
    /// There is no room to make one piece of it.
    pub fn join(&mut self) -> Result<Bytes, NoRoom> {
        match self.next {
            Next::Kept(sent) if sent > 0 && sent < self.segments().len() => {
                // Joining the segments themselves would lose the place among them.
                let room = self.kept.account().reserve(self.kept.bytes())?;
                return Ok(room.hold(self.segments().concat()));
            }
            Next::Kept(0) => self.kept.join()?,
            Next::Source | Next::Once | Next::Kept(_) => {
                self.next = Next::Source;
                self.kept.join()?;
            }
        }
        Ok(self.segments().first().cloned().unwrap_or_default())
    }

    /// Hands out what is kept, if nothing of it has been sent and it has several pieces of more
    /// than `length` bytes.
    pub fn lend_long(&mut self, length: usize) -> Option<Kept> {
        let is_long = self.segments().len() > 1 && self.kept.bytes() > length;
        let empty = Kept::new(self.kept.account().clone());
        let lends = is_long && self.next == Next::Kept(0);
        lends.then(|| std::mem::replace(&mut self.kept, empty))
    }

    pub fn give_back(&mut self, kept: Kept) {
        self.kept = kept;
    }
}
