//! The life of one connection: read a request, decide its fate, find its answer, play it, again.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use actix_rt::net::TcpStream;
use bytes::Bytes;

use crate::answer::{Answer, Body};
use crate::behaviour::{Behaviour, Instead, Malformed, Place, StopKind};
use crate::connection::{Connection, Lost, ReadError};
use crate::fate;
use crate::json::Json;
use crate::player::{self, After};
use crate::problem::{Dialect, Problem, empty_stream, html_page};
use crate::request::{BadHead, Request};
use crate::routes::{self, Call};
use crate::state::Mock;
use crate::websocket;

/// Counts an open connection for as long as it lives, however its task ends.
struct Open(Arc<Mock>);

impl Open {
    fn new(mock: Arc<Mock>) -> Self {
        let mut counts = mock.stats.counts();
        counts.accepted += 1;
        counts.open += 1;
        drop(counts);
        Self(mock)
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        let mut counts = self.0.stats.counts();
        counts.open = counts.open.saturating_sub(1);
    }
}

/// Serves `stream` until either side ends it.
pub(crate) async fn serve(stream: TcpStream, mock: Arc<Mock>) {
    let open = Open::new(mock);
    let mut connection = Connection::new(stream);
    loop {
        let request = match connection.read_head().await {
            Ok(Some(request)) => request,
            Ok(None) | Err(ReadError::Io(_)) => return,
            Err(error) => return refuse(connection, &open.0, &error).await,
        };
        match exchange(&mut connection, &open.0, request).await {
            Ok(After::KeepAlive) => {}
            Ok(After::Close) => return connection.close().await,
            Ok(After::CloseUnread) => return connection.close_over_unread().await,
            Ok(After::Reset) => return connection.reset(),
            Err(Ended::Lost(lost)) => return count_lost(&open.0, &lost),
            Err(Ended::Read(ReadError::Io(_))) => {
                open.0.stats.counts().aborted_uploads += 1;
                return;
            }
            Err(Ended::Read(error)) => return refuse(connection, &open.0, &error).await,
        }
    }
}

/// Why a connection ends inside an exchange.
enum Ended {
    Lost(Lost),
    Read(ReadError),
}

impl From<Lost> for Ended {
    fn from(lost: Lost) -> Self {
        Self::Lost(lost)
    }
}

impl From<ReadError> for Ended {
    fn from(error: ReadError) -> Self {
        Self::Read(error)
    }
}

async fn exchange(
    connection: &mut Connection,
    mock: &Mock,
    mut request: Request,
) -> Result<After, Ended> {
    let own = routes::is_own(request.path());
    if !own {
        mock.stats.counts().saw_request(request.path());
    }
    if let Some(instant) = &mock.instant
        && request.method == "POST"
        && !own
    {
        connection.read_body(&request).await?;
        mock.stats.counts().saw_answer(200);
        connection.write(instant).await?;
        return Ok(match request.keeps_alive() {
            true => After::KeepAlive,
            false => After::Close,
        });
    }
    let fate = match own {
        true => Ok(Behaviour::default()),
        false => fate::decide(mock, &request),
    };
    let (behaviour, refusal) = match fate {
        Ok(behaviour) => (behaviour, None),
        Err(error) => (
            Behaviour::default(),
            Some(Problem::bad_request(error.to_string())),
        ),
    };
    count_faults(mock, &behaviour);
    if !behaviour.early {
        request.body = connection.read_body(&request).await?;
    }
    let call = Call {
        dialect: Dialect::of(&request),
        request: &request,
        behaviour: &behaviour,
        mock,
        request_id: &mock.dice.id("req_"),
        now: unix_now(),
        id: "",
    };
    if refusal.is_none() && websocket::is_handshake(&request) && switches(&behaviour) {
        return Ok(websocket::echo(connection, &call).await?);
    }
    let answer = match refusal {
        Some(problem) => problem.answer(call.dialect, call.request_id),
        None => bent_answer(&call),
    };
    Ok(player::play(connection, &call, answer).await?)
}

/// Whether no fault stands in the way of a WebSocket.
fn switches(behaviour: &Behaviour) -> bool {
    let failure = &behaviour.failure;
    let stopped = failure
        .stop
        .is_some_and(|stop| stop.place == Place::BeforeHead);
    let other = failure.status.is_some() || failure.instead.is_some() || failure.silence;
    !stopped && !other && failure.malformed.is_none()
}

/// The answer of the route, or what a fault puts in its place.
fn bent_answer(call: &Call<'_>) -> Answer {
    let failure = &call.behaviour.failure;
    if let Some(status) = failure.status {
        return Problem::asked_for(status).answer(call.dialect, call.request_id);
    }
    if let Some(bytes) = call.behaviour.big {
        return Answer::pattern("application/octet-stream", bytes);
    }
    match failure.instead {
        Some(Instead::ErrorJson) => return error_200(call),
        Some(Instead::Html) => return html_page(),
        Some(Instead::EmptyStream) => return empty_stream(),
        None => {}
    }
    // An early answer has no body to answer from.
    if call.behaviour.early {
        return Answer::json(Json("{\"early\":true}".to_owned()));
    }
    let answer = routes::answer(call)
        .unwrap_or_else(|problem| problem.answer(call.dialect, call.request_id));
    let errs = failure
        .stop
        .is_some_and(|stop| stop.how == StopKind::ErrorEvent);
    match answer.body {
        Body::Whole(_) | Body::Pattern(_) if errs => error_200(call),
        _ if failure.malformed == Some(Malformed::Json) => half_json(answer),
        _ => answer,
    }
}

fn error_200(call: &Call<'_>) -> Answer {
    let problem = Problem::asked_for(500);
    Answer::json(problem.body(call.dialect, call.request_id))
}

/// The same answer, with JSON that stops in the middle.
fn half_json(mut answer: Answer) -> Answer {
    match &mut answer.body {
        Body::Whole(bytes) => bytes.truncate(bytes.len() / 2),
        Body::Pattern(_) => answer.body = Body::Whole(Bytes::from_static(b"{\"data\":[")),
        Body::Events(script) => script.opening = "data: {\"choices\":[\n\n".to_owned(),
    }
    answer
}

fn count_faults(mock: &Mock, behaviour: &Behaviour) {
    if behaviour.asked.is_empty() {
        return;
    }
    let mut counts = mock.stats.counts();
    for name in &behaviour.asked {
        *counts.faults.entry(name).or_default() += 1;
    }
}

fn count_lost(mock: &Mock, lost: &Lost) {
    let mut counts = mock.stats.counts();
    match lost {
        Lost::ClientGone => counts.client_gone += 1,
        Lost::Write => counts.aborted_writes += 1,
    }
}

/// Answers a request that could not be read, and closes.
async fn refuse(mut connection: Connection, mock: &Mock, error: &ReadError) {
    let status = match error {
        ReadError::Head(BadHead::TooLong) => 431,
        ReadError::TooLong => 413,
        ReadError::Head(_) | ReadError::Chunk | ReadError::Io(_) => 400,
    };
    mock.stats.counts().bad_requests += 1;
    let problem = Problem {
        status,
        ..Problem::bad_request(error.to_string())
    };
    let body = problem.body(Dialect::OpenAi, "").0;
    let head = format!(
        "HTTP/1.1 {status} Refused\r\ncontent-type: application/json\r\n\
         content-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    if connection.write((head + &body).as_bytes()).await.is_ok() {
        connection.close_over_unread().await;
    }
}

fn unix_now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs())
}
