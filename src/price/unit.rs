//! What can have a price, and how many of each a usage has. Every token is counted once: under the
//! most special kind that has a price, else under the one that this is a part of.

use crate::usage::Usage;

/// One kind of what is sold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Unit {
    Input,
    CacheRead,
    CacheWrite,
    CacheWrite1h,
    InputAudio,
    InputImage,
    Output,
    Reasoning,
    OutputAudio,
    OutputImage,
    Search,
    Page,
    Image,
    /// Of audio or video.
    Millisecond,
    Character,
    Request,
}

impl Unit {
    pub const ALL: [Unit; 16] = [
        Unit::Input,
        Unit::CacheRead,
        Unit::CacheWrite,
        Unit::CacheWrite1h,
        Unit::InputAudio,
        Unit::InputImage,
        Unit::Output,
        Unit::Reasoning,
        Unit::OutputAudio,
        Unit::OutputImage,
        Unit::Search,
        Unit::Page,
        Unit::Image,
        Unit::Millisecond,
        Unit::Character,
        Unit::Request,
    ];

    /// Its name in the parts of a cost.
    pub fn name(self) -> &'static str {
        match self {
            Unit::Input => "input",
            Unit::CacheRead => "cache_read",
            Unit::CacheWrite => "cache_write",
            Unit::CacheWrite1h => "cache_write_1h",
            Unit::InputAudio => "input_audio",
            Unit::InputImage => "input_image",
            Unit::Output => "output",
            Unit::Reasoning => "reasoning",
            Unit::OutputAudio => "output_audio",
            Unit::OutputImage => "output_image",
            Unit::Search => "searches",
            Unit::Page => "pages",
            Unit::Image => "images",
            Unit::Millisecond => "milliseconds",
            Unit::Character => "characters",
            Unit::Request => "requests",
        }
    }

    /// Whether its price is that of one, and not that of a million.
    pub fn is_priced_singly(self) -> bool {
        match self {
            Unit::Search | Unit::Page | Unit::Image | Unit::Request => true,
            Unit::Input
            | Unit::CacheRead
            | Unit::CacheWrite
            | Unit::CacheWrite1h
            | Unit::InputAudio
            | Unit::InputImage
            | Unit::Output
            | Unit::Reasoning
            | Unit::OutputAudio
            | Unit::OutputImage
            | Unit::Millisecond
            | Unit::Character => false,
        }
    }

    /// Of what it is a part, and under which it is counted if it has no price of its own.
    fn whole(self) -> Option<Unit> {
        match self {
            Unit::CacheWrite1h => Some(Unit::CacheWrite),
            Unit::CacheRead | Unit::CacheWrite | Unit::InputAudio | Unit::InputImage => {
                Some(Unit::Input)
            }
            Unit::Reasoning | Unit::OutputAudio | Unit::OutputImage => Some(Unit::Output),
            Unit::Input
            | Unit::Output
            | Unit::Search
            | Unit::Page
            | Unit::Image
            | Unit::Millisecond
            | Unit::Character
            | Unit::Request => None,
        }
    }
}

/// The count of each unit, by its place in [`Unit::ALL`]; `None`: unknown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts([Option<u64>; Unit::ALL.len()]);

impl Counts {
    /// What a usage counts; `has_price` says which units are counted for themselves.
    pub fn of(usage: &Usage, has_price: impl Fn(Unit) -> bool) -> Self {
        let mut counts = Counts::default();
        let units = &usage.units;
        counts.set(Unit::Input, usage.input);
        counts.set(Unit::Output, usage.output);
        // First what is read from a cache, then what is written to it, then the kind of what is
        // left: no provider says which of the cached tokens were audio.
        let (write, write_1h) = (usage.cache_write, usage.cache_write_1h);
        for (unit, count) in [
            (Unit::CacheRead, usage.cache_read),
            (Unit::CacheWrite, write),
            (Unit::CacheWrite1h, write_1h),
            (Unit::InputAudio, units.input_audio_tokens),
            (Unit::InputImage, units.input_image_tokens),
            (Unit::OutputAudio, units.output_audio_tokens),
            (Unit::OutputImage, units.output_image_tokens),
            (Unit::Reasoning, usage.reasoning),
        ] {
            counts.split_off(unit, count, &has_price);
        }
        for (unit, count) in [
            (Unit::Search, units.searches),
            (Unit::Page, units.pages),
            (Unit::Image, units.images),
            (Unit::Millisecond, units.milliseconds),
            (Unit::Character, units.characters),
            (Unit::Request, Some(1)),
        ] {
            counts.set(unit, count);
        }
        counts
    }

    pub fn get(&self, unit: Unit) -> Option<u64> {
        self.0[unit as usize]
    }

    /// The units whose counts are known.
    pub fn known(&self) -> impl Iterator<Item = (Unit, u64)> {
        let each = Unit::ALL.into_iter().zip(self.0);
        each.filter_map(|(unit, count)| Some((unit, count?)))
    }

    pub fn set(&mut self, unit: Unit, count: Option<u64>) {
        self.0[unit as usize] = count;
    }

    /// Moves a part from the nearest whole that is counted; more than that has cannot be moved.
    fn split_off(&mut self, unit: Unit, count: Option<u64>, has_price: &impl Fn(Unit) -> bool) {
        let (Some(count), true) = (count, has_price(unit)) else {
            return;
        };
        let mut whole = unit.whole();
        while let Some(candidate) = whole
            && !has_price(candidate)
            && candidate.whole().is_some()
        {
            whole = candidate.whole();
        }
        let Some(whole) = whole else { return };
        let moved = match self.get(whole) {
            Some(left) => {
                let moved = count.min(left);
                self.set(whole, Some(left - moved));
                moved
            }
            // The sum is unknown, and the part is known.
            None => count,
        };
        self.set(unit, Some(moved));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::usage::Units;

    fn usage() -> Usage {
        Usage {
            input: Some(100),
            cache_read: Some(30),
            cache_write: Some(20),
            cache_write_1h: Some(5),
            output: Some(50),
            reasoning: Some(40),
            units: Units {
                input_audio_tokens: Some(10),
                ..Units::default()
            },
            ..Usage::default()
        }
    }

    #[test]
    fn every_token_is_counted_once_under_the_most_special_kind_with_a_price() {
        use Unit::{CacheRead, CacheWrite, CacheWrite1h, Input, InputAudio, Output, Reasoning};
        for (priced, expected) in [
            (&[Input, Output][..], &[(Input, 100), (Output, 50)][..]),
            (&[Input, CacheRead], &[(Input, 70), (CacheRead, 30)]),
            (
                &[Input, CacheWrite, CacheWrite1h],
                &[(Input, 80), (CacheWrite, 15), (CacheWrite1h, 5)],
            ),
            (&[Input, CacheWrite1h], &[(Input, 95), (CacheWrite1h, 5)]),
            (
                &[Input, CacheRead, CacheWrite, InputAudio],
                &[
                    (Input, 40),
                    (CacheRead, 30),
                    (CacheWrite, 20),
                    (InputAudio, 10),
                ],
            ),
            (&[Output, Reasoning], &[(Output, 10), (Reasoning, 40)]),
        ] {
            let counts = Counts::of(&usage(), |unit| priced.contains(&unit));
            for (unit, count) in expected {
                assert_eq!(counts.get(*unit), Some(*count), "{priced:?}: {unit:?}");
            }
        }
    }

    #[test]
    fn a_part_is_never_more_than_its_whole() {
        let odd = Usage {
            input: Some(10),
            cache_read: Some(30),
            cache_write: Some(7),
            ..Usage::default()
        };
        let counts = Counts::of(&odd, |_| true);
        assert_eq!(counts.get(Unit::CacheRead), Some(10));
        assert_eq!(counts.get(Unit::CacheWrite), Some(0));
        assert_eq!(counts.get(Unit::Input), Some(0));
        assert_eq!(counts.get(Unit::Output), None);
    }

    #[test]
    fn units_stand_at_their_places() {
        for (place, unit) in Unit::ALL.into_iter().enumerate() {
            assert_eq!(unit as usize, place, "{unit:?}");
        }
    }
}
