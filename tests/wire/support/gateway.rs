//! A real gateway, on a free port, for one test.

use std::{
    net::SocketAddr,
    path::Path,
    sync::{Arc, mpsc},
    thread,
};

use throughway::{
    config::{Environment, Flags, ObjectStoreKind, Settings},
    server::{Program, Signals},
};
use tokio::sync::oneshot;

use super::{Client, Response, Upstream, client::METRICS, process::tells_store};

/// A running gateway; it stops at once when dropped.
pub struct Gateway {
    pub address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    stop_at_once: Option<oneshot::Sender<()>>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Gateway {
    /// With the default settings: loopback, `dev` guard, one worker.
    pub fn start() -> Self {
        Self::with("")
    }

    /// With these lines of a settings file.
    pub fn with(yaml: &str) -> Self {
        Self::with_variables(yaml, [])
    }

    /// The same in an environment of these variables.
    pub fn with_variables<const N: usize>(yaml: &str, variables: [(&str, &str); N]) -> Self {
        let mut settings = Settings::parse(
            yaml,
            Path::new("settings.yaml"),
            &Environment::from(variables),
            &Flags::default(),
        )
        .unwrap_or_else(|error| panic!("{error}\n{yaml}"));
        if !yaml.contains("workers:") {
            settings.workers = 1;
        }
        if !yaml.contains("listen:") {
            settings.listen = SocketAddr::from(([127, 0, 0, 1], 0));
        }
        if !tells_store(yaml) {
            settings.store.kind = ObjectStoreKind::Off;
        }
        Self::run(settings)
    }

    /// With these settings.
    pub fn run(settings: Settings) -> Self {
        let settings = Arc::new(settings);
        let (stop, stopped) = oneshot::channel();
        let (stop_at_once, at_once) = oneshot::channel();
        let (tell, told) = mpsc::channel();
        let thread = thread::spawn(move || {
            actix_rt::System::new().block_on(async move {
                let program = Program::new(&settings).expect("settings that can be used");
                let program = program
                    .with_store(&settings, &Environment::default())
                    .await
                    .expect("a store that can be used");
                let running = program.start(&settings).expect("the gateway starts");
                tell.send(running.address).expect("the test waits");
                let kill = running.stop_at_once();
                let serving = running.until(Signals::when(async {
                    let _ = stopped.await;
                }));
                tokio::select! {
                    outcome = serving => outcome.expect("the server ends well"),
                    Ok(()) = at_once => kill.await,
                }
            });
        });
        Gateway {
            address: told.recv().expect("the gateway listens"),
            stop: Some(stop),
            stop_at_once: Some(stop_at_once),
            thread: Some(thread),
        }
    }

    /// As SIGTERM would.
    pub fn begin_drain(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
    }

    /// Waits until a drained gateway has ended.
    pub fn wait(mut self) {
        self.stop_at_once = None;
        if let Some(thread) = self.thread.take() {
            thread.join().expect("the gateway ends well");
        }
    }

    /// A raw client connected to it.
    pub fn client(&self) -> Client {
        Client::connect(self.address)
    }

    /// Sends one raw request from `127.0.0.host` and reads the whole response.
    pub fn exchange_from(&self, host: u8, request: impl AsRef<[u8]>) -> Response {
        let mut client = Client::connect_from(host, self.address);
        client.send(request);
        client.response()
    }

    /// Sends one raw request on a new connection and reads the whole response.
    pub fn exchange(&self, request: impl AsRef<[u8]>) -> Response {
        let mut client = self.client();
        client.send(request);
        client.response()
    }

    /// See [`Response::metric`]; an admin token must be `secret`.
    pub fn metric(&self, name: &str) -> i64 {
        self.exchange(METRICS).metric(name)
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        if let Some(stop) = self.stop_at_once.take() {
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            let ended = thread.join();
            if !thread::panicking() {
                ended.expect("the gateway ends well");
            }
        }
    }
}

/// A request head for the passthrough to `upstream`, with further lines, each ending in CRLF; the
/// empty line is added.
pub fn head(method: &str, path: &str, upstream: &Upstream, lines: &str) -> String {
    format!(
        "{method} {path} HTTP/1.1\r\nHost: localhost\r\nx-gateway-provider: passthrough\r\n\
         x-gateway-custom-host: {}/v1\r\n{lines}\r\n",
        upstream.url()
    )
}

/// A POST with this body to `/v1/chat/completions`.
pub fn post(upstream: &Upstream, body: &str) -> String {
    let lines = format!(
        "Content-Type: application/json\r\nContent-Length: {}\r\n",
        body.len()
    );
    head("POST", "/v1/chat/completions", upstream, &lines) + body
}

/// A GET of `/v1/models`.
pub fn get(upstream: &Upstream) -> String {
    head("GET", "/v1/models", upstream, "")
}
