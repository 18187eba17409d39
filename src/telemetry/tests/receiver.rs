//! An OTLP receiver: decodes what it is sent by OpenTelemetry's own protobuf types.

use std::{
    net::{SocketAddr, TcpListener},
    sync::{Arc, Condvar, Mutex},
    thread,
    time::Duration,
};

use actix_web::{App, HttpRequest, HttpResponse, HttpServer, dev::ServerHandle, web};
use opentelemetry_proto::tonic::{
    collector::{metrics::v1::ExportMetricsServiceRequest, trace::v1::ExportTraceServiceRequest},
    metrics::v1::Metric,
    trace::v1::Span,
};
use prost::Message as _;

/// What has come.
#[derive(Default)]
pub struct Received {
    pub spans: Vec<Span>,
    pub metrics: Vec<Metric>,
    pub authorization: Option<String>,
    pub paths: Vec<String>,
}

/// What has come, and the signal that more has.
type Messages = (Mutex<Received>, Condvar);

/// A receiver on a port of this machine.
pub struct Receiver {
    pub address: SocketAddr,
    received: Arc<Messages>,
    handle: ServerHandle,
}

/// A port that nobody listens on.
pub fn free_port() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address")
}

impl Receiver {
    /// Responds to every message with this status.
    pub fn at(address: SocketAddr, status: u16) -> Self {
        let received = Arc::new(Messages::default());
        let (shared, (tell, told)) = (received.clone(), std::sync::mpsc::sync_channel(1));
        thread::spawn(move || {
            actix_rt::System::new().block_on(async move {
                let server = HttpServer::new(move || {
                    let shared = shared.clone();
                    let take = move |request: HttpRequest, body: web::Bytes| {
                        take(&shared, &request, body);
                        let status = actix_web::http::StatusCode::from_u16(status);
                        async move { HttpResponse::new(status.expect("a status")) }
                    };
                    let limit = web::PayloadConfig::new(32 << 20);
                    App::new().app_data(limit).default_service(web::to(take))
                });
                let server = server.workers(1).disable_signals();
                let server = server.bind(address).expect("the port").run();
                tell.send(server.handle()).expect("the test waits");
                server.await.expect("a server");
            });
        });
        let handle = told.recv().expect("it began");
        Receiver {
            address,
            received,
            handle,
        }
    }

    /// Waits until what has come is as it should be.
    pub fn wait_for<T>(&self, what: &str, find: impl Fn(&Received) -> Option<T>) -> T {
        let (received, more) = &*self.received;
        let (patience, mut found) = (Duration::from_secs(20), None);
        let received = received.lock().expect("unpoisoned");
        let waited = more.wait_timeout_while(received, patience, |received| {
            found = find(received);
            found.is_none()
        });
        drop(waited.expect("unpoisoned"));
        found.unwrap_or_else(|| panic!("never came: {what}"))
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        // It is sent when the call returns; the future only awaits the end.
        drop(self.handle.stop(false));
    }
}

fn take((received, more): &Messages, request: &HttpRequest, body: web::Bytes) {
    let mut received = received.lock().expect("unpoisoned");
    let authorization = request.headers().get("authorization");
    received.authorization = authorization.map(|it| it.to_str().expect("text").to_owned());
    received.paths.push(request.path().to_owned());
    let kind = request.headers().get("content-type");
    assert!(kind.is_some_and(|it| it == "application/x-protobuf"));
    if request.path().ends_with("/v1/traces") {
        let message = ExportTraceServiceRequest::decode(body).expect("a message");
        let resources = message.resource_spans.into_iter();
        let scopes = resources.flat_map(|it| it.scope_spans);
        received.spans.extend(scopes.flat_map(|it| it.spans));
    } else {
        let message = ExportMetricsServiceRequest::decode(body).expect("a message");
        let resources = message.resource_metrics.into_iter();
        let scopes = resources.flat_map(|it| it.scope_metrics);
        received.metrics = scopes.flat_map(|it| it.metrics).collect();
    }
    more.notify_all();
}
