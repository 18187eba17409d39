//! Counts what is known of a request when it has ended: how long it took, what it used, and what
//! that cost. No lock, and no memory after a series was counted once.

use std::time::Duration;

use super::{Metrics, Outcome, RouteLabel, TokenKind, providers, series::place};
use crate::{price::Cost, usage::Usage};

/// What is counted of a request.
#[derive(Clone, Copy, Debug)]
pub struct EndFacts<'a> {
    pub outcome: Outcome,
    pub route: RouteLabel,
    /// The target's provider, with or without the `@` of the settings' own.
    pub provider: Option<&'a str>,
    pub duration: Duration,
    /// After the request's arrival, if its response is a stream that had one.
    pub first_token: Option<Duration>,
    /// The gateway's own share of the duration.
    pub own: Duration,
    /// What was used, if the response is one of a model.
    pub usage: Option<&'a Usage>,
    pub cost: Option<&'a Cost>,
    /// Name and team of the gateway key.
    pub key: Option<&'a str>,
    pub team: Option<&'a str>,
}

impl Metrics {
    /// Counts the end of a request; its outcome is counted by [`Metrics::ended`].
    pub fn note_end(&self, facts: &EndFacts<'_>) {
        let (route, provider) = (place(facts.route), providers::place(facts.provider));
        let outcome = place(facts.outcome);
        let durations = self.request_times.at(&[outcome, route, provider]);
        durations.observe(facts.duration);
        if let Some(time) = facts.first_token {
            self.first_token_times.at(&[route, provider]).observe(time);
        }
        self.own_times.at(&[route]).observe(facts.own);
        if let Some(usage) = facts.usage {
            for (kind, count) in tokens(usage) {
                if count > 0 {
                    self.tokens.at(&[place(kind), provider]).add(count);
                }
            }
            if facts.cost.is_none() {
                self.unpriced.at(&[provider]).add(1);
            }
        }
        if let Some(cost) = facts.cost {
            self.cost.at(&[provider]).add(cost.usd.nano());
        }
        self.note_key(facts);
    }

    /// Counts for key and team, if the operator asks for it.
    fn note_key(&self, facts: &EndFacts<'_>) {
        let (key, team) = (facts.key, facts.team);
        self.key_requests.count(key, team, |it| it.add(1));
        if let Some(usage) = facts.usage {
            let counts = [
                (&self.key_input_tokens, usage.input),
                (&self.key_output_tokens, usage.output),
            ];
            for (series, count) in counts {
                series.count(key, team, |it| it.add(count.unwrap_or_default()));
            }
        }
        if let Some(cost) = facts.cost {
            self.key_cost.count(key, team, |it| it.add(cost.usd.nano()));
        }
    }
}

/// The tokens of each kind; cached input is part of the input, and reasoning of the output.
pub fn tokens(usage: &Usage) -> impl Iterator<Item = (TokenKind, u64)> {
    let counts = [
        (TokenKind::Input, usage.input),
        (TokenKind::CacheRead, usage.cache_read),
        (TokenKind::CacheWrite, usage.cache_write),
        (TokenKind::Output, usage.output),
        (TokenKind::Reasoning, usage.reasoning),
    ];
    counts
        .into_iter()
        .filter_map(|(kind, count)| Some((kind, count?)))
}
