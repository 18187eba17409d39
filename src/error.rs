//! Every error of the gateway's own: one table from code to status, fault and JSON body. Only this
//! file knows both sides of it; modules below report facts in their own error types. An error that
//! an upstream sends is a response like any other, and not one of these.

use std::{borrow::Cow, time::Duration};

use actix_http::{
    Response, StatusCode,
    header::{ALLOW, CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE},
};
use bytes::Bytes;
use serde::Serialize;

use crate::{
    downstream::AbortReason,
    guard::Denied,
    memory::NoRoom,
    resolve::ResolveError,
    upstream::{BodyFault, Cause, Failure},
};

/// The response header that carries the code, on errors of the gateway's own only.
const ERROR_HEADER: HeaderName = HeaderName::from_static("x-gateway-error");

/// Who has to change something for the request to succeed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    Caller,
    Upstream,
    Gateway,
}

macro_rules! codes {
    ($($code:ident $name:literal $status:literal $fault:ident $meaning:literal;)*) => {
        /// What went wrong, as clients see it in `x-gateway-error` and in the body's `code`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Code { $(#[doc = $meaning] $code,)* }

        impl Code {
            /// Every code, in the order of the reference page.
            pub const ALL: &[Code] = &[$(Code::$code),*];

            /// The code's name on the wire.
            pub const fn name(self) -> &'static str {
                match self { $(Code::$code => $name),* }
            }

            /// The HTTP status of its response.
            pub const fn status(self) -> u16 {
                match self { $(Code::$code => $status),* }
            }

            /// Whose fault it is.
            pub const fn fault(self) -> Fault {
                match self { $(Code::$code => Fault::$fault),* }
            }

            /// The explanation on the reference page.
            pub const fn meaning(self) -> &'static str {
                match self { $(Code::$code => $meaning),* }
            }
        }
    };
}

codes! {
    InvalidHeader "invalid_header" 400 Caller
        "An `x-gateway-*` header, or one that controls the connection, cannot be used as sent.";
    InvalidConfig "invalid_config" 400 Caller "The config object cannot be used as sent.";
    InvalidBody "invalid_body" 400 Caller
        "The request body broke off, stalled, or has malformed framing.";
    NoTarget "no_target" 400 Caller
        "Nothing in the request or the settings says where it should go.";
    NoCredential "no_credential" 400 Caller
        "The provider needs a credential, and neither the settings nor the request have one.";
    InvalidPath "invalid_path" 400 Caller
        "The request path has `.` or `..` segments, however encoded.";
    InvalidQuery "invalid_query" 400 Caller
        "A parameter of one of the gateway's own pages cannot be used.";
    InvalidRequest "invalid_request" 400 Caller
        "What was sent to the admin API cannot be used; `param` names the field.";
    InvalidGatewayKey "invalid_gateway_key" 401 Caller
        "The gateway needs a key and the request has none, or its key is unknown, blocked or \
         expired.";
    BudgetExceeded "budget_exceeded" 402 Caller
        "A budget of the key, its team, the endpoint or the settings has no room for the request; \
         the message names it, what is spent and reserved, and when it begins anew.";
    TargetDenied "target_denied" 403 Caller "The target guard does not let the gateway go there.";
    NotAllowed "not_allowed" 403 Caller
        "The gateway key may not do this, a web page of another origin, or a route that needs the \
         admin token.";
    UnknownRoute "unknown_route" 404 Caller "No such route.";
    UnknownObject "unknown_object" 404 Caller "No key or team has this id.";
    UnknownProvider "unknown_provider" 404 Caller "`x-gateway-provider` names no known provider.";
    MethodNotAllowed "method_not_allowed" 405 Caller
        "`CONNECT`, `TRACE`, or a method this route does not take.";
    RequestTimeout "request_timeout" 408 Caller
        "The response head did not come within the timeout sent in the request.";
    ClientClosed "client_closed" 499 Caller
        "The client left before the response was complete. Logged, never sent.";
    Conflict "conflict" 409 Caller
        "The change does not go with what there is: a name is in use, a team has keys, or the \
         object is one of the settings file.";
    PreconditionFailed "precondition_failed" 412 Caller
        "The object was changed since: its `ETag` is not the one in `If-Match`.";
    BodyTooLarge "body_too_large" 413 Caller
        "The request body is larger than the settings allow, or than an edit or a route may read.";
    UnsupportedMediaType "unsupported_media_type" 415 Caller
        "Changes through the admin API need `Content-Type: application/json`.";
    WrongHost "wrong_host" 421 Caller
        "The `Host` is neither a loopback name nor listed in `hosts`.";
    RateLimited "rate_limited" 429 Caller
        "A rate limit of the settings or of the config is used up; `Retry-After` says until when.";
    Internal "internal" 500 Gateway "A defect of the gateway.";
    UpstreamUnreachable "upstream_unreachable" 502 Upstream
        "No connection: name resolution, TCP or TLS failed.";
    UpstreamClosed "upstream_closed" 502 Upstream
        "The upstream closed the connection before it responded.";
    UpstreamInvalid "upstream_invalid" 502 Upstream
        "The upstream's response is not valid HTTP/1.1.";
    Overloaded "overloaded" 503 Gateway
        "The gateway has no room for the request now: too many are under way, memory for bodies or \
         descriptors are used up, or limits cannot be counted. `Retry-After` says when to try \
         again.";
    StoreUnavailable "store_unavailable" 503 Gateway
        "The store of keys and teams cannot be used now. Requests with known keys go on.";
    Draining "draining" 503 Gateway "The gateway is shutting down.";
    UpstreamTimeout "upstream_timeout" 504 Upstream "The response head did not come in time.";
    ConnectTimeout "connect_timeout" 504 Upstream "No connection in time.";
    LoopDetected "loop_detected" 508 Caller "The request would come back to this gateway, or has.";
}

#[derive(Serialize)]
struct ErrorBody<'a> {
    error: ErrorFields<'a>,
}

#[derive(Serialize)]
struct ErrorFields<'a> {
    message: &'a str,
    #[serde(rename = "type")]
    kind: &'static str,
    param: Option<&'a str>,
    code: Option<&'static str>,
}

/// Most bytes of a message. A longer one repeats what the caller sent; its middle is left out.
const LONGEST_MESSAGE: usize = 1024;

fn shortened(message: Cow<'static, str>) -> Cow<'static, str> {
    if message.len() <= LONGEST_MESSAGE {
        return message;
    }
    let (mut start, mut end) = (LONGEST_MESSAGE / 2, message.len() - LONGEST_MESSAGE / 2);
    while !message.is_char_boundary(start) {
        start -= 1;
    }
    while !message.is_char_boundary(end) {
        end += 1;
    }
    let left_out = end - start;
    let (start, end) = (&message[..start], &message[end..]);
    format!("{start} [{left_out} bytes left out] {end}").into()
}

/// An error that the gateway responds with.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}: {message}", code.name())]
pub struct GatewayError {
    pub code: Code,
    /// What was wrong and what is allowed. Never a secret, never a resolved address.
    pub message: Cow<'static, str>,
    /// The field of the request that it is about.
    pub param: Option<Box<str>>,
    /// How long to wait before trying again.
    pub retry_after: Option<Duration>,
    /// The methods that the path serves.
    pub allow: Option<Box<str>>,
}

impl GatewayError {
    pub fn new(code: Code, message: impl Into<Cow<'static, str>>) -> Self {
        GatewayError {
            code,
            message: shortened(message.into()),
            param: None,
            retry_after: None,
            allow: None,
        }
    }

    /// The error of one field of a request.
    pub fn about(code: Code, param: &str, message: impl Into<Cow<'static, str>>) -> Self {
        let mut error = Self::new(code, message);
        error.param = (!param.is_empty()).then(|| param.into());
        error
    }

    /// The gateway has no room for the request now, but may have soon.
    pub fn overloaded(message: impl Into<Cow<'static, str>>) -> Self {
        let mut error = Self::new(Code::Overloaded, message);
        error.retry_after = Some(Duration::from_secs(1));
        error
    }

    /// The timeout that the caller sent with the request expired; in Portkey's words, which clients
    /// may look for.
    pub fn request_timeout(limit: Duration) -> Self {
        let message = format!(
            "Request exceeded the timeout sent in the request: {}ms",
            limit.as_millis()
        );
        Self::new(Code::RequestTimeout, message)
    }

    /// A failed exchange with an upstream. `fault`: why the caller's own body ended early, if it
    /// did.
    pub fn from_failure(failure: &Failure, fault: Option<BodyFault>) -> Self {
        let code = match (&failure.cause, fault) {
            (Cause::RequestBody, Some(BodyFault::ClientGone)) => Code::ClientClosed,
            (Cause::RequestBody, Some(BodyFault::TooLarge)) => {
                let message =
                    "the request body is larger than the settings allow (`downstream.max_body`)";
                return Self::new(Code::BodyTooLarge, message);
            }
            (Cause::RequestBody, Some(BodyFault::Malformed) | None) => Code::InvalidBody,
            (Cause::NoDescriptors, _) => return Self::overloaded(failure.to_string()),
            (Cause::ConnectTimeout, _) => Code::ConnectTimeout,
            (Cause::Connect(_) | Cause::Tls(_) | Cause::PeerNotVetted, _) => {
                Code::UpstreamUnreachable
            }
            (Cause::Malformed(_), _) => Code::UpstreamInvalid,
            (Cause::Internal(_), _) => Code::Internal,
            (
                Cause::Write(_)
                | Cause::Read(_)
                | Cause::ClosedBeforeHead
                | Cause::ClosedInHead
                | Cause::Truncated,
                _,
            ) => Code::UpstreamClosed,
        };
        Self::new(code, failure.to_string())
    }

    /// The JSON body, in OpenAI's error shape.
    pub fn body(&self) -> Bytes {
        let (kind, code) = match self.code {
            Code::RequestTimeout => ("timeout_error", None),
            code => ("gateway_error", Some(code.name())),
        };
        let error = ErrorBody {
            error: ErrorFields {
                message: &self.message,
                kind,
                param: self.param.as_deref(),
                code,
            },
        };
        // Strings and nulls always serialise.
        Bytes::from(serde_json::to_vec(&error).unwrap_or_default())
    }

    /// Status, `x-gateway-error`, `retry-after` and body; the relay adds the trace id.
    pub fn response(&self) -> Response<Bytes> {
        let status =
            StatusCode::from_u16(self.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = Response::with_body(status, self.body());
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(ERROR_HEADER, HeaderValue::from_static(self.code.name()));
        if self.code == Code::InvalidGatewayKey {
            // Every 401 has one (RFC 9110 §15.5.2).
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        let allow = self.allow.as_deref().map(HeaderValue::from_str);
        if let Some(Ok(allow)) = allow {
            headers.insert(ALLOW, allow);
        }
        if let Some(wait) = self.retry_after {
            headers.insert(RETRY_AFTER, HeaderValue::from(whole_seconds(wait)));
        }
        response
    }
}

/// The value of `Retry-After`, in seconds, rounded up so that a client is not early.
fn whole_seconds(wait: Duration) -> u64 {
    let part = u64::from(wait.subsec_nanos() > 0);
    wait.as_secs().saturating_add(part).max(1)
}

/// The error for a request that the client's side ended: for the client, or for the log if the
/// client has left.
impl From<AbortReason> for GatewayError {
    fn from(expired: AbortReason) -> Self {
        match expired {
            AbortReason::BodyIdle => GatewayError::new(
                Code::InvalidBody,
                "the request body stalled (`downstream.body_idle`)",
            ),
            AbortReason::BodyMalformed(why) => {
                let message = format!("the request body cannot be read: {why}");
                GatewayError::new(Code::InvalidBody, message)
            }
            AbortReason::ClientGone
            | AbortReason::Deadline
            | AbortReason::Head
            | AbortReason::HeadMemory
            | AbortReason::WriteStall
            | AbortReason::Lingered => {
                GatewayError::new(Code::ClientClosed, "the client closed the connection")
            }
        }
    }
}

impl From<Denied> for GatewayError {
    fn from(denied: Denied) -> Self {
        let code = match denied {
            Denied::OwnListener => Code::LoopDetected,
            _ => Code::TargetDenied,
        };
        Self::new(
            code,
            format!("target denied ({}): {denied}", denied.class()),
        )
    }
}

impl From<NoRoom> for GatewayError {
    fn from(error: NoRoom) -> Self {
        Self::overloaded(error.to_string())
    }
}

impl From<ResolveError> for GatewayError {
    fn from(error: ResolveError) -> Self {
        if error == ResolveError::NoDescriptors {
            return Self::overloaded(error.to_string());
        }
        // The reason may tell of this machine, so it goes to the log and not to callers.
        if let ResolveError::Failed(reason) = &error {
            tracing::warn!(reason, "a name could not be looked up");
        }
        let reason = match error {
            ResolveError::NotFound | ResolveError::Timeout | ResolveError::NoDescriptors => {
                error.to_string()
            }
            ResolveError::Failed(_) => "the look-up failed".to_owned(),
        };
        Self::new(Code::UpstreamUnreachable, format!("dns: {reason}"))
    }
}

/// The table as a page of the reference, `docs/errors.md`.
pub fn page() -> String {
    let mut page = String::from(
        "# Errors the gateway makes\n\n\
         Every one carries `x-gateway-error: <code>`, `x-gateway-trace-id` and a JSON body:\n\n\
         ```json\n\
         {\"error\":{\"message\":\"...\",\"type\":\"gateway_error\",\"param\":null,\
         \"code\":\"<code>\"}}\n\
         ```\n\n\
         (`request_timeout` has `\"type\":\"timeout_error\"` and `\"code\":null`.) An error of an \
         upstream is relayed as it is, without `x-gateway-error`.\n\n\
         | status | code | at fault | meaning |\n|---|---|---|---|\n",
    );
    for code in Code::ALL {
        let fault = format!("{:?}", code.fault()).to_lowercase();
        page.push_str(&format!(
            "| {} | `{}` | {fault} | {} |\n",
            code.status(),
            code.name(),
            code.meaning()
        ));
    }
    page
}

#[cfg(test)]
mod tests;
