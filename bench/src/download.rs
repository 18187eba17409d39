//! One large response body of known length: how fast it crosses, and whether all of it did.

use crate::arguments::Arguments;
use crate::clock::now_ns;
use crate::cpu::CpuMeter;
use crate::exchange::expect_response;
use crate::failure::{Failure, Failures};
use crate::payload::BULK_BUFFER;
use crate::report::Report;
use crate::wire::Wire;

pub async fn run(arguments: &Arguments) -> Result<Report, String> {
    let bytes: u64 = arguments.get("bytes")?;
    let target = arguments.target()?;
    let cpu = CpuMeter::new(arguments.pids()?);
    let request = format!(
        "GET /v1/files/bench/content?bytes={bytes} HTTP/1.1\r\nHost: {target}\r\n\
         Authorization: Bearer sk-bench-0123456789abcdef\r\n{}\r\n",
        arguments.header_lines()
    );
    let mut failures = Failures::default();
    let (cpu_before, started) = (cpu.microseconds(), now_ns());
    if let Err(failure) = download(target, &request, bytes).await {
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

async fn download(target: std::net::SocketAddr, request: &str, bytes: u64) -> Result<(), Failure> {
    let mut wire = Wire::connect(target, BULK_BUFFER).await?;
    wire.send(request.as_bytes()).await?;
    expect_response(&mut wire, bytes).await.map(|_| ())
}
