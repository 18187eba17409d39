//! `POST /gateway/admin/v1/endpoints/{id}/test`: sends one request to an endpoint, as a client
//! would, and tells what became of it. It reaches nothing that a client's request would not: the
//! same steps serve it, the same guard vets it, and an admin's key is bound by its own `allow`.

use std::{
    cell::RefCell,
    collections::BTreeMap,
    future::poll_fn,
    pin::pin,
    rc::Rc,
    time::{Duration, Instant},
};

use actix_http::{
    Method, Payload, Request, RequestHead, Response, StatusCode,
    body::{BoxBody, MessageBody as _},
    header::{self, HeaderMap, HeaderName, HeaderValue},
};
use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tokio::time::timeout;

use super::{
    admit::{checks, route::Routed},
    clock,
    explain::{Described, DescribedRequest, Lines},
    pipeline::{self, Arrived},
    prepare::buffer_body,
    relay::ReplyBody,
    worker::Worker,
};
use crate::{
    control::{Found, object},
    downstream::ClientConnection,
    error::{Code, GatewayError},
    gateway::{Gateway, Item, check_fetch_site},
    http::hop_by_hop::is_hop_by_hop,
    identity::{Identity, document},
    store::Kind,
    upstream::{RequestBody, Upstream},
};

/// The longest call, in bytes.
const LONGEST_CALL: usize = 1 << 20;
/// How many bytes of the response's body are shown.
const SHOWN: usize = 4 * 1024;
/// How long the head may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long the bytes that are shown may take then.
const BODY_PATIENCE: Duration = Duration::from_secs(5);

/// What to send.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Call {
    #[serde(default = "get")]
    method: String,
    /// What follows the endpoint's path, with the query.
    #[serde(default)]
    path: String,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    /// Text as it is, anything else as JSON.
    #[serde(default)]
    body: Value,
}

fn get() -> String {
    "GET".to_owned()
}

impl<U: Upstream> Worker<U> {
    /// Tests the endpoint of this id.
    pub async fn test_endpoint(
        &self,
        request: Request,
        connection: &Rc<ClientConnection>,
        id: &str,
    ) -> Response<ReplyBody> {
        let test = async |request: Request| self.tested(request, connection, id).await;
        self.page(request, connection, false, test).await
    }

    async fn tested(
        &self,
        request: Request,
        connection: &Rc<ClientConnection>,
        id: &str,
    ) -> Result<Response<BoxBody>, GatewayError> {
        let (head, payload) = request.into_parts();
        if head.method != Method::POST {
            return Ok(only_post().map_into_boxed_body());
        }
        let gateway = &self.gateway;
        gateway.check_admin(&head, true)?;
        check_fetch_site(head.headers())?;
        let admin = gateway.access.holder_of_page(&head)?;
        let (path, name) = endpoint(gateway, id)?;
        let call = self.call(&head, payload, connection).await?;
        let described = described(call, &path, head.headers())?;
        let test = Test {
            gateway,
            admin,
            name,
        };
        let told = self.carried_out(test, &described, connection).await?;
        let mut page = Response::with_body(StatusCode::OK, format!("{told}\n"));
        let json = HeaderValue::from_static("application/json");
        page.headers_mut().insert(header::CONTENT_TYPE, json);
        Ok(page.map_into_boxed_body())
    }

    /// Reads what the call says.
    async fn call(
        &self,
        head: &RequestHead,
        payload: Payload,
        connection: &Rc<ClientConnection>,
    ) -> Result<Call, GatewayError> {
        let kind = head.headers().get(header::CONTENT_TYPE);
        let kind = kind.map(HeaderValue::as_bytes).unwrap_or_default();
        if !kind.starts_with(b"application/json") {
            let message = "a test needs Content-Type: application/json";
            return Err(GatewayError::new(Code::UnsupportedMediaType, message));
        }
        let framing = self.gateway.sort(head.headers()).framing;
        let length = checks::body_length(head, framing)?;
        let memory = &self.gateway.process.body_memory;
        let account = memory.account(connection.peer().map(|it| it.ip()));
        let body = RefCell::new(RequestBody::new(payload, length, 0, account));
        buffer_body::read(connection, &body, LONGEST_CALL).await?;
        let text = buffer_body::joined(&body)?;
        let document: Value = match text.is_empty() {
            true => json!({}),
            false => serde_json::from_slice(&text)
                .map_err(|_| refused("", "the body is not JSON".to_owned()))?,
        };
        document::read(&document).map_err(|error| refused(&error.path, error.to_string()))
    }

    /// Plans the request, sends it, and tells both.
    async fn carried_out(
        &self,
        test: Test<'_>,
        described: &DescribedRequest,
        connection: &Rc<ClientConnection>,
    ) -> Result<Value, GatewayError> {
        let body = described.bytes();
        let mut head = described.head(&body).map_err(unusable)?;
        checks::check_method(&head.method)?;
        let taken = test.gateway.access.take(&mut head);
        test.check_route(&head)?;
        let holder = || Ok(test.gateway.access.holder(&taken)?.or(test.admin));
        let planned = Described {
            head: &head,
            body: body.clone(),
            holder: holder(),
            is_test: true,
            is_running: true,
        };
        let planned = planned.explain(test.gateway, &self.plans, &self.targets);
        let preview = preview(planned.await);
        let sent = test.sent(&head, body.len());
        let response = self.sent(&test, &head, body, holder(), connection).await;
        Ok(json!({ "preview": preview, "sent": sent, "response": response }))
    }

    /// Sends the request as a client would, and tells the response.
    async fn sent(
        &self,
        test: &Test<'_>,
        head: &RequestHead,
        body: Bytes,
        holder: Result<Option<&Identity>, GatewayError>,
        connection: &Rc<ClientConnection>,
    ) -> Value {
        let fields = test.gateway.sort(head.headers());
        let arrived = Arrived {
            head,
            fields: &fields,
            holder,
            is_test: true,
        };
        let begun = clock::now();
        let serving = pipeline::serve(self, arrived, Payload::from(body), connection.lend());
        match timeout(PATIENCE, serving).await {
            Ok(response) => test.received(response, begun).await,
            Err(_) => json!({ "error": "there was no response within 60 s" }),
        }
    }
}

/// The plan, or why there is none.
fn preview(planned: Result<Response<Bytes>, GatewayError>) -> Value {
    match planned {
        Ok(plan) => serde_json::from_slice(plan.body()).unwrap_or_default(),
        Err(error) => json!({ "error": error.message }),
    }
}

fn unusable(error: GatewayError) -> GatewayError {
    refused("", error.message.trim_start_matches("explain: ").to_owned())
}

/// What a test is about.
struct Test<'a> {
    gateway: &'a Gateway,
    /// The holder of an admin's key; `None`: the admin token was given.
    admin: Option<&'a Identity>,
    /// The endpoint's.
    name: String,
}

impl Test<'_> {
    /// A longer path or another method may be another endpoint's.
    fn check_route(&self, head: &RequestHead) -> Result<(), GatewayError> {
        // One that is refused gets a response that says why.
        let Ok(routed) = Routed::of(&self.gateway.known, head) else {
            return Ok(());
        };
        let other = match routed.endpoint().map(|it| it.name()) {
            Some(name) if name == self.name => return Ok(()),
            Some(other) => format!("the endpoint {other}"),
            None => "no endpoint".to_owned(),
        };
        let message = format!("method and path are served by {other}: test that one");
        Err(GatewayError::about(Code::Conflict, "path", message))
    }

    fn sent(&self, head: &RequestHead, length: usize) -> Value {
        json!({
            "method": head.method.as_str(),
            "path": head.uri.path(),
            "headers": self.lines(head.headers()),
            "body_bytes": length,
        })
    }

    async fn received(&self, response: Response<ReplyBody>, begun: Instant) -> Value {
        let status = response.status().as_u16();
        let headers = self.lines(response.headers());
        let head_ms = milliseconds_since(begun);
        let (bytes, end) = first_bytes(response.into_body()).await;
        json!({
            "status": status,
            "headers": headers,
            "head_ms": head_ms,
            "time_ms": milliseconds_since(begun),
            "body": String::from_utf8_lossy(&bytes[..bytes.len().min(SHOWN)]),
            "body_end": end,
        })
    }

    /// Header lines without the values of credentials.
    fn lines(&self, headers: &HeaderMap) -> Value {
        let secret = &self.gateway.known.credentials.headers;
        let mut lines = Map::new();
        for (name, value) in headers {
            let text = match secret.contains(name) || *name == header::SET_COOKIE {
                true => "(hidden)".into(),
                false => String::from_utf8_lossy(value.as_bytes()),
            };
            lines.insert(name.as_str().to_owned(), text.into());
        }
        lines.into()
    }
}

fn milliseconds_since(begun: Instant) -> u64 {
    let time = clock::now().duration_since(begun);
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// The first bytes of a body, and how it went on: `complete`, `more` or `broken_off`.
async fn first_bytes(body: ReplyBody) -> (Vec<u8>, &'static str) {
    let (mut body, mut bytes) = (pin!(body), Vec::new());
    let reading = async {
        while bytes.len() <= SHOWN {
            match poll_fn(|cx| body.as_mut().poll_next(cx)).await {
                Some(Ok(chunk)) => bytes.extend_from_slice(&chunk),
                Some(Err(_)) => return "broken_off",
                None => return "complete",
            }
        }
        "more"
    };
    let end = timeout(BODY_PATIENCE, reading).await.unwrap_or("more");
    (bytes, end)
}

/// Path and name of the endpoint of this id.
fn endpoint(gateway: &Gateway, id: &str) -> Result<(String, String), GatewayError> {
    let found = object(gateway, Kind::Endpoint, id)?;
    let (item, reason) = match &found {
        Found::OfFile(item) => (Some(item), None),
        Found::OfStore { item, error, .. } => (Some(item), error.as_ref()),
        Found::Unreadable(left_out) => (None, Some(&left_out.reason)),
    };
    match (item, reason) {
        (Some(Item::Endpoint(it)), None) => Ok((it.path().to_owned(), it.name().to_owned())),
        (_, reason) => {
            let reason = reason.map_or("it is no endpoint", String::as_str);
            let message = format!("the endpoint has no effect: {reason}");
            Err(GatewayError::new(Code::Conflict, message))
        }
    }
}

/// The request as a client would send it to the endpoint.
fn described(call: Call, path: &str, outer: &HeaderMap) -> Result<DescribedRequest, GatewayError> {
    if !call.path.is_empty() && !call.path.starts_with(['/', '?']) {
        let reason = "path is what follows the endpoint's own: empty, or from / or ?";
        return Err(refused("path", reason.to_owned()));
    }
    let mut headers = BTreeMap::new();
    for (name, value) in call.headers {
        let parsed = name.parse::<HeaderName>().ok();
        let Some(name) = parsed.filter(|it| !is_hop_by_hop(it) && *it != header::EXPECT) else {
            let path = format!("headers.{name}");
            let reason = format!("{path} is no header that a test can send");
            return Err(refused(&path, reason));
        };
        headers.insert(name.as_str().to_owned(), Lines::One(value));
    }
    if let Some(host) = outer.get(header::HOST).and_then(|it| it.to_str().ok()) {
        headers.insert("host".to_owned(), Lines::One(host.to_owned()));
    }
    Ok(DescribedRequest {
        method: call.method,
        path: format!("{path}{}", call.path),
        headers,
        body: call.body,
        key: None,
    })
}

fn refused(path: &str, reason: String) -> GatewayError {
    GatewayError::about(Code::InvalidRequest, path, reason)
}

fn only_post() -> Response<Bytes> {
    let message = "a test takes a POST with a JSON body";
    let mut response = GatewayError::new(Code::MethodNotAllowed, message).response();
    let post = HeaderValue::from_static("POST");
    response.headers_mut().insert(header::ALLOW, post);
    response
}
