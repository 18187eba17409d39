//! Keys by the admin API of a running gateway, and what its statuses mean to a person.

use std::time::Duration;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use super::{
    backend::{Backend, field},
    failure::Failure,
};
use crate::{
    cli::client::{Address, Client, NoResponse, Request, Response},
    config::Environment,
    secret::Secret,
};

const DEFAULT_URL: &str = "http://127.0.0.1:8787";
const KEYS: &str = "/gateway/admin/v1/keys";
/// The longest page.
const PAGE: &str = "/gateway/admin/v1/keys?limit=1000";
/// All but the unreserved characters (RFC 3986 §2.3).
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');
/// Longer than the gateway waits for its own store.
const PATIENCE: Duration = Duration::from_secs(30);

/// A running gateway.
pub struct Api {
    client: Client,
    token: Option<Secret>,
}

impl Api {
    /// `url`: from the command line; else the environment's, else this machine's default.
    ///
    /// # Errors
    /// The URL cannot be used.
    pub fn new(url: Option<&str>, environment: &Environment) -> Result<Self, Failure> {
        let url = url.or(environment.gateway_url()).unwrap_or(DEFAULT_URL);
        Ok(Api {
            client: Client::new(Address::parse(url)?, PATIENCE),
            token: environment.admin_token(),
        })
    }

    /// A gateway at this address, with a token of its own.
    ///
    /// # Errors
    /// The URL cannot be used.
    pub fn with_token(url: &str, token: Secret) -> Result<Self, Failure> {
        Ok(Api {
            client: Client::new(Address::parse(url)?, PATIENCE),
            token: Some(token),
        })
    }

    /// The gateway's address.
    pub fn address(&self) -> String {
        self.client.address().to_string()
    }

    fn call(&self, method: &str, path: &str, body: Option<&Value>) -> Result<Response, Failure> {
        let body = body.map(Value::to_string);
        let request = Request {
            method,
            path,
            token: self.token.as_ref(),
            body: body.as_deref(),
        };
        let response = self.client.send(request);
        let response = response.map_err(|reason| self.unanswered(method, reason))?;
        match response.status {
            200..=299 => Ok(response),
            _ => Err(self.refusal(path, &response)),
        }
    }

    pub fn json(&self, method: &str, path: &str, body: Option<&Value>) -> Result<Value, Failure> {
        let response = self.call(method, path, body)?;
        let read = serde_json::from_slice(&response.body);
        read.ok()
            .filter(Value::is_object)
            .ok_or_else(|| self.not_ours(response.status))
    }

    fn unanswered(&self, method: &str, reason: NoResponse) -> Failure {
        let url = self.client.address().to_string();
        match (&reason, method) {
            (NoResponse::Unreachable(_), _) => Failure::Away { url, reason },
            (NoResponse::Lost(_) | NoResponse::NotHttp, "GET") => {
                Failure::NoResponse { url, reason }
            }
            (NoResponse::NotHttp, _) => Failure::NoResponse { url, reason },
            (NoResponse::Lost(_), _) => Failure::Unsure { url, reason },
        }
    }

    /// What a response that is no success says.
    fn refusal(&self, path: &str, response: &Response) -> Failure {
        let status = response.status;
        let body: Option<Value> = serde_json::from_slice(&response.body).ok();
        let error = body.as_ref().and_then(|body| body.get("error"));
        let Some(error) = error.filter(|error| !field(error, "message").is_empty()) else {
            return self.not_ours(status);
        };
        let message = printable(field(error, "message"));
        match (status, &self.token, field(error, "code")) {
            (401, None, _) | (403, None, "not_allowed") => Failure::NoToken { message },
            (401, Some(_), _) | (403, Some(_), "not_allowed") => Failure::Token { message },
            (404, _, "unknown_route") if !path.contains("/v1/keys/") => self.not_ours(status),
            _ => Failure::Refused { message },
        }
    }

    fn not_ours(&self, status: u16) -> Failure {
        let url = self.client.address().to_string();
        Failure::NotOurs { url, status }
    }
}

impl Backend for Api {
    fn list(&self) -> Result<Vec<Value>, Failure> {
        let mut keys = Vec::new();
        let mut path = PAGE.to_owned();
        loop {
            let mut page = self.json("GET", &path, None)?;
            match page.get_mut("data").map(Value::take) {
                Some(Value::Array(items)) => keys.extend(items),
                _ => return Err(self.not_ours(200)),
            }
            match field(&page, "next_cursor") {
                "" => return Ok(keys),
                cursor => path = format!("{PAGE}&cursor={}", encoded(cursor)),
            }
        }
    }

    fn get(&self, id: &str) -> Result<Value, Failure> {
        self.json("GET", &one(id), None)
    }

    fn create(&self, request: &Value) -> Result<Value, Failure> {
        self.json("POST", KEYS, Some(request))
    }

    fn patch(&self, id: &str, patch: &Value) -> Result<Value, Failure> {
        self.json("PATCH", &one(id), Some(patch))
    }

    fn rotate(&self, id: &str, grace: Option<Duration>) -> Result<Value, Failure> {
        let request = match grace {
            Some(grace) => json!({ "grace": format!("{}s", grace.as_secs()) }),
            None => json!({}),
        };
        self.json("POST", &format!("{}/rotate", one(id)), Some(&request))
    }

    fn delete(&self, id: &str) -> Result<(), Failure> {
        self.call("DELETE", &one(id), None).map(drop)
    }
}

fn one(id: &str) -> String {
    format!("{KEYS}/{}", encoded(id))
}

pub fn encoded(text: &str) -> impl std::fmt::Display {
    utf8_percent_encode(text, ESCAPED)
}

/// Without what could steer a terminal.
pub fn printable(text: &str) -> String {
    text.replace(char::is_control, " ")
}
