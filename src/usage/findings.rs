//! What was found in the texts of one response: the last value of each count, names, and how much
//! text came after the last report. Makes the [`Reading`] of it.

use std::{borrow::Cow, num::NonZeroU64};

use super::{
    Reading, Usage, UsageFlaw, UsageSource,
    counts::{Counts, Field, Style, normal},
    iterations::Iterations,
    number,
    places::{self, Node, Place, Side, Way},
    pointers::Pointers,
    scan::{Key, Visitor},
    sum::sum,
};

/// Longer names are no names.
const LONGEST_NAME: usize = 256;

/// A token of English text and of code has about four bytes, of Chinese about three.
const BYTES_PER_TOKEN: u64 = 4;

/// How the texts of one response belong together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Texts {
    /// They are one response, or the events of one: the last report holds.
    #[default]
    OfOne,
    /// Events of a session with many responses, whose counts add up.
    OfMany,
}

/// Which responses without a report get an estimate of their output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Estimates {
    /// Errors, and responses that have no text.
    #[default]
    Never,
    /// On an unknown path what looks like text is text if it comes in chunks.
    OfStreams,
    Always,
}

/// What is found, and where it is looked for.
#[derive(Debug, Default)]
pub struct Findings {
    pub texts: Texts,
    pub estimates: Estimates,
    /// Items of `data` are images.
    pub makes_images: bool,
    /// Texts are chunks of a stream.
    pub is_stream: bool,
    /// Replaces the places of the dialects.
    pointers: Option<Box<Pointers>>,
    pub counts: Counts,
    /// The last list of them.
    iterations: Option<Box<Iterations>>,
    /// The responses of a session that are complete.
    earlier: Usage,
    reading: Reading,
    text: Current,
    /// Bytes of text since the last report of the output.
    unreported: u64,
    /// The last report came before the text.
    is_first_report: bool,
    chunks: u64,
}

/// The text that is being read.
#[derive(Debug, Default)]
struct Current {
    written: u64,
    reasoning: u64,
    is_audio: bool,
    reports_output: bool,
    is_first_report: bool,
    /// The counts are Gemini's, which are of the whole session.
    is_gemini: bool,
    pair: Pair,
}

/// The members of a list's item that belong together.
#[derive(Debug, Default)]
struct Pair {
    name: Option<Box<str>>,
    count: Option<u64>,
}

impl Findings {
    /// With pointers in place of the dialects' places.
    pub fn new(pointers: Option<Pointers>) -> Self {
        Findings {
            pointers: pointers.map(Box::new),
            ..Findings::default()
        }
    }

    /// Notes the first flaw.
    pub fn flaw(&mut self, flaw: UsageFlaw) {
        self.reading.flaw.get_or_insert(flaw);
    }

    /// Sets a count from JSON, or from a header's text.
    pub fn count(&mut self, field: Field, read: Result<Option<u64>, UsageFlaw>) {
        match read {
            Ok(Some(count)) => {
                self.counts.set(field, count);
                self.text.reports_output |= matches!(field, Field::Output | Field::BilledOutput);
            }
            // Not reported.
            Ok(None) => {}
            Err(flaw) => self.flaw(flaw),
        }
    }

    /// `is_whole`: there was nothing more to come.
    pub fn reading(mut self, is_whole: bool) -> Reading {
        let usage = self.current();
        let usage = match self.texts {
            Texts::OfOne => usage,
            Texts::OfMany => sum(self.earlier.clone(), usage),
        };
        self.reading.usage = self.with_estimate(usage, is_whole);
        self.reading.chunks = NonZeroU64::new(self.chunks).filter(|_| self.is_stream);
        self.reading
    }

    /// An estimate stands where there is no report, and continues one that came too early.
    /// What the response that is being read has used.
    fn current(&mut self) -> Usage {
        let (usage, flaw) = normal(&std::mem::take(&mut self.counts));
        if let Some(flaw) = flaw {
            self.flaw(flaw);
        }
        let Some(iterations) = self.iterations.take() else {
            return usage;
        };
        self.reading.longest_input = self.reading.longest_input.max(iterations.longest_input());
        iterations.added_to(usage)
    }

    fn with_estimate(&self, mut usage: Usage, is_whole: bool) -> Usage {
        let is_final = is_whole && !self.is_first_report && usage.output.is_some();
        let is_estimated = match self.estimates {
            Estimates::Never => false,
            Estimates::OfStreams => self.is_stream,
            Estimates::Always => true,
        };
        if self.unreported == 0 || is_final || !is_estimated {
            return usage;
        }
        let estimate = self.unreported.div_ceil(BYTES_PER_TOKEN);
        usage.output = Some(usage.output.unwrap_or_default().saturating_add(estimate));
        usage.source = UsageSource::Estimated;
        usage
    }

    fn input(&mut self, style: Style, json: &[u8]) {
        let read = number::count(json);
        if matches!(read, Ok(Some(_))) {
            self.counts.style = style;
        }
        self.text.is_gemini |= style == Style::Gemini;
        self.count(Field::Input, read);
    }

    fn pair_count(&mut self, json: &[u8]) {
        match number::count(json) {
            Ok(count) => self.text.pair.count = count,
            Err(flaw) => self.flaw(flaw),
        }
    }

    fn iteration_count(&mut self, field: Field, json: &[u8]) {
        match (number::count(json), &mut self.iterations) {
            (Ok(Some(count)), Some(iterations)) => iterations.set(field, count),
            (Ok(_), _) => {}
            (Err(flaw), _) => self.flaw(flaw),
        }
    }

    fn end_pair(&mut self, node: Node) {
        let pair = std::mem::take(&mut self.text.pair);
        let (Some(name), Some(count)) = (pair.name, pair.count) else {
            return;
        };
        let field = match (node, &*name) {
            (Node::Modality(Side::Input), "AUDIO") => Field::InputAudio,
            (Node::Modality(Side::Input), "IMAGE") => Field::InputImage,
            (Node::Modality(Side::Output), "AUDIO") => Field::OutputAudio,
            (Node::Modality(Side::Output), "IMAGE") => Field::OutputImage,
            (Node::CacheDetail, "1h") => Field::CacheWrite1h,
            (Node::CacheDetail, "5m") => Field::CacheWrite5m,
            _ => return,
        };
        self.counts.set(field, count);
    }

    /// Counts of a session's response that has ended are added to those of earlier ones.
    fn end_response(&mut self) {
        if self.text.is_gemini || self.counts.is_empty() {
            return;
        }
        let usage = self.current();
        self.earlier = sum(std::mem::take(&mut self.earlier), usage);
    }
}

impl Visitor for Findings {
    type Node = Node;
    type Place = Place;

    const ROOT: Node = Node::Root;

    fn step(&mut self, at: Node, key: Key<'_>) -> Way {
        if let Some(pointers) = &self.pointers {
            let at = if let Node::Pointed(at) = at { at } else { 0 };
            return pointers.step(at, key);
        }
        if let (Node::Iterations, Key::Index(0)) = (at, key) {
            self.iterations = Some(Box::default());
        }
        let way = places::step(at, key);
        self.text.is_first_report |= way.follow == Some(Node::FirstUsage);
        match way.follow == Some(Node::Images) && !self.makes_images {
            true => Way::SKIP,
            false => way,
        }
    }

    fn captured(&mut self, place: Place, json: &[u8]) {
        match place {
            Place::Count(field) => self.count(field, number::count(json)),
            Place::Input(style) => self.input(style, json),
            Place::Seconds => self.count(Field::Milliseconds, number::milliseconds(json)),
            // Perplexity's object follows.
            Place::Cost if json == b"{" => {}
            Place::Cost => self.count(Field::Cost, number::nano_dollars(json)),
            Place::Ticks => self.count(Field::Cost, number::ticks(json)),
            // The first one, since no dialect has another one later.
            Place::Model if self.reading.model.is_some() => {}
            Place::Id if self.reading.response_id.is_some() => {}
            Place::Model => set(&mut self.reading.model, json),
            Place::Id => set(&mut self.reading.response_id, json),
            Place::Tier => set(&mut self.reading.service_tier, json),
            Place::Status if !is_end(json) => {}
            Place::Finish | Place::Status => set(&mut self.reading.finish_reason, json),
            Place::Kind => self.text.is_audio = is_audio(json),
            Place::ModalityName | Place::CacheLifetime => {
                self.text.pair.name = text(json).map(Into::into)
            }
            Place::ModalityCount | Place::CacheCount => self.pair_count(json),
            Place::IterationKind => {
                if let Some(iterations) = &mut self.iterations {
                    iterations.set_kind(json);
                }
            }
            Place::IterationCount(field) => self.iteration_count(field, json),
        }
    }

    fn measured(&mut self, node: Node, bytes: u64) {
        let text = &mut self.text;
        if matches!(
            node,
            Node::Text | Node::Content | Node::Delta | Node::Response
        ) {
            text.written += bytes;
        } else if node == Node::Reasoning {
            text.reasoning = text.reasoning.max(bytes);
        }
    }

    fn closed(&mut self, node: Node, items: usize) {
        if matches!(node, Node::Modality(_) | Node::CacheDetail) {
            self.end_pair(node);
        } else if node == Node::Images {
            self.counts.set(Field::Images, items as u64);
        } else if node == Node::Iteration
            && let Some(flaw) = self.iterations.as_mut().and_then(|it| it.end_one())
        {
            self.flaw(flaw);
        }
    }

    fn ended(&mut self) {
        if self.texts == Texts::OfMany {
            self.end_response();
        }
        let text = std::mem::take(&mut self.text);
        let written = match text.is_audio {
            true => 0,
            false => text.written + text.reasoning,
        };
        self.chunks += u64::from(written > 0);
        if text.reports_output {
            self.unreported = 0;
            self.is_first_report = text.is_first_report;
        } else {
            self.unreported += written;
        }
    }

    fn flawed(&mut self, flaw: UsageFlaw) {
        self.flaw(flaw);
    }
}

fn set(known: &mut Option<Box<str>>, json: &[u8]) {
    // Most events repeat it.
    if let Some(text) = text(json).filter(|text| known.as_deref() != Some(text)) {
        *known = Some(text.into());
    }
}

/// A string that is not empty and no longer than a name.
fn text(json: &[u8]) -> Option<Cow<'_, str>> {
    let inside = json.strip_prefix(b"\"")?.strip_suffix(b"\"")?;
    let is_plain = inside.iter().all(|byte| *byte >= b' ' && *byte != b'\\');
    let text = match is_plain {
        true => Cow::Borrowed(str::from_utf8(inside).ok()?),
        false => Cow::Owned(serde_json::from_slice(json).ok()?),
    };
    (!text.is_empty() && text.len() <= LONGEST_NAME).then_some(text)
}

/// The status of a response says that it has ended.
fn is_end(json: &[u8]) -> bool {
    matches!(
        json,
        b"\"completed\"" | b"\"incomplete\"" | b"\"failed\"" | b"\"cancelled\""
    )
}

/// The type of an event says that its text is encoded sound.
fn is_audio(json: &[u8]) -> bool {
    let has = |word: &[u8]| memchr::memmem::find(json, word).is_some();
    has(b"audio") && !has(b"transcript")
}
