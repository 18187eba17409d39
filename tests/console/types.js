// Which types does the console use? Known in all of its modules; the compiler alone reads this
// file, so it is not served. The first part is what the admin API says, as far as the console relies
// on it; `openapi.yaml` is the description for everybody else.

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
 * @typedef {{key: string, value: string, default: string, origin: string}} Setting
 *
 * @typedef {object} SettingsShown
 * @property {Setting[]} settings
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

/**
 * @typedef {object} Call
 * @property {string} [method]
 * @property {Query} [query]
 * @property {unknown} [body] is sent as JSON
 * @property {string | null} [ifMatch]
 * @property {AbortSignal} [signal]
 */

/** @typedef {{signal?: AbortSignal}} CallOptions such as a `View` */

/**
 * A call that reads.
 * @template T
 * @typedef {(query?: Query, options?: CallOptions) => Promise<T>} Reader
 */

/**
 * A call that does something with one object.
 * @typedef {(id: string, body: unknown, ifMatch?: string | null) => Promise<{data: any}>} Doer
 */

/** @typedef {{namespace?: string, key?: string, all?: boolean}} Purge */

/** @typedef {{[name: string]: string | number | boolean | null | undefined | string[]}} Query */

/**
 * What a part of an attempt was spent on.
 * @typedef {"own" | "resolve" | "connect" | "tls" | "head" | "first" | "body"} Phase
 * @typedef {{phase: Phase, from: number, to: number}} Segment microseconds after the arrival
 */

/**
 * @typedef {object} Point
 * @property {string} label beneath the bar
 * @property {number[]} values one for each series
 */

/**
 * @typedef {object} Chart
 * @property {string} label
 * @property {string[]} series names, the first one lowest
 * @property {Point[]} points
 * @property {(amount: number) => string} format
 * @property {number} [height]
 */

/**
 * @typedef {object} Dialog
 * @property {HTMLDialogElement} element
 * @property {() => void} close
 */

/**
 * @typedef {Node | string | number | null | undefined | false} Child
 * @typedef {Record<string, string | number | boolean | null | undefined
 *   | ((event: any) => void)>} Attributes
 */

/**
 * What a kind of field does: its control, and the value of the document in it.
 * @typedef {object} Control
 * @property {HTMLElement} element
 * @property {() => unknown} read `null` where it is empty; throws a text for what it cannot read
 *
 * @typedef {object} Field
 * @property {string} name as in the document; a dot leads into an object
 * @property {string} label
 * @property {MakeControl} control
 * @property {string} [hint]
 */

/**
 * @typedef {object} Suggestion
 * @property {string} label
 * @property {string} meaning
 * @property {string} text that is written
 * @property {number} start from where the text replaces what was typed
 */

/**
 * What belongs at the cursor.
 * @typedef {object} Context
 * @property {"key" | "value"} wants
 * @property {string} section of the table of keys
 * @property {string} key whose value is wanted
 * @property {string[]} keys that the object has already
 * @property {number} start of what has been typed of it
 * @property {string} typed without its quotation mark
 */

/**
 * @typedef {{type: string, start: number, end: number}} Token
 *
 * An object or a list that is open.
 * @typedef {object} Frame
 * @property {"object" | "list"} kind
 * @property {(string | number)[]} path
 * @property {string | null} key of the value that comes next
 * @property {number} index of the element that comes next
 * @property {string[]} keys that the object has had so far
 *
 * @typedef {object} Place
 * @property {string} path such as `config.targets[0]`
 * @property {number} start
 * @property {number} end
 */

/**
 * @typedef {object} Asked
 * @property {string} method
 * @property {string} path
 * @property {[string, string][]} headers
 * @property {string} body
 *
 * What is known of a response so far; times are milliseconds after the request was sent.
 * @typedef {object} Run
 * @property {number | null} status
 * @property {[string, string][]} headers
 * @property {number | null} head
 * @property {number | null} first_token
 * @property {number | null} last_token
 * @property {number | null} end
 * @property {number} pieces that had a part of the text
 * @property {number | null} tokens as the response counts them
 * @property {number} bytes
 * @property {string} text of the message
 * @property {string} raw
 * @property {string | null} failed
 */

/**
 * @typedef {object} Route
 * @property {string} hash of the URL, as it was parsed or noted last
 * @property {string} screen
 * @property {string[]} args
 * @property {URLSearchParams} query
 */

/**
 * @typedef {object} ScreenEntry
 * @property {string} name as in the URL
 * @property {string} title
 * @property {"Traffic" | "Access" | "Gateway" | null} group where the navigation has it, if it does
 * @property {() => Promise<{show: (view: View) => void | Promise<void>}>} load
 */

/**
 * What a screen is given.
 * @typedef {object} View
 * @property {HTMLElement} root the element that it fills
 * @property {Route} route
 * @property {AbortSignal} signal aborted when the user leaves the screen
 */

/**
 * @typedef {object} LiveListener
 * @property {(records: RequestRecord[]) => void} show newest first
 * @property {(state: "open" | "lost" | "ended") => void} state `ended`: it will not come back
 * @property {(waiting: number, skipped: number) => void} counts while paused, and not shown at all
 */

/** @typedef {{[name: string]: string}} Filter */

/**
 * @template T
 * @typedef {object} Table
 * @property {HTMLElement} element
 * @property {(rows: T[]) => void} setRows
 * @property {(rows: T[], most: number) => void} prepend puts rows first, and removes the last ones
 * @property {(rows: T[]) => void} append
 */

/**
 * @template T
 * @typedef {{rows: T[], by: Column<T> | null, down: boolean}} TableState what it is sorted by
 */

/**
 * @template T
 * @typedef {object} TableOptions
 * @property {string} caption what the table shows, for screen readers
 * @property {Column<T>[]} columns
 * @property {T[]} [rows]
 * @property {(row: T) => string | null} [href] where a row leads; its first cell is the link
 * @property {(row: T) => string | undefined} [rowClass]
 */

/**
 * @template T
 * @typedef {object} Column
 * @property {string} title
 * @property {(row: T) => Child | Child[]} cell
 * @property {string} [class] `number`, `wide`, `minor` (left out on narrow screens)
 * @property {(row: T) => number | string} [sort] by what the column sorts
 * @property {string} [hint] the title of the header
 * @property {number} [width] in em; with it for all columns, rows are laid out one by one, so that
 *   additions to a long table are quick
 */

/** @typedef {(given: any) => Control} MakeControl of the value in a document */

/**
 * @typedef {object} ObjectForm
 * @property {Field[]} fields
 * @property {any} document the object before, or `null` for a new one
 * @property {string} label of the button that saves
 * @property {(body: any) => Promise<void>} save
 * @property {() => void} cancel
 *
 * @typedef {{field: Field, control: Control, message: HTMLElement}} FormRow
 */

/**
 * @typedef {object} ButtonOptions
 * @property {"main" | "danger" | "quiet"} [kind]
 * @property {boolean} [change] it changes something, so viewers cannot press it
 * @property {string} [title]
 */

/**
 * What is asked before something is done.
 * @typedef {object} Question
 * @property {string} title
 * @property {string} text
 * @property {Child[]} [content]
 * @property {string} label of the button that does it
 * @property {boolean} [danger]
 */

/**
 * @typedef {object} Bar
 * @property {string} label
 * @property {number} used
 * @property {number} of
 * @property {string} text
 * @property {Child | Child[]} [after]
 * @property {number} [soft] the share from which that is a warning
 */

/** @typedef {[name: string, amount: number | null, part: string]} UnitRow of the usage */

/** @typedef {(string | [value: string, label: string])[]} Options of a select element */

/** @typedef {{time: "hour" | "day", group: string, measure: string}} BarsBy */

/** @typedef {{origin: string | null, model: string, input: string, output: string}} PriceWritten */

/** @typedef {{name: string, label: string, number?: boolean, options?: Options}} SmallColumn */

/** @typedef {"good" | "bad" | "warn" | "info" | "plain"} Tone */

/** @typedef {[name: string, takes: string, meaning: string, example: string]} ConfigField */

/**
 * What `throughway docs` says of config objects and of the mock's faults.
 * @typedef {object} Tables
 * @property {{[section: string]: ConfigField[]}} config
 * @property {[name: string, takes: string, meaning: string][]} faults
 */

/** @typedef {[Child, Child | Child[]]} Fact */

/** @typedef {() => Promise<void>} Again Loads and shows the same object anew. */

/** @typedef {"keys" | "teams" | "endpoints"} Kind of objects with screens of their own */

/** @typedef {Map<string, any> | null} UsageBy sums by group, if the gateway keeps records */

/**
 * What is known of the objects of a screen besides themselves.
 * @typedef {object} KnownOfObjects
 * @property {UsageBy} usage
 * @property {any[]} spent budgets: of all objects, or those of the one that is shown
 * @property {string | null} place where the settings have such objects
 * @property {any[]} teams of the key that is shown, and others
 * @property {any} [keys] of teams
 * @property {any} [last] the newest request of a key
 * @property {any} [left] of the limits of a key
 *
 * @typedef {KnownOfObjects & {it: any, etag: string | null, again: Again}} ShownObject
 */

/**
 * How the screens of keys, teams and endpoints differ.
 * @typedef {object} ObjectScreen
 * @property {Kind} kind
 * @property {string} title of the list
 * @property {string} article one of them, such as `a key`
 * @property {[text: string, command?: string]} none what a list without any says
 * @property {string} deletion what deleting one means
 * @property {() => Field[] | Promise<Field[]>} fields of its form
 * @property {(document: any) => Child | Child[]} [preview] shown above the form
 * @property {(id?: string) => Promise<UsageBy>} usage of all, or of one
 * @property {(id?: string) => Promise<Partial<KnownOfObjects>>} [more]
 * @property {(found: KnownOfObjects) => Column<any>[]} columns
 * @property {(object: any) => Child[]} states as badges
 * @property {(shown: ShownObject) => Child[]} parts of the page of one
 * @property {(shown: ShownObject) => Child[]} [actions] besides changing and deleting it
 */
