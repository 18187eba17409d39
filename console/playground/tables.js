// Which keys does a config object have, and which faults does the mock produce? Written by
// tests/console/tables.mjs from what `throughway docs` prints; do not edit.

/** @typedef {{name: string, takes: string, meaning: string, example: string}} Field */

/** @type {{[section: string]: Field[]}} */
export const CONFIG_FIELDS = {
"": [
  {"name":"name","takes":"text","meaning":"The name by which then and default of a conditional strategy refer to the target.","example":"\"big\""},
  {"name":"provider","takes":"passthrough, a built-in provider, or @name of the settings","meaning":"The provider: sets the host if custom_host does not, and where api_key goes.","example":"\"openai\""},
  {"name":"custom_host","takes":"absolute http or https URL","meaning":"The base URL.","example":"\"https://my.vllm.com/v1\""},
  {"name":"api_key","takes":"text","meaning":"The target's own credential, sent in Authorization: Bearer or where its provider expects it.","example":"\"sk-...\""},
  {"name":"auth","takes":"object","meaning":"Where the api_key beside it goes instead.","example":"{\"header\":\"x-token\"}"},
  {"name":"headers","takes":"object of names and texts, or null","meaning":"Headers to set, replacing the caller's, or with null to remove.","example":"{\"x-team\":\"a\",\"x-debug\":null}"},
  {"name":"forward_headers","takes":"list of texts","meaning":"Accepted and without effect: every end-to-end header is forwarded anyway.","example":"[\"x-tenant\"]"},
  {"name":"forward_authorization","takes":"bool","meaning":"Whether the caller's credentials (Authorization, x-api-key, api-key, x-goog-api-key, xi-api-key, Cookie, keys in the query and among a WebSocket's subprotocols) are forwarded.","example":"false"},
  {"name":"override_params","takes":"object","meaning":"Top-level keys of the JSON body and the values they get.","example":"{\"model\":\"gpt-4o-mini\"}"},
  {"name":"strategy","takes":"object","meaning":"How the object's targets are used.","example":"{\"mode\":\"fallback\"}"},
  {"name":"targets","takes":"list of 1 to 64 objects, to depth 8","meaning":"The group's targets.","example":"[{\"custom_host\":\"https://a.example/v1\"}]"},
  {"name":"weight","takes":"number from 0","meaning":"The share in a loadbalance.","example":"3"},
  {"name":"retry","takes":"object","meaning":"Retries at the same target.","example":"{\"attempts\":2}"},
  {"name":"request_timeout","takes":"milliseconds","meaning":"The time for each attempt, from its start to the response head.","example":"30000"},
  {"name":"timeouts","takes":"object","meaning":"How long an upstream may take.","example":"{\"first_token\":20000}"},
  {"name":"strict_end","takes":"bool","meaning":"If true, a stream of a generating route that ends without the final event of its dialect ([DONE], message_stop, response.completed, a finishReason) is aborted, so that the client does not take it for complete.","example":"true"},
  {"name":"hedge","takes":"object","meaning":"A second request beside a slow one.","example":"{\"after\":800}"},
  {"name":"cache","takes":"object or bool","meaning":"Responses are stored and served to equal requests of the same caller.","example":"{\"mode\":\"simple\",\"max_age\":3600}"},
  {"name":"rate_limit","takes":"object","meaning":"How many requests may pass.","example":"{\"requests\":60,\"window\":\"1m\"}"},
],
"strategy": [
  {"name":"mode","takes":"single, fallback, loadbalance, conditional","meaning":"single: the first target.","example":"\"fallback\""},
  {"name":"on_status_codes","takes":"list of status codes","meaning":"Fallback: move on for these statuses only.","example":"[429,503]"},
  {"name":"conditions","takes":"list of objects","meaning":"Conditional: evaluated in order.","example":"[{\"query\":{\"metadata.tier\":\"pro\"},\"then\":\"big\"}]"},
  {"name":"default","takes":"name of a target","meaning":"Conditional: the target if no condition holds.","example":"\"small\""},
  {"name":"sticky","takes":"object","meaning":"Loadbalance: requests that agree in these fields go to the same target.","example":"{\"hash_fields\":[\"metadata.user\"]}"},
  {"name":"cb_config","takes":"object","meaning":"A circuit breaker for each target below, separate for each origin, credential sent and caller: after failures the target is not used for a while, then probed with one request.","example":"{\"failure_threshold\":5}"},
],
"strategy.conditions[]": [
  {"name":"query","takes":"object","meaning":"Fields and their tests: metadata.NAME, params.NAME (any depth), headers.NAME, method, url.pathname.","example":"{\"params.model\":{\"$regex\":\"^gpt\"}}"},
  {"name":"then","takes":"name of a target","meaning":"The target if the query holds.","example":"\"big\""},
],
"strategy.sticky": [
  {"name":"hash_fields","takes":"list of fields","meaning":"Fields as in a query.","example":"[\"metadata.user\"]"},
  {"name":"ttl","takes":"seconds","meaning":"After this time the choice is made anew.","example":"300"},
],
"strategy.cb_config": [
  {"name":"failure_threshold","takes":"1 or more","meaning":"Opens after this many failures within a minute.","example":"5"},
  {"name":"failure_threshold_percentage","takes":"above 0, to 100","meaning":"Also opens at this percentage of failures.","example":"50"},
  {"name":"minimum_requests","takes":"1 or more","meaning":"The percentage applies only from this many requests per minute.","example":"10"},
  {"name":"cooldown_interval","takes":"milliseconds","meaning":"How long it stays open before one request is sent as a probe.","example":"30000"},
  {"name":"failure_status_codes","takes":"list of status codes","meaning":"Statuses that count as failures.","example":"[500,502,503,504]"},
],
"retry": [
  {"name":"attempts","takes":"0 to 5","meaning":"Retries after the first try.","example":"2"},
  {"name":"on_status_codes","takes":"list of status codes","meaning":"Statuses that are retried, including the gateway's own 502 and 504.","example":"[429,503]"},
  {"name":"use_retry_after_header","takes":"bool","meaning":"On 429 and 503, wait as long as retry-after-ms, x-ms-retry-after-ms or Retry-After says.","example":"true"},
],
"timeouts": [
  {"name":"connect","takes":"milliseconds","meaning":"Connecting, TLS included.","example":"5000"},
  {"name":"head","takes":"milliseconds","meaning":"From the end of the request to the response head.","example":"600000"},
  {"name":"first_token","takes":"milliseconds","meaning":"Streams: from the send to the first token.","example":"20000"},
  {"name":"idle","takes":"milliseconds","meaning":"Between two chunks of a body.","example":"120000"},
  {"name":"total","takes":"milliseconds","meaning":"The whole exchange, including retries and delays.","example":"3600000"},
],
"hedge": [
  {"name":"after","takes":"milliseconds","meaning":"How long the first request may take to respond (for a stream, to the first token).","example":"800"},
  {"name":"max_ratio","takes":"0 to 1","meaning":"The most hedges per request of the caller to the origin.","example":"0.05"},
],
"auth": [
  {"name":"header","takes":"name of a header","meaning":"The header that carries the key.","example":"\"x-token\""},
  {"name":"scheme","takes":"one word","meaning":"Written before the key.","example":"\"Bearer\""},
],
"cache": [
  {"name":"mode","takes":"simple","meaning":"simple: exact matches.","example":"\"simple\""},
  {"name":"max_age","takes":"seconds","meaning":"How long a stored response may be served.","example":"3600"},
  {"name":"namespace","takes":"text","meaning":"Separates entries, and can be purged as a whole.","example":"\"team-a\""},
],
"rate_limit": [
  {"name":"requests","takes":"whole number","meaning":"Requests per window.","example":"60"},
  {"name":"window","takes":"duration or milliseconds, at most a day","meaning":"The time over which requests are spread evenly.","example":"\"1m\""},
  {"name":"burst","takes":"whole number","meaning":"Requests that may come at once.","example":"10"},
  {"name":"concurrent","takes":"whole number","meaning":"Requests in flight at once, each until the last byte of its response.","example":"8"},
  {"name":"by","takes":"caller, client_address, origin, metadata.NAME","meaning":"Which requests are counted together.","example":"\"metadata.user\""},
],
};

/** @type {{name: string, takes: string, meaning: string}[]} */
export const MOCK_FAULTS = [
  {"name":"tokens","takes":"N","meaning":"The response has N tokens (default 16), or fewer if max_tokens is lower."},
  {"name":"token-delay","takes":"MS","meaning":"Pause before every token of a stream except the first."},
  {"name":"first-token-delay","takes":"MS","meaning":"Pause before the first token of a stream; the events before it are not delayed."},
  {"name":"delay","takes":"MS","meaning":"Pause before the response head."},
  {"name":"body-delay","takes":"MS","meaning":"Pause between the response head and the first byte of its body."},
  {"name":"tool-call","takes":"","meaning":"Call the first tool of the request. A model whose name contains tool does so too."},
  {"name":"status","takes":"CODE","meaning":"Respond with this status and the error body of the dialect."},
  {"name":"retry-after","takes":"TEXT","meaning":"Add the header retry-after: TEXT; TEXT need not be valid."},
  {"name":"retry-after-ms","takes":"TEXT","meaning":"Add the header retry-after-ms: TEXT; TEXT need not be valid."},
  {"name":"header","takes":"NAME: TEXT","meaning":"Add this header to the response; may be given more than once."},
  {"name":"cut","takes":"N or head","meaning":"Close the connection (FIN) after N tokens of a stream or N bytes of any other body, always before its end; head means before the response head."},
  {"name":"reset","takes":"N or head","meaning":"Reset the connection (RST) at that point; N and head as for cut."},
  {"name":"silence-after","takes":"N or head","meaning":"Send nothing more from that point on, and keep the connection open; N and head as for cut."},
  {"name":"error-after","takes":"N","meaning":"End a stream with an error event after N tokens. Any other body is replaced as by error-200."},
  {"name":"error-first","takes":"","meaning":"Send an error as the first event of a stream with status 200. Any other body is replaced as by error-200."},
  {"name":"error-200","takes":"","meaning":"Respond with status 200 and the error body of the dialect."},
  {"name":"html-200","takes":"","meaning":"Respond with status 200 and an HTML page."},
  {"name":"empty-stream","takes":"","meaning":"Respond with status 200 and an event stream without an event."},
  {"name":"silence","takes":"","meaning":"Send no response; keep the connection open until the client closes it."},
  {"name":"malformed","takes":"head, length, chunk or json","meaning":"What is invalid: head, the status line; length, two lengths that differ; chunk, a chunk size that is not a number; json, the JSON of the body."},
  {"name":"big","takes":"BYTES","meaning":"Respond with status 200 and a binary body of this many bytes."},
  {"name":"pieces","takes":"BYTES","meaning":"Send the body in writes of this many bytes."},
  {"name":"interim","takes":"CODE","meaning":"Send an interim response (102 or 103) before the final one."},
  {"name":"early","takes":"","meaning":"Respond before reading the request body, then close the connection."},
  {"name":"close","takes":"","meaning":"Respond with connection: close, then close the connection."},
  {"name":"hang-up","takes":"","meaning":"Respond as if the connection stayed open, then close it."},
  {"name":"fail-first","takes":"N","meaning":"The first N requests with the same key fail, with the other fault that is set or else with 503; later ones succeed."},
  {"name":"key","takes":"TEXT","meaning":"The key by which fail-first counts requests (default: the path)."},
  {"name":"chaos","takes":"SHARE","meaning":"This share of requests (0 to 1) gets a random fault."},
];
