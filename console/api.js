// How does the console talk to the gateway? By this client alone, which knows every path of the
// admin API that is used. Requests go to the page's own origin and nowhere else.

import {jsonOr} from "./format.js";

const ADMIN = "/gateway/admin/v1/";
const SESSION = `${ADMIN}session`;

/** A response other than a success: what it says, and what it is about. */
export class ApiError extends Error {
	/** @param {number} status zero: the gateway did not respond @param {string} message
	 * @param {string | null} [code] @param {string | null} [param] the field that is wrong */
	constructor(status, message, code = null, param = null) {
		super(message);
		this.status = status;
		this.code = code;
		this.param = param;
	}
}

/** Gets the event `signed-out` when a session has ended. */
export const session_events = new EventTarget();

/** A query as text; a list is its values with commas between, and what is empty is left out, but for
 * an empty text in a list.
 * @param {Query} [query] */
export function queryText(query = {}) {
	const search = new URLSearchParams();
	for (const [name, given] of Object.entries(query))
		if ((given ?? "") !== "") search.append(name, String(given));
	const text = search.toString();
	return text === "" ? "" : `?${text}`;
}

/** Sends a request; the body of the response is read as JSON if it is some. @param {string} path
 * @param {Call} [call] @returns {Promise<{data: any, etag: string | null}>} */
export async function send(path, {method = "GET", query, body, ifMatch, signal} = {}) {
	const headers = new Headers({accept: "application/json", "content-type": "application/json"});
	if (ifMatch) headers.set("if-match", ifMatch);
	const init = {method, headers, body: body ? JSON.stringify(body) : undefined, signal};
	const response = await fetch(path + queryText(query), init).catch(noResponse);
	const text = await response.text();
	const data = jsonOr(text, text || null);
	if (response.ok) return {data, etag: response.headers.get("etag")};
	if ([401, 403].includes(response.status) && path !== SESSION) await checkSession();
	const {message, code, param} = data?.error ?? {};
	const said = message ?? `The gateway responded with status ${response.status}.`;
	throw new ApiError(response.status, said, code, param);
}

/** @param {unknown} error @returns {never} */
function noResponse(error) {
	if (error instanceof DOMException && error.name === "AbortError") throw error;
	throw new ApiError(0, "The gateway does not respond. Is it still running?");
}

/** A refusal may be about the one action, or mean that nobody is signed in any more. */
export async function checkSession() {
	const response = await fetch(SESSION).catch(() => null);
	if (response !== null && !response.ok) session_events.dispatchEvent(new Event("signed-out"));
}

/** @param {...string} parts of a path of the admin API */
const pathOf = (...parts) => ADMIN + parts.map(encodeURIComponent).join("/");

/** @param {...string} parts @returns {Reader<any>} */
const reader =
	(...parts) =>
	async (query, options) =>
		(await send(pathOf(...parts), {query, ...options})).data;

/** @param {string} kind */
function objects(kind) {
	return {
		list: reader(kind),
		/** @param {string} id @param {CallOptions} [options] */
		get: (id, options) => send(pathOf(kind, id), options),
		/** @param {unknown} body */
		create: body => send(pathOf(kind), {method: "POST", body}),
		/** @param {string} id @param {unknown} body @param {string | null} [ifMatch] */
		change: (id, body, ifMatch) => send(pathOf(kind, id), {method: "PATCH", body, ifMatch}),
		/** @param {string} id @param {string | null} [ifMatch] */
		remove: (id, ifMatch) => send(pathOf(kind, id), {method: "DELETE", ifMatch})
	};
}

/** @param {string} kind @param {string} action @returns {Doer} */
const doer = (kind, action) => (id, body, ifMatch) =>
	send(pathOf(kind, id, action), {method: "POST", body, ifMatch});

/** All elements of a list, page by page, up to a number of pages. @template T
 * @param {Reader<Page<T>>} list @param {Query} [query] */
export async function all(list, query = {}, pages = 10) {
	/** @type {T[]} */
	const found = [];
	let cursor = null;
	for (let page = 0; page < pages && (page === 0 || cursor !== null); page += 1) {
		/** @type {Page<T>} */
		const {data, next_cursor} = await list({limit: 1000, ...query, cursor});
		found.push(...data);
		cursor = next_cursor;
	}
	return found;
}

/** Keys of configs and faults of the mock, which the program makes a file of.
 * @type {Reader<Tables>} */
export const playgroundTables = async () =>
	(await send("/gateway/console/playground/tables.json")).data;

/** @param {Query} query */
export const usageCsvPath = query => `${ADMIN}usage${queryText({...query, format: "csv"})}`;

export const api = {
	session: {
		/** @returns {Promise<Session>} */
		get: async () => (await send(SESSION)).data,
		/** @param {string} token @returns {Promise<Session>} */
		begin: async token => (await send(SESSION, {method: "POST", body: {token}})).data,
		end: () => send(SESSION, {method: "DELETE"})
	},
	records: {
		/** @type {Reader<Page<RequestRecord>>} */
		list: reader("records"),
		/** @param {string} id @param {CallOptions} [options] @returns {Promise<RequestRecord>} */
		get: async (id, options) => (await send(pathOf("records", id), options)).data,
		/** @param {Query} query */
		live: query => new EventSource(`${ADMIN}records/live${queryText(query)}`)
	},
	/** @type {Reader<{data: UsageRow[]}>} */
	usage: reader("usage"),
	keys: {
		...objects("keys"),
		rotate: doer("keys", "rotate"),
		/** What is left of the limits that count for a key. @param {string} id */
		limits: id => reader("keys", id, "limits")()
	},
	teams: objects("teams"),
	endpoints: {...objects("endpoints"), test: doer("endpoints", "test")},
	budgets: {list: reader("budgets"), topUp: doer("budgets", "top-up")},
	/** @type {Reader<Health>} */
	health: reader("health"),
	/** @type {Reader<SettingsShown>} */
	settings: reader("settings"),
	providers: reader("providers"),
	/** @type {Reader<Page<AuditRow>>} */
	audit: reader("audit"),
	cache: {
		/** @type {Reader<CacheStats>} */
		get: reader("cache"),
		/** @param {Purge} query */
		purge: query => send(`${ADMIN}cache`, {method: "DELETE", query})
	},
	/** @param {unknown} body @param {CallOptions} [options] */
	explain: async (body, options) =>
		(await send("/gateway/explain", {method: "POST", body, ...options})).data
};
