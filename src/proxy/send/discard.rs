//! Discards a response that no client gets, so that its connection can be reused where that is
//! cheap.

use std::{future::poll_fn, time::Duration};

use super::{OpenResponse, outcome::FailureReply};

/// Bytes read of such a response at most, and for how long; beyond, its connection is closed.
const MOST_BYTES: usize = 64 * 1024;
const LONGEST: Duration = Duration::from_secs(1);

impl FailureReply {
    /// Something else is sent in its place.
    pub(super) fn discard(self) {
        match self {
            FailureReply::Response(opened) => opened.discard(),
            FailureReply::Error(_) => {}
        }
    }
}

impl OpenResponse {
    fn discard(self) {
        let mut body = self.response.body;
        if body.progress().complete {
            return;
        }
        // The upload shares its source with the next attempt: two must not take from it.
        if !body.progress().upload_done {
            return;
        }
        actix_rt::spawn(async move {
            let reading = async {
                let mut read = 0;
                while let Some(Ok(chunk)) = poll_fn(|cx| body.poll_chunk(cx)).await {
                    read += chunk.len();
                    if read > MOST_BYTES {
                        return;
                    }
                }
            };
            // Either way the body is dropped, and with it the connection, unless it came to its
            // end.
            let _ = tokio::time::timeout(LONGEST, reading).await;
        });
    }
}
