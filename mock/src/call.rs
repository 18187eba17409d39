//! What every API of the mock is given to answer one request.

use crate::behaviour::Behaviour;
use crate::dialect::Dialect;
use crate::request::Request;
use crate::state::Mock;

/// One request with everything its response depends on.
pub(crate) struct Call<'a> {
    pub(crate) request: &'a Request,
    pub(crate) behaviour: &'a Behaviour,
    pub(crate) mock: &'a Mock,
    pub(crate) dialect: Dialect,
    pub(crate) request_id: &'a str,
    /// Unix time in seconds.
    pub(crate) now: u64,
    /// The part of the path that matched `{id}` or `{rest}`, still percent-encoded.
    pub(crate) id: &'a str,
}
