// What do keys, teams and endpoints show alike? Facts in a list, limits and budgets as bars, what
// was used, and where an object is defined.

import {
	api,
	ApiError,
	badge,
	count,
	duration,
	facts,
	faint,
	h,
	link,
	money,
	percent,
	span,
	UNKNOWN,
	value
} from "../kit.js";
import {time} from "../times.js";

/** Where the settings have the objects of a kind: file and line, or null where that is not
 * known. @param {"keys" | "teams" | "endpoints"} kind @returns {Promise<string | null>} */
export async function placeOf(kind) {
	try {
		const {settings} = await api.settings();
		return settings.find((/** @type {any} */ it) => it.key === kind)?.origin ?? null;
	} catch {
		return null;
	}
}

/** Where an object is defined, which is where it can be changed. @param {any} object
 * @param {string | null} place of those of the settings */
export function origin(object, place) {
	if (object.source !== "file")
		return badge("API", "info", "It is in the store, and can be changed here.");
	const short = place === null ? "settings file" : place.slice(place.lastIndexOf("/") + 1);
	return badge(short, "plain", `Changed there: ${place ?? "in the settings file"}`);
}

/** @param {string[] | undefined | null} texts */
export function marks(texts) {
	return (texts ?? []).map(it => h("span.mark", value(it)));
}

/** @param {any} allow */
export function allowed(allow) {
	const lists = Object.entries(allow ?? {}).filter(([, it]) => Array.isArray(it));
	if (lists.length === 0) return faint("Everything: there is no list in `allow`.");
	return facts(lists.map(([name, patterns]) => [name, marks(patterns)]));
}

/** @param {{label: string, used: number, of: number, text: string, after?: Child, soft?:
 *   number}} it */
export function bar({label, used, of, text, after, soft}) {
	const share = of > 0 ? Math.min(1, Math.max(0, used / of)) : 1;
	const tone = share >= 1 ? "bad" : share >= (soft ?? 0.8) ? "warn" : "good";
	const fill = h("div", {class: `fill ${tone}`});
	fill.style.width = `${share * 100}%`;
	const frame = h(
		"div",
		{
			class: "bar",
			role: "meter",
			"aria-label": label,
			"aria-valuemin": 0,
			"aria-valuemax": 100,
			"aria-valuenow": Math.round(share * 100),
			"aria-valuetext": text
		},
		fill
	);
	return h(
		"div.meter",
		h("div.meter-text", value(label), h("span", value(text))),
		frame,
		after && h("small.faint", after)
	);
}

/** A limit in words: `60 requests per 1m, 4 at once`. @param {any} limit */
export function limitText(limit) {
	const window = limit.window ?? "1m";
	const parts = [
		limit.requests === undefined ? null : `${count(limit.requests)} requests per ${window}`,
		limit.tokens === undefined ? null : `${count(limit.tokens)} tokens per ${window}`,
		limit.concurrent === undefined ? null : `${count(limit.concurrent)} at once`,
		limit.by === undefined ? null : `by ${limit.by}`
	];
	const text = parts.filter(it => it !== null).join(", ");
	return limit.of === undefined ? text : `${limit.of}: ${text}`;
}

/** @param {any} limit */
export function limitBar(limit) {
	const most = limit.burst ?? limit.requests ?? limit.concurrent;
	const left = limit.remaining;
	if (typeof left !== "number" || typeof most !== "number")
		return h("div.meter", value(limitText(limit)));
	return bar({
		label: limitText(limit),
		used: most - left,
		of: most,
		text: `${count(left)} left`,
		after: limit.reset ? `full again in ${span(limit.reset)}` : null
	});
}

export const LATELY_DAYS = 30;

/** What was used lately, by a group of the usage; `null` where the gateway keeps no records.
 * @param {string} group @param {{[name: string]: string}} [filter]
 * @returns {Promise<UsageBy>} */
export async function usageBy(group, filter = {}) {
	const from = new Date(Date.now() - LATELY_DAYS * 86_400_000).toISOString();
	try {
		const {data} = await api.usage({from, group, ...filter});
		return new Map(data.map(row => [groupName(row[group]), row]));
	} catch (error) {
		if (error instanceof ApiError && error.status !== 0) return null;
		throw error;
	}
}

/** Groups are texts, or objects with a name. @param {any} group */
const groupName = group => String(group?.id ?? group?.name ?? group ?? "");

/** @param {any} row of the usage */
export function usageFacts(row) {
	return facts([
		["Requests", count(row.requests)],
		["Failed", failedText(row)],
		["Cost", costText(row)],
		["Tokens in / out", `${count(row.input)} / ${count(row.output)}`],
		["p50 / p99", `${latency(row, "p50")} / ${latency(row, "p99")}`]
	]);
}

/** The cost, and how much of the use it leaves out. @param {any} row */
export function costText(row) {
	if (row === undefined || (row.unpriced > 0 && Number(row.cost) === 0))
		return row === undefined ? UNKNOWN : "unknown";
	return row.unpriced > 0
		? `${money(row.cost)} + ${count(row.unpriced)} unpriced`
		: money(row.cost);
}

/** @param {any} row */
export function failedText(row) {
	return row === undefined
		? UNKNOWN
		: `${count(row.failed)} (${percent(row.failed, row.requests)})`;
}

/** How long a share of the requests took at most. @param {any} row @param {string} share */
export function latency(row, share) {
	const milliseconds = row?.latency_ms?.[share];
	return typeof milliseconds === "number" ? duration(milliseconds * 1000) : UNKNOWN;
}

/** When an object was last used, by the records; `undefined` where that is not known.
 * @param {{[name: string]: string}} filter @returns {Promise<any>} */
export async function lastRecord(filter) {
	try {
		const {data} = await api.records.list({...filter, limit: 1});
		return data[0] ?? null;
	} catch {
		return undefined;
	}
}

/** @param {any} record the last one, `null` for none, `undefined` for not known */
export function lastUse(record) {
	if (record === undefined) return h("span.faint", "not known: the gateway keeps no records");
	if (record === null) return h("span.faint", "no record of it");
	return h("a", {href: link("request", [record.id])}, time(record.received));
}
