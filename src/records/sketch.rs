//! How are many lengths of time summed up, so that their quantiles can be told later and two sums
//! can be added? By a histogram whose buckets grow with the value: each is an eighth of a power of
//! two, so a quantile is off by 6 % at most.

use std::collections::BTreeMap;

/// Buckets of each power of two.
const STEPS: u64 = 8;
const STEP_BITS: u32 = STEPS.ilog2();

/// A histogram of microseconds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sketch {
    /// How many values are in each bucket that is not empty.
    buckets: BTreeMap<u16, u64>,
}

impl Sketch {
    pub fn add(&mut self, value: u64) {
        self.add_count(bucket(value), 1);
    }

    fn add_count(&mut self, bucket: u16, count: u64) {
        let held = self.buckets.entry(bucket).or_default();
        *held = held.saturating_add(count);
    }

    pub fn merge(&mut self, other: &Sketch) {
        for (bucket, count) in &other.buckets {
            self.add_count(*bucket, *count);
        }
    }

    /// How many values there are.
    fn count(&self) -> u64 {
        let counts = self.buckets.values();
        counts.fold(0, |sum, count| sum.saturating_add(*count))
    }

    /// The value that this share of all values is not above; `None`: there are none.
    pub fn quantile(&self, share: f64) -> Option<u64> {
        let count = self.count();
        let rank = ((count as f64 * share).ceil() as u64).clamp(1, count.max(1));
        let mut seen = 0_u64;
        for (bucket, held) in &self.buckets {
            seen = seen.saturating_add(*held);
            if seen >= rank {
                return Some(middle(*bucket));
            }
        }
        None
    }

    /// Appends the histogram to bytes. Histograms that follow one another can be read as their sum.
    pub fn write(&self, to: &mut Vec<u8>) {
        let mut before = 0;
        write_number(self.buckets.len() as u64, to);
        for (bucket, count) in &self.buckets {
            write_number(u64::from(bucket - before), to);
            write_number(*count, to);
            before = *bucket;
        }
    }

    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(2 + 3 * self.buckets.len());
        self.write(&mut bytes);
        bytes
    }

    /// The sum of histograms that follow one another; `None`: the bytes are damaged.
    pub fn read(mut bytes: &[u8]) -> Option<Self> {
        let mut sketch = Sketch::default();
        while !bytes.is_empty() {
            let mut bucket = 0_u16;
            for _ in 0..read_number(&mut bytes)? {
                let step = u16::try_from(read_number(&mut bytes)?).ok()?;
                bucket = bucket.checked_add(step)?;
                sketch.add_count(bucket, read_number(&mut bytes)?);
            }
        }
        Some(sketch)
    }
}

/// Values below `STEPS` have buckets of their own.
fn bucket(value: u64) -> u16 {
    let Some(power) = value.checked_ilog2().filter(|power| *power >= STEP_BITS) else {
        return value as u16;
    };
    let step = (value >> (power - STEP_BITS)) & (STEPS - 1);
    (u64::from(power - STEP_BITS + 1) * STEPS + step) as u16
}

/// A value in the middle of a bucket.
fn middle(bucket: u16) -> u64 {
    let (power, step) = (u64::from(bucket) / STEPS, u64::from(bucket) % STEPS);
    if power == 0 {
        return step;
    }
    let width = 1_u64.checked_shl(power as u32 - 1).unwrap_or(u64::MAX / 16);
    width.saturating_mul(STEPS + step).saturating_add(width / 2)
}

/// Seven bits in each byte, the lowest first; the highest bit says that another byte follows.
fn write_number(mut number: u64, to: &mut Vec<u8>) {
    while number >= 0x80 {
        to.push(number as u8 | 0x80);
        number >>= 7;
    }
    to.push(number as u8);
}

fn read_number(from: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let (first, rest) = from.split_first()?;
        *from = rest;
        number |= u64::from(first & 0x7f) << shift;
        if first & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sketch(values: &[u64]) -> Sketch {
        let mut sketch = Sketch::default();
        values.iter().for_each(|value| sketch.add(*value));
        sketch
    }

    #[test]
    fn an_empty_sketch_has_no_quantile() {
        assert_eq!(Sketch::default().quantile(0.5), None);
        assert_eq!(Sketch::read(&[]), Some(Sketch::default()));
    }

    #[test]
    fn damaged_bytes_are_told_from_a_sketch() {
        for bytes in [&[1][..], &[1, 3], &[2, 1, 1, 0x80], &[0xff; 12]] {
            assert_eq!(Sketch::read(bytes), None, "{bytes:?}");
        }
    }

    proptest! {
        #[test]
        fn a_quantile_is_within_a_sixteenth_of_the_exact_one(
            mut values in prop::collection::vec(0_u64..1 << 40, 1..300),
            share in 0.0_f64..=1.0,
        ) {
            let told = sketch(&values).quantile(share).expect("values");
            values.sort_unstable();
            let rank = (values.len() as f64 * share).ceil() as usize;
            let exact = values[rank.clamp(1, values.len()) - 1];
            prop_assert!(told.abs_diff(exact) <= exact / 16 + 1, "{told} for {exact}");
        }

        #[test]
        fn sums_are_the_same_in_any_form(
            one in prop::collection::vec(any::<u64>(), 0..100),
            other in prop::collection::vec(any::<u64>(), 0..100),
        ) {
            let together = sketch(&[one.clone(), other.clone()].concat());
            let mut merged = sketch(&one);
            merged.merge(&sketch(&other));
            prop_assert_eq!(&merged, &together);
            let mut bytes = sketch(&one).to_bytes();
            sketch(&other).write(&mut bytes);
            prop_assert_eq!(Sketch::read(&bytes), Some(together));
        }
    }
}
