//! Who is signed in to the console? Sessions of browsers, and the codes of the links that open
//! one. All in memory: a restart signs everybody out.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use sha2::{Digest as _, Sha256};

use crate::{identity::KeyId, machine::clock, rate_limit::subnet, secret::Secret};

/// A session ends when it was not used for so long.
const IDLE: Duration = Duration::from_secs(12 * 3600);
/// A session ends after so long in any case.
pub const LONGEST: Duration = Duration::from_secs(7 * 24 * 3600);
/// A link is good for so long.
const LINK: Duration = Duration::from_secs(15 * 60);
/// The link that is printed at the start is good for so long.
const FIRST_LINK: Duration = IDLE;
/// Failed tries of one address in a minute.
const MOST_TRIES: u32 = 5;
const TRIES_WINDOW: Duration = Duration::from_secs(60);
/// Bounds of what is remembered. Beyond them the oldest session ends; links and addresses are
/// forgotten.
const MOST_SESSIONS: usize = 1024;
const MOST_LINKS: usize = 64;
const MOST_ADDRESSES: usize = 4096;

/// Who is signed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignedIn {
    /// Somebody with the admin token of this digest.
    Token([u8; 32]),
    /// The holder of a key.
    Key(KeyId),
    /// A user of this machine, by a link.
    Machine,
}

/// Too many tries from this address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooManyTries {
    pub retry_after: Duration,
}

/// All sessions of the process.
pub struct Sessions {
    state: Mutex<State>,
    /// What a user of this machine shows to get a link.
    local_token: Secret,
}

#[derive(Default)]
struct State {
    /// By the digest of their ids, so that nothing here opens a session.
    sessions: HashMap<[u8; 32], Session>,
    links: HashMap<[u8; 32], Instant>,
    tries: HashMap<String, Tries>,
}

#[derive(Clone, Copy)]
struct Session {
    who: SignedIn,
    begun: Instant,
    used: Instant,
}

#[derive(Clone, Copy)]
struct Tries {
    failed: u32,
    since: Instant,
}

impl Default for Sessions {
    fn default() -> Self {
        Sessions {
            state: Mutex::default(),
            local_token: random_text(),
        }
    }
}

impl Sessions {
    /// Begins a session; returns its id.
    pub fn begin(&self, who: SignedIn) -> Secret {
        let now = clock::now();
        let id = random_text();
        let mut state = self.state();
        state.sessions.retain(|_, session| session.is_live(now));
        if state.sessions.len() >= MOST_SESSIONS {
            let sessions = state.sessions.iter();
            let oldest = sessions.min_by_key(|(_, it)| it.used).map(|(id, _)| *id);
            oldest.map(|oldest| state.sessions.remove(&oldest));
        }
        let session = Session {
            who,
            begun: now,
            used: now,
        };
        state.sessions.insert(digest(id.expose()), session);
        id
    }

    /// Who is signed in by this id.
    pub fn find(&self, id: &str) -> Option<SignedIn> {
        let now = clock::now();
        let mut state = self.state();
        let session = state.sessions.get_mut(&digest(id))?;
        if !session.is_live(now) {
            return None;
        }
        session.used = now;
        Some(session.who)
    }

    pub fn end(&self, id: &str) {
        self.state().sessions.remove(&digest(id));
    }

    /// A code that opens one session.
    pub fn new_link(&self) -> Secret {
        self.link(LINK)
    }

    /// The code of the link that is printed at the start.
    pub fn first_link(&self) -> Secret {
        self.link(FIRST_LINK)
    }

    fn link(&self, lifetime: Duration) -> Secret {
        let now = clock::now();
        let code = random_text();
        let mut state = self.state();
        state.links.retain(|_, ends| *ends > now);
        if state.links.len() >= MOST_LINKS {
            let first = state.links.iter().min_by_key(|(_, ends)| **ends);
            let first = first.map(|(code, _)| *code);
            first.map(|first| state.links.remove(&first));
        }
        state.links.insert(digest(code.expose()), now + lifetime);
        code
    }

    /// Uses a code up; whether it was good.
    pub fn take_link(&self, code: &str) -> bool {
        let ends = self.state().links.remove(&digest(code));
        ends.is_some_and(|ends| ends > clock::now())
    }

    /// What a user of this machine shows to get a link: it is in a file that only this user reads.
    pub fn local_token(&self) -> &Secret {
        &self.local_token
    }

    /// Counts a try to sign in as failed, which [`succeeded`](Self::succeeded) undoes.
    ///
    /// # Errors
    /// There were too many failed ones.
    pub fn count_try(&self, from: Option<IpAddr>) -> Result<(), TooManyTries> {
        let now = clock::now();
        let mut state = self.state();
        let is_recent = |it: &Tries| now.saturating_duration_since(it.since) < TRIES_WINDOW;
        if state.tries.len() >= MOST_ADDRESSES {
            state.tries.retain(|_, it| is_recent(it));
        }
        if state.tries.len() >= MOST_ADDRESSES {
            // So many addresses at once are an attack, which everybody waits out.
            return Err(TooManyTries {
                retry_after: TRIES_WINDOW,
            });
        }
        let fresh = Tries {
            failed: 0,
            since: now,
        };
        let tries = state.tries.entry(subnet(from)).or_insert(fresh);
        if !is_recent(tries) {
            *tries = fresh;
        }
        if tries.failed >= MOST_TRIES {
            let passed = now.saturating_duration_since(tries.since);
            return Err(TooManyTries {
                retry_after: TRIES_WINDOW.saturating_sub(passed),
            });
        }
        tries.failed += 1;
        Ok(())
    }

    /// The last try of this address was good.
    pub fn succeeded(&self, from: Option<IpAddr>) {
        if let Some(tries) = self.state().tries.get_mut(&subnet(from)) {
            tries.failed = tries.failed.saturating_sub(1);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Session {
    fn is_live(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.used) < IDLE
            && now.saturating_duration_since(self.begun) < LONGEST
    }
}

/// The digest under which a secret is remembered.
pub fn digest(secret: &str) -> [u8; 32] {
    Sha256::digest(secret).into()
}

/// 256 random bits.
fn random_text() -> Secret {
    let bytes: [u8; 32] = rand::random();
    Secret::new(BASE64_URL_SAFE_NO_PAD.encode(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn hours(hours: u64) -> Duration {
        Duration::from_secs(hours * 3600)
    }

    #[tokio::test(start_paused = true)]
    async fn a_session_ends_when_idle_when_old_and_when_ended() {
        let sessions = Sessions::default();
        let id = sessions.begin(SignedIn::Machine);
        for _ in 0..15 {
            tokio::time::advance(hours(11)).await;
            assert_eq!(sessions.find(id.expose()), Some(SignedIn::Machine));
        }
        tokio::time::advance(hours(4)).await;
        assert_eq!(sessions.find(id.expose()), None, "seven days");
        let idle = sessions.begin(SignedIn::Machine);
        tokio::time::advance(hours(12)).await;
        assert_eq!(sessions.find(idle.expose()), None);
        let ended = sessions.begin(SignedIn::Machine);
        sessions.end(ended.expose());
        assert_eq!(sessions.find(ended.expose()), None);
        assert_eq!(sessions.find("made up"), None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_link_opens_one_session_in_its_time() {
        let sessions = Sessions::default();
        let code = sessions.new_link();
        assert!(sessions.take_link(code.expose()));
        assert!(!sessions.take_link(code.expose()), "used up");
        let late = sessions.new_link();
        tokio::time::advance(LINK).await;
        assert!(!sessions.take_link(late.expose()));
    }

    #[tokio::test(start_paused = true)]
    async fn five_failed_tries_a_minute_are_let_through() {
        let sessions = Sessions::default();
        let (one, other) = ("192.0.2.1".parse().ok(), "192.0.2.2".parse().ok());
        for _ in 0..MOST_TRIES {
            assert_eq!(sessions.count_try(one), Ok(()));
        }
        assert!(sessions.count_try(one).is_err());
        assert_eq!(sessions.count_try(other), Ok(()));
        tokio::time::advance(TRIES_WINDOW).await;
        for _ in 0..3 * MOST_TRIES {
            assert_eq!(sessions.count_try(one), Ok(()));
            sessions.succeeded(one);
        }
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let sessions = Sessions::default();
        for _ in 0..2 * MOST_SESSIONS {
            sessions.begin(SignedIn::Machine);
            sessions.new_link();
        }
        let state = sessions.state();
        assert_eq!(state.sessions.len(), MOST_SESSIONS);
        assert_eq!(state.links.len(), MOST_LINKS);
        drop(state);
        let address = |place: u32| Some(IpAddr::V4(place.into()));
        let refused = (0..2 * MOST_ADDRESSES as u32).filter(|it| {
            let tried = sessions.count_try(address(*it));
            tried.is_err()
        });
        assert_eq!(refused.count(), MOST_ADDRESSES);
    }
}
