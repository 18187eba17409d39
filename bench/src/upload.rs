//! One large request body of known length: how fast it crosses, and whether all of it did.

use crate::arguments::Arguments;
use crate::body::Body;
use crate::clock::now_ns;
use crate::cpu::CpuMeter;
use crate::failure::{Failure, Failures};
use crate::payload::{BULK_BUFFER, SMALL_BUFFER};
use crate::report::Report;
use crate::wire::{Piece, Wire};

pub async fn run(arguments: &Arguments) -> Result<Report, String> {
    let bytes: u64 = arguments.get("bytes")?;
    let target = arguments.target()?;
    let cpu = CpuMeter::new(arguments.pids()?);
    let head = format!(
        "POST /v1/files?upload=1 HTTP/1.1\r\nHost: {target}\r\n\
         Authorization: Bearer sk-bench-0123456789abcdef\r\n\
         Content-Type: application/octet-stream\r\n{}Content-Length: {bytes}\r\n\r\n",
        arguments.header_lines()
    );
    let mut failures = Failures::default();
    let (cpu_before, started) = (cpu.microseconds(), now_ns());
    if let Err(failure) = upload(target, &head, bytes).await {
        failures.add(&failure);
    }
    let seconds = (now_ns() - started) as f64 / 1e9;
    Ok(Report::default()
        .number("bytes", bytes as f64)
        .number("seconds", seconds)
        .number("mb_per_s", bytes as f64 / 1e6 / seconds)
        .number("cpu_us", cpu.microseconds() - cpu_before)
        .failures(&failures))
}

async fn upload(target: std::net::SocketAddr, head: &str, bytes: u64) -> Result<(), Failure> {
    let mut wire = Wire::connect(target, SMALL_BUFFER).await?;
    wire.send(head.as_bytes()).await?;
    let sent = wire.send_zeros(bytes, BULK_BUFFER).await;
    // A refusal in mid-upload breaks the writing; its status says more than the broken pipe.
    let received = match received(&mut wire).await {
        Err(Failure::Io(_) | Failure::Closed(_)) if sent.is_err() => return sent,
        other => other?,
    };
    if received == bytes {
        Ok(())
    } else {
        Err(Failure::Body {
            expected: bytes,
            got: received,
        })
    }
}

/// How many bytes the upstream says it got.
async fn received(wire: &mut Wire) -> Result<u64, Failure> {
    let head = wire
        .head()
        .await?
        .ok_or(Failure::Closed("instead of a response"))?;
    let status = head.status(wire.bytes())?;
    wire.consume(head.len);
    if status != 200 {
        return Err(Failure::Status(status));
    }
    let mut body = Body::of_response(head.framing);
    let mut text = Vec::new();
    loop {
        match wire.piece(&mut body).await? {
            Piece::Data(data) => text.extend_from_slice(data),
            Piece::ChunkEnd | Piece::Drained => {}
            Piece::Done => {
                return crate::head::number(&text).ok_or(Failure::Malformed("upload response"));
            }
        }
    }
}
