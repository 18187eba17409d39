//! Writes the reference page of config objects, `docs/config.md`, from the table.

use std::fmt::Write as _;

use super::fields::{FIELDS, Section};
use crate::{json_edit, route::condition};

const OPENING: &str = "\
# The config object

This page is printed by `throughway docs config` from the tables the gateway itself uses.

A config object says where a request goes, and what happens if that fails. Send it in
`x-gateway-config`, as JSON, as base64 of JSON, or as the name of one under `configs` in the
settings; or make one the settings' `default_config`. Keys are written in `snake_case` or
`camelCase`. An unknown key is a 400 `invalid_config` that names its place and what is allowed.
Portkey's configs that use these keys work as they are. `${NAME}` is expanded in the settings only,
never in a request.

A config without `targets` is itself one target. A target that names neither provider nor host takes
the request's own: `x-gateway-provider`, `x-gateway-custom-host`, the `@provider/` prefix of the
body's `model`, or the settings' `default_target`.

Reply headers report the outcome: `x-gateway-last-used-option-index` (`config.targets[1]`),
`x-gateway-retry-attempt-count` (`-1`: all retries failed), `x-gateway-provider`.
`x-gateway-dry-run: true`, `POST /gateway/explain` and `throughway explain` show the plan of a
request without sending it.
";

const BOUNDS: &str = "
## Bounds

The limits of one config, targets and groups counted together. Exceeding one is a 400
`invalid_config` that names the place, or an error at start-up for a config in the settings:

| what | at most |
|---|---|
";

const BOUNDS_OF_FACTS: &str = "
`$regex` never matches a text of more than {searched} KiB. A condition that tests a list of more
than {items} items in the body ends the request with 413 `body_too_large`. So does a body in which
keys of `override_params` are repeated so often that replacing every copy would add more than
{copies} KiB compared with one copy of each.
";

const EXAMPLES: &str = r#"
## Examples

Two hosts; the second is used if the first does not respond, is overloaded, or sends no token within
20 seconds:

```json
{"strategy": {"mode": "fallback"},
 "timeouts": {"first_token": 20000},
 "targets": [{"custom_host": "http://10.0.0.7:8000/v1"},
             {"provider": "openai", "api_key": "sk-...",
              "override_params": {"model": "gpt-4o-mini"}}]}
```

One host with retries, after the delay that it asks for:

```json
{"custom_host": "https://my.vllm.com/v1", "retry": {"attempts": 3, "use_retry_after_header": true}}
```

Three quarters of the traffic to one host and one quarter to another, each user always at the same
one, with a third host as fallback:

```json
{"strategy": {"mode": "fallback", "on_status_codes": [429, 503]},
 "targets": [{"strategy": {"mode": "loadbalance", "sticky": {"hash_fields": ["metadata.user"]}},
              "targets": [{"custom_host": "http://10.0.0.7:8000/v1", "weight": 3},
                          {"custom_host": "http://10.0.0.8:8000/v1"}]},
             {"custom_host": "http://10.0.0.9:8000/v1"}]}
```

By the caller's metadata and a value of the body:

```json
{"strategy": {"mode": "conditional", "default": "small",
              "conditions": [{"query": {"metadata.tier": "pro",
                                         "params.max_tokens": {"$lte": 4096}}, "then": "big"}]},
 "targets": [{"name": "big", "custom_host": "http://10.0.0.7:8000/v1"},
             {"name": "small", "custom_host": "http://10.0.0.8:8000/v1"}]}
```

A target that fails five times in a minute is left alone for 30 seconds:

```json
{"strategy": {"mode": "fallback",
              "cb_config": {"failure_threshold": 5, "cooldown_interval": 30000}},
 "targets": [{"custom_host": "http://10.0.0.7:8000/v1"},
             {"custom_host": "http://10.0.0.8:8000/v1"}]}
```
"#;

/// The text of `docs/config.md`.
pub fn page() -> String {
    let mut page = OPENING.to_owned();
    for section in Section::ALL {
        page.push_str(&title(section));
        page.push_str("| key | takes | default | meaning | example |\n|---|---|---|---|---|\n");
        for field in FIELDS.iter().filter(|field| field.section == section) {
            let also = field
                .alias
                .map_or(String::new(), |alias| format!(" (or `{alias}`)"));
            // Writing to a String cannot fail.
            let _ = writeln!(
                page,
                "| `{}`{also} | {} | {} | {} | `{}` |",
                field.name, field.kind, field.default, field.meaning, field.example
            );
        }
    }
    page.push_str(&bounds());
    page.push_str(EXAMPLES);
    page
}

fn bounds() -> String {
    let mut text = BOUNDS.to_owned();
    for (what, most) in condition::bounds() {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "| {what} | {most} |");
    }
    let searched = condition::LONGEST_SEARCHED / 1024;
    let copies = json_edit::ROOM_FOR_COPIES / 1024;
    text.push_str(
        &BOUNDS_OF_FACTS
            .replace("{searched}", &searched.to_string())
            .replace("{items}", &condition::MOST_TESTED_ITEMS.to_string())
            .replace("{copies}", &copies.to_string()),
    );
    text
}

fn title(section: Section) -> String {
    let note = match section {
        Section::Credential => "In the settings only; exactly one key.\n\n",
        Section::Google => "`service_account` or `metadata_server`, not both.\n\n",
        Section::Target => return "\n## The config, and each of its targets\n\n".to_owned(),
        Section::Strategy
        | Section::Condition
        | Section::Sticky
        | Section::Breaker
        | Section::Retry
        | Section::Timeouts
        | Section::Hedge
        | Section::Auth
        | Section::Basic
        | Section::AwsSigV4
        | Section::Cache
        | Section::RateLimit => "",
    };
    format!("\n## `{}`\n\n{note}", section.path())
}
