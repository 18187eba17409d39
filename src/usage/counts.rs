//! The counts of a response under the names of its dialect, and how they become the normal form.

mod normal;

pub use self::normal::normal;

/// One count, as the dialects name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    Input,
    Output,
    Total,
    /// Read from a cache, and part of the input.
    CacheReadInside,
    /// Written to a cache, and part of the input.
    CacheWriteInside,
    /// Read from a cache, in Anthropic's or Bedrock's words.
    CacheRead,
    CacheWrite,
    CacheWrite5m,
    CacheWrite1h,
    Reasoning,
    /// Gemini's tokens of results that tools gave.
    ToolInput,
    /// What Cohere puts on the bill, less than what its models read and write.
    BilledInput,
    BilledOutput,
    BilledImage,
    InputAudio,
    InputImage,
    OutputAudio,
    OutputImage,
    Searches,
    Pages,
    Images,
    Milliseconds,
    Characters,
    /// In billionths of a dollar.
    Cost,
}

const FIELDS: usize = Field::Cost as usize + 1;

/// By whose arithmetic the counts are read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Style {
    /// OpenAI's completions: cached tokens are part of the input under whatever name.
    Prompt,
    /// OpenAI's Responses, Anthropic, Bedrock: by the name of the cached tokens.
    #[default]
    Tokens,
    Gemini,
    Ollama,
}

/// The last value of each count. Within one response nothing is added.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub style: Style,
    values: [Option<u64>; FIELDS],
}

impl Counts {
    pub fn get(&self, field: Field) -> Option<u64> {
        self.values[field as usize]
    }

    /// Of several reports the last holds.
    pub fn set(&mut self, field: Field, count: u64) {
        self.values[field as usize] = Some(count);
    }

    /// Nothing was reported.
    pub fn is_empty(&self) -> bool {
        self.values.iter().all(Option::is_none)
    }
}
