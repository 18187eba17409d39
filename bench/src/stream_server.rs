//! The upstream's slow response: a head at once, then one stamped event at each interval, then
//! `[DONE]`.

use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior, interval_at};

use crate::clock::now_ns;
use crate::events::{EventChunk, ending};
use crate::failure::Failure;
use crate::wire::Wire;

/// Writes a whole stream. The first event comes one interval after the head, so a proxy that holds
/// the head back until there is a body shows in the head's delay.
pub async fn serve_stream(wire: &mut Wire, chunks: u64, interval: Duration) -> Result<(), Failure> {
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-cache\r\n\
         X-Sent-At: {:020}\r\nTransfer-Encoding: chunked\r\n\r\n",
        now_ns()
    );
    wire.send(head.as_bytes()).await?;
    let mut ticks = interval_at(Instant::now() + interval, interval);
    // A late event must not be followed by a burst, which would look like coalescing.
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut event = EventChunk::new();
    for _ in 0..chunks {
        ticks.tick().await;
        wire.send(event.stamped()).await?;
    }
    wire.send(&ending()).await
}
