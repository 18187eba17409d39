//! Errors as the providers word them: one problem, rendered in the dialect of the request.

use crate::answer::{Answer, Body, data_event, named_event};
use crate::json::{Json, Null, object};
use crate::request::Request;

/// Whose shapes an answer takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    OpenAi,
    /// OpenAI's Responses API: the same errors, other events.
    Responses,
    Anthropic,
}

/// Why a request is answered with an error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    pub(crate) status: u16,
    pub(crate) message: String,
    pub(crate) param: Option<&'static str>,
    pub(crate) code: Option<&'static str>,
}

impl Dialect {
    /// The dialect that `request` speaks, by its path or by Anthropic's version header.
    pub(crate) fn of(request: &Request) -> Self {
        let path = request.path();
        if path.contains("/messages") || request.header("anthropic-version").is_some() {
            Self::Anthropic
        } else if path.contains("/responses") {
            Self::Responses
        } else {
            Self::OpenAi
        }
    }
}

impl Problem {
    /// A 400 with this message.
    pub(crate) fn bad_request(message: impl Into<String>) -> Self {
        Self {
            status: 400,
            message: message.into(),
            param: None,
            code: None,
        }
    }

    /// A 400 about a parameter that must be there.
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

    /// The error that was asked for by a fault.
    pub(crate) fn asked_for(status: u16) -> Self {
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

    /// The problem as an answer of its status.
    pub(crate) fn answer(&self, dialect: Dialect, request_id: &str) -> Answer {
        let body = self.body(dialect, request_id);
        Answer {
            status: self.status,
            ..Answer::json(body)
        }
    }

    /// The JSON body.
    pub(crate) fn body(&self, dialect: Dialect, request_id: &str) -> Json {
        match dialect {
            Dialect::Anthropic => object! {
                "type": "error",
                "error": object! { "type": anthropic_type(self.status), "message": self.message },
                "request_id": request_id,
            },
            Dialect::OpenAi | Dialect::Responses => object! {
                "error": object! {
                    "message": self.message,
                    "type": openai_type(self.status),
                    "param": self.param,
                    "code": self.code,
                },
            },
        }
    }

    /// The problem as an event of a stream.
    pub(crate) fn event(&self, dialect: Dialect, request_id: &str) -> String {
        match dialect {
            Dialect::Anthropic => named_event("error", &self.body(dialect, request_id)),
            Dialect::OpenAi => data_event(&self.body(dialect, request_id)),
            Dialect::Responses => named_event(
                "error",
                &object! {
                    "type": "error",
                    "code": openai_type(self.status),
                    "message": self.message,
                    "param": Null,
                    "sequence_number": 0u8,
                },
            ),
        }
    }
}

/// An HTML page such as a proxy in front of a provider may answer with.
pub(crate) fn html_page() -> Answer {
    let page = "<!DOCTYPE html>\n<html><head><title>Please wait</title></head>\
                <body><h1>Please wait</h1><p>A page where JSON should be.</p></body></html>\n";
    Answer::whole("text/html; charset=utf-8", page)
}

/// An event stream that ends at once.
pub(crate) fn empty_stream() -> Answer {
    let mut answer = Answer::whole("text/event-stream; charset=utf-8", "");
    answer.body = Body::Events(crate::answer::Script {
        opening: String::new(),
        tokens: 0,
        token: Box::new(|_| String::new()),
        closing: String::new(),
        error: String::new(),
    });
    answer
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
    fn a_problem_is_worded_in_the_dialect_of_the_request() {
        let problem = Problem::asked_for(429);
        let openai = problem.body(Dialect::OpenAi, "req_1").0;
        assert_eq!(
            openai,
            r#"{"error":{"message":"The mock was asked to fail with 429.","type":"rate_limit_error","param":null,"code":"rate_limit_exceeded"}}"#
        );
        let anthropic = problem.event(Dialect::Anthropic, "req_1");
        assert!(anthropic.starts_with("event: error\ndata: {\"type\":\"error\""));
        assert!(anthropic.contains("\"rate_limit_error\"") && anthropic.ends_with("\n\n"));
    }
}
