//! What serves the requests of one worker, under one snapshot of the settings.

use std::sync::Arc;

use super::{plan::PlanCache, send::vet::Vetter};
use crate::gateway::Gateway;

/// A snapshot of what all workers share, and one worker's own connections, plans and targets.
pub struct Worker<U> {
    pub gateway: Arc<Gateway>,
    pub upstream: U,
    pub plans: PlanCache,
    pub targets: Vetter,
}

impl<U> Worker<U> {
    pub fn new(gateway: Arc<Gateway>, upstream: U) -> Self {
        Worker {
            upstream,
            plans: PlanCache::new(gateway.known.clone(), gateway.policy.clone()),
            targets: Vetter::new(gateway.policy.clone(), gateway.process.resolver.clone()),
            gateway,
        }
    }
}
