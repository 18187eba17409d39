//! Fetches access tokens for the operator's accounts. A token server is vetted like every other
//! target; `credential/tokens` decides when a token is fetched.

use std::{
    cell::RefCell,
    future::poll_fn,
    rc::Rc,
    sync::Arc,
    time::{Duration, SystemTime},
};

use bytes::Bytes;

use super::{clock, send::vet::Vetter};
use crate::{
    credential::{
        Credential, Scheme,
        google::{self, Account, TokenRequest},
        tokens::{Fetch, Token},
    },
    error::{Code, GatewayError},
    guard::BaseUrl,
    upstream::{Asked, BodyLength, Call, RequestBody, Upstream, UpstreamResponse},
};

/// How long a fetch may take from its beginning to the last byte.
const FETCH_TIME: Duration = Duration::from_secs(10);
const CONNECT_TIME: Duration = Duration::from_secs(5);
/// Most bytes of a response; real ones have some 1 200.
const LONGEST_RESPONSE: usize = 64 * 1024;

/// Begins fetches of tokens, over one worker's connections.
pub trait TokenFetcher {
    /// Fetches in a task of its own: no request that waits ends it by leaving.
    fn begin(&self, credential: Arc<Credential>, fetch: Fetch);
}

/// Fetches over this upstream.
pub struct Fetcher<U> {
    pub upstream: U,
    pub targets: Vetter,
}

impl<U: Upstream + Clone + 'static> TokenFetcher for Fetcher<U> {
    fn begin(&self, credential: Arc<Credential>, fetch: Fetch) {
        let (upstream, targets) = (self.upstream.clone(), self.targets.clone());
        actix_rt::spawn(async move {
            let token = match credential.scheme() {
                Scheme::Token(account) => token(&upstream, &targets, account).await,
                Scheme::Lines(_) | Scheme::Query(_) | Scheme::Signature(_) => {
                    Err("it has no access tokens".to_owned())
                }
            };
            if let Err(reason) = &token {
                let server = origin(&credential);
                tracing::warn!(server, reason, "an access token could not be fetched");
            }
            fetch.end(token, clock::now());
        });
    }
}

/// The error of a request for whose target there is no token.
pub fn no_token(reason: &str) -> GatewayError {
    let message = format!("no access token for this target could be fetched: {reason}");
    GatewayError::new(Code::UpstreamUnreachable, message)
}

fn origin(credential: &Credential) -> Option<String> {
    let url = BaseUrl::parse(&credential.token_url()?).ok()?;
    Some(url.origin().to_owned())
}

async fn token(
    upstream: &impl Upstream,
    targets: &Vetter,
    account: &Account,
) -> Result<Token, String> {
    let request = account.request(SystemTime::now());
    let request = request.map_err(|error| error.to_string())?;
    let exchange = async {
        let call = call(targets, request).await?;
        let response = upstream.send(&call).await;
        let response = response.map_err(|failure| failure.to_string())?;
        let status = response.head.status.as_u16();
        let body = whole(response).await?;
        google::read(status, &body).map_err(|error| error.to_string())
    };
    let timed = tokio::time::timeout(FETCH_TIME, exchange).await;
    timed.unwrap_or_else(|_| {
        let seconds = FETCH_TIME.as_secs();
        Err(format!("no response within {seconds} s"))
    })
}

/// The request for a token, to a vetted target.
async fn call(targets: &Vetter, request: TokenRequest) -> Result<Call, String> {
    // The settings were checked: the URL can be used.
    let url = BaseUrl::parse(&request.url).map_err(|error| error.to_string())?;
    let vetted = targets.vet_token_server(&url, request.to_metadata_server);
    let target = vetted
        .await
        .map_err(|unvetted| GatewayError::from(unvetted).message.into_owned())?;
    let length = match request.body.is_empty() {
        true => BodyLength::None,
        false => BodyLength::Exact(request.body.len() as u64),
    };
    Ok(Call {
        connecting: std::cell::Cell::default(),
        head: head(&request, &url, target.authority()),
        target,
        asked: Asked::Ordinary,
        body: Rc::new(RefCell::new(match length {
            BodyLength::None => RequestBody::empty(),
            length => RequestBody::of(vec![request.body], length),
        })),
        // A second token does no harm.
        idempotent: true,
        connect_timeout: CONNECT_TIME,
    })
}

fn head(request: &TokenRequest, url: &BaseUrl, authority: &str) -> Bytes {
    let path = url.raw_path();
    let (mark, query) = url.raw_query().map_or(("", ""), |query| ("?", query));
    let method = request.method;
    let mut head = format!("{method} {path}{mark}{query} HTTP/1.1\r\nhost: {authority}\r\n");
    if !request.body.is_empty() {
        head.push_str(&format!("content-length: {}\r\n", request.body.len()));
    }
    for (name, value) in request.lines {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str("\r\n");
    head.into()
}

async fn whole(mut response: UpstreamResponse) -> Result<Vec<u8>, String> {
    let mut body = Vec::new();
    while let Some(chunk) = poll_fn(|cx| response.body.poll_chunk(cx)).await {
        let chunk = chunk.map_err(|failure| failure.to_string())?;
        if body.len() + chunk.len() > LONGEST_RESPONSE {
            return Err("the token server's response is too long".to_owned());
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}
