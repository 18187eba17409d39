//! `GET /gateway/admin/v1/records/live`: records as requests end, as a stream of events
//! (`text/event-stream`). Filters are those of the search; they apply here, so that a watcher gets
//! only what it asks for.

use std::{convert::Infallible, time::Duration};

use actix_http::{
    body::{BodyStream, BoxBody},
    header::{CACHE_CONTROL, CONTENT_TYPE},
};
use actix_web::{HttpRequest, HttpResponse};
use bytes::Bytes;
use futures_util::{Stream, StreamExt as _, stream};
use tokio::{
    sync::broadcast::error::{RecvError, TryRecvError},
    time::{Instant, timeout_at},
};

use super::{Call, Response, query, records::take};
use crate::{
    control::Control,
    error::GatewayError,
    records::{Filter, Watch, Watched},
};

/// How often a silent stream sends a comment, by which a watcher that left is noticed.
const HEARTBEAT: Duration = Duration::from_secs(10);
/// How often it is looked whether the gateway is shutting down, or the watcher may not watch any
/// longer.
const LOOK: Duration = Duration::from_secs(1);
/// Bytes of events that are sent together, where so many have come.
const MOST_AT_ONCE: usize = 64 * 1024;

pub(super) async fn watch(call: Call) -> Response {
    let mut filter = Filter::default();
    for (name, value) in query::with_ids(&call)? {
        take(&mut filter, &name, &value)?;
    }
    let Some(watch) = call.control.current.get().process.archive.watch() else {
        let message = "16 watchers follow the records already, which is the most there can be";
        return Err(GatewayError::overloaded(message));
    };
    let watcher = Watcher {
        watch,
        filter,
        control: call.control,
        request: call.request,
        told: Instant::now(),
        looked: Instant::now(),
    };
    Ok(HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, "text/event-stream"))
        .insert_header((CACHE_CONTROL, "no-store"))
        .body(BoxBody::new(BodyStream::new(events(watcher)))))
}

struct Watcher {
    watch: Watch,
    filter: Filter,
    control: Control,
    request: HttpRequest,
    /// When something was sent last.
    told: Instant,
    /// When it was looked last whether the watcher may go on.
    looked: Instant,
}

fn events(watcher: Watcher) -> impl Stream<Item = Result<Bytes, Infallible>> {
    let begin = stream::iter([Ok(Bytes::from_static(b": watching\n\n"))]);
    let events = stream::unfold(watcher, async |mut watcher| {
        let event = watcher.next().await?;
        Some((Ok(event), watcher))
    });
    begin.chain(events)
}

impl Watcher {
    /// The next events, or a comment after a time without. `None`: the gateway is shutting down, or
    /// the watcher may not watch any longer.
    async fn next(&mut self) -> Option<Bytes> {
        let mut events = String::new();
        loop {
            if self.looked.elapsed() >= LOOK {
                self.looked = Instant::now();
                self.may_go_on()?;
            }
            match timeout_at(self.looked + LOOK, self.watch.records.recv()).await {
                Ok(Ok(watched)) => self.add(&watched, &mut events),
                Ok(Err(RecvError::Lagged(count))) => skipped(count, &mut events),
                Ok(Err(RecvError::Closed)) => return None,
                Err(_) => {}
            }
            self.add_more(&mut events);
            if events.is_empty() && self.told.elapsed() >= HEARTBEAT {
                events.push_str(": still watching\n\n");
            }
            if !events.is_empty() {
                self.told = Instant::now();
                return Some(events.into());
            }
        }
    }

    /// Adds what is there already: a write for each record would cost more than the record.
    fn add_more(&mut self, events: &mut String) {
        while events.len() < MOST_AT_ONCE {
            match self.watch.records.try_recv() {
                Ok(watched) => self.add(&watched, events),
                Err(TryRecvError::Lagged(count)) => skipped(count, events),
                Err(TryRecvError::Empty | TryRecvError::Closed) => return,
            }
        }
    }

    fn add(&self, watched: &Watched, events: &mut String) {
        if self.filter.matches(&watched.record) {
            for part in ["event: record\ndata: ", watched.text(), "\n\n"] {
                events.push_str(part);
            }
        }
    }

    /// A key that was blocked meanwhile watches no longer.
    fn may_go_on(&self) -> Option<()> {
        let gateway = self.control.current.get();
        let may = gateway.check_admin(self.request.head(), false).is_ok();
        (may && !gateway.process.is_draining()).then_some(())
    }
}

fn skipped(count: u64, events: &mut String) {
    let event = format!("event: skipped\ndata: {{\"count\":{count}}}\n\n");
    events.push_str(&event);
}
