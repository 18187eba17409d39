//! How far the gateway has come down, as far as its clients' connections are concerned. Shared by
//! all workers.

use std::{
    sync::OnceLock,
    time::{Duration, Instant},
};

/// Begins once, and never ends.
#[derive(Default)]
pub struct Closing(OnceLock<Begun>);

struct Begun {
    at: Instant,
    budget: Duration,
}

impl Closing {
    /// Connections close as soon as they are idle; what runs has this much time.
    pub fn begin(&self, budget: Duration) {
        let at = Instant::now();
        self.0.get_or_init(|| Begun { at, budget });
    }

    pub fn has_begun(&self) -> bool {
        self.0.get().is_some()
    }

    /// What still runs is cut short.
    pub fn is_out_of_time(&self) -> bool {
        let begun = self.0.get();
        begun.is_some_and(|begun| begun.at.elapsed() >= begun.budget)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_runs_has_its_time_from_the_beginning_on() {
        let closing = Closing::default();
        assert!(!closing.has_begun() && !closing.is_out_of_time());
        closing.begin(Duration::from_secs(1000));
        assert!(closing.has_begun() && !closing.is_out_of_time());
        let closing = Closing::default();
        closing.begin(Duration::ZERO);
        assert!(closing.is_out_of_time());
    }
}
