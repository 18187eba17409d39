//! Whose fault it is that an attempt came to nothing. Only an upstream's faults count against a
//! target; whatever a caller can bring about alone does not.

use crate::{
    downstream::Expired,
    egress::NamedBy,
    error::{Code, GatewayError},
    proxy::plan::Target,
    upstream::Cause,
};

use super::clocks::Expiry;

/// What ended a wait.
pub enum Stopped {
    Timer(Expiry, Awaited),
    Client(GatewayError),
}

/// Whose turn it was when a timer ran out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Awaited {
    Upstream,
    /// The upstream waited for the rest of the request body, too.
    Caller,
}

impl Awaited {
    /// A timer's end is the upstream's fault: it was waited for, and no caller set the time.
    pub fn blames_upstream(self, expiry: Expiry) -> bool {
        self == Awaited::Upstream && expiry.set_by() == NamedBy::Settings
    }
}

/// A failure is the upstream's fault. `owed`: it waited for the rest of the caller's body.
pub fn is_upstreams(cause: &Cause, target: &Target, owed: bool) -> bool {
    match cause {
        Cause::ConnectTimeout => target.timeouts.connect.set_by == NamedBy::Settings,
        Cause::Connect(_) | Cause::Tls(_) | Cause::PeerNotVetted | Cause::Malformed(_) => true,
        Cause::Write(_)
        | Cause::Read(_)
        | Cause::ClosedBeforeHead
        | Cause::ClosedInHead
        | Cause::Truncated => !owed,
        Cause::RequestBody | Cause::Internal(_) => false,
    }
}

/// The client's own end, as an error for nobody or for the log.
pub fn client_fault(expired: Expired) -> GatewayError {
    match expired {
        Expired::BodyIdle => GatewayError::new(
            Code::InvalidBody,
            "the request body stalled (`downstream.body_idle`)",
        ),
        Expired::BodyMalformed(why) => {
            let message = format!("the request body cannot be read: {why}");
            GatewayError::new(Code::InvalidBody, message)
        }
        Expired::ClientGone
        | Expired::Deadline
        | Expired::Head
        | Expired::WriteStall
        | Expired::Lingered => {
            GatewayError::new(Code::ClientClosed, "the client closed the connection")
        }
    }
}
