//! Counts over the recent past: a ring of time slots, each of which expires as a whole.

use std::time::{Duration, Instant};

/// Sums of `N` slots of equal length.
#[derive(Debug)]
pub struct Window<const N: usize> {
    slots: [(u32, u32); N],
    slot: Duration,
    /// The start of the newest slot.
    since: Instant,
}

impl<const N: usize> Window<N> {
    pub fn new(slot: Duration, now: Instant) -> Self {
        Window {
            slots: [(0, 0); N],
            slot,
            since: now,
        }
    }

    /// Adds to both counts.
    pub fn add(&mut self, now: Instant, first: u32, second: u32) {
        self.turn(now);
        let (a, b) = &mut self.slots[0];
        (*a, *b) = (a.saturating_add(first), b.saturating_add(second));
    }

    /// The sums of both counts.
    pub fn sums(&mut self, now: Instant) -> (u32, u32) {
        self.turn(now);
        let sum =
            |(a, b): (u32, u32), (c, d): &(u32, u32)| (a.saturating_add(*c), b.saturating_add(*d));
        self.slots.iter().fold((0, 0), sum)
    }

    /// The counts of the newest slot.
    pub fn newest(&mut self, now: Instant) -> (u32, u32) {
        self.turn(now);
        self.slots[0]
    }

    pub fn clear(&mut self) {
        self.slots = [(0, 0); N];
    }

    fn turn(&mut self, now: Instant) {
        let passed =
            now.saturating_duration_since(self.since).as_nanos() / self.slot.as_nanos().max(1);
        let passed = usize::try_from(passed).unwrap_or(usize::MAX);
        if passed == 0 {
            return;
        }
        let shift = passed.min(N);
        self.slots.rotate_right(shift % N);
        self.slots[..shift].fill((0, 0));
        self.since = match passed > N {
            true => now,
            false => self.since + self.slot * u32::try_from(passed).unwrap_or(u32::MAX),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_older_than_the_window_are_dropped() {
        let start = Instant::now();
        let at = |seconds: u64| start + Duration::from_secs(seconds);
        let mut window = Window::<3>::new(Duration::from_secs(10), start);
        window.add(at(0), 1, 0);
        window.add(at(15), 2, 1);
        assert_eq!(window.sums(at(29)), (3, 1));
        assert_eq!(window.sums(at(30)), (2, 1));
        window.add(at(31), 4, 0);
        assert_eq!(window.sums(at(39)), (6, 1));
        assert_eq!(window.sums(at(45)), (4, 0));
        assert_eq!(window.sums(at(1000)), (0, 0));
        window.add(at(1001), 1, 1);
        assert_eq!(window.sums(at(1001)), (1, 1));
    }
}
