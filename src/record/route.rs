//! Which target answered, as the reply's headers tell the client.

use actix_http::header::HeaderValue;

/// The target that a reply tells of: the one that answered, or was tried last.
#[derive(Clone, Debug)]
pub struct Route {
    pub provider: HeaderValue,
    /// The target's place in the config.
    pub index: HeaderValue,
    /// Retries the target took; -1 if all of them failed.
    pub retries: i32,
    /// Names of the caller's credentials that the target did not get.
    pub withheld: Option<HeaderValue>,
    /// The request's body could not have been sent again.
    pub replay_lost: bool,
}
