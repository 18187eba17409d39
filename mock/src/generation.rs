//! What the imitated model generates for one request, before any dialect gives it a shape: text or
//! a tool call, in how many tokens, and whether a limit ended it.

use serde_json::Value;

use crate::call::Call;
use crate::content;
use crate::request_fields::RequestFields;

/// What the model generated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Generation {
    pub(crate) model: String,
    /// Unix time in seconds.
    pub(crate) created: u64,
    pub(crate) input_tokens: usize,
    pub(crate) output: Output,
    /// Whether the token limit ended it.
    pub(crate) truncated: bool,
}

/// Text or a tool call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Output {
    Text {
        tokens: usize,
    },
    ToolCall {
        name: String,
        arguments: Value,
        /// The JSON text of the arguments, in the pieces that a stream sends.
        pieces: Vec<String>,
    },
}

impl Generation {
    /// What `model` generates for `call`, whose body contains `fields`.
    pub(crate) fn new(call: &Call<'_>, fields: &RequestFields, model: String) -> Self {
        let wanted = call.behaviour.tokens;
        let limit = fields.token_limit().unwrap_or(usize::MAX);
        let output = match tool_call(call, fields, &model) {
            Some((name, arguments)) => Output::ToolCall {
                name,
                pieces: pieces(&arguments.to_string()),
                arguments,
            },
            None => Output::Text {
                tokens: wanted.min(limit),
            },
        };
        let generation = Self {
            truncated: matches!(output, Output::Text { .. }) && limit < wanted,
            model,
            created: call.now,
            input_tokens: content::input_tokens(call.request.body.len()),
            output,
        };
        let (input, output) = (generation.input_tokens, generation.output_tokens());
        call.mock.stats.counts().count_tokens(input, output);
        generation
    }

    /// The number of output tokens that the usage reports.
    pub(crate) fn output_tokens(&self) -> usize {
        match &self.output {
            Output::Text { tokens } => *tokens,
            Output::ToolCall { pieces, .. } => pieces.len(),
        }
    }

    /// The text; empty for a tool call.
    pub(crate) fn text(&self) -> String {
        match &self.output {
            Output::Text { tokens } => content::text(*tokens),
            Output::ToolCall { .. } => String::new(),
        }
    }
}

fn tool_call(call: &Call<'_>, fields: &RequestFields, model: &str) -> Option<(String, Value)> {
    let wanted = call.behaviour.tool_call || fields.requires_tool() || model.contains("tool");
    // A request with the result of a tool is not answered with another call, so that the loop of
    // an agent ends.
    let wanted = wanted && !has_tool_result(&call.request.body);
    wanted.then(|| fields.first_tool_call()).flatten()
}

fn has_tool_result(body: &[u8]) -> bool {
    [
        "\"tool_call_id\"",
        "\"tool_result\"",
        "\"function_call_output\"",
    ]
    .iter()
    .any(|name| memchr::memmem::find(body, name.as_bytes()).is_some())
}

/// `text` in pieces of four characters.
fn pieces(text: &str) -> Vec<String> {
    let characters: Vec<char> = text.chars().collect();
    characters
        .chunks(4)
        .map(|piece| piece.iter().collect())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::pieces;

    #[test]
    fn the_pieces_joined_are_the_text() {
        assert_eq!(pieces("naïve🙂").concat(), "naïve🙂");
        assert_eq!(pieces("naïve🙂"), ["naïv", "e🙂"]);
        assert!(pieces("").is_empty());
    }
}
