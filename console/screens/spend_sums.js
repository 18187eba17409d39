// What do the rows of the usage come to? Series for the bars, and the models without a price.

import {hexOf} from "../kit.js";

/** Names of the group of what is too small for a colour of its own. */
const REST = "all others";
const NONE = "none";
/** With the rest, as many as there are colours. */
const NAMED = 7;

/** @type {{[name: string]: {title: string, of: (row: UsageRow) => number}}} */
export const MEASURES = {
	cost: {title: "Cost", of: row => Number(row.cost ?? 0) || 0},
	requests: {title: "Requests", of: row => row.requests},
	tokens: {title: "Tokens", of: row => row.input + row.output},
	failed: {title: "Failed requests", of: row => row.failed}
};

/** What a row is grouped by, in words, and as a value of a filter. @param {UsageRow} row
 * @param {string} group @returns {{name: string, id: string | null}} */
export function groupOf(row, group) {
	const found = row[group];
	if (found === null || found === undefined) return {name: NONE, id: null};
	return typeof found === "object"
		? {name: String(found.name ?? found.id), id: String(found.id)}
		: {name: String(found), id: String(found)};
}

/** Bars over time: the largest groups with names of their own, the others together.
 * @param {UsageRow[]} rows @param {BarsBy} by
 * @param {number[]} times where the bars begin, in milliseconds since 1970 */
export function bars(rows, {time, group, measure}, times) {
	const of = MEASURES[measure]?.of ?? (() => 0);
	const series = seriesOf(rows, group, of);
	const place = new Map(series.map((name, index) => [name, index]));
	const points = times.map(() => series.map(() => 0));
	const column = new Map(times.map((at, index) => [at, index]));
	for (const row of rows) {
		const values = points[column.get(Date.parse(row[time])) ?? -1];
		const index = place.get(groupOf(row, group).name) ?? series.length - 1;
		if (values !== undefined) values[index] = (values[index] ?? 0) + of(row);
	}
	return {series, points};
}

/** The names of the largest groups, and one for the rest if there is any.
 * @param {UsageRow[]} rows @param {string} group @param {(row: UsageRow) => number} of */
function seriesOf(rows, group, of) {
	/** @type {Map<string, number>} */
	const totals = new Map();
	for (const row of rows) {
		const {name} = groupOf(row, group);
		totals.set(name, (totals.get(name) ?? 0) + of(row));
	}
	const largest = [...totals].sort((a, b) => b[1] - a[1]).map(([name]) => name);
	return largest.length <= NAMED + 1 ? largest : [...largest.slice(0, NAMED), REST];
}

/** The beginnings of all hours or days of a range (UTC, as the gateway counts them).
 * @param {number} from @param {number} to @param {"hour" | "day"} time */
export function timesOf(from, to, time) {
	const step = time === "hour" ? 3_600_000 : 86_400_000;
	const times = [];
	for (let at = Math.floor(from / step) * step; at < to; at += step) times.push(at);
	return times;
}

const SUMMED = "cost requests failed input output unpriced unknown estimated".split(" ");

/** @param {UsageRow[]} rows */
export function total(rows) {
	const sum = (/** @type {string} */ name) =>
		rows.reduce((all, row) => all + (Number(row[name]) || 0), 0);
	return Object.fromEntries(SUMMED.map(name => [name, sum(name)]));
}

/** A model's name as a pattern of the settings, which would take a name such as `os.environ/X`
 * for a variable. @param {string} model */
export function patternOf(model) {
	return model.replace(/^os\.environ\//, "*s.environ/");
}

/** The lines of the settings that give a model a price. JSON's strings are YAML's, too; what
 * cannot be seen is escaped, and what would stand for a variable.
 * @param {PriceWritten} price */
export function overrideLines({origin, model, input, output}) {
	const quoted = (/** @type {string} */ text) =>
		JSON.stringify(text.replaceAll("${", "$$$${")).replace(
			/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu,
			it => `\\U${hexOf(it, 8)}`
		);
	return [
		"prices:",
		"  overrides:",
		`    - model: ${quoted(model)}`,
		...(origin === null ? [] : [`      origin: ${quoted(origin)}`]),
		`      input: ${input || "0"}`,
		`      output: ${output || "0"}`
	].join("\n");
}
