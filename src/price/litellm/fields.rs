//! Which fields of LiteLLM's format are prices, and of what.

use crate::price::unit::Unit;

/// A field, read by its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    pub unit: Unit,
    /// The price is that of `per` units, after the number was multiplied by ten to this power.
    pub shift: i32,
    pub per: u64,
    /// The service tier that the price is for.
    pub tier: Option<&'static str>,
    /// The price holds for inputs of more tokens.
    pub above: Option<u64>,
}

/// Name, unit, and whether the price is that of a token or character, of a second, or of one.
const BASES: &[(&str, Unit, Of)] = &[
    ("input_cost_per_token", Unit::Input, Of::Small),
    ("cache_read_input_token_cost", Unit::CacheRead, Of::Small),
    (
        "cache_creation_input_token_cost",
        Unit::CacheWrite,
        Of::Small,
    ),
    (
        "cache_creation_input_token_cost_above_1hr",
        Unit::CacheWrite1h,
        Of::Small,
    ),
    ("input_cost_per_audio_token", Unit::InputAudio, Of::Small),
    ("input_cost_per_image_token", Unit::InputImage, Of::Small),
    ("output_cost_per_token", Unit::Output, Of::Small),
    (
        "output_cost_per_reasoning_token",
        Unit::Reasoning,
        Of::Small,
    ),
    ("output_cost_per_audio_token", Unit::OutputAudio, Of::Small),
    ("output_cost_per_image_token", Unit::OutputImage, Of::Small),
    ("input_cost_per_character", Unit::Character, Of::Small),
    ("input_cost_per_second", Unit::Millisecond, Of::Second),
    ("output_cost_per_second", Unit::Millisecond, Of::Second),
    (
        "output_cost_per_video_per_second",
        Unit::Millisecond,
        Of::Second,
    ),
    ("output_cost_per_image", Unit::Image, Of::One),
    ("input_cost_per_query", Unit::Search, Of::One),
    ("ocr_cost_per_page", Unit::Page, Of::One),
    ("input_cost_per_request", Unit::Request, Of::One),
];

/// Endings of the prices of service tiers.
const TIERS: &[(&str, &str)] = &[
    ("_batches", "batch"),
    ("_priority", "priority"),
    ("_flex", "flex"),
];

#[derive(Clone, Copy)]
enum Of {
    /// The number is the price of one, and too small to be counted in billionths.
    Small,
    Second,
    One,
}

impl Field {
    pub fn read(name: &str) -> Option<Self> {
        let mut tiers = TIERS.iter();
        let tier = tiers.find_map(|(ending, tier)| Some((name.strip_suffix(ending)?, *tier)));
        let (name, tier) = tier.map_or((name, None), |(name, tier)| (name, Some(tier)));
        let (name, above) = above(name);
        let (_, unit, of) = BASES.iter().find(|(base, ..)| *base == name)?;
        let (shift, per) = match of {
            Of::Small => (6, 1_000_000),
            Of::Second => (0, 1_000),
            Of::One => (0, 1),
        };
        Some(Field {
            unit: *unit,
            shift,
            per,
            tier,
            above,
        })
    }
}

/// The name without `_above_200k_tokens`, and the number in it.
fn above(name: &str) -> (&str, Option<u64>) {
    let parts = name.strip_suffix("k_tokens");
    let parts = parts.and_then(|it| it.rsplit_once("_above_"));
    let number = parts.and_then(|(base, digits)| Some((base, digits.parse::<u64>().ok()?)));
    match number {
        Some((base, thousands)) => (base, thousands.checked_mul(1_000)),
        None => (name, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_say_unit_tier_and_length_of_input() {
        for (name, expected) in [
            ("input_cost_per_token", Some((Unit::Input, None, None))),
            (
                "output_cost_per_token_batches",
                Some((Unit::Output, Some("batch"), None)),
            ),
            (
                "input_cost_per_token_above_200k_tokens",
                Some((Unit::Input, None, Some(200_000))),
            ),
            (
                "input_cost_per_token_above_272k_tokens_priority",
                Some((Unit::Input, Some("priority"), Some(272_000))),
            ),
            (
                "cache_creation_input_token_cost_above_1hr",
                Some((Unit::CacheWrite1h, None, None)),
            ),
            ("input_cost_per_pixel", None),
            ("input_cost_per_token_above_k_tokens", None),
            ("max_tokens", None),
        ] {
            let read = Field::read(name).map(|it| (it.unit, it.tier, it.above));
            assert_eq!(read, expected, "{name}");
        }
    }
}
