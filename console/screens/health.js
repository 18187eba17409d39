// Is the gateway well? Requests under way, the store, records, Redis, memory and circuit breakers,
// looked at every few seconds.

import {
	api,
	badge,
	button,
	bytes,
	compact,
	count,
	facts,
	faint,
	h,
	heading,
	isAbort,
	link,
	loading,
	panel,
	problem,
	replace,
	span,
	table,
	value
} from "../kit.js";
import {meter} from "../chart.js";
import {time} from "../times.js";

/** @typedef {{received: number, at: number}} Sample */

const EVERY = 5_000;
/** What has a panel of its own. */
const SHOWN = new Set(
	"version started draining requests store redis bodies log_lines_lost breakers records".split(" ")
);

/** @param {View} view */
export async function show({root, signal}) {
	const content = h("div.panels", loading());
	/** @type {Sample | null} */
	let before = null;
	const load = async () => {
		try {
			/** @type {Health} */
			const health = await api.health({}, {signal});
			const now = {received: health.requests.received, at: Date.now()};
			replace(content, parts(health, rateOf(before, now)));
			before = now;
		} catch (error) {
			if (!isAbort(error)) replace(content, problem(error, load));
		}
	};
	root.append(heading("Health", button("Refresh", load)), content);
	const timer = setInterval(() => !document.hidden && load(), EVERY);
	signal.addEventListener("abort", () => clearInterval(timer), {once: true});
	await load();
}

/** @param {Sample | null} before @param {Sample} now */
function rateOf(before, now) {
	const seconds = before === null ? 0 : (now.at - before.at) / 1000;
	return before === null || seconds <= 0 ? null : (now.received - before.received) / seconds;
}

/** @param {Health} health @param {number | null} rate */
function parts(health, rate) {
	return [
		panel("Gateway", facts(gatewayFacts(health))),
		panel("Requests", requests(health.requests, rate)),
		panel("Store and Redis", facts(storeFacts(health))),
		panel("Records", facts(recordFacts(health.records))),
		panel("Memory and log", facts(memoryFacts(health))),
		...others(health),
		panel("Circuit breakers", breakers(health.breakers))
	];
}

/** @param {Health} health @returns {Fact[]} */
function gatewayFacts({version, started, draining}) {
	return [
		["State", draining ? badge("shutting down", "warn") : badge("takes requests", "good")],
		["Version", value(version)],
		["Up for", span((Date.now() - Date.parse(started)) / 1000)],
		["Started", time(started)]
	];
}

/** @param {Health["requests"]} requests @param {number | null} rate */
function requests({received, in_flight, limit}, rate) {
	return [
		facts([
			["Under way", `${count(in_flight)} of at most ${count(limit)}`],
			["Each second", rate === null ? "…" : compact(rate)],
			["Since the start", count(received)]
		]),
		meter(in_flight, limit, `${in_flight} of ${limit} requests under way`)
	];
}

/** @param {boolean | null | undefined} up */
function upOrNot(up) {
	return up === null || up === undefined
		? h("span.faint", "not used")
		: up
			? badge("responds", "good")
			: badge("does not respond", "bad");
}

/** @param {Health} health @returns {Fact[]} */
function storeFacts({store, redis}) {
	/** @type {Fact[]} */
	const all = Object.entries(redis).map(([name, up]) => [`Redis of ${name}`, upOrNot(up)]);
	const tone = store === "ok" ? "good" : store === "off" ? "plain" : "bad";
	return [["Keys and endpoints", badge(store, tone)], ...all];
}

/** @param {Health["records"]} records @returns {Fact[]} */
function recordFacts({store, queued, stored, dropped, failing_since, last_error}) {
	return [
		["Store", badge(store, store === "ok" ? "good" : store === "off" ? "plain" : "bad")],
		["Waiting", count(queued)],
		["Stored", count(stored)],
		["Dropped", dropped > 0 ? badge(count(dropped), "bad") : "0"],
		["Fails since", failing_since ? time(failing_since) : "–"],
		[
			"Last error",
			last_error ? h("span", value(last_error.message), " ", time(last_error.at)) : "–"
		]
	];
}

/** @param {Health} health @returns {Fact[]} */
function memoryFacts({bodies, log_lines_lost}) {
	return [
		["Copies of bodies", bytes(bodies.kept_bytes)],
		["Bodies without room", count(bodies.refused)],
		["Log lines lost", log_lines_lost > 0 ? badge(count(log_lines_lost), "warn") : "0"]
	];
}

/** What this console does not know of yet. @param {Health} health */
function others(health) {
	const unknown = Object.entries(health).filter(([name]) => !SHOWN.has(name));
	return unknown.map(([name, told]) => {
		/** @type {[string, unknown][]} */
		const all = typeof told === "object" && told !== null ? Object.entries(told) : [["", told]];
		return panel(
			name,
			facts(
				all.map(([part, it]) => [part, value(typeof it === "string" ? it : JSON.stringify(it))])
			)
		);
	});
}

/** @param {Health["breakers"]} all */
function breakers(all) {
	if (all.length === 0) return faint("No target has a circuit breaker that has seen a request.");
	const states = (/** @type {Health["breakers"][number]} */ row, /** @type {string} */ name) =>
		row.states[name] ?? 0;
	const rows = all.toSorted((a, b) => states(b, "open") - states(a, "open"));
	return table({
		caption: "Circuit breakers by origin",
		rows,
		columns: [
			{title: "Origin", cell: row => value(row.origin)},
			{title: "Open", class: "number", cell: row => stateCell(states(row, "open"), "bad")},
			{
				title: "Half open",
				class: "number",
				cell: row => stateCell(states(row, "half_open"), "warn")
			},
			{title: "Closed", class: "number", cell: row => count(states(row, "closed"))}
		],
		href: row => link("requests", [], {origin: row.origin})
	}).element;
}

/** @param {number} number @param {"bad" | "warn"} tone */
function stateCell(number, tone) {
	return number > 0 ? badge(count(number), tone) : "0";
}
