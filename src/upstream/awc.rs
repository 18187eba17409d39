//! The product's client: awc's connector and HTTP/1 engine over our own transport. awc gets a request without headers or
//! body and a connection that is already there; it reads the answer. The only file that knows awc.

use std::{
    cell::RefCell,
    future::Future,
    pin::Pin,
    rc::Rc,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use actix_http::{
    ConnectionType, Method, Payload, RequestHead, RequestHeadType, ResponseHead, Uri,
    header::{HOST, HeaderValue},
};
use actix_service::Service;
use actix_tls::connect::{ConnectError, ConnectInfo, Connection as Connected};
use awc::error::SendRequestError;
use futures_core::{Stream, future::LocalBoxFuture};
use prometheus_client::metrics::counter::Counter;

use super::{
    Answer, Call, Upstream,
    aside::Aside,
    body::AnswerBody,
    connection::Connection,
    dial::dial,
    exchange::Exchange,
    failure::{Cause, Failure},
    framing::{Asked, Malformed},
    pool::{Pool, PoolLimits},
    tls::TlsClients,
    transport::Transport,
};
use crate::machine::descriptors::Shortages;

/// awc's own connect timer, which runs over a connection that already is; ours is in [`dial`].
const NEVER: Duration = Duration::from_secs(24 * 3600);
/// How often idle connections are looked at.
const SWEEP: Duration = Duration::from_secs(1);

type Sent = Result<(ResponseHead, Payload), SendRequestError>;

/// Upstream connections of one worker.
pub struct AwcUpstream {
    engine: Box<dyn Fn(RequestHeadType) -> LocalBoxFuture<'static, Sent>>,
    heads: Heads,
    aside: Aside,
    pool: Rc<Pool>,
    tls: Arc<TlsClients>,
    stale_retries: Counter,
}

impl AwcUpstream {
    /// Must be called on the worker's own runtime: starts the sweep of idle connections there.
    pub fn new(
        limits: PoolLimits,
        shortages: Arc<Shortages>,
        tls: Arc<TlsClients>,
        stale_retries: Counter,
    ) -> Self {
        let pool = Pool::new(limits, shortages);
        sweep_regularly(&pool);
        let connector = awc::Connector::new()
            .connector(HandOver)
            .limit(0)
            .timeout(NEVER)
            .finish();
        let connector = Rc::new(connector);
        let engine = move |head: RequestHeadType| -> LocalBoxFuture<'static, Sent> {
            let connected = connector.call(awc::Connect {
                uri: head.as_ref().uri.clone(),
                addr: None,
            });
            Box::pin(async move {
                let connection = connected.await?;
                let no_body = actix_http::body::None::new();
                connection.send_request(head, no_body).await
            })
        };
        AwcUpstream {
            engine: Box::new(engine),
            heads: Heads::new(),
            aside: Aside::new(),
            pool,
            tls,
            stale_retries,
        }
    }

    /// Idle connections now.
    pub fn idle(&self) -> usize {
        self.pool.len()
    }

    async fn connection(&self, call: &Call, pooled: bool) -> Result<Box<Connection>, Failure> {
        let key = call.target.pool_key();
        if pooled && let Some(connection) = self.pool.take(key) {
            return Ok(connection);
        }
        // Boxed: dialling and TLS have a large state, and most requests find a connection in the pool.
        let dial = || Box::pin(dial(&call.target, &self.tls, call.connect_timeout));
        let socket = match dial().await {
            Err(failure) if failure.cause == Cause::NoDescriptors && self.pool.make_room() => {
                dial().await?
            }
            dialled => dialled?,
        };
        Ok(Box::new(Connection::new(socket, key.clone())))
    }

    async fn attempt(&self, call: &Call, pooled: bool) -> Result<Answer, Failure> {
        let mut connection = self.connection(call, pooled).await?;
        let exchange = Exchange::new(call.head.clone(), call.asked, call.body.clone());
        connection.begin(exchange.clone());
        let transport = Transport::new(connection, self.pool.clone());
        let sending = HandingOver {
            transport: Some(transport),
            sending: (self.engine)(self.heads.for_awc(call.asked)),
            aside: &self.aside,
        };
        match sending.await {
            Ok((head, payload)) => Ok(Answer {
                head,
                body: AnswerBody::awc(payload, exchange),
            }),
            Err(error) => Err(exchange
                .take_failure()
                .unwrap_or_else(|| unexplained(&error))),
        }
    }
}

impl Upstream for AwcUpstream {
    async fn send(&self, call: &Call) -> Result<Answer, Failure> {
        match self.attempt(call, true).await {
            Err(failure) if call.may_be_sent_again(&failure) => {
                self.stale_retries.inc();
                Box::pin(self.attempt(call, false)).await
            }
            outcome => outcome,
        }
    }
}

/// awc failed and the transport did not: either awc is stricter about a head than we are, or this is a defect.
fn unexplained(error: &SendRequestError) -> Failure {
    Failure::unsent(match error {
        SendRequestError::Response(_) => Cause::Malformed(Malformed::Syntax),
        _ => Cause::Internal("the client engine failed without a cause"),
    })
}

fn sweep_regularly(pool: &Rc<Pool>) {
    let pool = Rc::downgrade(pool);
    actix_rt::spawn(async move {
        let mut tick = tokio::time::interval(SWEEP);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tick.tick().await;
            match pool.upgrade() {
                Some(pool) => pool.sweep(),
                None => return,
            }
        }
    });
}

/// Request heads as awc is shown them, made once: it needs only to know HEAD and upgrades from the rest.
struct Heads {
    ordinary: Rc<RequestHead>,
    head: Rc<RequestHead>,
    upgrade: Rc<RequestHead>,
}

impl Heads {
    fn new() -> Self {
        let head = |method: Method, connection: ConnectionType| {
            let mut head = RequestHead::default();
            head.method = method;
            head.uri = Uri::from_static("http://upstream/");
            head.headers
                .insert(HOST, HeaderValue::from_static("upstream"));
            // Every exchange is the last for awc, so that it drops the transport; the word never reaches the wire.
            head.set_connection_type(connection);
            Rc::new(head)
        };
        Heads {
            ordinary: head(Method::GET, ConnectionType::Close),
            head: head(Method::HEAD, ConnectionType::Close),
            upgrade: head(Method::GET, ConnectionType::Upgrade),
        }
    }

    fn for_awc(&self, asked: Asked) -> RequestHeadType {
        let head = match asked {
            Asked::Ordinary => &self.ordinary,
            Asked::Head => &self.head,
            Asked::Upgrade => &self.upgrade,
        };
        RequestHeadType::Rc(head.clone(), None)
    }
}

thread_local! {
    /// The transport on its way into awc's connector, only while the future that sends it is polled.
    static IN_HAND: RefCell<Option<Transport>> = const { RefCell::new(None) };
}

/// Puts the transport where [`HandOver`] finds it, for as long as awc is polled.
struct HandingOver<'a> {
    transport: Option<Transport>,
    sending: LocalBoxFuture<'static, Sent>,
    aside: &'a Aside,
}

impl Future for HandingOver<'_> {
    type Output = Sent;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Sent> {
        if self.transport.is_none() {
            return self.sending.as_mut().poll(cx);
        }
        let transport = self.transport.take();
        IN_HAND.with_borrow_mut(|in_hand| *in_hand = transport);
        // awc starts its clock as soon as it has the connection.
        let aside = self.aside;
        let polled = aside.spawned_by(|| self.sending.as_mut().poll(cx));
        self.transport = IN_HAND.take();
        polled
    }
}

/// awc's connector: hands over the connection that was made ready beforehand.
#[derive(Clone)]
struct HandOver;

impl Service<ConnectInfo<Uri>> for HandOver {
    type Response = Connected<Uri, Transport>;
    type Error = ConnectError;
    type Future = std::future::Ready<Result<Self::Response, ConnectError>>;

    actix_service::always_ready!();

    fn call(&self, info: ConnectInfo<Uri>) -> Self::Future {
        std::future::ready(match IN_HAND.take() {
            Some(transport) => Ok(Connected::new(info.request().clone(), transport)),
            // Not `InvalidInput`, on which awc panics.
            None => Err(ConnectError::Unresolved),
        })
    }
}

/// Reads the next bytes of awc's payload; the failure, if any, is the transport's own.
pub(super) fn poll_payload(
    payload: &mut Payload,
    exchange: &Exchange,
    cx: &mut Context<'_>,
) -> Poll<Option<Result<bytes::Bytes, Failure>>> {
    Poll::Ready(match ready!(Pin::new(payload).poll_next(cx)) {
        Some(Ok(chunk)) => Some(Ok(chunk)),
        None if exchange.progress().complete => None,
        None | Some(Err(_)) => Some(Err(exchange
            .take_failure()
            .unwrap_or_else(|| Failure::unsent(Cause::Truncated)))),
    })
}
