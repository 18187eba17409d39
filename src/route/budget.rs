//! How many extra requests a caller gets at an origin: retries and hedges help with single
//! failures, and make a storm of many. Each caller has a share of its own, which no other can use;
//! what an origin has beyond that ([`Spare`]) goes round among the addresses of clients.

use std::time::{Duration, Instant};

use super::{breaker::ClientId, rolling_window::Window};

/// Seconds that a retry budget looks back on.
const SECONDS: usize = 10;
/// One retry for so many requests.
const REQUESTS_PER_RETRY: u32 = 5;
/// Retries of one caller in a second that do not have to be earned, as long as the origin has them
/// to spare.
const UNEARNED: u32 = 3;
/// Extra requests that an origin has to spare in a second. One address alone gets half of them:
/// room for two callers that use up theirs in one second and the next, which may both lie within
/// one of the origin's.
const SPARE: usize = 8 * UNEARNED as usize;

/// What an origin has in each second for callers that have used up their own share. An address may
/// take as much as is left free after it: one alone half, the next half of the rest. So nobody
/// takes all by making up callers.
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

/// Retries of one caller to one origin: 20 % of its requests of the last 10 s, and 3 in any second
/// out of what the origin has to spare.
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

/// Hedges of one caller to one origin: a share of its requests, and one to begin with out of what
/// the origin has to spare.
#[derive(Debug, Default)]
pub struct HedgeBudget {
    credit: f64,
    has_begun: bool,
}

/// Hedges that may be saved up.
const MOST_CREDIT: f64 = 10.0;

impl HedgeBudget {
    /// A request is sent that may be hedged, one of so many.
    pub fn note_request(&mut self, max_ratio: f64) {
        self.credit = (self.credit + max_ratio).min(MOST_CREDIT);
    }

    /// Takes one hedge, if there is one.
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
    fn what_an_origin_has_to_spare_is_bounded_however_many_ask() {
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
            // Callers of one address, as many as it makes up, and then those of others.
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

        /// The same of one at another address, whatever callers the first one makes up.
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

        /// However many there are, each gets its fifth.
        #[test]
        fn what_is_earned_is_never_refused(callers in 1_usize..200, requests in 5_u32..100) {
            let start = Instant::now();
            let mut spare = Spare::new(start);
            for _ in 0..callers {
                let mut budget = RetryBudget::new(start);
                (0..requests).for_each(|_| budget.note_request(start));
                let retries = taken(&mut budget, &mut spare, start);
                prop_assert!(retries >= (requests / REQUESTS_PER_RETRY) as usize);
            }
        }

        /// The same of hedges: its share, and the first.
        #[test]
        fn no_caller_uses_up_the_hedges_of_another(ratio in 0.001_f64..1.0, requests in 0_usize..300) {
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
