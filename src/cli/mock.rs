//! `throughway mock`: runs the mock provider until it is told to stop.

use std::io;

use throughway_mock::MockArgs;

use crate::observe::logs;

/// Runs the mock until Ctrl-C or SIGTERM; returns the exit code.
pub fn run(args: MockArgs) -> u8 {
    let served = actix_rt::System::new().block_on(async {
        let handle = throughway_mock::start(args.try_into()?)?;
        logs::say(&format!("mock upstream on http://{}/v1", handle.addr));
        wait_for_stop().await?;
        handle.stop().await;
        Ok::<_, Box<dyn std::error::Error>>(())
    });
    match served {
        Ok(()) => 0,
        Err(error) => {
            logs::say(&format!("error: {error}"));
            1
        }
    }
}

async fn wait_for_stop() -> io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut terminate, mut interrupt) = (
        signal(SignalKind::terminate())?,
        signal(SignalKind::interrupt())?,
    );
    tokio::select! { _ = terminate.recv() => {}, _ = interrupt.recv() => {} }
    Ok(())
}
