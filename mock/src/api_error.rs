//! Errors as the providers report them: one error, written in the dialect of the request.

use serde_json::{Value, json};

use crate::dialect::Dialect;
use crate::response::{Response, data_event, named_event};

/// An error that a request is answered with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ApiError {
    pub(crate) status: u16,
    pub(crate) message: String,
    pub(crate) param: Option<&'static str>,
    pub(crate) code: Option<&'static str>,
}

impl ApiError {
    /// A 400 with this message.
    pub(crate) fn bad_request(message: impl Into<String>) -> Self {
        Self {
            status: 400,
            message: message.into(),
            param: None,
            code: None,
        }
    }

    /// A 400 for a required parameter that is missing.
    pub(crate) fn missing(param: &'static str) -> Self {
        Self {
            param: Some(param),
            code: Some("missing_required_parameter"),
            ..Self::bad_request(format!("Missing required parameter: '{param}'."))
        }
    }

    /// A 404 with this message.
    pub(crate) fn not_found(message: impl Into<String>) -> Self {
        Self {
            status: 404,
            ..Self::bad_request(message)
        }
    }

    /// The error that the fault `status` requests.
    pub(crate) fn for_status(status: u16) -> Self {
        Self {
            status,
            message: format!("The mock was asked to fail with {status}."),
            param: None,
            code: match status {
                401 => Some("invalid_api_key"),
                404 => Some("model_not_found"),
                429 => Some("rate_limit_exceeded"),
                _ => None,
            },
        }
    }

    /// The error as a response with its status.
    pub(crate) fn response(&self, dialect: Dialect, request_id: &str) -> Response {
        Response {
            status: self.status,
            ..Response::json(&self.body(dialect, request_id))
        }
    }

    /// The error as a JSON body.
    pub(crate) fn body(&self, dialect: Dialect, request_id: &str) -> Value {
        match dialect {
            Dialect::Anthropic => json!({
                "type": "error",
                "error": { "type": anthropic_type(self.status), "message": self.message },
                "request_id": request_id,
            }),
            Dialect::OpenAi | Dialect::Responses => json!({
                "error": {
                    "message": self.message,
                    "type": openai_type(self.status),
                    "param": self.param,
                    "code": self.code,
                },
            }),
        }
    }

    /// The error as an event of a stream.
    pub(crate) fn event(&self, dialect: Dialect, request_id: &str) -> String {
        match dialect {
            Dialect::Anthropic => named_event("error", &self.body(dialect, request_id)),
            Dialect::OpenAi => data_event(&self.body(dialect, request_id)),
            Dialect::Responses => named_event(
                "error",
                &json!({
                    "type": "error",
                    "code": openai_type(self.status),
                    "message": self.message,
                    "param": null,
                    "sequence_number": 0,
                }),
            ),
        }
    }
}

fn openai_type(status: u16) -> &'static str {
    match status {
        401 => "authentication_error",
        403 => "permission_error",
        429 => "rate_limit_error",
        500.. => "server_error",
        _ => "invalid_request_error",
    }
}

fn anthropic_type(status: u16) -> &'static str {
    match status {
        401 => "authentication_error",
        402 => "billing_error",
        403 => "permission_error",
        404 => "not_found_error",
        408 | 504 => "timeout_error",
        413 => "request_too_large",
        429 => "rate_limit_error",
        529 => "overloaded_error",
        500.. => "api_error",
        _ => "invalid_request_error",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_written_in_the_dialect_of_the_request() {
        let error = ApiError::for_status(429);
        let openai = error.body(Dialect::OpenAi, "req_1").to_string();
        assert_eq!(
            openai,
            "{\"error\":{\"message\":\"The mock was asked to fail with 429.\",\
             \"type\":\"rate_limit_error\",\"param\":null,\"code\":\"rate_limit_exceeded\"}}"
        );
        let anthropic = error.event(Dialect::Anthropic, "req_1");
        assert!(anthropic.starts_with("event: error\ndata: {\"type\":\"error\""));
        assert!(anthropic.contains("\"rate_limit_error\"") && anthropic.ends_with("\n\n"));
    }
}
