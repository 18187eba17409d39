//! Which metrics are there? One row each, from which the field, the registration and the entry of
//! the reference page are made.

use prometheus_client::registry::Registry;

use super::{
    PREFIX,
    by_key::{KeyCounts, KeyDollars, KeySeries},
    kinds::{Build, Count, CountBy, Level, LogLinesLost, Metric, Row},
    labels::{CacheResult, StatusClass, UnusableEntry, Winner},
    reference::Entry,
    series::{
        Dollars, FirstTokenTimes, OwnTimes, RequestTimes, Series, TokenCounts, UnpricedRequests,
    },
};
use crate::{
    cache::NoCacheReason,
    error::Code,
    observe::outcome::Outcome,
    route::{attempts::Fault, breaker::Transition},
};

/// Names the fields of [`Metrics`] and the rows of the table: field, kind, name, unit in brackets,
/// label, help.
macro_rules! metrics {
    ($(
        $field:ident: $kind:ty = $name:literal $([$unit:literal])? $(by $label:literal)?,
        $help:literal;
    )*) => {
        /// What the gateway counts. Made once and shared by all workers.
        pub struct Metrics {
            pub(super) registry: Registry,
            $(#[doc = $help] pub $field: $kind,)*
        }

        impl Metrics {
            pub fn new() -> Self {
                let mut registry = Registry::with_prefix(PREFIX);
                $(let $field = <$kind>::registered(&mut registry, &Row {
                    name: $name,
                    unit: metrics!(@option $($unit)?),
                    label: metrics!(@option $($label)?),
                    help: $help,
                });)*
                Metrics { registry, $($field,)* }
            }

            /// The rows of the reference page.
            pub(super) fn entries() -> Vec<Entry> {
                vec![$(Entry::of::<$kind>(&Row {
                    name: $name,
                    unit: metrics!(@option $($unit)?),
                    label: metrics!(@option $($label)?),
                    help: $help,
                }),)*]
            }
        }
    };
    (@option) => { None };
    (@option $value:literal) => { Some($value) };
}

metrics! {
    build: Build = "build" by "version",
        "Version of this gateway";
    received: Count = "requests_received",
        "Requests that arrived";
    in_flight: Level = "requests_in_flight",
        "Requests being served now";
    outcomes: CountBy<Outcome> = "requests" by "outcome",
        "Requests that ended, by outcome";
    request_times: Series<RequestTimes> = "request_duration" ["seconds"],
        "Time from a request's arrival to the end of its response";
    first_token_times: Series<FirstTokenTimes> = "time_to_first_token" ["seconds"],
        "Time from a request's arrival to the first token of its response";
    own_times: Series<OwnTimes> = "own_duration" ["seconds"],
        "The gateway's own share of a request's time";
    tokens: Series<TokenCounts> = "tokens",
        "Tokens of models, by what they were used for; cache_read and cache_write are parts of \
         input, reasoning is part of output";
    cost: Series<Dollars> = "cost" ["dollars"],
        "What requests cost, in US dollars, as far as prices are known";
    unpriced: Series<UnpricedRequests> = "unpriced_requests",
        "Responses of models whose cost is unknown";
    key_requests: KeySeries<KeyCounts> = "key_requests",
        "Requests that ended, by gateway key and team";
    key_input_tokens: KeySeries<KeyCounts> = "key_input_tokens",
        "Tokens of requests, by gateway key and team";
    key_output_tokens: KeySeries<KeyCounts> = "key_output_tokens",
        "Tokens of responses, by gateway key and team";
    key_cost: KeySeries<KeyDollars> = "key_cost" ["dollars"],
        "What requests cost, in US dollars, by gateway key and team";
    errors: CountBy<Code> = "errors" by "code",
        "Responses with an error that the gateway made, by its code";
    upstream_responses: CountBy<StatusClass> = "upstream_responses" by "class",
        "Response heads from upstreams";
    bytes_in: Count = "request_body" ["bytes"],
        "Request body bytes read";
    bytes_out: Count = "response_body" ["bytes"],
        "Response body bytes relayed";
    bodies_kept: Level = "request_body_kept" ["bytes"],
        "Memory that request bodies hold now";
    bodies_not_kept: Count = "request_body_not_kept",
        "Times that a part of a request body found no room in memory.bodies";
    stale_retries: Count = "upstream_stale_retries",
        "Second tries after a pooled connection proved dead";
    retries: Count = "upstream_retries",
        "Requests sent again to the same target, as configs asked";
    fallbacks: Count = "upstream_fallbacks",
        "Requests sent to another target after one failed";
    reloads: Count = "reloads",
        "Times that changed settings were put in force";
    reload_failures: Count = "reload_failures",
        "Times that changed settings had a fault, so that those from before stayed in force";
    store_up: Level = "store_up",
        "Whether the store of keys and teams can be used; 0 without one";
    store_failures: Count = "store_failures",
        "Times that the store of keys and teams could not be read or changed";
    records_stored: Count = "records_stored",
        "Records of requests that were written to their store";
    records_dropped: Count = "records_dropped",
        "Records of requests that were lost: their queue was full, or their store did not take them";
    records_queued: Level = "records_queued",
        "Records of requests that wait for their store";
    telemetry_sent: Count = "telemetry_requests_sent",
        "Requests whose spans the OTLP receiver took";
    telemetry_dropped: Count = "telemetry_requests_dropped",
        "Requests whose spans were not sent, since the receiver was away or refused them";
    telemetry_failures: Count = "telemetry_failures",
        "Times that the OTLP receiver could not be reached or did not take what was sent";
    log_lines_lost: LogLinesLost = "log_lines_lost",
        "Log lines lost because standard error failed or did not keep up";
    hedges: CountBy<Winner> = "upstream_hedges" by "winner",
        "Second requests sent beside slow ones, by which of the two won";
    breakers: CountBy<Transition> = "breaker_transitions" by "to",
        "Circuit breakers that changed, by their new state";
    failed_attempts: CountBy<Fault> = "upstream_failed_attempts" by "fault",
        "Attempts that came to nothing, by reason";
    cache_results: CountBy<CacheResult> = "cache_requests" by "status",
        "Requests that asked for the cache, by what it did";
    cache_joined: Count = "cache_joined",
        "Waits of a request for the same one under way, instead of being sent";
    cache_refusals: CountBy<NoCacheReason> = "cache_refusals" by "reason",
        "Requests that did not use the cache and responses that were not stored, by reason";
    unusable_entries: CountBy<UnusableEntry> = "cache_unusable_entries" by "reason",
        "Entries of the cache's Redis that were removed unread, by reason";
    cache_redis_failures: Count = "cache_redis_failures",
        "Commands to the cache's Redis that failed";
    cache_redis_up: Level = "cache_redis_up",
        "Whether the latest command to the cache's Redis succeeded; 0 without one";
    redis_failures: Count = "redis_failures",
        "Commands to the limits' Redis that failed";
    redis_up: Level = "redis_up",
        "Whether the latest command to the limits' Redis succeeded; 0 without one";
}
