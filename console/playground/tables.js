// Which keys does a config object have, and which faults does the mock produce? Written by
// tests/console/tables.mjs from what `throughway docs` prints; do not edit.

/** @type {{[section: string]: ConfigField[]}} */
export const CONFIG_FIELDS = {
"": rows(`
name|text|The name by which then and default of a conditional strategy refer to the target.|"big"
provider|passthrough, a built-in provider, or @name of the settings|The provider: sets the host if custom_host does not, and where api_key goes.|"openai"
custom_host|absolute http or https URL|The base URL.|"https://my.vllm.com/v1"
api_key|text|The target's own credential, sent in Authorization: Bearer or where its provider expects it.|"sk-..."
auth|object|Where the api_key beside it goes instead.|{"header":"x-token"}
headers|object of names and texts, or null|Headers to set, replacing the caller's, or with null to remove.|{"x-team":"a","x-debug":null}
forward_headers|list of texts|Accepted and without effect: every end-to-end header is forwarded anyway.|["x-tenant"]
forward_authorization|bool|Whether the caller's credentials are forwarded.|false
override_params|object|Top-level keys of the JSON body and the values they get.|{"model":"gpt-4o-mini"}
strategy|object|How the object's targets are used.|{"mode":"fallback"}
targets|list of 1 to 64 objects, to depth 8|The group's targets.|[{"custom_host":"https://a.example/v1"}]
weight|number from 0|The share in a loadbalance.|3
retry|object|Retries at the same target.|{"attempts":2}
request_timeout|milliseconds|The time for each attempt, from its start to the response head.|30000
timeouts|object|How long an upstream may take.|{"first_token":20000}
strict_end|bool|If true, a stream of a generating route that ends without the final event of its dialect is aborted, so that the client does not take it for complete.|true
hedge|object|A second request beside a slow one.|{"after":800}
cache|object or bool|Responses are stored and served to equal requests of the same caller.|{"mode":"simple","max_age":3600}
rate_limit|object|How many requests may pass.|{"requests":60,"window":"1m"}
`),
"strategy": rows(`
mode|single, fallback, loadbalance, conditional|single: the first target.|"fallback"
on_status_codes|list of status codes|Fallback: move on for these statuses only.|[429,503]
conditions|list of objects|Conditional: evaluated in order.|[{"query":{"metadata.tier":"pro"},"then":"big"}]
default|name of a target|Conditional: the target if no condition holds.|"small"
sticky|object|Loadbalance: requests that agree in these fields go to the same target.|{"hash_fields":["metadata.user"]}
cb_config|object|A circuit breaker for each target below, separate for each origin, credential sent and caller: after failures the target is not used for a while, then probed with one request.|{"failure_threshold":5}
`),
"strategy.conditions[]": rows(`
query|object|Fields and their tests: metadata.NAME, params.NAME (any depth), headers.NAME, method, url.pathname.|{"params.model":{"$regex":"^gpt"}}
then|name of a target|The target if the query holds.|"big"
`),
"strategy.sticky": rows(`
hash_fields|list of fields|Fields as in a query.|["metadata.user"]
ttl|seconds|After this time the choice is made anew.|300
`),
"strategy.cb_config": rows(`
failure_threshold|1 or more|Opens after this many failures within a minute.|5
failure_threshold_percentage|above 0, to 100|Also opens at this percentage of failures.|50
minimum_requests|1 or more|The percentage applies only from this many requests per minute.|10
cooldown_interval|milliseconds|How long it stays open before one request is sent as a probe.|30000
failure_status_codes|list of status codes|Statuses that count as failures.|[500,502,503,504]
`),
"retry": rows(`
attempts|0 to 5|Retries after the first try.|2
on_status_codes|list of status codes|Statuses that are retried, including the gateway's own 502 and 504.|[429,503]
use_retry_after_header|bool|On 429 and 503, wait as long as retry-after-ms, x-ms-retry-after-ms or Retry-After says.|true
`),
"timeouts": rows(`
connect|milliseconds|Connecting, TLS included.|5000
head|milliseconds|From the end of the request to the response head.|600000
first_token|milliseconds|Streams: from the send to the first token.|20000
idle|milliseconds|Between two chunks of a body.|120000
total|milliseconds|The whole exchange, including retries and delays.|3600000
`),
"hedge": rows(`
after|milliseconds|How long the first request may take to respond.|800
max_ratio|0 to 1|The most hedges per request of the caller to the origin.|0.05
`),
"auth": rows(`
header|name of a header|The header that carries the key.|"x-token"
scheme|one word|Written before the key.|"Bearer"
`),
"cache": rows(`
mode|simple|simple: exact matches.|"simple"
max_age|seconds|How long a stored response may be served.|3600
namespace|text|Separates entries, and can be purged as a whole.|"team-a"
`),
"rate_limit": rows(`
requests|whole number|Requests per window.|60
tokens|whole number|Tokens per window, those of requests and responses.|100000
window|duration or milliseconds, at most a day|The time over which requests are spread evenly.|"1m"
burst|whole number|Requests that may come at once.|10
concurrent|whole number|Requests in flight at once, each until the last byte of its response.|8
by|caller, client_address, origin, metadata.NAME|Which requests are counted together.|"metadata.user"
`),
};

/** @type {[name: string, takes: string, meaning: string][]} */
export const MOCK_FAULTS = rows(`
tokens|N|The response has N tokens (default 16), or fewer if max_tokens is lower.
token-delay|MS|Pause before every token of a stream except the first.
first-token-delay|MS|Pause before the first token of a stream.
delay|MS|Pause before the response head.
body-delay|MS|Pause between the response head and the first byte of its body.
tool-call||Call the first tool of the request.
status|CODE|Respond with this status and the error body of the dialect.
retry-after|TEXT|Add the header retry-after: TEXT.
retry-after-ms|TEXT|Add the header retry-after-ms: TEXT.
header|NAME: TEXT|Add this header to the response.
cut|N or head|Close the connection (FIN) after N tokens of a stream or N bytes of any other body, always before its end.
reset|N or head|Reset the connection (RST) at that point.
silence-after|N or head|Send nothing more from that point on, and keep the connection open.
error-after|N|End a stream with an error event after N tokens.
error-first||Send an error as the first event of a stream with status 200.
error-200||Respond with status 200 and the error body of the dialect.
html-200||Respond with status 200 and an HTML page.
empty-stream||Respond with status 200 and an event stream without an event.
silence||Send no response.
malformed|head, length, chunk or json|What is invalid: head, the status line.
big|BYTES|Respond with status 200 and a binary body of this many bytes.
pieces|BYTES|Send the body in writes of this many bytes.
interim|CODE|Send an interim response (102 or 103) before the final one.
early||Respond before reading the request body, then close the connection.
close||Respond with connection: close, then close the connection.
hang-up||Respond as if the connection stayed open, then close it.
fail-first|N|The first N requests with the same key fail, with the other fault that is set or else with 503.
key|TEXT|The key by which fail-first counts requests (default: the path).
chaos|SHARE|This share of requests (0 to 1) gets a random fault.
`);

/** @param {string} text @returns {any} */
function rows(text) {
	return text.trim().split("\n").map(line => line.split("|"));
}
