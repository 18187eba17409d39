//! How many extra requests a caller may make to an origin. Retries and hedges help with single
//! failures but amplify an outage. Each caller has its own share, which others cannot use up; what
//! an origin grants beyond that ([`Spare`]) is divided among client addresses.

use std::time::{Duration, Instant};

use super::{breaker::ClientId, rolling_window::Window};

/// The retry budget covers this many past seconds.
const SECONDS: usize = 10;
/// One retry is earned by this many requests.
const REQUESTS_PER_RETRY: u32 = 5;
/// Retries per second that a caller need not earn, as long as the origin's spare allows them.
const UNEARNED: u32 = 3;
/// Spare extra requests per second and origin. A single address gets half of them: enough for two
/// callers that each use their share in two adjacent seconds that fall into one of the origin's.
const SPARE: usize = 8 * UNEARNED as usize;

/// Extra requests per second for callers that have used up their own share. An address may take as
/// many as would be left after it: the first half, the next half of the rest. So inventing callers
/// does not let one client take all of them.
#[derive(Debug)]
pub struct Spare {
    second: Window<1>,
    taken_by: Vec<ClientId>,
}

impl Spare {
    pub fn new(now: Instant) -> Self {
        Spare {
            second: Window::new(Duration::from_secs(1), now),
            taken_by: Vec::new(),
        }
    }

    fn take(&mut self, now: Instant, client: ClientId) -> bool {
        if self.second.newest(now) == (0, 0) {
            self.taken_by.clear();
        }
        let own = self.taken_by.iter().filter(|it| **it == client).count();
        let is_left = own < SPARE - self.taken_by.len();
        if is_left {
            self.taken_by.push(client);
            self.second.add(now, 1, 0);
        }
        is_left
    }
}

/// The retries of one caller at one origin: 20 % of its requests in the last 10 s, and 3 per second
/// from the origin's spare.
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

    /// Takes one retry; returns false if none is left.
    pub fn take(&mut self, now: Instant, client: ClientId, spare: &mut Spare) -> bool {
        let (requests, retries) = self.0.sums(now);
        let (_, just_now) = self.0.newest(now);
        let left = retries < requests / REQUESTS_PER_RETRY
            || (just_now < UNEARNED && spare.take(now, client));
        if left {
            self.0.add(now, 0, 1);
        }
        left
    }
}

/// The hedges of one caller at one origin: a share of its requests, and one to start with from the
/// origin's spare.
#[derive(Debug, Default)]
pub struct HedgeBudget {
    credit: f64,
    has_begun: bool,
}

/// The most hedges that can be saved up.
const MOST_CREDIT: f64 = 10.0;

impl HedgeBudget {
    /// A request that may be hedged is sent; it earns `max_ratio` of a hedge.
    pub fn note_request(&mut self, max_ratio: f64) {
        self.credit = (self.credit + max_ratio).min(MOST_CREDIT);
    }

    /// Takes one hedge; returns false if none is left.
    pub fn take(
        &mut self,
        now: Instant,
        max_ratio: f64,
        client: ClientId,
        spare: &mut Spare,
    ) -> bool {
        if max_ratio <= 0.0 {
            return false;
        }
        if self.credit >= 1.0 {
            self.credit -= 1.0;
            return true;
        }
        let begins = !self.has_begun && spare.take(now, client);
        self.has_begun |= begins;
        begins
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const CLIENT: ClientId = ClientId(0);

    fn taken(budget: &mut RetryBudget, spare: &mut Spare, now: Instant) -> usize {
        taken_at(CLIENT, budget, spare, now)
    }

    fn taken_at(
        client: ClientId,
        budget: &mut RetryBudget,
        spare: &mut Spare,
        now: Instant,
    ) -> usize {
        (0..1000)
            .take_while(|_| budget.take(now, client, spare))
            .count()
    }

    #[test]
    fn retries_are_a_fifth_of_recent_requests_and_three_a_second() {
        let start = Instant::now();
        let at = |seconds: u64| start + Duration::from_secs(seconds);
        let (mut budget, mut spare) = (RetryBudget::new(start), Spare::new(start));
        let mut taken = |budget: &mut RetryBudget, now| taken(budget, &mut spare, now);
        assert_eq!(taken(&mut budget, at(0)), 3);
        for _ in 0..100 {
            budget.note_request(at(0));
        }
        assert_eq!(taken(&mut budget, at(0)), 17);
        assert_eq!(taken(&mut budget, at(9)), 3);
        assert_eq!(taken(&mut budget, at(11)), 3);
    }

    #[test]
    fn the_spare_of_an_origin_is_bounded_for_any_number_of_callers() {
        let start = Instant::now();
        let mut spare = Spare::new(start);
        for second in 0..3 {
            let now = start + Duration::from_secs(second);
            let mut retries = |client| {
                taken_at(
                    ClientId(client),
                    &mut RetryBudget::new(now),
                    &mut spare,
                    now,
                )
            };
            // Callers that share one address, then callers at other addresses.
            assert_eq!((0..1000).map(|_| retries(0)).sum::<usize>(), SPARE / 2);
            assert_eq!(retries(1), UNEARNED as usize);
            assert_eq!(
                (2..1000).map(retries).sum::<usize>(),
                SPARE / 2 - UNEARNED as usize
            );
        }
    }

    #[test]
    fn hedges_are_a_share_of_requests_after_the_first() {
        let start = Instant::now();
        let mut spare = Spare::new(start);
        let mut budget = HedgeBudget::default();
        let hedged = (0..1000).filter(|_| {
            budget.note_request(0.05);
            budget.take(start, 0.05, CLIENT, &mut spare)
        });
        assert_eq!(hedged.count(), 51);
        let mut never = HedgeBudget::default();
        never.note_request(0.0);
        assert!(!never.take(start, 0.0, CLIENT, &mut spare));
    }

    proptest! {
        /// Whatever one caller does, another gets what it would get alone.
        #[test]
        fn no_caller_uses_up_the_retries_of_another(
            events in prop::collection::vec((any::<bool>(), 0_u64..400, any::<bool>()), 0..300),
        ) {
            let start = Instant::now();
            let mut now = start;
            let (mut spare, mut spare_alone) = (Spare::new(start), Spare::new(start));
            let mut one = RetryBudget::new(start);
            let (mut other, mut alone) = (RetryBudget::new(start), RetryBudget::new(start));
            for (is_other, milliseconds, retries) in events {
                now += Duration::from_millis(milliseconds);
                if !is_other {
                    one.note_request(now);
                    taken(&mut one, &mut spare, now);
                    continue;
                }
                other.note_request(now);
                alone.note_request(now);
                if retries {
                    let expected = taken(&mut alone, &mut spare_alone, now);
                    prop_assert_eq!(taken(&mut other, &mut spare, now), expected);
                }
            }
        }

        /// The same for a caller at another address, however many callers the first address
        /// invents.
        #[test]
        fn no_address_uses_up_the_retries_of_another(
            events in prop::collection::vec((any::<bool>(), 0_u64..400, any::<bool>()), 0..300),
        ) {
            let start = Instant::now();
            let mut now = start;
            let (mut spare, mut spare_alone) = (Spare::new(start), Spare::new(start));
            let (mut other, mut alone) = (RetryBudget::new(start), RetryBudget::new(start));
            for (is_other, milliseconds, retries) in events {
                now += Duration::from_millis(milliseconds);
                if !is_other {
                    (0..30).for_each(|_| {
                        taken(&mut RetryBudget::new(now), &mut spare, now);
                    });
                    continue;
                }
                other.note_request(now);
                alone.note_request(now);
                if retries {
                    let client = ClientId(1);
                    let expected = taken_at(client, &mut alone, &mut spare_alone, now);
                    let got = taken_at(client, &mut other, &mut spare, now);
                    prop_assert_eq!(got, expected);
                }
            }
        }

        /// However many callers there are, each gets a fifth of its requests.
        #[test]
        fn earned_retries_are_never_refused(callers in 1_usize..200, requests in 5_u32..100) {
            let start = Instant::now();
            let mut spare = Spare::new(start);
            for _ in 0..callers {
                let mut budget = RetryBudget::new(start);
                (0..requests).for_each(|_| budget.note_request(start));
                let retries = taken(&mut budget, &mut spare, start);
                prop_assert!(retries >= (requests / REQUESTS_PER_RETRY) as usize);
            }
        }

        /// The same for hedges: a caller's share, and the first one.
        #[test]
        fn no_caller_uses_up_the_hedges_of_another(
            ratio in 0.001_f64..1.0,
            requests in 0_usize..300,
        ) {
            let start = Instant::now();
            let mut spare = Spare::new(start);
            let mut one = HedgeBudget::default();
            for _ in 0..requests {
                one.note_request(ratio);
                one.take(start, ratio, CLIENT, &mut spare);
            }
            let mut other = HedgeBudget::default();
            other.note_request(ratio);
            prop_assert!(other.take(start, ratio, CLIENT, &mut spare));
            (0..1000).for_each(|_| other.note_request(ratio));
            prop_assert!(other.take(start, ratio, CLIENT, &mut spare));
        }
    }
}
