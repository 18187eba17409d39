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

/** The file and line where the settings have the objects of a kind; null where that is not known.
 * @param {Kind} kind @returns {Promise<string | null>} */
export async function placeOf(kind) {
	const found = await api.settings().catch(() => null);
	return found?.settings.find(it => it.key === kind)?.origin ?? null;
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

/** How much of something is used. @param {Bar} it */
export function bar({label, used, of, text, after, soft = 0.8}) {
	const share = of > 0 ? Math.min(1, Math.max(0, used / of)) : 1;
	const told = {"aria-label": label, "aria-valuetext": text};
	return h(
		"div.meter",
		h("div.meter-text", value(label), h("span", value(text))),
		h("meter", {value: share, low: Math.min(soft, 0.999), high: 0.999, optimum: 0, ...told}),
		after && h("small.faint", after)
	);
}

/** A limit in words: `60 requests per 1m, 4 at once`. @param {any} limit */
export function limitText({requests, tokens, window = "1m", concurrent, by, of}) {
	const parts = [
		requests !== undefined && `${count(requests)} requests per ${window}`,
		tokens !== undefined && `${count(tokens)} tokens per ${window}`,
		concurrent !== undefined && `${count(concurrent)} at once`,
		by !== undefined && `by ${by}`
	];
	return `${of === undefined ? "" : `${of}: `}${parts.filter(Boolean).join(", ")}`;
}

/** @param {any} limit */
export function limitBar(limit) {
	const label = limitText(limit);
	const of = limit.burst ?? limit.requests ?? limit.concurrent;
	const left = limit.remaining;
	if (typeof left !== "number" || typeof of !== "number") return h("div.meter", value(label));
	const after = limit.reset > 0 && `full again in ${span(limit.reset)}`;
	return bar({label, used: of - left, of, text: `${count(left)} left`, after});
}

export const LATELY_DAYS = 30;

/** What was used lately, by a group of the usage; `null` where the gateway keeps no records.
 * @param {string} group @param {Query} [filter] @returns {Promise<UsageBy>} */
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
function costText(row) {
	if (row === undefined) return UNKNOWN;
	if (row.unpriced === 0) return money(row.cost);
	const rest = `${count(row.unpriced)} unpriced`;
	return Number(row.cost) === 0 ? "unknown" : `${money(row.cost)} + ${rest}`;
}

/** @param {any} row */
export const failedText = row =>
	row === undefined ? UNKNOWN : `${count(row.failed)} (${percent(row.failed, row.requests)})`;

/** How long a share of the requests took at most. @param {any} row @param {string} share */
export function latency(row, share) {
	const milliseconds = row?.latency_ms?.[share];
	return typeof milliseconds === "number" ? duration(milliseconds * 1000) : UNKNOWN;
}

/** @param {(object: any) => any} used the row of the usage
 * @returns {[Column<any>, Column<any>]} */
export function usageColumns(used) {
	return [
		{
			title: `Requests, ${LATELY_DAYS} d`,
			cell: it => count(used(it)?.requests),
			class: "number",
			sort: it => used(it)?.requests ?? 0
		},
		{
			title: `Cost, ${LATELY_DAYS} d`,
			cell: it => costText(used(it)),
			class: "number",
			sort: it => Number(used(it)?.cost ?? 0)
		}
	];
}

/** The newest request, by the records: `null` for none, `undefined` where that is not known.
 * @param {Query} filter @returns {Promise<any>} */
export async function lastRecord(filter) {
	const page = await api.records.list({...filter, limit: 1}).catch(() => undefined);
	return page && (page.data[0] ?? null);
}

/** @param {any} record the newest one */
export function lastUse(record) {
	if (record) return h("a", {href: link("request", [record.id])}, time(record.received));
	const text = record === null ? "no record of it" : "not known: the gateway keeps no records";
	return h("span.faint", text);
}
