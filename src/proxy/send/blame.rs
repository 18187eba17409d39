//! Whose fault it is that an attempt came to nothing. Only an upstream's faults count against a
//! target; whatever a caller can bring about alone does not.

use super::timeouts::Expiry;
use crate::{error::GatewayError, guard::NamedBy, proxy::plan::TimeLimit, upstream::Cause};

/// What ended a wait.
pub enum Stopped {
    Timer(Expiry, Awaited),
    Client(GatewayError),
}

/// Which side was waited for when a timer ran out.
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

/// A failure is the upstream's fault. `connect`: the time it had to connect; `owed`: it waited for
/// the rest of the caller's body.
pub fn is_upstreams(cause: &Cause, connect: TimeLimit, owed: bool) -> bool {
    match cause {
        Cause::ConnectTimeout => connect.set_by == NamedBy::Settings,
        Cause::Connect(_) | Cause::Tls(_) | Cause::PeerNotVetted | Cause::Malformed(_) => true,
        Cause::Write(_)
        | Cause::Read(_)
        | Cause::ClosedBeforeHead
        | Cause::ClosedInHead
        | Cause::Truncated => !owed,
        Cause::RequestBody | Cause::NoDescriptors | Cause::Internal(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use std::{io::ErrorKind, time::Duration};

    use super::*;
    use crate::upstream::Malformed;

    fn limit(set_by: NamedBy) -> TimeLimit {
        TimeLimit::set_by(set_by, Duration::from_millis(1))
    }

    #[test]
    fn a_time_is_the_upstream_s_only_if_the_settings_set_it_and_nothing_was_owed() {
        let kinds = [
            Expiry::RequestTimeout,
            Expiry::FirstToken,
            Expiry::Head,
            Expiry::Idle,
            Expiry::Total,
        ];
        for kind in kinds {
            for (set_by, awaited, expected) in [
                (NamedBy::Settings, Awaited::Upstream, true),
                (NamedBy::Settings, Awaited::Caller, false),
                (NamedBy::Caller, Awaited::Upstream, false),
                (NamedBy::Caller, Awaited::Caller, false),
            ] {
                let expiry = kind(limit(set_by));
                assert_eq!(awaited.blames_upstream(expiry), expected, "{expiry:?}");
            }
        }
    }

    #[test]
    fn a_failure_is_the_upstream_s_unless_the_caller_can_bring_it_about() {
        let (settings, caller) = (limit(NamedBy::Settings), limit(NamedBy::Caller));
        let some = ErrorKind::ConnectionReset;
        for (cause, alone, while_owed) in [
            (Cause::ConnectTimeout, true, true),
            (Cause::Connect(some), true, true),
            (Cause::Tls(String::new()), true, true),
            (Cause::PeerNotVetted, true, true),
            (Cause::Malformed(Malformed::Syntax), true, true),
            (Cause::Write(some), true, false),
            (Cause::Read(some), true, false),
            (Cause::ClosedBeforeHead, true, false),
            (Cause::ClosedInHead, true, false),
            (Cause::Truncated, true, false),
            (Cause::RequestBody, false, false),
            (Cause::Internal(""), false, false),
        ] {
            assert_eq!(is_upstreams(&cause, settings, false), alone, "{cause:?}");
            assert_eq!(
                is_upstreams(&cause, settings, true),
                while_owed,
                "{cause:?}"
            );
            let expected = alone && cause != Cause::ConnectTimeout;
            assert_eq!(is_upstreams(&cause, caller, false), expected, "{cause:?}");
        }
    }
}
