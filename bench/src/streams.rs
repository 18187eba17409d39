//! Many event streams at once: how late the head, the first event and every later event arrive, and
//! whether events that the upstream wrote apart arrived together.

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use tokio::task::spawn_local;
use tokio::time::sleep;

use crate::arguments::Arguments;
use crate::body::Body;
use crate::clock::now_ns;
use crate::cpu::CpuMeter;
use crate::events::{Event, EventReader};
use crate::failure::{Failure, Failures};
use crate::payload::{SMALL_BUFFER, chat_request};
use crate::report::Report;
use crate::samples::Samples;
use crate::wire::{Piece, Wire};

#[derive(Default)]
struct Shared {
    open: Cell<u64>,
    most_open: Cell<u64>,
    completed: Cell<u64>,
    heads: RefCell<Samples>,
    first_events: RefCell<Samples>,
    later_events: RefCell<Samples>,
    chunks: Cell<u64>,
    coalesced_chunks: Cell<u64>,
    failures: RefCell<Failures>,
}

pub async fn run(arguments: &Arguments) -> Result<Report, String> {
    let target = arguments.target()?;
    let (streams, chunks): (u32, u64) = (arguments.get("streams")?, arguments.get("chunks")?);
    let interval_ms: u64 = arguments.get("interval-ms")?;
    let gap = arguments.seconds("ramp")? / streams.max(1);
    let cpu = CpuMeter::new(arguments.pids()?);
    let query = format!("?chunks={chunks}&interval_ms={interval_ms}");
    let request: Rc<[u8]> = chat_request(target, &query, &arguments.header_lines(), true).into();
    let shared = Rc::new(Shared::default());
    let (cpu_before, started) = (cpu.microseconds(), now_ns());
    let tasks: Vec<_> = (0..streams)
        .map(|number| {
            spawn_local(one_stream(
                target,
                gap * number,
                Rc::clone(&request),
                chunks,
                Rc::clone(&shared),
            ))
        })
        .collect();
    for task in tasks {
        task.await.map_err(|error| error.to_string())?;
    }
    Ok(Report::default()
        .number("streams", f64::from(streams))
        .number("completed", shared.completed.get() as f64)
        .number("most_open", shared.most_open.get() as f64)
        .number("seconds", (now_ns() - started) as f64 / 1e9)
        .number("cpu_us", cpu.microseconds() - cpu_before)
        .number("chunks", shared.chunks.get() as f64)
        .number("coalesced_chunks", shared.coalesced_chunks.get() as f64)
        .samples("head_us", shared.heads.take())
        .samples("first_event_us", shared.first_events.take())
        .samples("later_event_us", shared.later_events.take())
        .failures(&shared.failures.borrow()))
}

async fn one_stream(
    target: SocketAddr,
    delay: Duration,
    request: Rc<[u8]>,
    events: u64,
    shared: Rc<Shared>,
) {
    sleep(delay).await;
    match read_stream(target, &request, events, &shared).await {
        Ok(()) => shared.completed.set(shared.completed.get() + 1),
        Err(failure) => shared.failures.borrow_mut().add(&failure),
    }
}

async fn read_stream(
    target: SocketAddr,
    request: &[u8],
    events: u64,
    shared: &Shared,
) -> Result<(), Failure> {
    let mut wire = Wire::connect(target, SMALL_BUFFER).await?;
    wire.send(request).await?;
    let head = wire
        .head()
        .await?
        .ok_or(Failure::Closed("instead of a response"))?;
    let arrived = now_ns();
    let status = head.status(wire.bytes())?;
    wire.consume(head.len);
    if status != 200 {
        return Err(Failure::Status(status));
    }
    let sent_at = head
        .sent_at
        .ok_or(Failure::Malformed("head: x-sent-at is missing"))?;
    shared
        .heads
        .borrow_mut()
        .push(arrived.saturating_sub(sent_at));
    let _open = Open::enter(shared);
    Progress::new(events, arrived)
        .read(&mut wire, &mut Body::of_response(head.framing), shared)
        .await
}

/// Counts a stream as open from its head to its end.
struct Open<'a>(&'a Shared);

impl<'a> Open<'a> {
    fn enter(shared: &'a Shared) -> Self {
        shared.open.set(shared.open.get() + 1);
        shared
            .most_open
            .set(shared.most_open.get().max(shared.open.get()));
        Self(shared)
    }
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.0.open.set(self.0.open.get() - 1);
    }
}

/// How far one stream has come.
struct Progress {
    expected: u64,
    seen: u64,
    done: bool,
    foreign: bool,
    in_this_chunk: u64,
    /// When the bytes at hand left the socket.
    arrived: u64,
}

impl Progress {
    fn new(expected: u64, arrived: u64) -> Self {
        Self {
            expected,
            seen: 0,
            done: false,
            foreign: false,
            in_this_chunk: 0,
            arrived,
        }
    }

    async fn read(
        mut self,
        wire: &mut Wire,
        body: &mut Body,
        shared: &Shared,
    ) -> Result<(), Failure> {
        let mut events = EventReader::default();
        loop {
            match wire.piece(body).await? {
                Piece::Data(data) => events.push(data, |event| self.take(&event, shared)),
                Piece::ChunkEnd => self.end_chunk(shared),
                Piece::Drained => self.arrived = now_ns(),
                Piece::Done => break,
            }
        }
        if self.foreign || !self.done || !events.is_clean() {
            return Err(Failure::Malformed("stream: foreign bytes or no [DONE]"));
        }
        let (expected, got) = (self.expected, self.seen);
        if got == expected {
            Ok(())
        } else {
            Err(Failure::Body { expected, got })
        }
    }

    fn take(&mut self, event: &Event, shared: &Shared) {
        match *event {
            Event::Stamped(written) => {
                self.in_this_chunk += 1;
                let delays = if self.seen == 0 {
                    &shared.first_events
                } else {
                    &shared.later_events
                };
                delays
                    .borrow_mut()
                    .push(self.arrived.saturating_sub(written));
                self.seen += 1;
            }
            // The upstream writes `[DONE]` right behind the last event: sharing a chunk with it is
            // no coalescing.
            Event::Done => self.done = true,
            Event::Foreign => self.foreign = true,
        }
    }

    fn end_chunk(&mut self, shared: &Shared) {
        shared.chunks.set(shared.chunks.get() + 1);
        if self.in_this_chunk > 1 {
            shared
                .coalesced_chunks
                .set(shared.coalesced_chunks.get() + 1);
        }
        self.in_this_chunk = 0;
    }
}
