//! Responses that the gateway makes itself: pages aside, its own and its errors.

use actix_http::{ConnectionType, Response};
use bytes::Bytes;

use super::{reply_body::ReplyBody, reply_headers};
use crate::{
    downstream::ExchangeGuard,
    error::{Code, GatewayError},
    observe::metrics::Outcome,
    proxy::notes::RequestNotes,
};

/// A response of the gateway's own that is no error; the record closes with it.
pub fn own(
    response: Response<Bytes>,
    mut notes: RequestNotes,
    guard: ExchangeGuard,
) -> Response<ReplyBody> {
    notes.recorder.note_status(response.status().as_u16());
    close(response, notes, guard, Outcome::Answered)
}

/// The gateway's "no". A body that is stalled or broken has no end to wait for: the connection ends
/// with the response.
pub fn refuse(
    error: &GatewayError,
    mut notes: RequestNotes,
    guard: ExchangeGuard,
) -> Response<ReplyBody> {
    notes.recorder.note_error(error.code, &error.message);
    let connection = guard.connection().clone();
    let outcome = match error.code {
        Code::ClientClosed => {
            connection.hang_up();
            Outcome::ClientGone
        }
        _ => Outcome::Refused,
    };
    let mut response = close(error.response(), notes, guard, outcome);
    if error.code == Code::InvalidBody {
        connection.finish();
        response
            .head_mut()
            .set_connection_type(ConnectionType::Close);
    }
    response
}

fn close(
    response: Response<Bytes>,
    mut notes: RequestNotes,
    guard: ExchangeGuard,
    outcome: Outcome,
) -> Response<ReplyBody> {
    let mut response = response.map_body(|_, bytes| ReplyBody::own(bytes, guard));
    reply_headers::describe(response.headers_mut(), &mut notes.reply);
    notes.recorder.close(outcome);
    response
}
