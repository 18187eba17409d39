//! What did a response use whose client has left, while others read it on? They pay nothing for it,
//! and its upstream charges for all of it: the account of the one who began it goes on.

use std::sync::Arc;

use super::{
    details::{Details, End},
    ended::ended,
    facts::Facts,
};
use crate::observe::metrics::Metrics;

/// The record of a request whose client has left. Dropped, it is closed with what was read.
pub struct Departed {
    metrics: Arc<Metrics>,
    facts: Facts,
    details: Option<Box<Details>>,
    end: End,
}

impl Departed {
    pub(super) fn new(
        metrics: Arc<Metrics>,
        facts: Facts,
        details: Box<Details>,
        end: End,
    ) -> Self {
        Departed {
            metrics,
            facts,
            details: Some(details),
            end,
        }
    }

    /// Bytes of the response's body that its own client did not get.
    pub fn read(&mut self, bytes: &[u8]) {
        if let Some(details) = &mut self.details {
            details.read(bytes);
        }
    }

    /// The response has come to its end.
    pub fn finish(mut self) {
        self.close(true);
    }

    fn close(&mut self, is_whole: bool) {
        if let Some(mut details) = self.details.take() {
            details.settle(is_whole);
            ended(&self.metrics, &self.facts, Some(details), &self.end);
        }
    }
}

impl Drop for Departed {
    fn drop(&mut self) {
        self.close(false);
    }
}
