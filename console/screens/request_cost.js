// What did a request use, and what did it cost? The counts with where they come from, and the sum
// with the prices that it is made of.

import {badge, count, faint, h, money, table, UNKNOWN, value} from "../kit.js";

/** @type {{[source: string]: [Tone, string]}} */
const SOURCES = {
	reported: ["good", "The upstream said so."],
	estimated: ["warn", "Estimated: the response was cut before the report, or has none."],
	unknown: ["warn", "Nothing is known of it."]
};

/** @param {RequestRecord} record */
export function usagePart(record) {
	const {usage, usage_flaw} = record;
	const flaw =
		usage_flaw !== null && h("p.warn", "A count could not be used: ", badge(usage_flaw, "warn"));
	if (usage === null)
		return [faint("No usage: the response is none of a model, or it was not read."), flaw];
	const [tone, text] = SOURCES[usage.source] ?? ["plain", ""];
	const rows = table({caption: "Usage by unit", columns: USAGE, rows: usageRows(usage)});
	return [h("p", badge(usage.source, tone), " ", text), rows.element, flaw];
}

/** @typedef {{name: string, amount: number | null, part: string}} UnitRow */

/** @type {Column<UnitRow>[]} */
const USAGE = [
	{title: "Unit", cell: it => value(it.name)},
	{title: "Part of", cell: it => h("span.faint", it.part)},
	{title: "Count", class: "number", cell: it => count(it.amount)}
];

/** @param {Usage} usage @returns {UnitRow[]} */
function usageRows(usage) {
	/** @type {UnitRow[]} */
	const rows = [
		{name: "input", amount: usage.input, part: ""},
		{name: "cache read", amount: usage.cache_read, part: "input"},
		{name: "cache write", amount: usage.cache_write, part: "input"},
		{name: "cache write for 1 h", amount: usage.cache_write_1h ?? null, part: "cache write"},
		{name: "output", amount: usage.output, part: ""},
		{name: "reasoning", amount: usage.reasoning, part: "output"}
	];
	const units = Object.entries(usage.units ?? {});
	const more = units.map(([name, amount]) => ({name: name.replaceAll("_", " "), amount, part: ""}));
	return [...rows.filter(it => it.amount !== null || it.part === ""), ...more];
}

/** @type {{[source: string]: string}} */
const PRICES = {
	upstream: "The upstream said what the response cost.",
	per_request: "`cost_per_request` of the endpoint.",
	settings: "`prices.overrides` of the settings.",
	file: "The file of `prices.file`.",
	built_in: "The table in the program.",
	cache: "A stored response was sent: no upstream was asked."
};

/** @param {RequestRecord} record */
export function costPart(record) {
	if (record.cost === null)
		return record.usage === null
			? faint("No usage, no cost.")
			: [h("p.warn", "There is no price for this model."), overrideOf(record)];
	const date = record.price_date ? ` Table of ${record.price_date}.` : "";
	const parts = record.cost_parts ?? [];
	const rows = table({caption: "Cost by part", columns: COST, rows: parts});
	return [
		h("p", h("b", money(record.cost)), " ", value(`USD ${record.cost}`, {class: "faint"})),
		faint(value((PRICES[record.price_source ?? ""] ?? "") + date)),
		parts.length > 0 && rows.element
	];
}

/** @param {RequestRecord} record */
function overrideOf(record) {
	const model = record.model ?? record.response_model;
	return (
		model &&
		h(
			"p",
			h("a", {href: `#/spend?group=model`}, "Models without a price"),
			" has the settings to add."
		)
	);
}

/** @type {Column<CostPart>[]} */
const COST = [
	{title: "For", cell: it => value(it.what)},
	{title: "Count", class: "number", cell: it => count(it.count)},
	{title: "Price", class: "number", cell: it => priceOf(it)},
	{title: "Sum", class: "number", cell: it => sumOf(it)}
];

/** @param {CostPart} part */
function priceOf({price, per_one}) {
	return value(`$${price}${per_one ? "" : " / M"}`);
}

/** @param {CostPart} part */
function sumOf({count, price, per_one}) {
	const sum = (count * Number(price)) / (per_one ? 1 : 1e6);
	return Number.isFinite(sum) ? money(sum) : UNKNOWN;
}
