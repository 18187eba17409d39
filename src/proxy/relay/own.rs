//! Responses that the gateway makes itself: pages aside, its own and its errors.

use actix_http::{ConnectionType, Response};
use bytes::Bytes;

use super::{reply_body::ReplyBody, reply_headers};
use crate::{
    downstream::ExchangeGuard,
    error::{Code, GatewayError},
    observe::metrics::Outcome,
    record::Recorder,
};

/// A response of the gateway's own that is no error; the record closes with it.
pub fn own(
    response: Response<Bytes>,
    mut recorder: Recorder,
    guard: ExchangeGuard,
) -> Response<ReplyBody> {
    recorder.note_status(response.status().as_u16());
    close(response, recorder, guard, Outcome::answered)
}

/// The gateway's "no". A body that is stalled or broken has no end to wait for: the connection ends with the answer.
pub fn refuse(
    error: &GatewayError,
    mut recorder: Recorder,
    guard: ExchangeGuard,
) -> Response<ReplyBody> {
    recorder.note_error(error.code, &error.message);
    let link = guard.link().clone();
    let outcome = match error.code {
        Code::ClientClosed => {
            link.hang_up();
            Outcome::client_gone
        }
        _ => Outcome::refused,
    };
    let mut response = close(error.response(), recorder, guard, outcome);
    if error.code == Code::InvalidBody {
        link.finish();
        response
            .head_mut()
            .set_connection_type(ConnectionType::Close);
    }
    response
}

fn close(
    response: Response<Bytes>,
    recorder: Recorder,
    guard: ExchangeGuard,
    outcome: Outcome,
) -> Response<ReplyBody> {
    let mut response = response.map_body(|_, bytes| ReplyBody::own(bytes, guard));
    let (headers, trace_id) = (response.headers_mut(), recorder.trace_id().clone());
    reply_headers::trace(headers, trace_id);
    reply_headers::describe(headers, &recorder);
    recorder.close(outcome);
    response
}
