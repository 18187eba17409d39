//! The wait for a first token, when nothing is held back: too late is an abort then.

use std::{
    future::Future as _,
    pin::Pin,
    task::{Context, Poll},
};

use tokio::time::Sleep;

use super::hold::ResponseJudge;
use crate::dialect::Verdict;

/// Looks at a stream as it passes, until its first token or its time is over.
pub struct FirstTokenWatch {
    timer: Pin<Box<Sleep>>,
    judge: ResponseJudge,
}

impl FirstTokenWatch {
    pub fn new(timer: Pin<Box<Sleep>>, judge: ResponseJudge) -> Self {
        FirstTokenWatch { timer, judge }
    }

    /// These bytes have passed: nothing more is to be waited for.
    pub fn is_over(&mut self, bytes: &[u8]) -> bool {
        self.judge.feed(bytes) != Verdict::Undecided
    }

    pub fn poll_expired(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.timer.as_mut().poll(cx)
    }
}
