//! A request that somebody only tells of, at `/gateway/explain` and on the command line: planned as a real one, and not sent.

use std::{cell::RefCell, collections::BTreeMap, rc::Rc, time::Instant};

use actix_http::{RequestHead, Response, header};
use bytes::Bytes;
use serde::Deserialize;
use serde_json::Value;

use super::Explained;
use crate::{
    directives::Directives,
    error::{Code, GatewayError},
    gateway::Gateway,
    proxy::{
        Plans, Targets, arrival,
        caching::{Cacheable, Seen},
        drive::Outside,
        facts::RequestFacts,
        headers::Hop,
        planning,
        presented::Presented,
        url,
    },
    route::attempts::Attempts,
    upstream::{BodyLength, RequestBody},
};

/// A request that somebody only tells of.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Imagined {
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

impl Imagined {
    /// Reads the JSON body of `POST /gateway/explain`.
    ///
    /// # Errors
    /// `invalid_body`, with what is allowed.
    pub fn parse(json: &[u8]) -> Result<Self, GatewayError> {
        serde_json::from_slice(json).map_err(|error| {
            let message = format!(
                "explain takes a JSON object of method, path, headers (an object of names and values) and body: {error}"
            );
            GatewayError::new(Code::InvalidBody, message)
        })
    }

    /// What would be done with it.
    ///
    /// # Errors
    /// Those the request itself would meet.
    pub async fn explain(
        &self,
        gateway: &Gateway,
        plans: &Plans,
        targets: &Targets,
    ) -> Result<Response<Bytes>, GatewayError> {
        let (head, body) = (self.head()?, self.bytes());
        let directives = Directives::parse(head.headers(), gateway.portkey)?;
        arrival::check_method(&head.method)?;
        let (path, query) = url::split(&self.path);
        let rest = arrival::unified_path(path)?;
        arrival::check_path(path)?;
        let read = async || Ok(body.clone());
        let plan = planning::find(plans, &head, &directives, read).await?;
        let length = BodyLength::Exact(body.len() as u64);
        let placeholder = gateway.placeholder_credential(head.headers());
        let presented = &Presented::new(&gateway.known.credentials, &head, query, placeholder);
        let outside = Outside {
            plan: &plan,
            standing: &gateway.standing,
            presented,
            body: Rc::new(RefCell::new(RequestBody::of(vec![body.clone()], length))),
            received: Instant::now(),
        };
        let facts = RequestFacts {
            head: &head,
            path,
            metadata: directives.metadata.as_ref(),
            body: &body,
        };
        let (attempts, first) = Attempts::begin(&plan.tree, &facts, &outside)?;
        let hop = Hop::of(head.headers(), gateway.portkey)?;
        let seen = Seen {
            presented,
            hop: &hop,
            path,
            rest,
        };
        let cacheable = Cacheable::asked(gateway, &plan, first.target, &directives.cache, seen);
        let read = async || Ok(Some(body.clone()));
        let key = match &cacheable {
            Some(cacheable) => Some(cacheable.key(read, &attempts.candidates()).await?),
            None => None,
        };
        let explained = Explained {
            targets,
            gateway,
            outside: &outside,
            rest,
            request_timeout: directives.request_timeout,
            first,
            cache: super::cache(cacheable.as_ref().map(|it| &it.policy), key),
        };
        Ok(explained.answer().await)
    }

    fn head(&self) -> Result<RequestHead, GatewayError> {
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
        Ok(head)
    }

    fn bytes(&self) -> Bytes {
        match &self.body {
            Value::Null => Bytes::new(),
            Value::String(text) => text.clone().into(),
            json => json.to_string().into(),
        }
    }
}
