//! Closed loop: N connections, each sending its next request when the last response is complete.
//! Gives throughput.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use tokio::task::spawn_local;
use tokio::time::sleep;

use crate::arguments::Arguments;
use crate::clock::now_ns;
use crate::cpu::CpuMeter;
use crate::exchange::Client;
use crate::failure::Failures;
use crate::payload::{PROMPT_END, chat_request};
use crate::report::Report;
use crate::samples::Samples;

/// What the connections share; one thread, so plain cells do.
#[derive(Default)]
struct Shared {
    measuring: Cell<bool>,
    stopping: Cell<bool>,
    latencies: RefCell<Samples>,
    completed: Cell<u64>,
    failures: RefCell<Failures>,
    /// No two requests are the same.
    distinct: bool,
    sent: Cell<u64>,
}

pub async fn run(arguments: &Arguments) -> Result<Report, String> {
    let target = arguments.target()?;
    let connections: usize = arguments.get("connections")?;
    let (warmup, window) = (arguments.seconds("warmup")?, arguments.seconds("seconds")?);
    let cpu = CpuMeter::new(arguments.pids()?);
    let request: Rc<[u8]> = chat_request(target, "", &arguments.header_lines(), false).into();
    let distinct = arguments.all("distinct").any(|it| it == "true");
    let shared = Rc::new(Shared {
        distinct,
        ..Shared::default()
    });
    let loops: Vec<_> = (0..connections)
        .map(|_| {
            spawn_local(send_until_stopped(
                Client::new(target),
                Rc::clone(&request),
                Rc::clone(&shared),
            ))
        })
        .collect();

    sleep(warmup).await;
    let (started, cpu_before) = (now_ns(), cpu.microseconds());
    shared.measuring.set(true);
    sleep(window).await;
    shared.measuring.set(false);
    let (ended, cpu_after) = (now_ns(), cpu.microseconds());
    shared.stopping.set(true);
    // A connection whose response never comes must not keep the report from being printed.
    for task in loops {
        let _ = tokio::time::timeout(Duration::from_secs(5), task).await;
    }

    let seconds = (ended - started) as f64 / 1e9;
    let completed = shared.completed.get() as f64;
    Ok(Report::default()
        .number("requests", completed)
        .number("seconds", seconds)
        .number("rps", completed / seconds)
        .number("cpu_us", cpu_after - cpu_before)
        .samples("latency_us", shared.latencies.take())
        .failures(&shared.failures.borrow()))
}

async fn send_until_stopped(mut client: Client, request: Rc<[u8]>, shared: Rc<Shared>) {
    let mut own = request.to_vec();
    while !shared.stopping.get() && !shared.failures.borrow().too_many() {
        if shared.distinct {
            number(&mut own, shared.sent.replace(shared.sent.get() + 1));
        }
        let started = now_ns();
        match client.exchange(&own).await {
            Ok(()) if shared.measuring.get() => {
                shared.completed.set(shared.completed.get() + 1);
                shared.latencies.borrow_mut().push(now_ns() - started);
            }
            Ok(()) => {}
            Err(failure) => shared.failures.borrow_mut().add(&failure),
        }
    }
}

/// Writes a number over the last words of the prompt; no length changes.
fn number(request: &mut [u8], number: u64) {
    const DIGITS: usize = 12;
    let end = request.len() - PROMPT_END;
    let digits = format!("{number:0DIGITS$}");
    request[end - DIGITS..end].copy_from_slice(digits.as_bytes());
}
