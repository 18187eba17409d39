//! Which attempts of a request failed? Collected for the access log in their order.

use std::{fmt, time::Duration};

use actix_http::header::HeaderValue;

use crate::{observe::logs::Milliseconds, route::attempts::Failed};

/// The failed attempts of one request; displayed as one text.
#[derive(Default)]
pub struct FailedAttempts(Vec<FailedAttempt>);

struct FailedAttempt {
    /// The target's path in the config.
    index: HeaderValue,
    origin: Box<str>,
    failed: Failed,
    /// The time since the request arrived.
    after: Duration,
}

impl FailedAttempts {
    pub fn push(&mut self, index: &HeaderValue, origin: &str, failed: Failed, after: Duration) {
        self.0.push(FailedAttempt {
            index: index.clone(),
            origin: origin.into(),
            failed,
            after,
        });
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }
}

impl fmt::Display for FailedAttempts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, attempt) in self.0.iter().enumerate() {
            let separator = if place == 0 { "" } else { "; " };
            write!(f, "{separator}{attempt}")?;
        }
        Ok(())
    }
}

impl fmt::Display for FailedAttempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let index = self.index.to_str().unwrap_or_default();
        let Failed { fault, status, .. } = self.failed;
        let after = Milliseconds(self.after);
        write!(f, "{index} {} {fault} {status} at ", self.origin)?;
        write!(f, "{after} ms")
    }
}
