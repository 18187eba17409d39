//! The account of a request, from its arrival to the last byte of its response: taken by the
//! [`Recorder`], which counts the request and writes its line of the access log.

mod access_line;
mod cache_status;
mod clip;
mod closed;
mod cut_reason;
mod details;
mod facts;
mod failed_attempts;
mod given_up;
mod path_and_origin;
mod queue;
mod recorder;
mod route;

pub use self::{
    cache_status::CacheStatus,
    closed::{Attempt, CacheNote, Consumer, Named, Operation, Record, RouteKind, Times},
    cut_reason::CutReason,
    details::{Accounts, Begun, Caller, Response},
    queue::{Intake, ParkedIntake, Queue, QueueCounts, QueueLimits},
    recorder::{Arrival, Recorder},
    route::Route,
};
use crate::{config::AccessLog, observe::metrics::Outcome};

/// Whether a request with this ending gets a line.
fn takes(access: AccessLog, outcome: Outcome) -> bool {
    match access {
        AccessLog::All => true,
        AccessLog::Errors => !outcome.is_good(),
        AccessLog::Off => false,
    }
}
