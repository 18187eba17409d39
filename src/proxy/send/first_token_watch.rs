//! The first-token timeout of a response that is relayed already: it ends in an abort.

use std::{
    future::Future as _,
    pin::Pin,
    task::{Context, Poll},
};

use tokio::time::Sleep;

use super::judge::ResponseJudge;
use crate::dialect::Verdict;

/// Follows a stream until its first token or its timeout.
pub struct FirstTokenWatch {
    timer: Pin<Box<Sleep>>,
    judge: ResponseJudge,
}

impl FirstTokenWatch {
    pub fn new(timer: Pin<Box<Sleep>>, judge: ResponseJudge) -> Self {
        FirstTokenWatch { timer, judge }
    }

    /// Feeds relayed bytes; true once the first token is among them.
    pub fn is_over(&mut self, bytes: &[u8]) -> bool {
        self.judge.feed(bytes) != Verdict::Undecided
    }

    pub fn poll_expired(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.timer.as_mut().poll(cx)
    }
}
