//! The awc client with our engine. All exchanges use one frozen request, since the exchange's own
//! head goes on the wire; awc's redirects, timers and default headers are off.

use awc::FrozenClientRequest;

use super::engine::{Engine, InHand, failure_of};
use crate::upstream::{
    ResponseHead, UpstreamResponse,
    body::ResponseBody,
    exchange::Exchange,
    failure::{Cause, Failure},
};

/// The client of one worker.
pub struct Client {
    /// `None` only if awc refuses this constant request, which would be a defect.
    request: Option<FrozenClientRequest>,
    in_hand: InHand,
}

impl Client {
    #[expect(
        clippy::disallowed_types,
        reason = "the one client: its engine sends to vetted targets only"
    )]
    pub fn new() -> Self {
        let in_hand = InHand::default();
        let client = awc::Client::builder()
            .disable_redirects()
            .disable_timeout()
            .no_default_headers()
            .wrap(Engine(in_hand.clone()))
            .finish();
        Client {
            request: client.get("http://upstream/").freeze().ok(),
            in_hand,
        }
    }

    /// Returns the final response to the exchange's request.
    ///
    /// # Errors
    /// The exchange failed before the head of a response.
    pub async fn send(&self, exchange: Exchange) -> Result<UpstreamResponse, Failure> {
        let Some(request) = &self.request else {
            return Err(Failure::unsent(Cause::Internal("awc froze no request")));
        };
        let progress = exchange.progress();
        // awc calls the engine in `send`, before anything else can run.
        self.in_hand.set(Some(exchange));
        let response = request.send().await.map_err(failure_of)?;
        let (mut head, mut payload) = (ResponseHead::default(), actix_http::Payload::None);
        let _ = response.map_body(|theirs, coming| {
            head.status = theirs.status;
            head.headers = std::mem::take(&mut theirs.headers);
            payload = coming;
            actix_http::Payload::<()>::None
        });
        let body = ResponseBody::new(payload, progress);
        Ok(UpstreamResponse { head, body })
    }
}
