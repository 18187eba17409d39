//! Adds the usage of the responses of one session.

use super::{Units, Usage, UsageSource};
use crate::money::Usd;

/// The usage of both. What is unknown of one does not make the other unknown.
pub fn sum(one: Usage, other: Usage) -> Usage {
    let both = |field: fn(&Usage) -> Option<u64>| add(field(&one), field(&other));
    Usage {
        source: source(one.source, other.source),
        input: both(|it| it.input),
        cache_read: both(|it| it.cache_read),
        cache_write: both(|it| it.cache_write),
        cache_write_1h: both(|it| it.cache_write_1h),
        output: both(|it| it.output),
        reasoning: both(|it| it.reasoning),
        units: Units {
            input_audio_tokens: both(|it| it.units.input_audio_tokens),
            input_image_tokens: both(|it| it.units.input_image_tokens),
            output_audio_tokens: both(|it| it.units.output_audio_tokens),
            output_image_tokens: both(|it| it.units.output_image_tokens),
            searches: both(|it| it.units.searches),
            pages: both(|it| it.units.pages),
            images: both(|it| it.units.images),
            milliseconds: both(|it| it.units.milliseconds),
            characters: both(|it| it.units.characters),
        },
        upstream_cost: both(|it| it.upstream_cost.map(Usd::nano)).map(Usd::from_nano),
    }
}

fn add(one: Option<u64>, other: Option<u64>) -> Option<u64> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.saturating_add(other)),
        (one, other) => one.or(other),
    }
}

fn source(one: UsageSource, other: UsageSource) -> UsageSource {
    match (one, other) {
        (UsageSource::Estimated, _) | (_, UsageSource::Estimated) => UsageSource::Estimated,
        (UsageSource::Reported, _) | (_, UsageSource::Reported) => UsageSource::Reported,
        (UsageSource::Unknown, UsageSource::Unknown) => UsageSource::Unknown,
    }
}
