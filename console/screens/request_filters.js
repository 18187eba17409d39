// Which requests are asked for? The fields of the filter, the same in the URL and in the API, where
// `since` stands for a `from` that moves with the clock.

import {all, api, field, h, replace, select} from "../kit.js";

/** @type {[string, string]} */
const ANY = ["", "Any"];

/** @param {string} words @returns {Options} */
const any = words => [ANY, ...words.split(" ")];

/** @type {{[name: string]: number}} */
const MINUTES = {"15m": 15, "1h": 60, "24h": 1440, "7d": 10080};

/** What fields offer; keys and teams are added when they are known. @type {{[name: string]: Options}} */
const CHOICES = {
	since: [
		["", "Any time"],
		["15m", "Last 15 minutes"],
		["1h", "Last hour"],
		["24h", "Last 24 hours"],
		["7d", "Last 7 days"]
	],
	status: any("2xx 4xx 5xx 401 429 499 502 504"),
	failed: [ANY, ["true", "Failed"], ["false", "Not failed"]],
	truncated: [ANY, ["true", "Cut short"], ["false", "Whole"]],
	cache: any("hit joined miss refresh off"),
	outcome: any("relayed answered tunnelled unfinished refused truncated client_gone aborted"),
	route: any("unified endpoint provider unknown"),
	key: [ANY],
	team: [ANY]
};

/** Names in the API, with labels. */
const FIRST = {
	since: "Time",
	model: "Model",
	key: "Key",
	provider: "Provider",
	status: "Status",
	failed: "Result",
	cache: "Cache"
};
const MORE = {
	team: "Team",
	origin: "Origin",
	outcome: "Outcome",
	code: "Error code",
	route: "Route",
	route_name: "Endpoint or provider of it",
	truncated: "Transfer",
	min_cost: "Cost from (USD)",
	trace_id: "Trace id",
	metadata: "Metadata (name=value)",
	from: "From (RFC 3339)",
	to: "Before (RFC 3339)"
};

/** @param {URLSearchParams} query @returns {Filter} */
export function filterOf(query) {
	const names = Object.keys({...FIRST, ...MORE});
	const known = [...query].filter(([name, text]) => text !== "" && names.includes(name));
	return Object.fromEntries(known);
}

/** The filter as the API takes it. @param {Filter} filter @returns {Query} */
export function queryOf(filter) {
	const {since, metadata, ...query} = filter;
	const minutes = MINUTES[since ?? ""];
	if (minutes !== undefined && query.from === undefined)
		query.from = new Date(Date.now() - minutes * 60_000).toISOString();
	const [, name, text] = /^([^=]+)=(.*)$/s.exec(metadata ?? "") ?? [];
	// The gateway refuses what is no pair.
	return text === undefined ? {...query, metadata} : {...query, [`metadata.${name}`]: [text]};
}

/** @param {Filter} filter @param {(filter: Filter) => void} changed */
export function filterForm(filter, changed) {
	const fields = (/** @type {{[name: string]: string}} */ labels) => {
		const made = Object.entries(labels).map(([name, label]) =>
			field(label, controlOf(name, filter[name] ?? ""))
		);
		return h("div.filters", made);
	};
	const onchange = () => {
		const pairs = [...new FormData(form)].map(([name, given]) => [name, String(given).trim()]);
		changed(Object.fromEntries(pairs.filter(([, text]) => text !== "")));
	};
	const open = Object.keys(filter).some(name => name in MORE);
	const onsubmit = (/** @type {Event} */ event) => event.preventDefault();
	const form = h(
		"form.form",
		{role: "search", "aria-label": "Filters", onchange, onsubmit},
		fields(FIRST),
		h("details", {open}, h("summary", "More filters"), fields(MORE)),
		h("button.unseen", {type: "submit", tabindex: -1}, "Search")
	);
	return form;
}

/** @param {string} name @param {string} text */
function controlOf(name, text) {
	const choices = CHOICES[name];
	if (choices === undefined)
		return h("input", {name, value: text, spellcheck: "false", autocomplete: "off"});
	const known = choices.some(it => (typeof it === "string" ? it : it[0]) === text);
	const control = select(known ? choices : [...choices, text], text, {name});
	if (name === "key" || name === "team") offer(control, name === "key" ? api.keys : api.teams);
	return control;
}

/** Offers the keys or teams that there are, by their names. @param {HTMLSelectElement} control
 * @param {{list: Reader<Page<any>>}} objects */
async function offer(control, objects) {
	const found = await all(objects.list).catch(() => []);
	const chosen = control.value;
	const options = new Map([ANY, ...found.map(it => /** @type {const} */ ([it.id, it.name]))]);
	if (!options.has(chosen)) options.set(chosen, chosen);
	replace(control, [...select([...options], chosen).children]);
	control.value = chosen;
}
