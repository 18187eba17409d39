//! Which snapshot of the settings is in force? A change replaces it whole; who has taken one keeps
//! it for as long as it is needed.

use std::sync::Arc;

use arc_swap::{ArcSwap, Cache};

use super::Gateway;

/// The snapshot in force.
#[derive(Clone)]
pub struct Current(Arc<ArcSwap<Gateway>>);

impl Current {
    pub fn new(gateway: Arc<Gateway>) -> Self {
        Current(Arc::new(ArcSwap::new(gateway)))
    }

    /// The snapshot in force now.
    pub fn get(&self) -> Arc<Gateway> {
        self.0.load_full()
    }

    /// Puts another in force: requests that arrive from here on are served by it.
    pub fn replace(&self, gateway: Arc<Gateway>) {
        self.0.store(gateway);
    }

    /// A view for one worker.
    pub fn latest(&self) -> Latest {
        Latest(Cache::new(self.0.clone()))
    }
}

/// One worker's view of [`Current`]: to look again costs no more than to read a pointer, and
/// workers do not count references to the same snapshot.
pub struct Latest(Cache<Arc<ArcSwap<Gateway>>, Arc<Gateway>>);

impl Latest {
    /// The snapshot in force now.
    pub fn get(&mut self) -> &Arc<Gateway> {
        self.0.load()
    }
}
