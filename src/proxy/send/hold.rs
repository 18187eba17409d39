//! Holding an answer back until it shows that it is one: a token or the shape of its dialect on a
//! route that generates, a first byte on others. Only while another target could be tried instead;
//! never more than 64 KiB.

use std::{future::poll_fn, task::Poll};

use actix_http::{Method, StatusCode};
use bytes::Bytes;

use super::{
    Sending,
    attempt::{AttemptResult, FailureReply, OpenResponse, Stopped, failed},
};
use crate::{
    dialect::{AnswerJudge, Coded, Dialect, FirstEvent, Generates, Media, Verdict},
    error::GatewayError,
    route::attempts::{Failed, Fault},
    upstream::{Answer, Asked, Failure, Upstream},
};

/// What shows that an answer is one.
pub enum ResponseJudge {
    /// The look of an answer of its route.
    Answer(Box<AnswerJudge>),
    /// A token. A stream without one is none the worse.
    Token(FirstEvent),
    /// Any byte, or the end.
    FirstByte,
}

impl ResponseJudge {
    pub fn feed(&mut self, bytes: &[u8]) -> Verdict {
        match self {
            ResponseJudge::Answer(answer) => answer.feed(bytes),
            ResponseJudge::Token(events) => begun_at_last(events.feed(bytes)),
            ResponseJudge::FirstByte if bytes.is_empty() => Verdict::Undecided,
            ResponseJudge::FirstByte => Verdict::Begun,
        }
    }

    fn end(&mut self) -> Verdict {
        match self {
            ResponseJudge::Answer(answer) => answer.end(),
            ResponseJudge::Token(_) | ResponseJudge::FirstByte => Verdict::Begun,
        }
    }
}

fn begun_at_last(verdict: Verdict) -> Verdict {
    match verdict {
        Verdict::Undecided => Verdict::Undecided,
        Verdict::Begun | Verdict::Refused(_) => Verdict::Begun,
    }
}

/// The answer is a stream of server-sent events.
pub fn is_stream(answer: &Answer) -> bool {
    Media::of(&answer.head.headers) == Media::Events
}

/// How to judge this answer to a request with this method and path; `None` if it has no body.
pub fn judge_for(
    answer: &Answer,
    asked: Asked,
    method: &Method,
    path: &str,
) -> Option<ResponseJudge> {
    let route = Generates::of(path).filter(|_| *method == Method::POST);
    match route {
        Some(route) if is_judged(answer, asked) => {
            let judge = AnswerJudge::new(route, &answer.head.headers);
            Some(ResponseJudge::Answer(Box::new(judge)))
        }
        _ => token_judge_for(answer, asked, path),
    }
}

/// How to wait for the first token of this answer; `None` if it has no body.
pub fn token_judge_for(answer: &Answer, asked: Asked, path: &str) -> Option<ResponseJudge> {
    let head = &answer.head;
    let bodyless = matches!(
        head.status,
        StatusCode::SWITCHING_PROTOCOLS | StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED
    );
    if bodyless || asked != Asked::Ordinary {
        return None;
    }
    let shows_tokens = is_stream(answer) && Coded::of(&head.headers) == Coded::Plain;
    Some(match is_judged(answer, asked) && shows_tokens {
        true => ResponseJudge::Token(FirstEvent::new(Dialect::of(path))),
        false => ResponseJudge::FirstByte,
    })
}

fn is_judged(answer: &Answer, asked: Asked) -> bool {
    asked == Asked::Ordinary && answer.head.status == StatusCode::OK
}

impl<U: Upstream> Sending<'_, U> {
    /// Reads on until the answer shows what it is, or nothing else could be tried any more.
    pub(super) async fn hold(
        &self,
        mut opened: Box<OpenResponse>,
        mut judge: ResponseJudge,
    ) -> AttemptResult {
        opened.clocks.await_body(self.connection);
        loop {
            let next = self.next_chunk(&mut opened).await;
            let verdict = match next {
                Err(stopped) => return self.stopped(stopped, opened.permit.take()),
                Ok(Some(Err(failure))) => return broke_off(opened, &failure),
                Ok(Some(Ok(chunk))) => {
                    let verdict = judge.feed(&chunk);
                    opened.held.push(chunk);
                    verdict
                }
                Ok(None) => {
                    opened.held.note_end();
                    judge.end()
                }
            };
            match verdict {
                Verdict::Begun => {
                    opened.clocks.disarm_first_token();
                    return opened.good();
                }
                Verdict::Refused(_) => return false_answer(opened),
                Verdict::Undecided if opened.held.is_full() => return opened.good(),
                Verdict::Undecided if !self.holds(opened.send) => return opened.good(),
                Verdict::Undecided => opened.clocks.await_body(self.connection),
            }
        }
    }

    async fn next_chunk(
        &self,
        opened: &mut OpenResponse,
    ) -> Result<Option<Result<Bytes, Failure>>, Stopped> {
        poll_fn(|cx| {
            if let Poll::Ready(chunk) = opened.answer.body.poll_chunk(cx) {
                return Poll::Ready(Ok(chunk));
            }
            let body = opened.body.borrow();
            let owed = body.is_waiting() && !opened.answer.body.progress().upload_done;
            drop(body);
            self.connection.await_body(owed);
            self.poll_stopped(&mut opened.clocks, cx).map(Err)
        })
        .await
    }
}

/// The body broke off before anything of it went to the client.
fn broke_off(mut opened: Box<OpenResponse>, failure: &Failure) -> AttemptResult {
    if let Some(permit) = opened.permit.take() {
        permit.fail();
    }
    failed(Fault::Network, GatewayError::from_failure(failure, None))
}

/// A 200 that is none.
fn false_answer(mut opened: Box<OpenResponse>) -> AttemptResult {
    if let Some(permit) = opened.permit.take() {
        permit.fail();
    }
    let failed = Failed {
        fault: Fault::FalseAnswer,
        status: opened.answer.head.status.as_u16(),
        retry_after: None,
    };
    let ending = FailureReply::Answer(opened);
    AttemptResult::Failed { failed, ending }
}
