//! `throughway mock`: a provider shaped like OpenAI and Anthropic, with faults on demand, for
//! trying, testing and measuring. It speaks HTTP/1.1 on plain sockets, because a web framework
//! would not let it cut, reset or corrupt a response. It knows nothing of the gateway.
//!
//! The way of a request: `serve` (life of a connection) → `request` (its head) → `faults_for`
//! (which faults apply) → `routes` → `api/*` (the response) → `send` (the response on the wire).

mod api;
mod api_error;
mod args;
mod behaviour;
mod call;
mod connection;
mod content;
mod dialect;
mod fault_table;
mod faults;
mod faults_for;
mod generation;
mod instant;
mod options;
mod page;
mod random;
mod request;
mod request_fields;
mod response;
mod response_head;
mod routes;
mod send;
mod serve;
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
pub use crate::faults::{FaultError, listed as faults};
pub use crate::options::MockOptions;
pub use crate::page::page;
pub use crate::stats::Counts;

use crate::state::Mock;

/// Connections that may wait to be accepted.
const BACKLOG: i32 = 4096;

/// Connections that one worker serves at the same time.
const CONNECTIONS_PER_WORKER: usize = 200_000;

/// A running mock. Dropping it stops it.
#[derive(Debug)]
pub struct MockHandle {
    /// The address it listens on, with the real port.
    pub addr: SocketAddr,
    server: ServerHandle,
    task: JoinHandle<io::Result<()>>,
    mock: Arc<Mock>,
}

/// Starts a mock. Must be called inside an actix or tokio runtime; the mock accepts connections
/// as soon as this returns.
///
/// # Errors
/// When it cannot listen on the address.
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
    /// `http://ADDRESS`, without a path.
    pub fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// The counts that `GET /mock/stats` shows.
    pub fn counts(&self) -> Counts {
        self.mock.stats.counts().clone()
    }

    /// Does what `POST /mock/reset` does.
    pub fn reset(&self) {
        self.mock.reset();
    }

    /// Stops at once, without finishing the responses in progress.
    pub async fn stop(self) {
        self.server.stop(false).await;
    }

    /// Serves until the process ends.
    ///
    /// # Errors
    /// When the threads of the server cannot be started.
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
