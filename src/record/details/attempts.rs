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
        Attempt,
        clip::cut,
        facts::{Ending, Facts, LONGEST},
    },
    route::attempts::Failed,
    upstream::Connecting,
};

/// The most attempts that a record lists.
const MOST_ATTEMPTS: usize = 32;

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
}

impl Details {
    pub fn begin_attempt(&mut self, attempt: Begun<'_>, began: Duration) {
        self.trusts_cost = attempt.is_operators;
        if self.tickets.len() == MOST_ATTEMPTS {
            self.record.more_attempts += 1;
            return;
        }
        let provider: Arc<str> = text(attempt.provider).into();
        self.record.provider = Some(provider.clone());
        self.tickets.push(attempt.ticket);
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
    }

    fn attempt(&mut self, ticket: u32) -> Option<&mut Attempt> {
        let place = self.tickets.iter().rposition(|it| *it == ticket)?;
        self.record.attempts.get_mut(place)
    }

    fn elapsed(&self) -> Duration {
        clock::since(self.received)
    }

    /// An attempt that neither failed nor was relayed was given up for another, or with the
    /// request.
    pub(super) fn finish_attempts(&mut self, facts: &Facts, end: &End) {
        let (end, delivered) = (micros(end.after), self.delivered);
        for (attempt, ticket) in self.record.attempts.iter_mut().zip(&self.tickets) {
            if attempt.fault.is_some() {
                continue;
            }
            attempt.ended = end;
            match (delivered, &facts.ending) {
                (Some(delivered), _) if delivered == *ticket => {
                    attempt.first_token = facts.first_token_after.map(micros);
                }
                (Some(_), _) => attempt.fault = Some("superseded".into()),
                (None, Ending::Error(code, _)) => attempt.fault = Some(code.name().into()),
                (None, Ending::Plain | Ending::Cut(_)) => attempt.fault = Some("given_up".into()),
            }
        }
    }
}
