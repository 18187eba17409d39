// What does the admin API say? The shapes the console relies on, checked by the compiler alone;
// `openapi.yaml` is the description for everybody else.

/**
 * @typedef {{id: string, name: string}} Named
 *
 * @typedef {object} Session
 * @property {string} name
 * @property {"viewer" | "admin"} role
 * @property {"admin_token" | "key" | "link" | "header"} by
 *
 * @typedef {object} Usage
 * @property {"reported" | "estimated" | "unknown"} source
 * @property {number | null} input
 * @property {number | null} cache_read
 * @property {number | null} cache_write
 * @property {number | null} [cache_write_1h]
 * @property {number | null} output
 * @property {number | null} reasoning
 * @property {Record<string, number>} [units]
 * @property {string} [upstream_cost]
 *
 * @typedef {object} CostPart
 * @property {string} what
 * @property {number} count
 * @property {string} price of a million, or of one where `per_one` is set
 * @property {boolean} [per_one]
 *
 * @typedef {object} Attempt times are microseconds after the request's arrival
 * @property {string} target
 * @property {string} provider
 * @property {string} origin
 * @property {number} began
 * @property {number | null} resolved
 * @property {number | null} connected
 * @property {number | null} tls_done
 * @property {boolean} reused
 * @property {number | null} head
 * @property {number | null} first_token
 * @property {number} ended
 * @property {number | null} status
 * @property {string | null} fault
 *
 * @typedef {object} Times
 * @property {number | null} sent
 * @property {number | null} head
 * @property {number | null} first_token
 * @property {number} end
 * @property {number} own
 *
 * @typedef {object} RequestRecord
 * @property {string} id
 * @property {string} received RFC 3339
 * @property {string} trace_id
 * @property {string | null} traceparent
 * @property {Named | null} key
 * @property {Named | null} team
 * @property {string} route
 * @property {string | null} route_name
 * @property {string | null} provider
 * @property {string | null} origin
 * @property {string} method
 * @property {string} path
 * @property {string} operation
 * @property {number} status
 * @property {string} outcome
 * @property {string | null} code
 * @property {string | null} detail
 * @property {boolean} truncated
 * @property {boolean} client_gone
 * @property {string} cache
 * @property {boolean} stream
 * @property {string | null} model
 * @property {string | null} response_model
 * @property {string | null} response_id
 * @property {string | null} finish_reason
 * @property {string | null} service_tier
 * @property {number | null} max_tokens
 * @property {number | null} chunks
 * @property {Times} times
 * @property {Attempt[]} attempts
 * @property {number} more_attempts
 * @property {any} plan
 * @property {number} bytes_in
 * @property {number} bytes_out
 * @property {Usage | null} usage
 * @property {string | null} usage_flaw
 * @property {string | null} cost
 * @property {string | null} price_source
 * @property {string | null} price_date
 * @property {CostPart[] | null} cost_parts
 * @property {{[name: string]: string}} metadata
 * @property {string | null} client
 * @property {string[]} counted_by
 *
 * @typedef {{[quantile in "p50" | "p90" | "p95" | "p99"]: number | null}} Quantiles
 *
 * @typedef {object} UsageSums
 * @property {number} requests
 * @property {number} failed
 * @property {number} attempts
 * @property {number} unpriced requests with usage and without a price
 * @property {number} estimated
 * @property {number} unknown
 * @property {number} input
 * @property {number} cache_read
 * @property {number} cache_write
 * @property {number} output
 * @property {number} reasoning
 * @property {string | null} cost
 * @property {Quantiles} latency_ms
 * @property {Quantiles} first_token_ms
 *
 * @typedef {UsageSums & {[group: string]: any}} UsageRow sums, and the fields they are grouped by
 *
 * @typedef {object} Budget amounts are dollars as text, or tokens; null while they are not known
 * @property {string} id
 * @property {string} owner `settings`, `keys.ID`, `teams.ID` or `endpoints.PATH`
 * @property {string} name
 * @property {string} [usd]
 * @property {number} [tokens]
 * @property {"day" | "week" | "month" | "total"} window
 * @property {string | null} resets_at
 * @property {string | number | null} [spent]
 * @property {string | number | null} [reserved]
 * @property {string | number | null} [remaining]
 * @property {number | null} [used] the share that is spent or reserved
 *
 * @typedef {object} AuditRow
 * @property {number} sequence
 * @property {string} at
 * @property {number} revision
 * @property {string} actor
 * @property {string} source
 * @property {string} action
 * @property {string} kind
 * @property {string} id
 * @property {string} name
 * @property {any} before
 * @property {any} after
 *
 * @typedef {object} Health
 * @property {string} version
 * @property {string} started
 * @property {boolean} draining
 * @property {{received: number, in_flight: number, limit: number}} requests
 * @property {string} store
 * @property {{[use: string]: boolean | null}} redis
 * @property {{kept_bytes: number, refused: number}} bodies
 * @property {number} log_lines_lost
 * @property {{origin: string, states: {[state: string]: number}}[]} breakers
 * @property {RecordsHealth} records
 *
 * @typedef {object} RecordsHealth
 * @property {string} store
 * @property {number} queued
 * @property {number} stored
 * @property {number} dropped
 * @property {string | null} failing_since
 * @property {{at: string, message: string} | null} last_error
 *
 * @typedef {object} SettingsShown
 * @property {{key: string, value: string, default: string, origin: string}[]} settings
 * @property {string[]} warnings
 * @property {{at: string, error: string | null, needs_restart: string[]} | null} last_reload
 *
 * @typedef {{store: string, entries?: number, bytes?: number}} CacheStats
 */

/**
 * A page of a list.
 * @template T
 * @typedef {{data: T[], next_cursor: string | null}} Page
 */

export {};
