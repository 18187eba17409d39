//! The life of one connection: read a request, find its faults and its response, send the
//! response, and start again.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use actix_rt::net::TcpStream;
use bytes::Bytes;
use serde_json::json;

use crate::api_error::ApiError;
use crate::behaviour::{Behaviour, Malformed, StopKind, StopPoint, Substitute};
use crate::call::Call;
use crate::connection::{Connection, Disconnected, ReadError};
use crate::dialect::Dialect;
use crate::faults_for::faults_for;
use crate::request::{HeadError, Request};
use crate::response::{Body, Response};
use crate::routes;
use crate::send::{ConnectionAction, send};
use crate::state::Mock;
use crate::websocket;

/// Counts an open connection until it is dropped, however its task ends.
struct OpenConnection(Arc<Mock>);

impl OpenConnection {
    fn new(mock: Arc<Mock>) -> Self {
        let mut counts = mock.stats.counts();
        counts.accepted += 1;
        counts.open += 1;
        drop(counts);
        Self(mock)
    }
}

impl Drop for OpenConnection {
    fn drop(&mut self) {
        let mut counts = self.0.stats.counts();
        counts.open = counts.open.saturating_sub(1);
    }
}

/// Why a connection ends in the middle of a request or its response.
#[derive(Debug, thiserror::Error)]
enum ExchangeError {
    #[error("the client left")]
    Disconnected(#[from] Disconnected),
    #[error(transparent)]
    Read(#[from] ReadError),
}

/// Serves `stream` until either side ends it.
pub(crate) async fn serve(stream: TcpStream, mock: Arc<Mock>) {
    let open = OpenConnection::new(mock);
    let mock = &open.0;
    let mut connection = Connection::new(stream);
    loop {
        let request = match connection.read_head().await {
            Ok(Some(request)) => request,
            Ok(None) | Err(ReadError::Io(_)) => return,
            Err(error) => return refuse(connection, mock, &error).await,
        };
        match exchange(&mut connection, mock, request).await {
            Ok(ConnectionAction::KeepAlive) => {}
            Ok(ConnectionAction::Close) => return connection.close().await,
            Ok(ConnectionAction::DrainAndClose) => return connection.drain_and_close().await,
            Ok(ConnectionAction::Reset) => return connection.reset(),
            Err(ExchangeError::Disconnected(error)) => return count_disconnect(mock, &error),
            Err(ExchangeError::Read(ReadError::Io(_))) => {
                mock.stats.counts().aborted_uploads += 1;
                return;
            }
            Err(ExchangeError::Read(error)) => return refuse(connection, mock, &error).await,
        }
    }
}

async fn exchange(
    connection: &mut Connection,
    mock: &Mock,
    mut request: Request,
) -> Result<ConnectionAction, ExchangeError> {
    let is_admin = routes::is_admin(request.path());
    if !is_admin {
        mock.stats.counts().count_request(request.path());
        if let Some(instant) = &mock.instant
            && request.method == "POST"
        {
            return send_instant(connection, mock, &request, instant).await;
        }
    }
    let (behaviour, error) = match is_admin {
        true => (Behaviour::default(), None),
        false => behaviour_for(mock, &request),
    };
    mock.stats.counts().count_faults(&behaviour.requested);
    if !behaviour.early {
        request.body = connection.read_body(&request).await?;
    }
    let call = Call {
        dialect: Dialect::of(&request),
        request: &request,
        behaviour: &behaviour,
        mock,
        request_id: &mock.random.id("req_"),
        now: unix_now(),
        id: "",
    };
    let action = match error {
        Some(error) => send(connection, &call, error_response(&call, &error)).await,
        None if websocket::is_handshake(&request) && accepts_websocket(&behaviour) => {
            websocket::echo(connection, &call).await
        }
        None => send(connection, &call, response_with_faults(&call)).await,
    };
    Ok(action?)
}

/// The behaviour that `request` sets, or no faults and the error to answer it with.
fn behaviour_for(mock: &Mock, request: &Request) -> (Behaviour, Option<ApiError>) {
    match faults_for(mock, request) {
        Ok(behaviour) => (behaviour, None),
        Err(error) => {
            let error = ApiError::bad_request(error.to_string());
            (Behaviour::default(), Some(error))
        }
    }
}

async fn send_instant(
    connection: &mut Connection,
    mock: &Mock,
    request: &Request,
    response: &Bytes,
) -> Result<ConnectionAction, ExchangeError> {
    connection.read_body(request).await?;
    mock.stats.counts().count_response(200);
    connection.write(response).await?;
    Ok(match request.keeps_alive() {
        true => ConnectionAction::KeepAlive,
        false => ConnectionAction::Close,
    })
}

/// Whether no fault prevents a WebSocket.
fn accepts_websocket(behaviour: &Behaviour) -> bool {
    let failure = &behaviour.failure;
    let stops_before_head = failure
        .stop
        .is_some_and(|stop| stop.point == StopPoint::BeforeHead);
    !stops_before_head
        && failure.status.is_none()
        && failure.substitute.is_none()
        && failure.malformed.is_none()
        && !failure.silence
}

/// The response of the route, or the one with which a fault replaces it.
fn response_with_faults(call: &Call<'_>) -> Response {
    let failure = &call.behaviour.failure;
    if let Some(status) = failure.status {
        return error_response(call, &ApiError::for_status(status));
    }
    if let Some(bytes) = call.behaviour.big {
        return Response::pattern("application/octet-stream", bytes);
    }
    match failure.substitute {
        Some(Substitute::ErrorJson) => return error_with_status_200(call),
        Some(Substitute::Html) => return Response::html(),
        Some(Substitute::EmptyStream) => return Response::empty_stream(),
        None => {}
    }
    if call.behaviour.early {
        // The request body is not read yet, so the route cannot answer it.
        return Response::json(&json!({ "early": true }));
    }
    let response = routes::respond(call).unwrap_or_else(|error| error_response(call, &error));
    let ends_with_error = failure
        .stop
        .is_some_and(|stop| stop.kind == StopKind::ErrorEvent);
    match response.body {
        Body::Whole(_) | Body::Pattern(_) if ends_with_error => error_with_status_200(call),
        _ if failure.malformed == Some(Malformed::Json) => with_invalid_json(response),
        _ => response,
    }
}

fn error_response(call: &Call<'_>, error: &ApiError) -> Response {
    error.response(call.dialect, call.request_id)
}

fn error_with_status_200(call: &Call<'_>) -> Response {
    let error = ApiError::for_status(500);
    Response::json(&error.body(call.dialect, call.request_id))
}

/// The same response with JSON that ends in the middle.
fn with_invalid_json(mut response: Response) -> Response {
    match &mut response.body {
        Body::Whole(bytes) => bytes.truncate(bytes.len() / 2),
        Body::Pattern(_) => response.body = Body::Whole(Bytes::from_static(b"{\"data\":[")),
        Body::Events(script) => script.opening = "data: {\"choices\":[\n\n".to_owned(),
    }
    response
}

fn count_disconnect(mock: &Mock, error: &Disconnected) {
    let mut counts = mock.stats.counts();
    match error {
        Disconnected::ClientGone => counts.client_gone += 1,
        Disconnected::Write => counts.aborted_writes += 1,
    }
}

/// Answers a request that could not be read, and closes the connection.
async fn refuse(mut connection: Connection, mock: &Mock, error: &ReadError) {
    let status = match error {
        ReadError::Head(HeadError::TooLong) => 431,
        ReadError::TooLong => 413,
        ReadError::Head(_) | ReadError::Chunk | ReadError::Io(_) => 400,
    };
    mock.stats.counts().bad_requests += 1;
    let error = ApiError::bad_request(error.to_string());
    let error = ApiError { status, ..error };
    let body = error.body(Dialect::OpenAi, "").to_string();
    let head = format!(
        "HTTP/1.1 {status} Refused\r\ncontent-type: application/json\r\n\
         content-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    if connection.write((head + &body).as_bytes()).await.is_ok() {
        connection.drain_and_close().await;
    }
}

fn unix_now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs())
}
