//! The client library as it ships, without what the gateway puts beneath it, to show what that is for.

#![allow(dead_code, reason = "no test needs all of it")]

use std::{future::Future, time::Duration};

use futures_util::StreamExt as _;
use tokio::time::timeout;

use super::{Gateway, Response, client::End};

/// After this long without a sign, the stock client counts as stuck.
pub const STUCK: Duration = Duration::from_millis(400);

/// What a client made of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen {
    /// A whole answer, as far as this client knows.
    Whole(u16, String),
    /// The answer broke off.
    Broken(u16, String),
    /// An error in place of an answer.
    Failed,
    /// Nothing came.
    NoHead,
    /// A head came, and the end of its body did not.
    NoEnd(u16, String),
}

impl Seen {
    pub fn whole(status: u16, body: &str) -> Self {
        Seen::Whole(status, body.to_owned())
    }

    pub fn broken(status: u16, body: &str) -> Self {
        Seen::Broken(status, body.to_owned())
    }
}

/// A stock client without its default timeout of 5 s.
pub fn client() -> awc::Client {
    awc::Client::builder().disable_timeout().finish()
}

/// Runs `exchange` on a runtime of its own.
pub fn run<T>(exchange: impl Future<Output = T>) -> T {
    actix_rt::System::new().block_on(exchange)
}

/// What the stock client makes of the answer to this request.
pub async fn seen(request: awc::SendClientRequest) -> Seen {
    let mut answer = match timeout(STUCK, request).await {
        Err(_) => return Seen::NoHead,
        Ok(Err(_)) => return Seen::Failed,
        Ok(Ok(answer)) => answer,
    };
    let status = answer.status().as_u16();
    let mut body = Vec::new();
    let text = |body: &[u8]| String::from_utf8_lossy(body).into_owned();
    loop {
        match timeout(STUCK, answer.next()).await {
            Err(_) => return Seen::NoEnd(status, text(&body)),
            Ok(None) => return Seen::Whole(status, text(&body)),
            Ok(Some(Err(_))) => return Seen::Broken(status, text(&body)),
            Ok(Some(Ok(chunk))) => body.extend_from_slice(&chunk),
        }
    }
}

/// What the stock client makes of a GET.
pub fn get(url: &str) -> Seen {
    let url = url.to_owned();
    run(async move { seen(client().get(url).send()).await })
}

/// What a client of the gateway makes of the answer to this request.
pub fn ours(request: &str) -> Seen {
    of(&Gateway::start().exchange(request))
}

/// The same, of an answer at hand.
pub fn of(response: &Response) -> Seen {
    let (status, body) = (response.status, response.text());
    match response.end {
        _ if response.error().is_some() => Seen::Failed,
        End::Complete | End::Closed => Seen::Whole(status, body),
        End::CutShort | End::Reset => Seen::Broken(status, body),
    }
}
