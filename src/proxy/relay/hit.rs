//! A stored response, given again.

use actix_http::{
    Response,
    header::{self, HeaderValue},
};

use super::{reply_body::ReplyBody, reply_headers};
use crate::{
    cache::stored_response::StoredResponse,
    observe::metrics::Outcome,
    proxy::{exchange::Exchange, lookup::now},
};

pub fn hit(stored: &StoredResponse, exchange: Exchange) -> Response<ReplyBody> {
    let head = stored.head();
    let Exchange {
        mut notes,
        leases,
        guard,
        ..
    } = exchange;
    let recorder = &mut notes.recorder;
    recorder.note_status(head.status().as_u16());
    recorder.note_bytes_out(stored.body());
    let body = ReplyBody::whole(stored.body().clone(), leases, guard);
    let mut response = Response::with_body(head.status(), body);
    let headers = response.headers_mut();
    for (name, value) in head.headers() {
        headers.append(name.clone(), value.clone());
    }
    let age = stored.age(now());
    headers.insert(header::AGE, HeaderValue::from(age.as_secs()));
    reply_headers::describe(headers, &mut notes.reply);
    notes.recorder.close(Outcome::Answered);
    response
}
