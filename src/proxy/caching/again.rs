//! An answer that was given before.

use actix_http::{
    Response,
    header::{self, HeaderValue},
};

use super::now;
use crate::{
    cache::answer::StoredAnswer,
    downstream::ExchangeGuard,
    observe::metrics::Outcome,
    proxy::{ReplyBody, reply},
    rate_limit::Lease,
    record::Recorder,
};

/// Gives an answer again.
pub fn hit(
    answer: &StoredAnswer,
    leases: Vec<Lease>,
    mut recorder: Recorder,
    guard: ExchangeGuard,
) -> Response<ReplyBody> {
    let head = answer.head();
    recorder.note_status(head.status().as_u16());
    recorder.note_bytes_out(answer.body().len());
    let body = ReplyBody::whole(answer.body().clone(), leases, guard);
    let mut response = Response::with_body(head.status(), body);
    let headers = response.headers_mut();
    for (name, value) in head.headers() {
        headers.append(name.clone(), value.clone());
    }
    let age = answer.age(now());
    headers.insert(header::AGE, HeaderValue::from(age.as_secs()));
    reply::trace(headers, recorder.trace_id().clone());
    reply::describe(headers, &recorder);
    recorder.close(Outcome::answered);
    response
}
