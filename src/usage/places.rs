//! Where the dialects have their usage, names and text: one table, by the key of each value. A
//! dialect is known by its keys alone, since paths vary and gateways translate.

use super::{
    counts::{Field, Style},
    scan::{Key, Step},
};

/// An object or list with something of interest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Node {
    Root,
    /// Text of the model, wherever it stands.
    Text,
    /// Text that some servers give under two names.
    Reasoning,
    /// A string is text; a list has blocks of text.
    Content,
    Choices,
    Choice,
    ChoiceDelta,
    ToolCalls,
    Function,
    Candidates,
    Candidate,
    Parts,
    Delta,
    DeltaMessage,
    DeltaTool,
    Message,
    /// Ollama has a string there, the Responses API an object.
    Response,
    Output,
    Groq,
    Tier,
    Usage,
    /// In Anthropic's first event, where the output has only begun.
    FirstUsage,
    InputDetails,
    OutputDetails,
    CacheCreation,
    ServerTools,
    Billed,
    CohereTokens,
    CohereMeta,
    CostDetails,
    Pages,
    Gemini,
    Modalities(Side),
    Modality(Side),
    CacheDetails,
    CacheDetail,
    Invocation,
    Images,
    Iterations,
    Iteration,
    IterationCache,
    /// A node of the JSON pointers of an endpoint.
    Pointed(u16),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    Input,
    Output,
}

/// A value that is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    Count(Field),
    /// The count that shows whose arithmetic it is.
    Input(Style),
    Seconds,
    Cost,
    Ticks,
    Model,
    Id,
    Finish,
    /// Of a response, which tells its end if it has ended.
    Status,
    Tier,
    /// The type of an event.
    Kind,
    ModalityName,
    ModalityCount,
    CacheLifetime,
    CacheCount,
    IterationKind,
    IterationCount(Field),
}

pub type Way = Step<Node, Place>;

/// What is at this key.
pub fn step(at: Node, key: Key<'_>) -> Way {
    match key {
        Key::Name(name) => named(at, name),
        Key::Index(_) => item(at),
    }
}

fn item(at: Node) -> Way {
    match at {
        Node::Choices => Step::follow(Node::Choice),
        Node::Candidates => Step::follow(Node::Candidate),
        Node::Modalities(side) => Step::follow(Node::Modality(side)),
        Node::CacheDetails => Step::follow(Node::CacheDetail),
        Node::Iterations => Step::follow(Node::Iteration),
        Node::Content | Node::ToolCalls | Node::Parts | Node::Output => Step::follow(at),
        Node::Root
        | Node::Text
        | Node::Reasoning
        | Node::Choice
        | Node::ChoiceDelta
        | Node::Function
        | Node::Candidate
        | Node::Delta
        | Node::DeltaMessage
        | Node::DeltaTool
        | Node::Message
        | Node::Response
        | Node::Groq
        | Node::Tier
        | Node::Usage
        | Node::FirstUsage
        | Node::InputDetails
        | Node::OutputDetails
        | Node::CacheCreation
        | Node::ServerTools
        | Node::Billed
        | Node::CohereTokens
        | Node::CohereMeta
        | Node::CostDetails
        | Node::Pages
        | Node::Gemini
        | Node::Modality(_)
        | Node::CacheDetail
        | Node::Invocation
        | Node::Images
        | Node::Iteration
        | Node::IterationCache
        | Node::Pointed(_) => Step::SKIP,
    }
}

fn named(at: Node, name: &[u8]) -> Way {
    match at {
        Node::Root => root(name),
        Node::Usage | Node::FirstUsage => usage(name),
        Node::InputDetails | Node::OutputDetails => details(at, name),
        Node::Gemini | Node::Modality(_) => gemini(at, name),
        Node::Choice | Node::ChoiceDelta | Node::ToolCalls | Node::Function => choice(at, name),
        Node::Candidate | Node::Parts => candidate(at, name),
        Node::Delta | Node::DeltaMessage | Node::DeltaTool | Node::Content => delta(at, name),
        Node::Message | Node::Response | Node::Output | Node::Groq | Node::Tier => inner(at, name),
        Node::Billed | Node::CohereTokens | Node::CohereMeta => cohere(at, name),
        Node::CacheCreation | Node::ServerTools | Node::CostDetails | Node::Pages => part(at, name),
        Node::CacheDetail | Node::Invocation => bedrock(at, name),
        Node::Iteration | Node::IterationCache => iteration(at, name),
        Node::Text
        | Node::Reasoning
        | Node::Choices
        | Node::Candidates
        | Node::Modalities(_)
        | Node::CacheDetails
        | Node::Images
        | Node::Iterations
        | Node::Pointed(_) => Step::SKIP,
    }
}

fn root(name: &[u8]) -> Way {
    match name {
        b"choices" => Step::follow(Node::Choices),
        b"delta" => Step::follow(Node::Delta),
        b"candidates" => Step::follow(Node::Candidates),
        b"usage" => Step::follow(Node::Usage),
        b"usageMetadata" => Step::follow(Node::Gemini),
        b"type" => Step::capture(Place::Kind),
        b"message" => Step::follow(Node::Message),
        b"response" => Step::follow(Node::Response),
        b"content" => Step::follow(Node::Content),
        b"output" => Step::follow(Node::Output),
        b"model" | b"modelVersion" => Step::capture(Place::Model),
        b"id" | b"responseId" => Step::capture(Place::Id),
        b"service_tier" => Step::capture(Place::Tier),
        b"serviceTier" => Step::follow(Node::Tier),
        b"finish_reason" | b"stop_reason" | b"stopReason" | b"done_reason" => {
            Step::capture(Place::Finish)
        }
        b"status" => Step::capture(Place::Status),
        b"x_groq" => Step::follow(Node::Groq),
        b"meta" => Step::follow(Node::CohereMeta),
        b"usage_info" => Step::follow(Node::Pages),
        b"amazon-bedrock-invocationMetrics" => Step::follow(Node::Invocation),
        // Only where images are made: elsewhere it may have anything.
        b"data" => Step::follow(Node::Images),
        _ => flat(name),
    }
}

/// Counts without an object of their own: Ollama's, llama.cpp's, and those of Bedrock's Llama and
/// Titan.
fn flat(name: &[u8]) -> Way {
    match name {
        b"prompt_eval_count"
        | b"tokens_evaluated"
        | b"prompt_token_count"
        | b"inputTextTokenCount" => Step::capture(Place::Input(Style::Ollama)),
        b"eval_count" | b"tokens_predicted" | b"generation_token_count" => count(Field::Output),
        _ => Step::SKIP,
    }
}

fn usage(name: &[u8]) -> Way {
    match name {
        b"prompt_tokens" => Step::capture(Place::Input(Style::Prompt)),
        b"input_tokens" | b"inputTokens" => Step::capture(Place::Input(Style::Tokens)),
        b"completion_tokens" | b"output_tokens" | b"outputTokens" => count(Field::Output),
        b"total_tokens" => count(Field::Total),
        b"prompt_tokens_details" | b"input_tokens_details" | b"input_token_details" => {
            Step::follow(Node::InputDetails)
        }
        b"completion_tokens_details" | b"output_tokens_details" | b"output_token_details" => {
            Step::follow(Node::OutputDetails)
        }
        // DeepSeek; Moonshot and Cohere.
        b"prompt_cache_hit_tokens" | b"cached_tokens" => count(Field::CacheReadInside),
        b"cache_read_input_tokens" | b"cacheReadInputTokens" => count(Field::CacheRead),
        b"cache_creation_input_tokens" | b"cacheWriteInputTokens" => count(Field::CacheWrite),
        b"cache_creation" => Step::follow(Node::CacheCreation),
        b"cacheDetails" => Step::follow(Node::CacheDetails),
        b"server_tool_use" => Step::follow(Node::ServerTools),
        b"iterations" => Step::follow(Node::Iterations),
        b"service_tier" => Step::capture(Place::Tier),
        b"billed_units" => Step::follow(Node::Billed),
        b"tokens" => Step::follow(Node::CohereTokens),
        b"reasoning_tokens" => count(Field::Reasoning),
        b"num_search_queries" => count(Field::Searches),
        b"seconds" | b"prompt_audio_seconds" => Step::capture(Place::Seconds),
        // OpenRouter's is a number, Perplexity's an object.
        b"cost" => Step {
            follow: Some(Node::CostDetails),
            capture: Some(Place::Cost),
        },
        b"cost_in_usd_ticks" => Step::capture(Place::Ticks),
        _ => Step::SKIP,
    }
}

fn details(at: Node, name: &[u8]) -> Way {
    let is_input = at == Node::InputDetails;
    match (name, is_input) {
        (b"cached_tokens", true) => count(Field::CacheReadInside),
        (b"cache_write_tokens", true) => count(Field::CacheWriteInside),
        (b"audio_tokens", true) => count(Field::InputAudio),
        (b"image_tokens", true) => count(Field::InputImage),
        (b"audio_tokens", false) => count(Field::OutputAudio),
        (b"image_tokens", false) => count(Field::OutputImage),
        (b"reasoning_tokens" | b"thinking_tokens", false) => count(Field::Reasoning),
        _ => Step::SKIP,
    }
}

fn gemini(at: Node, name: &[u8]) -> Way {
    match (at, name) {
        (Node::Gemini, b"promptTokenCount") => Step::capture(Place::Input(Style::Gemini)),
        (Node::Gemini, b"candidatesTokenCount" | b"responseTokenCount") => count(Field::Output),
        (Node::Gemini, b"totalTokenCount") => count(Field::Total),
        (Node::Gemini, b"cachedContentTokenCount") => count(Field::CacheReadInside),
        (Node::Gemini, b"thoughtsTokenCount") => count(Field::Reasoning),
        (Node::Gemini, b"toolUsePromptTokenCount") => count(Field::ToolInput),
        (Node::Gemini, b"promptTokensDetails") => Step::follow(Node::Modalities(Side::Input)),
        (Node::Gemini, b"candidatesTokensDetails" | b"responseTokensDetails") => {
            Step::follow(Node::Modalities(Side::Output))
        }
        (Node::Modality(_), b"modality") => Step::capture(Place::ModalityName),
        (Node::Modality(_), b"tokenCount") => Step::capture(Place::ModalityCount),
        _ => Step::SKIP,
    }
}

fn choice(at: Node, name: &[u8]) -> Way {
    match (at, name) {
        (Node::Choice, b"delta" | b"message") => Step::follow(Node::ChoiceDelta),
        (Node::Choice, b"text") => Step::follow(Node::Text),
        (Node::Choice, b"finish_reason") => Step::capture(Place::Finish),
        // Moonshot's streams.
        (Node::Choice, b"usage") => Step::follow(Node::Usage),
        (Node::ChoiceDelta, b"content") => Step::follow(Node::Content),
        (Node::ChoiceDelta, b"reasoning_content" | b"reasoning") => Step::follow(Node::Reasoning),
        (Node::ChoiceDelta, b"refusal") => Step::follow(Node::Text),
        (Node::ChoiceDelta, b"tool_calls") => Step::follow(Node::ToolCalls),
        (Node::ChoiceDelta, b"function_call") | (Node::ToolCalls, b"function") => {
            Step::follow(Node::Function)
        }
        (Node::Function, b"arguments") => Step::follow(Node::Text),
        _ => Step::SKIP,
    }
}

fn candidate(at: Node, name: &[u8]) -> Way {
    match (at, name) {
        (Node::Candidate, b"content") => Step::follow(Node::Parts),
        (Node::Candidate, b"finishReason") => Step::capture(Place::Finish),
        (Node::Parts, b"parts") => Step::follow(Node::Parts),
        (Node::Parts, b"text") => Step::follow(Node::Text),
        _ => Step::SKIP,
    }
}

fn delta(at: Node, name: &[u8]) -> Way {
    match (at, name) {
        // Blocks of Anthropic, Bedrock and Cohere, and their pieces.
        (Node::Content | Node::Delta, b"text" | b"thinking") => Step::follow(Node::Text),
        (Node::Delta, b"partial_json") => Step::follow(Node::Text),
        (Node::Delta, b"reasoningContent") => Step::follow(Node::Content),
        (Node::Delta, b"toolUse") => Step::follow(Node::DeltaTool),
        (Node::DeltaTool, b"input") => Step::follow(Node::Text),
        (Node::Delta, b"stop_reason" | b"finish_reason") => Step::capture(Place::Finish),
        (Node::Delta, b"usage") => Step::follow(Node::Usage),
        (Node::Delta, b"message") => Step::follow(Node::DeltaMessage),
        (Node::DeltaMessage, b"content") => Step::follow(Node::Content),
        (Node::DeltaMessage, b"tool_plan") => Step::follow(Node::Text),
        (Node::DeltaMessage, b"tool_calls") => Step::follow(Node::ToolCalls),
        _ => Step::SKIP,
    }
}

/// Responses inside other objects.
fn inner(at: Node, name: &[u8]) -> Way {
    match (at, name) {
        (Node::Message, b"usage") => Step::follow(Node::FirstUsage),
        (Node::Response | Node::Groq, b"usage") => Step::follow(Node::Usage),
        (Node::Message | Node::Response, b"model") => Step::capture(Place::Model),
        (Node::Message | Node::Response, b"id") => Step::capture(Place::Id),
        (Node::Response, b"service_tier") => Step::capture(Place::Tier),
        (Node::Response, b"status") => Step::capture(Place::Status),
        (Node::Message | Node::Output, b"content") => Step::follow(Node::Content),
        (Node::Message, b"thinking") => Step::follow(Node::Text),
        (Node::Output, b"message") => Step::follow(Node::Output),
        (Node::Tier, b"type") => Step::capture(Place::Tier),
        _ => Step::SKIP,
    }
}

fn cohere(at: Node, name: &[u8]) -> Way {
    match (at, name) {
        (Node::CohereMeta, b"billed_units") => Step::follow(Node::Billed),
        (Node::CohereMeta, b"tokens") => Step::follow(Node::CohereTokens),
        (Node::Billed, b"input_tokens") => count(Field::BilledInput),
        (Node::Billed, b"output_tokens") => count(Field::BilledOutput),
        (Node::Billed, b"image_tokens") => count(Field::BilledImage),
        (Node::Billed, b"images") => count(Field::Images),
        (Node::Billed, b"search_units") => count(Field::Searches),
        (Node::CohereTokens, b"input_tokens") => count(Field::Input),
        (Node::CohereTokens, b"output_tokens") => count(Field::Output),
        _ => Step::SKIP,
    }
}

fn part(at: Node, name: &[u8]) -> Way {
    match (at, name) {
        (Node::CacheCreation, b"ephemeral_5m_input_tokens") => count(Field::CacheWrite5m),
        (Node::CacheCreation, b"ephemeral_1h_input_tokens") => count(Field::CacheWrite1h),
        (Node::ServerTools, b"web_search_requests") => count(Field::Searches),
        (Node::CostDetails, b"total_cost") => Step::capture(Place::Cost),
        (Node::Pages, b"pages_processed") => count(Field::Pages),
        _ => Step::SKIP,
    }
}

fn bedrock(at: Node, name: &[u8]) -> Way {
    match (at, name) {
        (Node::CacheDetail, b"ttl") => Step::capture(Place::CacheLifetime),
        (Node::CacheDetail, b"inputTokens") => Step::capture(Place::CacheCount),
        (Node::Invocation, b"inputTokenCount") => Step::capture(Place::Input(Style::Tokens)),
        (Node::Invocation, b"outputTokenCount") => count(Field::Output),
        (Node::Invocation, b"cacheReadInputTokenCount") => count(Field::CacheRead),
        (Node::Invocation, b"cacheWriteInputTokenCount") => count(Field::CacheWrite),
        _ => Step::SKIP,
    }
}

/// One of the runs of Anthropic's model for a request.
fn iteration(at: Node, name: &[u8]) -> Way {
    let count = |field| Step::capture(Place::IterationCount(field));
    match (at, name) {
        (Node::Iteration, b"type") => Step::capture(Place::IterationKind),
        (Node::Iteration, b"input_tokens") => count(Field::Input),
        (Node::Iteration, b"output_tokens") => count(Field::Output),
        (Node::Iteration, b"cache_read_input_tokens") => count(Field::CacheRead),
        (Node::Iteration, b"cache_creation_input_tokens") => count(Field::CacheWrite),
        (Node::Iteration, b"cache_creation") => Step::follow(Node::IterationCache),
        (Node::IterationCache, b"ephemeral_5m_input_tokens") => count(Field::CacheWrite5m),
        (Node::IterationCache, b"ephemeral_1h_input_tokens") => count(Field::CacheWrite1h),
        _ => Step::SKIP,
    }
}

fn count(field: Field) -> Way {
    Step::capture(Place::Count(field))
}
