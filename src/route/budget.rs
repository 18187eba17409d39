//! How many extra requests an origin gets: retries and hedges help with single failures, and make a storm of many.

use std::time::{Duration, Instant};

use super::window::Window;

/// Seconds that a retry budget looks back on.
const SECONDS: usize = 10;
/// Retries in a second that are always allowed.
const ALWAYS: u32 = 3;
/// One retry for so many requests.
const REQUESTS_PER_RETRY: u32 = 5;

/// Retries to one origin: 20 % of the requests of the last 10 s, and 3 in any second.
#[derive(Debug)]
pub struct RetryBudget(Window<SECONDS>);

impl RetryBudget {
    pub fn new(now: Instant) -> Self {
        RetryBudget(Window::new(Duration::from_secs(1), now))
    }

    /// A request is sent for the first time.
    pub fn note_request(&mut self, now: Instant) {
        self.0.add(now, 1, 0);
    }

    /// Takes one retry, if there is one.
    pub fn take(&mut self, now: Instant) -> bool {
        let (requests, retries) = self.0.sums(now);
        let (_, just_now) = self.0.newest(now);
        let left = retries < requests / REQUESTS_PER_RETRY || just_now < ALWAYS;
        if left {
            self.0.add(now, 0, 1);
        }
        left
    }
}

/// Hedges to one origin: a share of its requests, with one to begin with.
#[derive(Debug)]
pub struct HedgeBudget {
    max_ratio: f64,
    credit: f64,
}

/// Hedges that may be saved up.
const MOST_CREDIT: f64 = 10.0;

impl HedgeBudget {
    pub fn new(max_ratio: f64) -> Self {
        HedgeBudget {
            max_ratio,
            credit: if max_ratio > 0.0 { 1.0 } else { 0.0 },
        }
    }

    /// A request is sent that may be hedged.
    pub fn note_request(&mut self) {
        self.credit = (self.credit + self.max_ratio).min(MOST_CREDIT);
    }

    /// Takes one hedge, if there is one.
    pub fn take(&mut self) -> bool {
        let left = self.credit >= 1.0;
        if left {
            self.credit -= 1.0;
        }
        left
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retries_are_a_fifth_of_recent_requests_and_three_a_second() {
        let start = Instant::now();
        let at = |seconds: u64| start + Duration::from_secs(seconds);
        let taken =
            |budget: &mut RetryBudget, now| (0..1000).take_while(|_| budget.take(now)).count();
        let mut budget = RetryBudget::new(start);
        assert_eq!(taken(&mut budget, at(0)), 3);
        for _ in 0..100 {
            budget.note_request(at(0));
        }
        assert_eq!(taken(&mut budget, at(0)), 17);
        assert_eq!(taken(&mut budget, at(9)), 3);
        assert_eq!(taken(&mut budget, at(11)), 3);
    }

    #[test]
    fn hedges_are_a_share_of_requests_after_the_first() {
        let mut budget = HedgeBudget::new(0.05);
        let hedged = (0..1000).filter(|_| {
            budget.note_request();
            budget.take()
        });
        assert_eq!(hedged.count(), 51);
        let mut never = HedgeBudget::new(0.0);
        never.note_request();
        assert!(!never.take());
    }
}
