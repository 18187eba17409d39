//! The load tool behind `bench/run`: an instant upstream and the clients that measure through a
//! proxy. Each subcommand prints one JSON line. Everything runs on one thread, so that the tool
//! fits on one core.

mod arguments;
mod body;
mod clock;
mod closed;
mod cpu;
mod download;
mod events;
mod exchange;
mod failure;
mod head;
mod open;
mod pacer;
mod payload;
mod report;
mod samples;
mod stream_server;
mod streams;
mod upload;
mod upstream;
mod wire;

use std::process::ExitCode;

use arguments::Arguments;
use report::Report;

const USAGE: &str = "usage: loadgen upstream|closed|open|streams|upload|download [--name value]...
  upstream  --listen ADDR                      serves until its standard input closes
  closed    --target ADDR --connections N --seconds S --warmup S [--distinct true]
  open      --target ADDR --connections N --seconds S --warmup S --rate PER_SECOND
  streams   --target ADDR --streams N --chunks N --interval-ms MS --ramp S
  upload    --target ADDR --bytes N
  download  --target ADDR --bytes N
every client also takes --header 'Name: value' (repeated) and --pids PID,PID (whose CPU \
time to count)";

fn main() -> ExitCode {
    match run() {
        Ok(Some(report)) => {
            println!("{}", report.line());
            ExitCode::SUCCESS
        }
        Ok(None) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("loadgen: {message}");
            ExitCode::from(2)
        }
    }
}

/// Runs the subcommand named on the command line; the upstream has nothing to report.
fn run() -> Result<Option<Report>, String> {
    let mut words = std::env::args().skip(1);
    let command = words.next().ok_or(USAGE)?;
    let arguments = Arguments::parse(words)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| format!("runtime: {error}"))?;
    let tasks = tokio::task::LocalSet::new();
    tasks.block_on(&runtime, async {
        match command.as_str() {
            "upstream" => upstream::serve(&arguments).await.map(|()| None),
            "closed" => closed::run(&arguments).await.map(Some),
            "open" => open::run(&arguments).await.map(Some),
            "streams" => streams::run(&arguments).await.map(Some),
            "upload" => upload::run(&arguments).await.map(Some),
            "download" => download::run(&arguments).await.map(Some),
            other => Err(format!("unknown subcommand {other}\n{USAGE}")),
        }
    })
}
