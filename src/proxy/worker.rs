//! What serves the requests of one worker.

use std::sync::Arc;

use super::{plan::PlanCache, send::vet::Vetter};
use crate::gateway::Gateway;

/// What all workers share, and one worker's own connections, plans and targets.
pub struct Worker<U> {
    pub gateway: Arc<Gateway>,
    pub upstream: U,
    pub plans: PlanCache,
    pub targets: Vetter,
}
