//! What one worker runs: accept → TLS → client socket → actix-http → our own pages or the proxy.

use std::{cell::RefCell, net::SocketAddr, rc::Rc, sync::Arc, task::Poll, time::Duration};

use actix_http::{
    ConnectionType, HttpServiceBuilder, KeepAlive, Payload, Request, Response, StatusCode,
    body::BoxBody, error::DispatchError,
};
use actix_rt::net::TcpStream as Tcp;
use actix_service::{
    IntoServiceFactory as _, Service, ServiceFactory, boxed, fn_factory, fn_service,
};
use actix_web::dev::{AppConfig, ServiceResponse};
use tokio_rustls::TlsAcceptor;

use crate::{
    app,
    config::Settings,
    control::Control,
    downstream::{ClientConnection, ClientSocket, Serving, Stream, Timers},
    error::{Code, GatewayError},
    gateway::{Current, Latest},
    proxy::{ReplyBody, Worker},
    upstream::AwcUpstream,
};

/// Bytes of a response that are gathered before they are written.
const WRITE_BUFFER: usize = 32 * 1024;

/// The timers that actix-http runs itself.
#[derive(Debug, Clone, Copy)]
pub struct ActixTimers {
    /// Connections are kept open; for how long is up to the `downstream` timers.
    keeps_alive: bool,
    /// How long a connection lingers after an early response, so that the client can read it.
    linger: Duration,
}

impl ActixTimers {
    pub fn of(settings: &Settings) -> Self {
        ActixTimers {
            keeps_alive: !settings.downstream.keep_alive.is_zero(),
            linger: Duration::from_secs(5),
        }
    }
}

/// Serves the connections of one worker. Made inside the worker's runtime.
pub fn service(
    control: Control,
    acceptor: Option<TlsAcceptor>,
    timers: ActixTimers,
) -> impl ServiceFactory<Tcp, Config = (), Response = (), Error = DispatchError, InitError = ()> {
    fn_factory(move || {
        let (control, acceptor) = (control.clone(), acceptor.clone());
        async move {
            let process = control.current.get().process.clone();
            let client_timers = Timers::start(
                process.downstream,
                process.closing(),
                process.body_memory.clone(),
            );
            let http = http(control, timers).await?;
            let http = Rc::new(http);
            Ok(fn_service(move |stream: Tcp| {
                accept(
                    stream,
                    acceptor.clone(),
                    client_timers.clone(),
                    http.clone(),
                )
            }))
        }
    })
}

async fn accept<S>(
    stream: Tcp,
    acceptor: Option<TlsAcceptor>,
    timers: Rc<Timers>,
    http: Rc<S>,
) -> Result<(), DispatchError>
where
    S: Service<(ClientSocket, Option<SocketAddr>), Response = (), Error = DispatchError>,
{
    // A socket that does not take the option still works, only slower.
    let _ = stream.set_nodelay(true);
    let stream = match acceptor {
        None => Stream::Tcp(stream),
        Some(acceptor) => {
            match tokio::time::timeout(timers.head_timeout(), acceptor.accept(stream)).await {
                Ok(Ok(stream)) => Stream::Tls(Box::new(stream)),
                // Failed handshakes are the client's fault, and too common to be logged.
                Ok(Err(_)) | Err(_) => return Ok(()),
            }
        }
    };
    let inbound = timers.attach(stream);
    let (peer, others) = (
        inbound.connection().peer(),
        inbound.connection().others().clone(),
    );
    let served = http.call((inbound, peer)).await;
    // A worker without connections ends when the gateway drains, so this one counts for as long as
    // others need what it began.
    others.until_all_is_done().await;
    served
}

async fn http(
    control: Control,
    timers: ActixTimers,
) -> Result<
    impl Service<(ClientSocket, Option<SocketAddr>), Response = (), Error = DispatchError>,
    (),
> {
    let pages = app::pages(control.clone()).into_factory();
    let pages = boxed::service(pages.new_service(AppConfig::default()).await?);
    let router = Rc::new(Router::new(pages, &control.current));
    let keep_alive = match timers.keeps_alive {
        true => KeepAlive::Os,
        false => KeepAlive::Disabled,
    };
    HttpServiceBuilder::default()
        .keep_alive(keep_alive)
        // `downstream` has this timer: actix-http's may be half a second early, covers only the
        // first head and responds with 408, which a client may take for the response to the request
        // that it is about to send.
        .client_request_timeout(Duration::ZERO)
        .client_disconnect_timeout(timers.linger)
        .h1_allow_half_closed(false)
        .h1_write_buffer_size(WRITE_BUFFER)
        .on_connect_ext(|inbound: &ClientSocket, data| {
            data.insert(inbound.connection().clone());
        })
        .h1(fn_service(move |mut request: Request| {
            let router = router.clone();
            let connection = request.conn_data::<Rc<ClientConnection>>().cloned();
            // Boxed: actix-http would copy the future into the connection's state, and keep its
            // memory there while a body streams.
            let serving = Box::pin(async move {
                if !matches!(request.payload(), Payload::None) {
                    second_look().await;
                }
                router.route(request).await
            });
            Serving::new(connection, serving)
        }))
        .new_service(())
        .await
}

/// Waits for the second poll of a handler. actix-http polls a handler as soon as it has decoded a
/// head, and again in the same pass when it has decoded the body bytes that it already had; waiting
/// for that lets head and body leave in one packet. The second poll needs no waker: it always
/// comes, since no request is decoded while another is served (`downstream/pipelining.rs`).
async fn second_look() {
    let mut first = true;
    std::future::poll_fn(|_| match std::mem::take(&mut first) {
        true => Poll::Pending,
        false => Poll::Ready(()),
    })
    .await;
}

type PageService = boxed::BoxService<Request, ServiceResponse, actix_web::Error>;

struct Router {
    pages: PageService,
    latest: RefCell<Latest>,
    worker: RefCell<Rc<Worker<Rc<AwcUpstream>>>>,
}

impl Router {
    fn new(pages: PageService, current: &Current) -> Self {
        let gateway = current.get();
        let process = &gateway.process;
        let upstream = AwcUpstream::new(
            process.pool,
            process.shortages.clone(),
            process.tls.clone(),
            process.metrics.stale_retries.clone(),
        );
        Router {
            pages,
            latest: RefCell::new(current.latest()),
            worker: RefCell::new(Rc::new(Worker::new(gateway, Rc::new(upstream)))),
        }
    }

    /// What serves a request that arrives now: under the snapshot in force, over the connections
    /// that there are.
    fn worker(&self) -> Rc<Worker<Rc<AwcUpstream>>> {
        let mut latest = self.latest.borrow_mut();
        let gateway = latest.get();
        let mut worker = self.worker.borrow_mut();
        if !Arc::ptr_eq(gateway, &worker.gateway) {
            let upstream = worker.upstream.clone();
            *worker = Rc::new(Worker::new(gateway.clone(), upstream));
        }
        worker.clone()
    }

    async fn route(&self, request: Request) -> Result<Response<ReplyBody>, actix_http::Error> {
        let Some(connection) = request.conn_data::<Rc<ClientConnection>>().cloned() else {
            // `on_connect_ext` sets the connection before its first request.
            let error = GatewayError::new(Code::Internal, "the connection is unknown");
            return Ok(error
                .response()
                .map_body(|_, bytes| ReplyBody::own(bytes, None)));
        };
        // Raw bytes are compared: an encoded prefix is not the prefix.
        let asks_upgrade = request.head().upgrade();
        let path = request.uri().path();
        let worker = self.worker();
        let mut response = if path == app::EXPLAIN {
            Box::pin(worker.explain(request, &connection)).await
        } else if let Some(id) = app::tested_endpoint(path) {
            let id = id.to_owned();
            Box::pin(worker.test_endpoint(request, &connection, &id)).await
        } else if path.starts_with(app::OWN_PREFIX) {
            Box::pin(self.page(&worker, request, &connection)).await
        } else {
            worker.handle(request, connection.clone()).await
        };
        let switches = response.head().status == StatusCode::SWITCHING_PROTOCOLS;
        if (asks_upgrade || connection.is_closing()) && !switches {
            // Otherwise actix-http would tell a request for an upgrade that it happens.
            let head = response.head_mut();
            head.set_connection_type(ConnectionType::Close);
        }
        Ok(response)
    }

    async fn page(
        &self,
        worker: &Worker<Rc<AwcUpstream>>,
        request: Request,
        connection: &Rc<ClientConnection>,
    ) -> Response<ReplyBody> {
        let open = request.uri().path().starts_with(app::HEALTH_PREFIX);
        let page = async |request| self.serve_page(request).await;
        worker.page(request, connection, open, page).await
    }

    async fn serve_page(&self, request: Request) -> Result<Response<BoxBody>, GatewayError> {
        // actix-web's router would decode the path.
        if request.uri().path().contains('%') {
            return Err(app::no_such_page());
        }
        let response = self
            .pages
            .call(request)
            .await
            .map_err(|_| GatewayError::new(Code::Internal, "the page could not be made"))?;
        Ok(response.into())
    }
}
