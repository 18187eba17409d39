//! `throughway mock`: an upstream shaped like OpenAI and Anthropic, with faults on demand, for
//! trying, testing and measuring. It speaks HTTP/1.1 over bare sockets, because a web framework
//! would not let it cut, reset or garble an answer. The gateway uses nothing of it.
//!
//! A request's way: `serve` (the connection's life) → `request` (the head) → `fate` (which faults)
//! → `routes` → `api/*` (what is answered) → `player` (how it goes out).

mod answer;
mod api;
mod args;
mod ask;
mod behaviour;
mod connection;
mod content;
mod dice;
mod fate;
mod fault_table;
mod faults;
mod head;
mod instant;
mod json;
mod page;
mod player;
mod problem;
mod reply;
mod request;
mod routes;
mod serve;
mod sha1;
mod state;
mod stats;
mod websocket;
#[cfg(test)]
mod wire_tests;

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

use actix_rt::net::TcpStream;
use actix_server::{Server, ServerHandle};
use actix_service::fn_service;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::task::JoinHandle;

pub use crate::args::MockArgs;
pub use crate::behaviour::Behaviour;
pub use crate::content::{pattern, pattern_byte, text, word};
pub use crate::faults::FaultError;
pub use crate::page::page;
pub use crate::stats::Counts;

use crate::state::Mock;

/// Connections that may wait to be accepted.
const BACKLOG: i32 = 4096;

/// Connections one worker serves at once.
const CONNECTIONS_PER_WORKER: usize = 200_000;

/// How a mock is set up.
#[derive(Debug, Clone)]
pub struct MockOptions {
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Threads that serve connections; at least one.
    pub workers: usize,
    /// Models that `GET /v1/models` lists. Any other is answered as well.
    pub models: Vec<String>,
    /// How requests are answered that ask for nothing themselves.
    pub defaults: Behaviour,
    /// Answer every POST with the same chat completion of about 1 KiB; bodies and faults are not
    /// looked at.
    pub instant: bool,
    /// Where ids and `chaos` start from; the same seed gives the same answers.
    pub seed: u64,
}

impl Default for MockOptions {
    /// A free loopback port, one worker, no faults.
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            workers: 1,
            models: args::default_models(),
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
    /// When there is no such fault, or the value is not of its form.
    pub fn with_fault(mut self, name: &str, value: &str) -> Result<Self, FaultError> {
        faults::note(&mut self.defaults, name, value)?;
        Ok(self)
    }
}

/// A running mock. Dropping it stops it.
#[derive(Debug)]
pub struct MockHandle {
    /// Where it listens, with the port it got.
    pub addr: SocketAddr,
    server: ServerHandle,
    task: JoinHandle<io::Result<()>>,
    mock: Arc<Mock>,
}

/// Starts a mock. Must be called inside an actix or tokio runtime; it is reachable at once.
///
/// # Errors
/// When the address cannot be listened on.
pub fn start(options: MockOptions) -> io::Result<MockHandle> {
    let listener = listen(options.listen)?;
    let addr = listener.local_addr()?;
    let mock = Arc::new(Mock::new(&options));
    let shared = Arc::clone(&mock);
    let server = Server::build()
        .workers(options.workers.max(1))
        .max_concurrent_connections(CONNECTIONS_PER_WORKER)
        .disable_signals()
        .listen("mock", listener, move || {
            let mock = Arc::clone(&shared);
            fn_service(move |stream: TcpStream| {
                let mock = Arc::clone(&mock);
                async move {
                    serve::serve(stream, mock).await;
                    Ok::<(), ()>(())
                }
            })
        })?
        .run();
    Ok(MockHandle {
        addr,
        server: server.handle(),
        task: tokio::spawn(server),
        mock,
    })
}

impl MockHandle {
    /// `http://address`, without a path.
    pub fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// The counts of `GET /mock/stats`.
    pub fn counts(&self) -> Counts {
        self.mock.stats.counts().clone()
    }

    /// What `POST /mock/reset` does.
    pub fn reset(&self) {
        self.mock.reset();
    }

    /// Stops at once, without finishing what is being answered.
    pub async fn stop(self) {
        self.server.stop(false).await;
    }

    /// Serves until the process ends.
    ///
    /// # Errors
    /// When the server's threads cannot be started.
    pub async fn wait(mut self) -> io::Result<()> {
        (&mut self.task).await.map_err(io::Error::other)?
    }
}

impl Drop for MockHandle {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}
