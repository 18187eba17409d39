//! Holds a response back until its first bytes show that it is no error in disguise. Only while
//! another target could be tried instead; never more than 64 KiB.

use bytes::Bytes;

use super::{
    OpenResponse, Sending,
    blame::Stopped,
    judge::ResponseJudge,
    outcome::{AttemptResult, FailureReply, failed},
};
use crate::{
    dialect::Verdict,
    error::GatewayError,
    route::attempts::{Failed, Fault},
    upstream::{Failure, Upstream},
};

impl<U: Upstream> Sending<'_, '_, U> {
    /// Reads on until the response shows what it is, or nothing else could be tried any more.
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
                    return AttemptResult::good(opened);
                }
                Verdict::Refused(_) => return false_response(opened),
                Verdict::Undecided if opened.held.is_full() => return AttemptResult::good(opened),
                Verdict::Undecided if !self.holds(opened.send) => {
                    return AttemptResult::good(opened);
                }
                Verdict::Undecided => opened.clocks.await_body(self.connection),
            }
        }
    }

    async fn next_chunk(
        &self,
        opened: &mut OpenResponse,
    ) -> Result<Option<Result<Bytes, Failure>>, Stopped> {
        let OpenResponse {
            response,
            sent_body,
            clocks,
            ..
        } = opened;
        self.watch_polling(clocks, |_, cx| {
            let chunk = response.body.poll_chunk(cx);
            if chunk.is_pending() {
                let owed = sent_body.borrow().is_waiting() && !response.body.progress().upload_done;
                self.connection.await_body(owed);
            }
            chunk
        })
        .await
    }
}

/// The body broke off before anything of it went to the client.
fn broke_off(mut opened: Box<OpenResponse>, failure: &Failure) -> AttemptResult {
    opened.blame();
    failed(Fault::Network, GatewayError::from_failure(failure, None))
}

/// A 200 whose body is no valid response.
fn false_response(mut opened: Box<OpenResponse>) -> AttemptResult {
    opened.blame();
    let failed = Failed {
        fault: Fault::UnusableResponse,
        status: opened.response.head.status.as_u16(),
        retry_after: None,
    };
    let ending = FailureReply::Response(opened);
    AttemptResult::Failed { failed, ending }
}
