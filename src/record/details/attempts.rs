//! What is noted of each attempt of a request.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use actix_http::header::HeaderValue;

use super::{Details, End, micros, text};
use crate::{
    machine::clock,
    record::{
        Attempt, ModelChange,
        clip::cut,
        facts::{Ending, Facts, LONGEST},
        sent_model::SentModel,
    },
    route::attempts::Failed,
    upstream::Connecting,
};

/// The most attempts that a record lists.
const MOST_ATTEMPTS: usize = 32;

/// What is known of an attempt besides what its record says.
pub struct Tried {
    pub ticket: u32,
    /// The operator named the target: it is trusted to say what its response cost.
    pub is_operators: bool,
    /// How the target changes the model that the caller asks for, if it does.
    pub model: Option<Box<SentModel>>,
}

/// An attempt that begins.
#[derive(Clone, Copy)]
pub struct Begun<'a> {
    pub ticket: u32,
    /// The target's path in the config.
    pub index: &'a HeaderValue,
    pub provider: &'a HeaderValue,
    pub origin: &'a str,
    /// The operator named the target.
    pub is_operators: bool,
    /// How the target changes the model.
    pub model: ModelChange<'a>,
}

impl Details {
    pub fn begin_attempt(&mut self, attempt: Begun<'_>, began: Duration) {
        if self.tried.len() == MOST_ATTEMPTS {
            self.record.more_attempts += 1;
            return;
        }
        let provider: Arc<str> = text(attempt.provider).into();
        self.record.provider = Some(provider.clone());
        self.tried.push(Tried {
            ticket: attempt.ticket,
            is_operators: attempt.is_operators,
            model: attempt.model.kept(),
        });
        self.record.attempts.push(Attempt {
            target: text(attempt.index).into(),
            provider,
            origin: cut(attempt.origin, LONGEST).0.into(),
            began: micros(began),
            ..Attempt::default()
        });
    }

    /// Its target was vetted, and limits had room.
    pub fn note_resolved(&mut self, ticket: u32) {
        let now = micros(self.elapsed());
        if let Some(attempt) = self.attempt(ticket) {
            attempt.resolved = Some(now);
        }
    }

    pub fn note_connecting(&mut self, ticket: u32, how: Connecting) {
        let received = self.received;
        let after = |at: Instant| micros(at.saturating_duration_since(received));
        if let Some(attempt) = self.attempt(ticket) {
            attempt.reused = how.is_reused;
            attempt.connected = how.connected.map(after);
            attempt.tls_done = how.tls_done.map(after);
        }
    }

    pub fn note_head(&mut self, ticket: u32, status: u16, after: Duration) {
        if let Some(attempt) = self.attempt(ticket) {
            attempt.status = Some(status);
            attempt.head = Some(micros(after));
        }
    }

    pub fn note_failed(&mut self, ticket: u32, failed: Failed, after: Duration) {
        if let Some(attempt) = self.attempt(ticket) {
            attempt.fault = Some(failed.fault.as_str().into());
            attempt.ended = micros(after);
        }
    }

    /// The response of this attempt is relayed.
    pub fn note_delivered(&mut self, ticket: u32) {
        self.delivered = Some(ticket);
        if let Some(attempt) = self.attempt(ticket) {
            let provider = attempt.provider.clone();
            self.record.provider = Some(provider);
        }
    }

    /// The attempt whose response is relayed, and its place in the list.
    pub(super) fn delivered(&self) -> Option<(usize, &Tried)> {
        let mut tried = self.tried.iter().enumerate();
        tried.find(|(_, it)| Some(it.ticket) == self.delivered)
    }

    fn attempt(&mut self, ticket: u32) -> Option<&mut Attempt> {
        let place = self.tried.iter().rposition(|it| it.ticket == ticket)?;
        self.record.attempts.get_mut(place)
    }

    fn elapsed(&self) -> Duration {
        clock::since(self.received)
    }

    /// An attempt that neither failed nor was relayed was given up for another, or with the
    /// request.
    pub(super) fn finish_attempts(&mut self, facts: &Facts, end: &End) {
        let (end, delivered) = (micros(end.after), self.delivered);
        for (attempt, tried) in self.record.attempts.iter_mut().zip(&self.tried) {
            if attempt.fault.is_some() {
                continue;
            }
            attempt.ended = end;
            match (delivered, &facts.ending) {
                (Some(delivered), _) if delivered == tried.ticket => {
                    attempt.first_token = facts.first_token_after.map(micros);
                }
                (Some(_), _) => attempt.fault = Some("superseded".into()),
                (None, Ending::Error(code, _)) => attempt.fault = Some(code.name().into()),
                (None, Ending::Plain | Ending::Cut(_)) => attempt.fault = Some("given_up".into()),
            }
        }
    }
}
