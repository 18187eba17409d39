//! Which operation of a model does a request ask for? By its method and path alone.

use serde::{Deserialize, Serialize};

use crate::dialect::Generates;

/// What a request asks of a model, by its path. The names are those of OpenTelemetry's
/// `gen_ai.operation.name`, as far as there are any.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    Chat,
    TextCompletion,
    Embeddings,
    GenerateContent,
    Rerank,
    Images,
    Speech,
    Transcription,
    Moderation,
    Realtime,
    #[default]
    Other,
}

/// The operation of a request with this method and raw path, without its query. A WebSocket begins
/// with a GET.
pub fn operation(method: &str, path: &str) -> Operation {
    let path = path.trim_end_matches('/');
    match method {
        "POST" => of_post(path),
        "GET" if is_realtime(path) => Operation::Realtime,
        _ => Operation::Other,
    }
}

fn is_realtime(path: &str) -> bool {
    path.ends_with("/realtime") || path.ends_with("BidiGenerateContent")
}

fn of_post(path: &str) -> Operation {
    let Some(generates) = Generates::of(path) else {
        return elsewhere(path);
    };
    match generates {
        Generates::Completion if path.ends_with("chat/completions") => Operation::Chat,
        Generates::Completion => Operation::TextCompletion,
        Generates::Response | Generates::Message | Generates::CohereChat => Operation::Chat,
        Generates::Content | Generates::RawPrediction => Operation::GenerateContent,
        Generates::Embedding | Generates::ContentEmbedding => Operation::Embeddings,
        Generates::Ranking => Operation::Rerank,
        Generates::Moderation => Operation::Moderation,
        Generates::Image => Operation::Images,
        Generates::Speech => Operation::Speech,
        Generates::Transcription => Operation::Transcription,
        Generates::Prediction => Operation::Other,
    }
}

/// Ollama's, Bedrock's and ElevenLabs' routes.
fn elsewhere(path: &str) -> Operation {
    let mut segments = path.rsplit('/');
    let last = segments.next().unwrap_or_default();
    let before = segments.next().unwrap_or_default();
    match last {
        "chat" if before == "api" => Operation::Chat,
        "generate" if before == "api" => Operation::TextCompletion,
        "embed" if before == "api" => Operation::Embeddings,
        "converse" | "converse-stream" => Operation::Chat,
        "invoke" | "invoke-with-response-stream" => of_bedrock(before),
        _ if before == "text-to-speech" => Operation::Speech,
        "stream" if segments.next() == Some("text-to-speech") => Operation::Speech,
        "speech-to-text" => Operation::Transcription,
        _ => Operation::Other,
    }
}

/// One route for models of all kinds: their names tell what they do.
fn of_bedrock(model: &str) -> Operation {
    if model.contains("embed") {
        Operation::Embeddings
    } else if model.contains("rerank") {
        Operation::Rerank
    } else {
        Operation::Chat
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn method_and_path_tell_the_operation() {
        use Operation::{
            Chat, Embeddings, GenerateContent, Images, Moderation, Other, Realtime, Rerank, Speech,
            TextCompletion, Transcription,
        };
        for (expected, request) in [
            (Chat, "POST /v1/chat/completions"),
            (Chat, "POST /openai/deployments/d/chat/completions/"),
            (Other, "GET /v1/chat/completions"),
            (TextCompletion, "POST /v1/completions"),
            (Chat, "POST /v1/responses"),
            (Other, "GET /v1/responses/resp_1"),
            (Chat, "POST /v1/messages"),
            (Other, "POST /v1/messages/count_tokens"),
            (Chat, "POST /v2/chat"),
            (Embeddings, "POST /v2/embed"),
            (Embeddings, "POST /v1/embeddings"),
            (
                GenerateContent,
                "POST /v1beta/models/g:streamGenerateContent",
            ),
            (Embeddings, "POST /v1beta/models/g:batchEmbedContents"),
            (Rerank, "POST /v1/rerank"),
            (Moderation, "POST /v1/moderations"),
            (Images, "POST /v1/images/edits"),
            (Speech, "POST /v1/audio/speech"),
            (Speech, "POST /v1/text-to-speech/voice"),
            (Speech, "POST /v1/text-to-speech/voice/stream"),
            (Transcription, "POST /v1/audio/translations"),
            (Realtime, "GET /v1/realtime"),
            (
                Realtime,
                "GET /ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent",
            ),
            (Chat, "POST /api/chat"),
            (TextCompletion, "POST /api/generate"),
            (Embeddings, "POST /api/embed"),
            (Chat, "POST /model/amazon.nova-lite-v1%3A0/converse-stream"),
            (Chat, "POST /model/anthropic.claude/invoke"),
            (Embeddings, "POST /model/amazon.titan-embed-text-v2/invoke"),
            (Other, "POST /v1/files"),
            (Other, "POST "),
        ] {
            let (method, path) = request.split_once(' ').unwrap();
            assert_eq!(operation(method, path), expected, "{request}");
        }
    }
}
