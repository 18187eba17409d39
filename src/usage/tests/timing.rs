//! How long reading takes: run with `--release -- --ignored --nocapture`.

use std::time::Instant;

use super::sample::{self, Sample};

const TIMES: u32 = 20_000;

/// Microseconds for each KiB of this response.
fn time(sample: &Sample, piece: usize) -> f64 {
    let begun = Instant::now();
    for _ in 0..TIMES {
        let mut reader = sample.reader().unwrap();
        sample
            .body
            .chunks(piece)
            .for_each(|piece| reader.feed(piece));
        std::hint::black_box(reader.finish(true));
    }
    let each = begun.elapsed().as_secs_f64() * 1e6 / f64::from(TIMES);
    each * 1024.0 / sample.body.len() as f64
}

#[test]
#[ignore = "prints figures"]
fn time_for_each_kib() {
    for sample in sample::all() {
        println!(
            "{:7.3} us/KiB {:6} B {}",
            time(&sample, 1 << 16),
            sample.body.len(),
            sample.name
        );
    }
    let body = format!(
        r#"{{"id":"c","model":"m","choices":[{{"message":{{"content":"{}"}}}}],"usage":{{"prompt_tokens":1,"completion_tokens":2}}}}"#,
        "Lorem ipsum ".repeat(75)
    );
    let event = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\" the\"},\"finish_reason\":null}],\"usage\":null}\n\n";
    let numbers = format!(
        "{{\"data\":[{{\"embedding\":[{}0]}}]}}",
        "0.0123456,".repeat(1000)
    );
    for (name, content_type, body) in [
        ("JSON of 1 KiB", "application/json", body),
        (
            "100 events of 100 bytes",
            "text/event-stream",
            event.repeat(100),
        ),
        ("numbers", "application/json", numbers),
    ] {
        let sample = sample::chat(content_type, body.as_bytes());
        let event = time(&sample, event.len());
        println!(
            "{:7.3} us/KiB, {event:.3} in pieces: {name}",
            time(&sample, 1 << 16)
        );
    }
}
