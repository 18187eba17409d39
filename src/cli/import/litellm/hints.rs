//! What to do about LiteLLM's keys that have no counterpart, by their path.

const NONE: &str = "has no counterpart here";

/// Ends of key paths and what stands in their place.
#[rustfmt::skip]
const HINTS: &[(&str, &str)] = &[
    ("general_settings.database_url",
        "is LiteLLM's database; ours is `store`, and keys are made anew"),
    ("general_settings.alerting", "has no counterpart here: watch /gateway/metrics"),
    ("general_settings.allowed_routes", "is `allow` of a key or team here"),
    ("general_settings.max_parallel_requests", "is `limits: [{ concurrent: N }]` here"),
    ("general_settings.global_max_parallel_requests", "is `limits: [{ concurrent: N }]` here"),
    ("litellm_settings.request_timeout", "is `timeouts.head` of the settings here"),
    ("litellm_settings.num_retries", "is `retry` of a config or provider here"),
    ("litellm_settings.fallbacks", "is a config with `strategy: { mode: fallback }` here"),
    ("litellm_settings.default_fallbacks", "is a config with `strategy: { mode: fallback }` here"),
    ("litellm_settings.cache", "is `cache` of the settings and of a config here"),
    ("litellm_settings.cache_params", "is `cache` of the settings and of a config here"),
    ("litellm_settings.drop_params", "has no counterpart here: bodies are never changed"),
    ("litellm_settings.modify_params", "has no counterpart here: bodies are never changed"),
    ("router_settings.routing_strategy", "is `strategy` of a config here"),
    ("router_settings.fallbacks", "is a config with `strategy: { mode: fallback }` here"),
    ("router_settings.num_retries", "is `retry` of a config or provider here"),
    ("router_settings.timeout", "is `timeouts.head` of the settings here"),
    ("router_settings.cooldown_time", "is `strategy.cb_config` of a config here"),
    ("router_settings.allowed_fails", "is `strategy.cb_config` of a config here"),
    ("router_settings.redis_host", "is `limit_store` and `cache` of the settings here"),
    ("litellm_params.api_version",
        "is not sent: with Azure's v1 API, `model` is the deployment and no version is needed"),
    ("litellm_params.rpm", "is `rate_limit` of the provider here, for all its models"),
    ("litellm_params.tpm", "is `rate_limit` of the provider here, for all its models"),
    ("litellm_params.max_parallel_requests", "is `rate_limit: { concurrent: N }` here"),
    ("litellm_params.timeout", "is `timeouts.head` of the provider here, in milliseconds"),
    ("litellm_params.stream_timeout",
        "is `timeouts.first_token` of the provider here, in milliseconds"),
    ("litellm_params.max_retries", "is `retry` of the provider here"),
    ("litellm_params.num_retries", "is `retry` of the provider here"),
    ("litellm_params.weight", "is `weight` of a config's target here"),
    ("litellm_params.organization",
        "is a header here: headers: { openai-organization: ... } of the provider"),
    ("litellm_params.extra_headers", "is `headers` of the provider here"),
    ("litellm_params.temperature", "is `override_params` of a config here"),
    ("litellm_params.max_tokens", "is `override_params` of a config here"),
];

/// What to say of a key at this path.
pub fn of(path: &str) -> &'static str {
    let section = path.split('.').next().unwrap_or_default();
    if section == "environment_variables" {
        return "is not read: set it in the environment of the gateway";
    }
    if section == "guardrails" || path.ends_with(".guardrails") {
        return "has no counterpart here: guardrails are not part of the gateway";
    }
    if section == "include" {
        return "is not followed: import each file by itself";
    }
    let found = HINTS.iter().find(|(end, _)| path.ends_with(end));
    found.map_or(NONE, |(_, hint)| hint)
}
