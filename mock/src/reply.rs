//! What the pretended model says to one request, before any dialect shapes it: text or a tool
//! call, in how many tokens, and why it stopped.

use crate::ask::Ask;
use crate::content;
use crate::routes::Call;

/// One model's turn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reply {
    pub(crate) model: String,
    /// Unix time in seconds.
    pub(crate) created: u64,
    pub(crate) input_tokens: usize,
    pub(crate) says: Says,
    /// Whether the token limit ended it.
    pub(crate) limited: bool,
}

/// What a turn consists of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Says {
    Text {
        tokens: usize,
    },
    ToolCall {
        name: String,
        /// JSON text of the arguments, in the pieces a stream sends them in.
        pieces: Vec<String>,
    },
}

impl Reply {
    /// Decides the turn for `call`, whose body was read as `ask`.
    pub(crate) fn to(call: &Call<'_>, ask: &Ask, model: String) -> Self {
        let asked = call.behaviour.tokens;
        let limit = ask.token_limit().unwrap_or(usize::MAX);
        let says = match tool_call(call, ask, &model) {
            Some((name, arguments)) => Says::ToolCall {
                name,
                pieces: pieces(&arguments),
            },
            None => Says::Text {
                tokens: asked.min(limit),
            },
        };
        Self {
            limited: matches!(says, Says::Text { .. }) && limit < asked,
            model,
            created: call.now,
            input_tokens: content::input_tokens(call.request.body.len()),
            says,
        }
    }

    /// Tokens of the answer, as the usage states them.
    pub(crate) fn output_tokens(&self) -> usize {
        match &self.says {
            Says::Text { tokens } => *tokens,
            Says::ToolCall { pieces, .. } => pieces.len(),
        }
    }

    /// The text; empty for a tool call.
    pub(crate) fn text(&self) -> String {
        match &self.says {
            Says::Text { tokens } => content::text(*tokens),
            Says::ToolCall { .. } => String::new(),
        }
    }
}

fn tool_call(call: &Call<'_>, ask: &Ask, model: &str) -> Option<(String, String)> {
    // Without the last check an agent's loop would never end: every turn would ask for the tool.
    let wanted = call.behaviour.tool_call || ask.forces_tool() || model.contains("tool");
    let wanted = wanted && !brings_tool_result(&call.request.body);
    wanted.then(|| ask.first_tool_call()).flatten()
}

fn brings_tool_result(body: &[u8]) -> bool {
    [
        "\"tool_call_id\"",
        "\"tool_result\"",
        "\"function_call_output\"",
    ]
    .iter()
    .any(|mark| memchr::memmem::find(body, mark.as_bytes()).is_some())
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
    fn pieces_join_to_the_text() {
        assert_eq!(pieces("naïve🙂").concat(), "naïve🙂");
        assert_eq!(pieces("naïve🙂"), ["naïv", "e🙂"]);
        assert!(pieces("").is_empty());
    }
}
