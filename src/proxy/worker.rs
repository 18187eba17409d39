//! What serves the requests of one worker.

use std::sync::Arc;

use super::{plan::Plans, send::vet::Targets};
use crate::gateway::Gateway;

/// What all workers share, and one worker's own connections, plans and targets.
pub struct Worker<U> {
    pub gateway: Arc<Gateway>,
    pub upstream: U,
    pub plans: Plans,
    pub targets: Targets,
}
