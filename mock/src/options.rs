//! How a mock is set up: the values behind the command line arguments, with their defaults.

use std::net::SocketAddr;

use crate::behaviour::Behaviour;
use crate::faults::{self, FaultError};

/// The settings of a mock.
#[derive(Debug, Clone)]
pub struct MockOptions {
    /// Address to listen on; port 0 takes a free port.
    pub listen: SocketAddr,
    /// Threads that serve connections; at least one.
    pub workers: usize,
    /// Models that `GET /v1/models` lists. Requests for any other model are answered as well.
    pub models: Vec<String>,
    /// The behaviour for requests that ask for no fault themselves.
    pub defaults: Behaviour,
    /// Answer every POST with the same chat completion of about 1 KiB, and ignore request bodies
    /// and faults.
    pub instant: bool,
    /// Seed of ids and `chaos`; the same seed gives the same responses.
    pub seed: u64,
}

impl Default for MockOptions {
    /// A free loopback port, one worker, no faults.
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            workers: 1,
            models: default_models(),
            defaults: Behaviour::default(),
            instant: false,
            seed: 0,
        }
    }
}

impl MockOptions {
    /// The same mock with this fault for every request, as `--fault name=value` would set it.
    ///
    /// # Errors
    /// When no fault has this name, or the value is invalid.
    pub fn with_fault(mut self, name: &str, value: &str) -> Result<Self, FaultError> {
        faults::set(&mut self.defaults, name, value)?;
        Ok(self)
    }
}

/// The models listed when none are named. The last one always calls a tool.
pub(crate) fn default_models() -> Vec<String> {
    let names = [
        "gpt-4o-mini",
        "gpt-4o",
        "claude-sonnet-4-5",
        "text-embedding-3-small",
        "mock-tools",
    ];
    names.map(str::to_owned).to_vec()
}
