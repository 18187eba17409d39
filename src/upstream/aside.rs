//! Where tasks go that awc starts and nobody needs: for every request a clock, whose date is for a header that clients do not
//! send. Run, it costs a timer and a wake-up of the worker's own event loop for each request; put aside, next to nothing.

use std::cell::{Cell, RefCell};

use tokio::task::LocalSet;

/// Tasks put aside before they are thrown away.
const MOST: u32 = 64;

/// Tasks that never run.
pub struct Aside {
    tasks: RefCell<LocalSet>,
    entered: Cell<u32>,
}

impl Aside {
    pub fn new() -> Self {
        Aside {
            tasks: RefCell::new(LocalSet::new()),
            entered: Cell::new(0),
        }
    }

    /// Whatever `work` spawns is put aside. Not to be nested.
    pub fn spawned_by<T>(&self, work: impl FnOnce() -> T) -> T {
        if self.entered.replace(self.entered.get() + 1) >= MOST {
            self.entered.set(0);
            // Dropping a set ends its tasks.
            self.tasks.replace(LocalSet::new());
        }
        let tasks = self.tasks.borrow();
        let _entered = tasks.enter();
        work()
    }
}
