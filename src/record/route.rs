//! Which target's response is this? As the response's headers tell the client.

use actix_http::header::HeaderValue;

/// The target that a response names: the one whose response it is, or that was tried last.
#[derive(Clone, Debug)]
pub struct Route {
    pub provider: HeaderValue,
    /// The target's path in the config.
    pub index: HeaderValue,
    /// Retries of the target; -1 if all attempts failed.
    pub retries: i32,
    /// Names of the caller's credentials that the target did not get.
    pub withheld: Option<HeaderValue>,
    /// The request's body could not have been sent again.
    pub replay_lost: bool,
}
