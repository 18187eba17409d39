//! A described request, at `/gateway/explain` and on the command line: planned like a real one,
//! and not sent.

use std::collections::BTreeMap;

use actix_http::{Payload, RequestHead, Response, header};
use bytes::Bytes;
use serde::Deserialize;
use serde_json::Value;

use crate::{
    directives::Directives,
    error::{Code, GatewayError},
    gateway::Gateway,
    identity::{Identity, KeyId},
    proxy::{
        admit::{Admitted, Brought, checks, route::Routed},
        clock,
        plan::PlanCache,
        prepare,
        send::vet::Vetter,
        sender::AtHand,
    },
};

/// A request that is described, not sent.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DescribedRequest {
    #[serde(default = "post")]
    pub method: String,
    /// With its query, as a client would send it.
    #[serde(default = "chat")]
    pub path: String,
    /// One value, or several, for each name.
    #[serde(default)]
    pub headers: BTreeMap<String, Lines>,
    /// Text as it is, anything else as JSON.
    #[serde(default)]
    pub body: Value,
    /// The request is planned as if the holder of this key had sent it: for operators, who do not
    /// have its secret.
    #[serde(default)]
    pub key: Option<KeyId>,
}

/// A described request, and the holder of the key that was taken out of it.
pub struct Described<'a> {
    pub head: &'a RequestHead,
    pub body: Bytes,
    pub holder: Result<Option<&'a Identity>, GatewayError>,
    /// An operator tests an endpoint.
    pub is_test: bool,
    /// The gateway serves requests, and knows what is spent of budgets.
    pub is_running: bool,
}

impl Described<'_> {
    /// What would be done with it.
    ///
    /// # Errors
    /// Those the request itself would meet.
    pub async fn explain(
        self,
        gateway: &Gateway,
        plans: &PlanCache,
        targets: &Vetter,
    ) -> Result<Response<Bytes>, GatewayError> {
        let fields = gateway.sort(self.head.headers());
        let directives = Directives::parse(&fields.ours);
        let brought = Brought {
            payload: Payload::from(self.body),
            routed: Routed::of(&gateway.known, self.head),
            directives,
            holder: self.holder,
            connection: None,
            is_test: self.is_test,
        };
        let admitted = Admitted::of(gateway, self.head, &fields, brought)?;
        let plan = prepare::plan(&admitted, plans, &AtHand).await?;
        let prepared = prepare::prepare(&admitted, &plan, &AtHand, clock::now()).await?;
        Ok(super::explain(&admitted, &prepared, targets, self.is_running).await)
    }
}

/// The lines of one name.
#[derive(Deserialize)]
#[serde(untagged)]
pub enum Lines {
    One(String),
    Several(Vec<String>),
}

fn post() -> String {
    "POST".to_owned()
}

fn chat() -> String {
    "/v1/chat/completions".to_owned()
}

impl DescribedRequest {
    /// Reads the JSON body of `POST /gateway/explain`.
    ///
    /// # Errors
    /// `invalid_body`, with what is allowed.
    pub fn parse(json: &[u8]) -> Result<Self, GatewayError> {
        serde_json::from_slice(json).map_err(|error| {
            let message = format!(
                "explain takes a JSON object of method, path, headers (an object of names and \
                 values), body and key: {error}"
            );
            GatewayError::new(Code::InvalidBody, message)
        })
    }

    /// What would be done with it. `is_running`: the gateway serves requests, and knows what is
    /// spent of budgets.
    ///
    /// # Errors
    /// Those the request itself would meet.
    pub async fn explain(
        &self,
        gateway: &Gateway,
        plans: &PlanCache,
        targets: &Vetter,
        is_running: bool,
    ) -> Result<Response<Bytes>, GatewayError> {
        let body = self.bytes();
        let mut head = self.head(&body)?;
        checks::check_method(&head.method)?;
        let taken = gateway.access.take(&mut head);
        let holder = match self.key {
            Some(id) => gateway.access.holder_of_id(id).map(Some),
            None => gateway.access.holder(&taken),
        };
        let described = Described {
            head: &head,
            body,
            holder,
            is_test: false,
            is_running,
        };
        described.explain(gateway, plans, targets).await
    }

    /// The head, framed as a client would frame this body.
    pub fn head(&self, body: &Bytes) -> Result<RequestHead, GatewayError> {
        let unusable =
            |what: &str| GatewayError::new(Code::InvalidBody, format!("explain: {what}"));
        let mut head = RequestHead::default();
        head.method = self
            .method
            .parse()
            .map_err(|_| unusable("method is none of HTTP's"))?;
        head.uri = self
            .path
            .parse()
            .map_err(|_| unusable("path is no request target"))?;
        for (name, lines) in &self.headers {
            let lines = match lines {
                Lines::One(line) => std::slice::from_ref(line),
                Lines::Several(lines) => lines,
            };
            let name: header::HeaderName = name
                .parse()
                .map_err(|_| unusable("headers has a name that is none"))?;
            for line in lines {
                let value = line
                    .parse()
                    .map_err(|_| unusable("headers has a value that is none"))?;
                head.headers.append(name.clone(), value);
            }
        }
        let chunked = head.headers.contains_key(header::TRANSFER_ENCODING);
        let length = header::HeaderValue::from(body.len());
        match head.headers.get(header::CONTENT_LENGTH) {
            Some(given) if *given != length => Err(unusable("content-length is not the body's")),
            Some(_) => Ok(head),
            None => {
                if !chunked && !body.is_empty() {
                    head.headers.insert(header::CONTENT_LENGTH, length);
                }
                Ok(head)
            }
        }
    }

    pub fn bytes(&self) -> Bytes {
        match &self.body {
            Value::Null => Bytes::new(),
            Value::String(text) => text.clone().into(),
            json => json.to_string().into(),
        }
    }
}
