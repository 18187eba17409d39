//! Open loop: requests are due at a fixed rate whatever the responses do, and latency counts from
//! when a request was due, not from when it could be sent. That is the correction for coordinated
//! omission.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::task::spawn_local;

use crate::arguments::Arguments;
use crate::clock::now_ns;
use crate::cpu::CpuMeter;
use crate::exchange::Client;
use crate::failure::{Failure, Failures};
use crate::pacer::Pacer;
use crate::payload::chat_request;
use crate::report::Report;
use crate::samples::Samples;

/// One request: when it was due, and whether it falls into the measured window.
#[derive(Clone, Copy)]
struct Due {
    at: u64,
    measured: bool,
}

#[derive(Default)]
struct Shared {
    queue: RefCell<VecDeque<Due>>,
    wake: Notify,
    latencies: RefCell<Samples>,
    lateness: RefCell<Samples>,
    done: Cell<u64>,
    failures: RefCell<Failures>,
}

pub async fn run(arguments: &Arguments) -> Result<Report, String> {
    let target = arguments.target()?;
    let rate: u64 = arguments.get("rate")?;
    let count = |length: Duration| (length.as_secs_f64() * rate as f64) as u64;
    let (warmup, measured) = (
        count(arguments.seconds("warmup")?),
        count(arguments.seconds("seconds")?),
    );
    let cpu = CpuMeter::new(arguments.pids()?);
    let request: Rc<[u8]> = chat_request(target, "", &arguments.header_lines(), false).into();
    let shared = Rc::new(Shared::default());
    for _ in 0..arguments.get("connections")? {
        let mut client = Client::new(target);
        client
            .ready()
            .await
            .map_err(|failure| failure.to_string())?;
        spawn_local(serve_queue(client, Rc::clone(&request), Rc::clone(&shared)));
    }

    let schedule = Schedule {
        started: now_ns(),
        period_ns: 1_000_000_000 / rate.max(1),
        warmup,
    };
    schedule.offer(0..warmup, &shared).await?;
    let (cpu_before, window_began) = (cpu.microseconds(), now_ns());
    schedule.offer(warmup..warmup + measured, &shared).await?;
    let all_in_time = wait_for(warmup + measured, &shared).await;
    let (cpu_after, window_ended) = (cpu.microseconds(), now_ns());
    if !all_in_time {
        shared.failures.borrow_mut().add(&Failure::Malformed(
            "run: responses missing 5 s after the last request",
        ));
    }
    Ok(Report::default()
        .number("requests", measured as f64)
        .number("rate", rate as f64)
        .number("seconds", (window_ended - window_began) as f64 / 1e9)
        .number("cpu_us", cpu_after - cpu_before)
        .samples("latency_us", shared.latencies.take())
        .samples("send_lateness_us", shared.lateness.take())
        .failures(&shared.failures.borrow()))
}

struct Schedule {
    started: u64,
    period_ns: u64,
    /// Requests before the measured window.
    warmup: u64,
}

impl Schedule {
    /// Puts every request of `numbers` in the queue when its time comes, late ones at once.
    async fn offer(&self, numbers: std::ops::Range<u64>, shared: &Shared) -> Result<(), String> {
        let pacer = Pacer::start(self.period_ns)?;
        for number in numbers {
            let due = Due {
                at: self.started + number * self.period_ns,
                measured: number >= self.warmup,
            };
            while now_ns() < due.at {
                pacer.beat().await?;
            }
            shared.queue.borrow_mut().push_back(due);
            shared.wake.notify_one();
        }
        Ok(())
    }
}

/// Waits until `total` requests succeeded or failed; gives up after 5 s.
async fn wait_for(total: u64, shared: &Shared) -> bool {
    for _ in 0..5_000 {
        if shared.done.get() >= total {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    false
}

/// One connection: takes the oldest due request, or sleeps until there is one.
async fn serve_queue(mut client: Client, request: Rc<[u8]>, shared: Rc<Shared>) {
    loop {
        let next = shared.queue.borrow_mut().pop_front();
        let Some(due) = next else {
            shared.wake.notified().await;
            continue;
        };
        let lateness = now_ns() - due.at;
        let outcome = client.exchange(&request).await;
        shared.done.set(shared.done.get() + 1);
        match outcome {
            Ok(()) if due.measured => {
                shared.latencies.borrow_mut().push(now_ns() - due.at);
                shared.lateness.borrow_mut().push(lateness);
            }
            Ok(()) => {}
            Err(failure) => shared.failures.borrow_mut().add(&failure),
        }
    }
}
