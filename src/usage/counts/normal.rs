//! The normal form of counts: which ones of a dialect are parts of others, and which stand beside
//! them. Counts that contradict each other are left out, the rest is used.

use super::{Counts, Field, Style};
use crate::{
    money::Usd,
    usage::{Units, Usage, UsageFlaw, UsageSource},
};

/// The counts in the normal form, and whether they contradict each other.
pub fn normal(counts: &Counts) -> (Usage, Option<UsageFlaw>) {
    let mut check = Check { is_sound: true };
    let input = input(counts);
    let output = output(counts, &mut check);
    let write = cache_write(counts);
    let (cache_read, cache_write) = check.caches(counts, input, write);
    let mut usage = Usage {
        source: source(counts),
        input,
        cache_read,
        cache_write,
        cache_write_1h: check.part(counts.get(Field::CacheWrite1h), cache_write),
        output,
        reasoning: check.part(counts.get(Field::Reasoning), output),
        units: units(counts),
        upstream_cost: counts.get(Field::Cost).map(Usd::from_nano),
    };
    check.units(&mut usage);
    let flaw = (!check.is_sound).then_some(UsageFlaw::Contradiction);
    (usage, flaw)
}

fn source(counts: &Counts) -> UsageSource {
    match counts.is_empty() {
        true => UsageSource::Unknown,
        false => UsageSource::Reported,
    }
}

/// Anthropic and Bedrock count cached tokens beside the input.
fn is_cache_beside(counts: &Counts) -> bool {
    counts.style != Style::Prompt
}

fn input(counts: &Counts) -> Option<u64> {
    let or_zero = |field| counts.get(field).unwrap_or_default();
    let Some(input) = counts.get(Field::Input) else {
        let billed = counts.get(Field::BilledInput);
        let images = counts.get(Field::BilledImage);
        // Voyage and Jina report a total of an input alone.
        let only = counts.get(Field::Total).filter(|_| no_output(counts));
        return sum(billed, images).or(only);
    };
    if let Some(billed) = counts.get(Field::BilledInput) {
        return Some(billed + or_zero(Field::BilledImage));
    }
    let beside = match is_cache_beside(counts) {
        true => or_zero(Field::CacheRead) + cache_write_beside(counts).unwrap_or_default(),
        false => 0,
    };
    Some(input + or_zero(Field::ToolInput) + beside)
}

fn no_output(counts: &Counts) -> bool {
    counts.get(Field::Output).is_none() && counts.get(Field::Reasoning).is_none()
}

fn sum(one: Option<u64>, other: Option<u64>) -> Option<u64> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one + other),
        (one, other) => one.or(other),
    }
}

fn cache_write_beside(counts: &Counts) -> Option<u64> {
    let parts = sum(
        counts.get(Field::CacheWrite5m),
        counts.get(Field::CacheWrite1h),
    );
    counts.get(Field::CacheWrite).or(parts)
}

fn cache_write(counts: &Counts) -> Option<u64> {
    cache_write_beside(counts).or(counts.get(Field::CacheWriteInside))
}

fn output(counts: &Counts, check: &mut Check) -> Option<u64> {
    if let Some(billed) = counts.get(Field::BilledOutput) {
        return Some(billed);
    }
    let (input, total) = (counts.get(Field::Input), counts.get(Field::Total));
    let reasoning = counts.get(Field::Reasoning).unwrap_or_default();
    let Some(output) = counts.get(Field::Output) else {
        let (Some(input), Some(total)) = (input, total) else {
            return (reasoning > 0).then_some(reasoning);
        };
        let known = input + counts.get(Field::ToolInput).unwrap_or_default();
        check.holds(total >= input);
        return total.checked_sub(known);
    };
    let input = input.unwrap_or_default();
    check.holds(total.is_none_or(|total| total >= input.max(output)));
    Some(
        match is_reasoning_beside(counts, input, output, reasoning) {
            true => output + reasoning,
            false => output,
        },
    )
}

/// The API of Gemini, and xAI's, count reasoning beside the output, Vertex AI and others as a part
/// of it: the total tells.
fn is_reasoning_beside(counts: &Counts, input: u64, output: u64, reasoning: u64) -> bool {
    let total = counts.get(Field::Total);
    match counts.style {
        Style::Gemini => {
            let tools = counts.get(Field::ToolInput).unwrap_or_default();
            total != Some(input + output) && total != Some(input + output + tools)
        }
        Style::Prompt | Style::Tokens => total == Some(input + output + reasoning),
        Style::Ollama => false,
    }
}

fn units(counts: &Counts) -> Units {
    let images = counts.get(Field::Images);
    Units {
        input_audio_tokens: counts.get(Field::InputAudio),
        input_image_tokens: counts
            .get(Field::BilledImage)
            .or(counts.get(Field::InputImage)),
        output_audio_tokens: counts.get(Field::OutputAudio),
        output_image_tokens: counts.get(Field::OutputImage),
        searches: counts.get(Field::Searches),
        pages: counts.get(Field::Pages),
        // Images that have tokens are not counted again.
        images: images.filter(|_| counts.get(Field::Output).is_none()),
        milliseconds: counts.get(Field::Milliseconds),
        characters: counts.get(Field::Characters),
    }
}

/// Looks for parts that are larger than the whole.
struct Check {
    is_sound: bool,
}

impl Check {
    fn holds(&mut self, is_true: bool) {
        self.is_sound &= is_true;
    }

    fn part(&mut self, part: Option<u64>, whole: Option<u64>) -> Option<u64> {
        let fits = match (part, whole) {
            (Some(part), Some(whole)) => part <= whole,
            (Some(_) | None, _) => true,
        };
        self.holds(fits);
        part.filter(|_| fits)
    }

    fn caches(
        &mut self,
        counts: &Counts,
        input: Option<u64>,
        write: Option<u64>,
    ) -> (Option<u64>, Option<u64>) {
        let inside = counts.get(Field::CacheReadInside);
        let read = counts.get(Field::CacheRead).or(inside);
        if counts.get(Field::BilledInput).is_some() {
            // Cohere's caches hold tokens that it does not put on the bill.
            return (
                read.filter(|read| input.is_some_and(|it| *read <= it)),
                write,
            );
        }
        match self.part(sum(read, write), input) {
            Some(_) => (read, write),
            None => (None, None),
        }
    }

    fn units(&mut self, usage: &mut Usage) {
        let units = &mut usage.units;
        units.input_audio_tokens = self.part(units.input_audio_tokens, usage.input);
        units.input_image_tokens = self.part(units.input_image_tokens, usage.input);
        units.output_audio_tokens = self.part(units.output_audio_tokens, usage.output);
        units.output_image_tokens = self.part(units.output_image_tokens, usage.output);
    }
}
