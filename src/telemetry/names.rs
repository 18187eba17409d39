//! The names of spans' and metrics' attributes: one table. Those of OpenTelemetry are from its
//! semantic conventions, which still change, so their version is told with the data; ours begin
//! with `throughway.`.

/// The version of the conventions that the names are from.
pub const SCHEMA_URL: &str = "https://opentelemetry.io/schemas/gen-ai-dev/1.42.0-dev";
/// The name under which the data are sent.
pub const SCOPE: &str = "throughway";

/// Names constants, and lists them with their meaning.
macro_rules! names {
    ($($(#[$group:meta])? $constant:ident = $name:literal, $meaning:literal;)*) => {
        $(pub const $constant: &str = $name;)*

        /// Every name with its meaning, as the documentation lists them.
        #[cfg(test)]
        pub const ALL: &[(&str, &str)] = &[$(($name, $meaning)),*];
    };
}

names! {
    METHOD = "http.request.method", "the request's method";
    STATUS = "http.response.status_code",
        "the status that the client got; of an attempt, the upstream's";
    HTTP_ROUTE = "http.route", "the endpoint's path, or the provider's name";
    URL_PATH = "url.path", "the request's path, without its query";
    CLIENT_ADDRESS = "client.address", "the client's address";
    RESEND_COUNT = "http.request.resend_count", "how many attempts were before this one";
    SERVER_ADDRESS = "server.address", "the upstream's host";
    SERVER_PORT = "server.port", "the upstream's port";
    ERROR_TYPE = "error.type", "the gateway's error code, why an attempt failed, or the status";
    OPERATION = "gen_ai.operation.name", "what is asked of the model";
    PROVIDER = "gen_ai.provider.name", "whose API it is, in the words of the conventions";
    REQUEST_MODEL = "gen_ai.request.model", "the model that the request names";
    REQUEST_STREAM = "gen_ai.request.stream", "whether the response is a stream";
    MAX_TOKENS = "gen_ai.request.max_tokens", "the most tokens that the request asks for";
    RESPONSE_MODEL = "gen_ai.response.model", "the model that the response names";
    RESPONSE_ID = "gen_ai.response.id", "the id that the response has";
    FINISH_REASONS = "gen_ai.response.finish_reasons", "why the model stopped";
    FIRST_CHUNK = "gen_ai.response.time_to_first_chunk",
        "seconds from the sending to the first token";
    INPUT_TOKENS = "gen_ai.usage.input_tokens", "tokens of the request, cached ones included";
    OUTPUT_TOKENS = "gen_ai.usage.output_tokens",
        "tokens of the response, those of reasoning included";
    CACHE_READ = "gen_ai.usage.cache_read.input_tokens", "tokens read from the provider's cache";
    CACHE_WRITE = "gen_ai.usage.cache_creation.input_tokens",
        "tokens written to the provider's cache";
    REASONING = "gen_ai.usage.reasoning.output_tokens", "tokens spent on reasoning";
    TOKEN_TYPE = "gen_ai.token.type", "`input` or `output`, of the metric of tokens";
    OVERFLOW = "otel.metric.overflow", "`true`: the series beyond the most that are kept, together";
    OUTCOME = "throughway.outcome", "how the request ended, as in the metrics";
    RECORD_ID = "throughway.record.id", "the id of the record";
    TRACE_ID = "throughway.trace_id", "the `x-gateway-trace-id`";
    TRUNCATED = "throughway.truncated", "the response was cut short";
    CACHE = "throughway.cache", "what the gateway's own cache did";
    KEY = "throughway.key.name", "the gateway key";
    TEAM = "throughway.team.name", "its team";
    COST = "throughway.cost.usd", "what the request cost, in US dollars; absent: unknown";
    COST_SOURCE = "throughway.cost.source", "where the price is from";
    USAGE_SOURCE = "throughway.usage.source", "whether the tokens were reported or estimated";
    SERVICE_TIER = "throughway.service_tier", "the service tier that the response names";
    OWN_TIME = "throughway.own_time", "the gateway's own share, in seconds";
    TARGET = "throughway.target", "the attempt's place in the config";
    TARGET_PROVIDER = "throughway.provider", "the target's provider in the gateway's words";
    REUSED = "throughway.connection.reused", "whether the connection was one of the pool";
}

/// The names of the metrics that are sent.
pub const TOKEN_USAGE: &str = "gen_ai.client.token.usage";
pub const DURATION: &str = "gen_ai.client.operation.duration";
pub const TIME_TO_FIRST_CHUNK: &str = "gen_ai.client.operation.time_to_first_chunk";
pub const TIME_PER_CHUNK: &str = "gen_ai.client.operation.time_per_output_chunk";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_lists_every_name() {
        let page = include_str!("../../docs/telemetry.md");
        for (name, meaning) in ALL {
            let row = format!("| `{name}` | {meaning} |");
            assert!(page.contains(&row), "{row}");
        }
        for metric in [TOKEN_USAGE, DURATION, TIME_TO_FIRST_CHUNK, TIME_PER_CHUNK] {
            assert!(page.contains(&format!("| `{metric}` |")), "{metric}");
        }
        assert!(page.contains(SCHEMA_URL), "{SCHEMA_URL}");
    }
}
