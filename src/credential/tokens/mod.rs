//! The access tokens of the process: one for each account, shared by all workers and kept over
//! reloads. One fetch serves all waiting requests; a token is renewed before it expires, while
//! requests go on using it; after a failure nothing is fetched for a while. The clock is an
//! argument.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use actix_http::header::HeaderValue;
use tokio::sync::watch;

use super::Fingerprint;
use crate::secret::Secret;

/// Accounts that are remembered; more than any settings hold. Beyond, those without a valid token
/// are forgotten.
const MOST_ACCOUNTS: usize = 1024;
/// A token is not used in the last seconds of its life: it has to arrive while it is valid.
const MARGIN: Duration = Duration::from_secs(10);
/// The pause after a failed fetch; doubled by each further failure, up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// An access token as it was granted. Cannot be printed.
pub struct Token {
    /// The value of `Authorization`.
    line: HeaderValue,
    life: Duration,
}

impl Token {
    /// `life`: how long it is valid from now on. `None`: the text cannot stand in a header.
    pub fn new(text: &Secret, life: Duration) -> Option<Self> {
        let mut line = HeaderValue::from_str(&format!("Bearer {}", text.expose())).ok()?;
        line.set_sensitive(true);
        Some(Token { line, life })
    }

    #[cfg(test)]
    pub fn life(&self) -> Duration {
        self.life
    }
}

/// The tokens of all accounts.
#[derive(Default)]
pub struct Tokens {
    slots: Mutex<HashMap<Fingerprint, Arc<Slot>>>,
}

/// What a request does that needs a token.
pub struct Answer {
    pub now: Now,
    /// A fetch is due, and it is this request's to begin. Dropped, it counts as not begun.
    pub fetch: Option<Fetch>,
}

/// What there is at once.
pub enum Now {
    /// The value of `Authorization`.
    Token(HeaderValue),
    /// A fetch is under way, or is the asker's own: wait for a change, and ask again.
    Wait(Change),
    /// The last fetch failed for this reason, and it is too early for another.
    Failed(Arc<str>),
}

/// A change of an account's token, to wait for.
pub struct Change(watch::Receiver<()>);

/// A fetch under way: the only one for its account.
pub struct Fetch(Arc<Slot>);

/// One account's token.
struct Slot {
    state: Mutex<State>,
    changed: watch::Sender<()>,
}

#[derive(Default)]
struct State {
    held: Option<Held>,
    is_fetching: bool,
    failed: Option<Failed>,
}

struct Held {
    line: HeaderValue,
    renew_from: Instant,
    usable_until: Instant,
}

struct Failed {
    reason: Arc<str>,
    again_from: Instant,
    pause: Duration,
}

impl Tokens {
    /// The account's token, or how to get one.
    pub fn ask(&self, account: &Fingerprint, now: Instant) -> Answer {
        let slot = self.slot(account, now);
        let mut state = locked(&slot.state);
        let may_fetch = !state.is_fetching && !state.pauses(now);
        let (line, is_due) = match state.held.as_ref().filter(|it| now < it.usable_until) {
            Some(held) => (Some(held.line.clone()), now >= held.renew_from),
            None => (None, true),
        };
        let now = match (line, &state.failed) {
            (Some(line), _) => Now::Token(line),
            (None, Some(failed)) if !may_fetch && !state.is_fetching => {
                Now::Failed(failed.reason.clone())
            }
            // Subscribed under the lock: no change in between is missed.
            (None, _) => Now::Wait(Change(slot.changed.subscribe())),
        };
        let begins = may_fetch && is_due;
        state.is_fetching |= begins;
        drop(state);
        Answer {
            now,
            fetch: begins.then(|| Fetch(slot)),
        }
    }

    fn slot(&self, account: &Fingerprint, now: Instant) -> Arc<Slot> {
        let mut slots = locked(&self.slots);
        if let Some(slot) = slots.get(account) {
            return slot.clone();
        }
        if slots.len() >= MOST_ACCOUNTS {
            slots.retain(|_, slot| locked(&slot.state).is_in_use(now));
        }
        let slot = Arc::new(Slot {
            state: Mutex::default(),
            changed: watch::Sender::new(()),
        });
        slots.insert(*account, slot.clone());
        slot
    }
}

impl Change {
    /// Returns when the fetch has ended, however it did.
    pub async fn wait(mut self) {
        // An error means that the account was forgotten, and asking again tells.
        let _ = self.0.changed().await;
    }
}

impl Fetch {
    /// Tells everybody who waits. An error's reason is for callers: it has no secrets.
    pub fn end(self, fetched: Result<Token, String>, now: Instant) {
        let mut state = locked(&self.0.state);
        match fetched {
            Ok(token) => {
                state.failed = None;
                state.held = Some(Held::of(token, now));
            }
            Err(reason) => {
                let pause = state
                    .failed
                    .as_ref()
                    .map_or(FIRST_PAUSE, |failed| (failed.pause * 2).min(LONGEST_PAUSE));
                state.failed = Some(Failed {
                    reason: reason.into(),
                    again_from: now + pause,
                    pause,
                });
            }
        }
    }
}

impl Drop for Fetch {
    fn drop(&mut self) {
        locked(&self.0.state).is_fetching = false;
        self.0.changed.send_replace(());
    }
}

impl State {
    fn pauses(&self, now: Instant) -> bool {
        let failed = self.failed.as_ref();
        failed.is_some_and(|failed| now < failed.again_from)
    }

    fn is_in_use(&self, now: Instant) -> bool {
        let held = self.held.as_ref();
        self.is_fetching || held.is_some_and(|held| now < held.usable_until)
    }
}

impl Held {
    /// Renewed from four fifths of its life on.
    fn of(token: Token, now: Instant) -> Self {
        let Token { line, life } = token;
        Held {
            line,
            renew_from: now + life * 4 / 5,
            usable_until: now + life - MARGIN.min(life / 10),
        }
    }
}

/// A panic elsewhere leaves nothing half done, so poisoning is ignored.
fn locked<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
