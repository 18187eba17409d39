//! Holding an answer back until it shows that it is one: a first token, a first byte, or a JSON body without an error in it.
//! Only while another target could be tried instead; never more than 64 KiB.

use std::{future::poll_fn, task::Poll};

use actix_http::{StatusCode, header};
use bytes::Bytes;

use super::{
    Errand,
    attempt::{Ending, Opened, Stopped, Tried, failed},
};
use crate::{
    dialect::{Dialect, FirstEvent, JsonAnswer, Verdict},
    error::GatewayError,
    route::attempts::{Failed, Fault},
    upstream::{Answer, Asked, Failure, Upstream},
};

/// What shows that an answer is one.
pub enum Judge {
    Events(FirstEvent),
    Json(JsonAnswer),
    /// Any byte.
    FirstByte,
}

impl Judge {
    pub fn feed(&mut self, bytes: &[u8]) -> Verdict {
        match self {
            Judge::Events(events) => events.feed(bytes),
            Judge::Json(json) => json.feed(bytes),
            Judge::FirstByte if bytes.is_empty() => Verdict::Undecided,
            Judge::FirstByte => Verdict::Begun,
        }
    }

    fn end(&mut self) -> Verdict {
        match self {
            Judge::Events(events) => events.end(),
            Judge::Json(json) => json.end(),
            // An empty body of known end is a whole answer.
            Judge::FirstByte => Verdict::Begun,
        }
    }
}

/// The answer is a stream of server-sent events.
pub fn is_stream(answer: &Answer) -> bool {
    media_type(answer).is_some_and(|it| it.eq_ignore_ascii_case(b"text/event-stream"))
}

/// How to judge this answer to a request for `path`; `None` if it has no body.
pub fn judge_for(answer: &Answer, asked: Asked, path: &str) -> Option<Judge> {
    let head = &answer.head;
    let bodyless = matches!(
        head.status,
        StatusCode::SWITCHING_PROTOCOLS | StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED
    );
    if bodyless || asked != Asked::Ordinary {
        return None;
    }
    let encoded = head
        .headers
        .get_all(header::CONTENT_ENCODING)
        .any(|coding| !coding.as_bytes().eq_ignore_ascii_case(b"identity"));
    if head.status != StatusCode::OK || encoded {
        return Some(Judge::FirstByte);
    }
    let is_json = |media: &[u8]| {
        media.eq_ignore_ascii_case(b"application/json")
            || media.to_ascii_lowercase().ends_with(b"+json")
    };
    Some(match media_type(answer) {
        _ if is_stream(answer) => Judge::Events(FirstEvent::new(Dialect::of(path))),
        Some(media) if is_json(media) => Judge::Json(JsonAnswer::new()),
        Some(_) | None => Judge::FirstByte,
    })
}

fn media_type(answer: &Answer) -> Option<&[u8]> {
    let value = answer.head.headers.get(header::CONTENT_TYPE)?.as_bytes();
    let media = value.split(|byte| *byte == b';').next().unwrap_or_default();
    Some(media.trim_ascii())
}

impl<U: Upstream> Errand<'_, U> {
    /// Reads on until the answer shows what it is, or nothing else could be tried any more.
    pub(super) async fn hold(&self, mut opened: Box<Opened>, mut judge: Judge) -> Tried {
        opened.clocks.await_body(self.link);
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
                Verdict::Error | Verdict::Empty => return false_answer(opened),
                Verdict::Undecided if opened.held.is_full() => return opened.good(),
                Verdict::Undecided if !self.holds(opened.send) => return opened.good(),
                Verdict::Undecided => opened.clocks.await_body(self.link),
            }
        }
    }

    async fn next_chunk(
        &self,
        opened: &mut Opened,
    ) -> Result<Option<Result<Bytes, Failure>>, Stopped> {
        poll_fn(|cx| {
            if let Poll::Ready(chunk) = opened.answer.body.poll_chunk(cx) {
                return Poll::Ready(Ok(chunk));
            }
            let body = opened.body.borrow();
            let owed = body.is_waiting() && !opened.answer.body.progress().upload_done;
            drop(body);
            self.link.await_body(owed);
            self.poll_stopped(&mut opened.clocks, cx).map(Err)
        })
        .await
    }
}

/// The body broke off before anything of it went to the client.
fn broke_off(mut opened: Box<Opened>, failure: &Failure) -> Tried {
    if let Some(permit) = opened.permit.take() {
        permit.fail();
    }
    failed(Fault::Network, GatewayError::from_failure(failure, None))
}

/// A 200 that is none.
fn false_answer(mut opened: Box<Opened>) -> Tried {
    if let Some(permit) = opened.permit.take() {
        permit.fail();
    }
    let failed = Failed {
        fault: Fault::FalseAnswer,
        status: opened.answer.head.status.as_u16(),
        retry_after: None,
    };
    let ending = Ending::Answer(opened);
    Tried::Failed { failed, ending }
}
