//! `GET /gateway/admin/v1/records/live`: records as requests end, as a stream of events
//! (`text/event-stream`). Filters are those of the search; they apply here, so that a watcher gets
//! only what it asks for.

use std::{sync::Arc, time::Duration};

use actix_http::{
    body::{BodyStream, BoxBody},
    header::{CACHE_CONTROL, CONTENT_TYPE},
};
use actix_web::HttpResponse;
use bytes::Bytes;
use futures_util::{Stream, stream};
use tokio::{sync::broadcast::error::RecvError, time::timeout};

use super::{Call, Response, query, records::take};
use crate::{
    error::GatewayError,
    gateway::Process,
    records::{Filter, Watch, shown},
};

/// How often a silent stream sends a comment, by which a watcher that left is noticed.
const HEARTBEAT: Duration = Duration::from_secs(10);
/// How often it is looked whether the gateway is shutting down.
const LOOK: Duration = Duration::from_secs(1);

pub(super) async fn watch(call: Call) -> Response {
    let mut filter = Filter::default();
    for (name, value) in query::parameters(call.request.query_string())? {
        take(&mut filter, &name, &value)?;
    }
    let process = call.control.current.get().process.clone();
    let Some(watch) = process.archive.watch() else {
        let message = "16 watchers follow the records already, which is the most there can be";
        return Err(GatewayError::overloaded(message));
    };
    let body = BodyStream::new(events(watch, filter, process));
    Ok(HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, "text/event-stream"))
        .insert_header((CACHE_CONTROL, "no-store"))
        .body(BoxBody::new(body)))
}

fn events(
    watch: Watch,
    filter: Filter,
    process: Arc<Process>,
) -> impl Stream<Item = Result<Bytes, std::convert::Infallible>> {
    let begin = stream::iter([Ok(Bytes::from_static(b": watching\n\n"))]);
    let state = (watch, filter, process);
    let events = stream::unfold(state, async |(mut watch, filter, process)| {
        let event = next(&mut watch, &filter, &process).await?;
        Some((Ok(event), (watch, filter, process)))
    });
    futures_util::StreamExt::chain(begin, events)
}

/// The next event, or a comment after a time without; `None`: the gateway is shutting down.
async fn next(watch: &mut Watch, filter: &Filter, process: &Process) -> Option<Bytes> {
    let mut silent = Duration::ZERO;
    while !process.is_draining() {
        match timeout(LOOK, watch.records.recv()).await {
            Ok(Ok(record)) => {
                if filter.matches(&record) {
                    return Some(format!("event: record\ndata: {}\n\n", shown(&record)).into());
                }
            }
            Ok(Err(RecvError::Lagged(count))) => {
                return Some(format!("event: skipped\ndata: {{\"count\":{count}}}\n\n").into());
            }
            Ok(Err(RecvError::Closed)) => return None,
            Err(_) => silent += LOOK,
        }
        if silent >= HEARTBEAT {
            return Some(Bytes::from_static(b": still watching\n\n"));
        }
    }
    None
}
