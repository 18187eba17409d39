//! How far has the gateway come in closing its clients' connections? Shared by all workers.

use std::{
    sync::OnceLock,
    time::{Duration, Instant},
};

/// The close of all client connections. Begins once, and never ends.
#[derive(Default)]
pub struct Closing(OnceLock<Begun>);

struct Begun {
    at: Instant,
    budget: Duration,
}

impl Closing {
    /// From now on, connections close as soon as they are idle; requests under way have `budget`.
    pub fn begin(&self, budget: Duration) {
        let at = Instant::now();
        self.0.get_or_init(|| Begun { at, budget });
    }

    pub fn has_begun(&self) -> bool {
        self.0.get().is_some()
    }

    /// The budget is spent: requests still under way are cut short.
    pub fn is_out_of_time(&self) -> bool {
        let begun = self.0.get();
        begun.is_some_and(|begun| begun.at.elapsed() >= begun.budget)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_under_way_have_the_budget() {
        let closing = Closing::default();
        assert!(!closing.has_begun() && !closing.is_out_of_time());
        closing.begin(Duration::from_secs(1000));
        assert!(closing.has_begun() && !closing.is_out_of_time());
        let closing = Closing::default();
        closing.begin(Duration::ZERO);
        assert!(closing.is_out_of_time());
    }
}
