//! The account of a request, from its arrival to the last byte of its response: taken by the
//! [`Recorder`], which counts the request and writes its line of the access log.

mod access_line;
mod cache_status;
mod clip;
mod closed;
mod cut_reason;
mod departed;
mod details;
mod ended;
mod facts;
mod failed_attempts;
mod given_up;
mod path_and_origin;
mod queue;
mod recorder;
mod route;
mod sent_model;

pub use self::{
    cache_status::CacheStatus,
    closed::{Attempt, CacheNote, Consumer, Named, Operation, Record, RouteKind, Times},
    cut_reason::CutReason,
    departed::Departed,
    details::{Accounts, Begun, Caller, Response},
    queue::{Intake, ParkedIntake, Queue, QueueCounts, QueueLimits},
    recorder::{Arrival, Recorder},
    route::Route,
    sent_model::ModelChange,
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
