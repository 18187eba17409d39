//! What a request says of itself: its model, how much it wants, and whether it asks for a stream.
//! Looks at the beginning of the body only. For estimates and records: what a key may use is
//! decided elsewhere, with the whole body.

mod form;
mod path;
mod reader;
#[cfg(test)]
mod tests;

pub use self::reader::RequestReader;
use super::{
    UsageFlaw, number,
    operation::{Operation, operation},
    scan::{Key, Scanner, Step, Visitor},
};

/// Most bytes of a body that are looked at.
pub const MOST_LOOKED_AT: usize = 64 * 1024;

/// Longer names are no names.
const LONGEST_NAME: usize = 256;

/// Bytes of a request for each of its tokens, on the low side: an estimate is to hold at least as
/// much as will be used.
const BYTES_PER_TOKEN: u64 = 3;

/// What a request says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RequestFacts {
    /// That of a path for one model, else the last one that the body names, else that of the path
    /// or the query.
    pub model: Option<Box<str>>,
    /// The largest of those that the request has under various names: which of them the upstream
    /// takes is not known here.
    pub max_tokens: Option<u64>,
    /// How many responses it wants, each with so many tokens.
    pub choices: Option<u64>,
    pub is_stream: Option<bool>,
    /// Of the text to speak, if all of it was seen.
    pub characters: Option<u64>,
}

/// About how many tokens a request of so many bytes has.
pub fn estimated_input(bytes: u64) -> u64 {
    bytes.div_ceil(BYTES_PER_TOKEN)
}

/// Reads the facts of a request. `path` may have its query; `is_whole`: `body_start` is all of the
/// body.
pub fn request_facts(
    path: &str,
    content_type: &[u8],
    body_start: &[u8],
    is_whole: bool,
) -> RequestFacts {
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let looked_at = &body_start[..body_start.len().min(MOST_LOOKED_AT)];
    let is_whole = is_whole && looked_at.len() == body_start.len();
    let mut facts = match form::is_form(content_type) {
        true => form::facts(content_type, looked_at),
        false => in_json(path, looked_at, is_whole),
    };
    facts.model = path::named(path, query, facts.model);
    if path::is_stream(path) {
        facts.is_stream = Some(true);
    }
    facts
}

fn in_json(path: &str, body: &[u8], is_whole: bool) -> RequestFacts {
    let is_speech = is_speech(path);
    let mut body_facts = Body {
        is_speech,
        ..Body::default()
    };
    let mut scanner = Scanner::new(MOST_LOOKED_AT);
    scanner.feed(body, &mut body_facts);
    let mut facts = body_facts.facts;
    if !is_whole || scanner.is_open() {
        facts.characters = None;
    }
    facts
}

/// Whether the body has a text to speak. Most paths can be told at a glance.
fn is_speech(path: &str) -> bool {
    path.contains("speech") && operation("POST", path) == Operation::Speech
}

#[derive(Default)]
struct Body {
    is_speech: bool,
    /// The body has `model`, before which no other name counts.
    has_model: bool,
    facts: RequestFacts,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Node {
    Root,
    /// Where some dialects have their settings of the generation.
    Settings,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Model,
    /// The model under a name that few APIs have.
    OtherModel,
    MostTokens,
    Choices,
    Stream,
    /// The text to speak.
    Spoken,
}

/// Under which names the dialects have the largest number of tokens, at the top level or among the
/// settings.
const MOST_TOKENS: [&[u8]; 11] = [
    b"max_tokens",
    b"max_completion_tokens",
    b"max_output_tokens",
    b"maxOutputTokens",
    b"maxTokens",
    b"max_new_tokens",
    b"max_tokens_to_sample",
    b"max_gen_len",
    b"maxTokenCount",
    b"num_predict",
    b"n_predict",
];

const SETTINGS: [&[u8]; 6] = [
    b"generationConfig",
    b"generation_config",
    b"inferenceConfig",
    b"textGenerationConfig",
    b"parameters",
    // Ollama.
    b"options",
];

const CHOICES: [&[u8]; 5] = [
    b"n",
    b"best_of",
    b"candidateCount",
    b"candidate_count",
    b"sampleCount",
];

impl Visitor for Body {
    type Node = Node;
    type Place = Place;

    const ROOT: Node = Node::Root;

    fn step(&mut self, at: Node, key: Key<'_>) -> Step<Node, Place> {
        let Key::Name(name) = key else {
            return Step::SKIP;
        };
        if MOST_TOKENS.contains(&name) {
            return Step::capture(Place::MostTokens);
        }
        if CHOICES.contains(&name) {
            return Step::capture(Place::Choices);
        }
        if at == Node::Settings {
            return Step::SKIP;
        }
        match name {
            b"model" => Step::capture(Place::Model),
            b"model_id" | b"modelId" => Step::capture(Place::OtherModel),
            b"stream" => Step::capture(Place::Stream),
            b"input" | b"text" if self.is_speech => Step::capture(Place::Spoken),
            name if SETTINGS.contains(&name) => Step::follow(Node::Settings),
            _ => Step::SKIP,
        }
    }

    fn captured(&mut self, place: Place, json: &[u8]) {
        let facts = &mut self.facts;
        match place {
            Place::OtherModel if self.has_model => {}
            Place::Model | Place::OtherModel => {
                self.has_model |= place == Place::Model;
                facts.model = name(json).or(facts.model.take());
            }
            Place::MostTokens => facts.max_tokens = facts.max_tokens.max(count(json)),
            Place::Choices => facts.choices = facts.choices.max(count(json)),
            Place::Stream => {
                facts.is_stream = match json {
                    b"true" => Some(true),
                    b"false" => Some(false),
                    _ => facts.is_stream,
                }
            }
            Place::Spoken => {
                let text: Option<String> = serde_json::from_slice(json).ok();
                facts.characters = text.map(|text| text.chars().count() as u64);
            }
        }
    }

    fn measured(&mut self, _: Node, _: u64) {}

    fn closed(&mut self, _: Node, _: usize) {}

    fn ended(&mut self) {}

    /// A body that is not JSON tells nothing; the upstream will say so.
    fn flawed(&mut self, _: UsageFlaw) {}
}

fn name(json: &[u8]) -> Option<Box<str>> {
    let text: String = serde_json::from_slice(json).ok()?;
    named(&text)
}

fn named(text: &str) -> Option<Box<str>> {
    let is_name = !text.is_empty() && text.len() <= LONGEST_NAME;
    is_name.then(|| text.into())
}

/// What is no count limits nothing: Ollama's -1, for one.
fn count(json: &[u8]) -> Option<u64> {
    number::count(json).ok().flatten()
}
