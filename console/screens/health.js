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
	renew,
	replace,
	span,
	table,
	UNKNOWN,
	value
} from "../kit.js";
import {bar} from "../objects/shown.js";
import {time} from "../times.js";

const EVERY = 5_000;

/** @param {View} view */
export async function show({root, signal}) {
	const content = h("div.panels", loading());
	/** @type {{received: number, at: number} | undefined} */
	let before;
	const load = async () => {
		try {
			const health = await api.health({}, {signal});
			const now = {received: health.requests.received, at: Date.now()};
			const rate = before && (1000 * (now.received - before.received)) / (now.at - before.at);
			renew(content, parts(health, rate));
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

/** @param {Health} health @param {number} [rate] requests each second */
function parts(health, rate) {
	const {version, started, draining, requests, store, redis, records, bodies, breakers} = health;
	const {received, in_flight, limit} = requests;
	const lost = health.log_lines_lost;
	return [
		panel(
			"Gateway",
			facts([
				["State", draining ? badge("shutting down", "warn") : badge("takes requests", "good")],
				["Version", value(version)],
				["Up for", span((Date.now() - Date.parse(started)) / 1000)],
				["Started", time(started)]
			])
		),
		panel(
			"Requests",
			facts([
				["Each second", rate !== undefined && Number.isFinite(rate) ? compact(rate) : "…"],
				["Since the start", count(received)]
			]),
			bar({
				label: "Under way",
				used: in_flight,
				of: limit,
				text: `${count(in_flight)} of at most ${count(limit)}`
			})
		),
		panel(
			"Store and Redis",
			facts([
				["Keys and endpoints", state(store)],
				...Object.entries(redis).map(
					([name, up]) => /** @type {Fact} */ ([`Redis of ${name}`, upOrNot(up)])
				)
			])
		),
		recordPanel(records),
		panel(
			"Memory and log",
			facts([
				["Copies of bodies", bytes(bodies.kept_bytes)],
				["Bodies without room", count(bodies.refused)],
				["Log lines lost", lost > 0 ? badge(count(lost), "warn") : "0"]
			])
		),
		panel("Circuit breakers", breakerTable(breakers))
	];
}

/** @param {Health["records"]} records */
function recordPanel({store, queued, stored, dropped, failing_since, last_error}) {
	return panel(
		"Records",
		facts([
			["Store", state(store)],
			["Waiting", count(queued)],
			["Stored", count(stored)],
			["Dropped", dropped > 0 ? badge(count(dropped), "bad") : "0"],
			["Fails since", failing_since ? time(failing_since) : UNKNOWN],
			["Last error", last_error ? [value(last_error.message), " ", time(last_error.at)] : UNKNOWN]
		])
	);
}

/** @param {string} text of a store */
const state = text => badge(text, text === "ok" ? "good" : text === "off" ? "plain" : "bad");

/** @param {boolean | null} up */
function upOrNot(up) {
	if (up === null) return h("span.faint", "not used");
	return up ? badge("responds", "good") : badge("does not respond", "bad");
}

/** @param {Health["breakers"]} all */
function breakerTable(all) {
	if (all.length === 0) return faint("No target has a circuit breaker that has seen a request.");
	/** @type {(title: string, state: string, tone: Tone) => Column<typeof all[number]>} */
	const column = (title, state, tone) => ({
		title,
		class: "number",
		cell: ({states}) => (states[state] ? badge(count(states[state]), tone) : "0")
	});
	return table({
		caption: "Circuit breakers by origin",
		rows: all.toSorted((a, b) => (b.states.open ?? 0) - (a.states.open ?? 0)),
		columns: [
			{title: "Origin", cell: row => value(row.origin)},
			column("Open", "open", "bad"),
			column("Half open", "half_open", "warn"),
			column("Closed", "closed", "plain")
		],
		href: row => link("requests", [], {origin: row.origin})
	}).element;
}
