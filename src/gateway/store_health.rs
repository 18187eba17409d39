//! Can the store of keys and teams be used now? Told by the readiness page, to anybody: no address
//! and no name of a database.

use std::{
    fmt,
    sync::{Mutex, PoisonError},
};

use jiff::Timestamp;

/// What is known of the store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StoreHealth {
    /// The settings want none.
    #[default]
    Off,
    Ok,
    /// It cannot be read.
    Away {
        since: Timestamp,
    },
    /// The last change could not be made.
    NotWritable {
        since: Timestamp,
    },
}

impl StoreHealth {
    /// The state after `self`: what lasts has its beginning.
    fn then(self, next: Self) -> Self {
        match (self, next) {
            (Self::Away { since }, Self::Away { .. }) => Self::Away { since },
            (Self::NotWritable { since }, Self::NotWritable { .. }) => Self::NotWritable { since },
            (_, next) => next,
        }
    }
}

impl fmt::Display for StoreHealth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Off => f.write_str("off"),
            Self::Ok => f.write_str("ok"),
            Self::Away { since } => write!(f, "away since {since:.0}"),
            Self::NotWritable { since } => write!(f, "not writable since {since:.0}"),
        }
    }
}

/// The state, as whoever follows the store has noted it last.
#[derive(Debug, Default)]
pub struct NotedHealth(Mutex<StoreHealth>);

impl NotedHealth {
    pub fn note(&self, next: StoreHealth) {
        let mut health = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *health = health.then(next);
    }

    pub fn get(&self) -> StoreHealth {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outage_has_its_beginning_until_it_ends() {
        let at = |second| Timestamp::from_second(second).expect("a time");
        let health = NotedHealth::default();
        let mut told = vec![health.get().to_string()];
        for next in [
            StoreHealth::Ok,
            StoreHealth::Away { since: at(60) },
            StoreHealth::Away { since: at(90) },
            StoreHealth::NotWritable { since: at(120) },
            StoreHealth::Ok,
            StoreHealth::Away { since: at(150) },
        ] {
            health.note(next);
            told.push(health.get().to_string());
        }
        let expected = [
            "off",
            "ok",
            "away since 1970-01-01T00:01:00Z",
            "away since 1970-01-01T00:01:00Z",
            "not writable since 1970-01-01T00:02:00Z",
            "ok",
            "away since 1970-01-01T00:02:30Z",
        ];
        assert_eq!(told, expected);
    }
}
