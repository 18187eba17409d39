// Which requests are asked for? The fields of the filter, the same in the URL and in the API, where
// `since` stands for a `from` that moves with the clock.

import {all, api, field, h, replace, select} from "../kit.js";

/** @type {[string, string][]} */
const SINCE = [
	["", "Any time"],
	["15m", "Last 15 minutes"],
	["1h", "Last hour"],
	["24h", "Last 24 hours"],
	["7d", "Last 7 days"]
];
/** @type {{[name: string]: number}} */
const MINUTES = {"15m": 15, "1h": 60, "24h": 1440, "7d": 10080};

/** @type {{[name: string]: (string | [string, string])[]}} */
const CHOICES = {
	since: SINCE,
	status: [["", "Any"], "2xx", "4xx", "5xx", "401", "429", "499", "502", "504"],
	failed: [
		["", "Any"],
		["true", "Failed"],
		["false", "Not failed"]
	],
	truncated: [
		["", "Any"],
		["true", "Cut short"],
		["false", "Whole"]
	],
	cache: [["", "Any"], "hit", "joined", "miss", "refresh", "off"],
	outcome: [
		["", "Any"],
		"relayed",
		"answered",
		"tunnelled",
		"unfinished",
		"refused",
		"truncated",
		"client_gone",
		"aborted"
	],
	route: [["", "Any"], "unified", "endpoint", "provider", "unknown"]
};

/** Name in the API, label, and whether it is always shown. @type {[string, string, boolean][]} */
const FIELDS = [
	["since", "Time", true],
	["model", "Model", true],
	["key", "Key", true],
	["provider", "Provider", true],
	["status", "Status", true],
	["failed", "Result", true],
	["cache", "Cache", true],
	["team", "Team", false],
	["origin", "Origin", false],
	["outcome", "Outcome", false],
	["code", "Error code", false],
	["route", "Route", false],
	["truncated", "Transfer", false],
	["min_cost", "Cost from (USD)", false],
	["trace_id", "Trace id", false],
	["metadata", "Metadata (name=value)", false],
	["from", "From (RFC 3339)", false],
	["to", "Before (RFC 3339)", false]
];

/** @param {URLSearchParams} query @returns {Filter} */
export function filterOf(query) {
	const names = new Set(FIELDS.map(([name]) => name));
	const known = [...query].filter(([name, text]) => text !== "" && names.has(name));
	return Object.fromEntries(known);
}

/** The filter as the API takes it. @param {Filter} filter @returns {Query} */
export function queryOf(filter) {
	const {since, metadata, ...query} = filter;
	const minutes = MINUTES[since ?? ""];
	if (minutes !== undefined && query.from === undefined)
		query.from = new Date(Date.now() - minutes * 60_000).toISOString();
	const mark = metadata?.indexOf("=") ?? -1;
	if (metadata !== undefined && mark > 0)
		query[`metadata.${metadata.slice(0, mark)}`] = metadata.slice(mark + 1);
	return query;
}

/** @param {Filter} filter @param {(filter: Filter) => void} changed */
export function filterForm(filter, changed) {
	const fields = FIELDS.map(([name, label, first]) => {
		const control = controlOf(name, filter[name] ?? "");
		return {first, control, element: field(label, control)};
	});
	const read = () => {
		const pairs = fields.map(({control}) => [control.name, control.value.trim()]);
		changed(Object.fromEntries(pairs.filter(([, text]) => text !== "")));
	};
	const of = (/** @type {boolean} */ first) =>
		fields.filter(it => it.first === first).map(it => it.element);
	const rest = FIELDS.some(([name, , first]) => !first && filter[name] !== undefined);
	const more = h("details", {open: rest}, h("summary", "More filters"));
	more.append(h("div.filters", of(false)));
	const onsubmit = (/** @type {Event} */ event) => event.preventDefault();
	const submit = h("button", {type: "submit", class: "unseen", tabindex: -1}, "Search");
	const form = {role: "search", "aria-label": "Filters", class: "form", onchange: read, onsubmit};
	fillNames(fields.map(it => it.control));
	return h("form", form, h("div.filters", of(true)), more, submit);
}

/** @param {string} name @param {string} text */
function controlOf(name, text) {
	const choices = CHOICES[name];
	if (choices !== undefined) {
		const known = choices.some(it => (typeof it === "string" ? it : it[0]) === text);
		return select(known ? choices : [...choices, text], text, {name});
	}
	if (name === "key" || name === "team")
		return select(text === "" ? [["", "Any"]] : [["", "Any"], text], text, {name});
	const attributes = {name, value: text, spellcheck: "false", autocomplete: "off"};
	return h("input", attributes);
}

/** Offers the keys and teams that there are, by their names.
 * @param {(HTMLInputElement | HTMLSelectElement)[]} controls */
async function fillNames(controls) {
	for (const control of controls)
		if (
			control instanceof HTMLSelectElement &&
			(control.name === "key" || control.name === "team")
		) {
			const list = control.name === "key" ? api.keys.list : api.teams.list;
			const found = await all(list).catch(() => []);
			offer(control, found);
		}
}

/** @param {HTMLSelectElement} control @param {any[]} found */
function offer(control, found) {
	const chosen = control.value;
	const ids = found.map(it => it.id);
	const gone = chosen !== "" && !ids.includes(chosen);
	/** @type {[string, string][]} */
	const options = [
		["", "Any"],
		...found.map(it => /** @type {[string, string]} */ ([it.id, it.name]))
	];
	const made = select(gone ? [...options, chosen] : options, chosen);
	replace(control, [...made.children]);
	control.value = chosen;
}
