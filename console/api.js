// How does the console talk to the gateway? By this client alone, which knows every path of the
// admin API that is used. Requests go to the page's own origin and nowhere else.

const ADMIN = "/gateway/admin/v1/";

/** A response other than a success: what it says, and what it is about. */
export class ApiError extends Error {
	/** @param {number} status zero: the gateway did not respond @param {string} message
	 * @param {string | null} [code]
	 * @param {string | null} [param] the field of the request that is wrong */
	constructor(status, message, code = null, param = null) {
		super(message);
		this.status = status;
		this.code = code;
		this.param = param;
	}
}

/** Gets the event `signed-out` when a session has ended. */
export const session_events = new EventTarget();

/** A query as text; a list is its values with commas between, and what is empty is left out.
 * @param {Query} [query] */
export function queryText(query = {}) {
	const search = new URLSearchParams();
	for (const [name, given] of Object.entries(query)) {
		const text = Array.isArray(given) ? given.join(",") : given;
		if (text !== null && text !== undefined && text !== "") search.append(name, String(text));
	}
	const text = search.toString();
	return text === "" ? "" : `?${text}`;
}

/** Sends a request; the body of the response is read as JSON if it is some. @param {string} path
 * @param {Call} [call] @returns {Promise<{data: any, etag: string | null, status: number}>} */
export async function send(path, call = {}) {
	const method = call.method ?? "GET";
	const headers = new Headers({accept: "application/json"});
	if (method !== "GET") headers.set("content-type", "application/json");
	if (call.ifMatch) headers.set("if-match", call.ifMatch);
	const body = call.body === undefined ? undefined : JSON.stringify(call.body);
	const init = {method, headers, body, signal: call.signal};
	const response = await reached(fetch(path + queryText(call.query), init));
	const data = await parsed(response);
	if (!response.ok) throw await refused(response.status, data, path);
	return {data, etag: response.headers.get("etag"), status: response.status};
}

/** @param {Promise<Response>} asked */
async function reached(asked) {
	try {
		return await asked;
	} catch (error) {
		if (error instanceof DOMException && error.name === "AbortError") throw error;
		throw new ApiError(0, "The gateway does not respond. Is it still running?");
	}
}

/** @param {Response} response */
async function parsed(response) {
	const text = await response.text();
	try {
		return text === "" ? null : JSON.parse(text);
	} catch {
		return text;
	}
}

/** @param {number} status @param {any} data @param {string} path */
async function refused(status, data, path) {
	const error = data?.error ?? {};
	const message = error.message ?? `The gateway responded with status ${status}.`;
	if ((status === 401 || status === 403) && !path.startsWith(`${ADMIN}session`))
		await checkSession();
	return new ApiError(status, message, error.code ?? null, error.param ?? null);
}

/** A refusal may be about the one action, or mean that nobody is signed in any more. */
export async function checkSession() {
	const response = await fetch(`${ADMIN}session`).catch(() => null);
	if (response !== null && !response.ok) session_events.dispatchEvent(new Event("signed-out"));
}

/** @param {string} id */
const segment = id => encodeURIComponent(id);

/** @param {string} kind */
function objects(kind) {
	const path = ADMIN + kind;
	return {
		/** @param {Query} [query] @param {CallOptions} [options] */
		list: async (query, options) => (await send(path, {query, ...options})).data,
		/** @param {string} id @param {CallOptions} [options] */
		get: (id, options) => send(`${path}/${segment(id)}`, options),
		/** @param {unknown} body */
		create: body => send(path, {method: "POST", body}),
		/** @param {string} id @param {unknown} body @param {string | null} [ifMatch] */
		change: (id, body, ifMatch) => send(`${path}/${segment(id)}`, {method: "PATCH", body, ifMatch}),
		/** @param {string} id @param {string | null} [ifMatch] */
		remove: (id, ifMatch) => send(`${path}/${segment(id)}`, {method: "DELETE", ifMatch})
	};
}

/** @param {string} path @returns {(query?: Query, options?: CallOptions) => Promise<any>} */
function reader(path) {
	return async (query, options) => (await send(path, {query, ...options})).data;
}

/** All elements of a list, page by page, up to a number of pages. @template T
 * @param {(query: Query) => Promise<Page<T>>} list @param {Query} [query]
 * @param {number} [pages] @returns {Promise<T[]>} */
export async function all(list, query = {}, pages = 10) {
	/** @type {T[]} */
	const found = [];
	let cursor = null;
	for (let page = 0; page < pages; page += 1) {
		const {data, next_cursor} = await list({limit: 1000, ...query, cursor});
		found.push(...data);
		cursor = next_cursor;
		if (cursor === null) break;
	}
	return found;
}

/** Keys of configs and faults of the mock, which the program makes a file of.
 * @type {(query: Query, options: CallOptions) => Promise<Tables>} */
export const playgroundTables = reader("/gateway/console/playground/tables.json");

/** @param {Query} query */
export const usageCsvPath = query => `${ADMIN}usage${queryText({...query, format: "csv"})}`;

export const api = {
	session: {
		/** @returns {Promise<Session>} */
		get: async () => (await send(`${ADMIN}session`)).data,
		/** @param {string} token @returns {Promise<Session>} */
		begin: async token => (await send(`${ADMIN}session`, {method: "POST", body: {token}})).data,
		end: () => send(`${ADMIN}session`, {method: "DELETE"})
	},
	records: {
		/** @type {(query?: Query, options?: CallOptions) =>   Promise<Page<RequestRecord>>} */
		list: reader(`${ADMIN}records`),
		/** @param {string} id @param {CallOptions} [options] @returns {Promise<RequestRecord>} */
		get: async (id, options) => (await send(`${ADMIN}records/${segment(id)}`, options)).data,
		/** @param {Query} query */
		live: query => new EventSource(`${ADMIN}records/live${queryText(query)}`)
	},
	/** @type {(query?: Query, options?: CallOptions) =>   Promise<{data: UsageRow[]}>} */
	usage: reader(`${ADMIN}usage`),
	keys: {
		...objects("keys"),
		/** @param {string} id @param {unknown} [body] @param {string | null} [ifMatch] */
		rotate: (id, body = {}, ifMatch = null) =>
			send(`${ADMIN}keys/${segment(id)}/rotate`, {method: "POST", body, ifMatch}),
		/** What is left of the limits that count for a key. @param {string} id */
		limits: async id => (await send(`${ADMIN}keys/${segment(id)}/limits`)).data
	},
	teams: objects("teams"),
	endpoints: {
		...objects("endpoints"),
		/** @param {string} id @param {unknown} body */
		test: (id, body) => send(`${ADMIN}endpoints/${segment(id)}/test`, {method: "POST", body})
	},
	budgets: {
		list: reader(`${ADMIN}budgets`),
		/** @param {string} id @param {unknown} body */
		topUp: (id, body) => send(`${ADMIN}budgets/${segment(id)}/top-up`, {method: "POST", body})
	},
	prices: reader(`${ADMIN}prices`),
	health: reader(`${ADMIN}health`),
	settings: reader(`${ADMIN}settings`),
	providers: reader(`${ADMIN}providers`),
	configs: reader(`${ADMIN}configs`),
	/** @type {(query?: Query, options?: CallOptions) =>   Promise<Page<AuditRow>>} */
	audit: reader(`${ADMIN}audit`),
	cache: {
		/** @type {(query?: Query, options?: CallOptions) =>   Promise<CacheStats>} */
		get: reader(`${ADMIN}cache`),
		/** @param {{namespace?: string, key?: string, all?: boolean}} query */
		purge: query => send(`${ADMIN}cache`, {method: "DELETE", query})
	},
	/** @param {unknown} imagined @param {CallOptions} [options] */
	explain: async (imagined, options) =>
		(await send("/gateway/explain", {method: "POST", body: imagined, ...options})).data
};
