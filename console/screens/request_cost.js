// What did a request use, and what did it cost? The counts with where they come from, and the sum
// with the prices that it is made of.

import {badge, count, faint, h, money, table, value} from "../kit.js";

/** @type {{[source: string]: [Tone, string]}} */
const SOURCES = {
	reported: ["good", "The upstream said so."],
	estimated: ["warn", "Estimated: the response was cut before the report, or has none."],
	unknown: ["warn", "Nothing is known of it."]
};

/** @param {RequestRecord} record */
export function usagePart({usage, usage_flaw}) {
	const flaw =
		usage_flaw !== null && h("p.warn", "A count could not be used: ", badge(usage_flaw, "warn"));
	if (usage === null)
		return [faint("No usage: the response is none of a model, or it was not read."), flaw];
	const [tone, text] = SOURCES[usage.source] ?? ["plain", ""];
	const rows = table({caption: "Usage by unit", columns: USAGE, rows: usageRows(usage)});
	return [h("p", badge(usage.source, tone), " ", text), rows.element, flaw];
}

/** @type {Column<UnitRow>[]} */
const USAGE = [
	{title: "Unit", cell: ([name]) => value(name)},
	{title: "Part of", cell: ([, , part]) => h("span.faint", part)},
	{title: "Count", class: "number", cell: ([, amount]) => count(amount)}
];

/** @param {Usage} usage @returns {UnitRow[]} */
function usageRows({input, cache_read, cache_write, cache_write_1h, output, reasoning, units}) {
	/** @type {UnitRow[]} */
	const rows = [
		["input", input, ""],
		["cache read", cache_read, "input"],
		["cache write", cache_write, "input"],
		["cache write for 1 h", cache_write_1h ?? null, "cache write"],
		["output", output, ""],
		["reasoning", reasoning, "output"]
	];
	/** @type {UnitRow[]} */
	const more = Object.entries(units ?? {}).map(([name, it]) => [name.replaceAll("_", " "), it, ""]);
	return [...rows.filter(([, amount, part]) => amount !== null || part === ""), ...more];
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
export function costPart({cost, usage, model, response_model, ...record}) {
	if (cost === null && usage === null) return faint("No usage, no cost.");
	const models = h("a", {href: "#/spend?group=model"}, "Models without a price");
	if (cost === null)
		return [
			h("p.warn", "There is no price for this model."),
			(model ?? response_model) && h("p", models, " has the settings to add.")
		];
	const date = record.price_date ? ` Table of ${record.price_date}.` : "";
	const rows = record.cost_parts ?? [];
	return [
		h("p", h("b", money(cost)), " ", value(`USD ${cost}`, {class: "faint"})),
		faint(value((PRICES[record.price_source ?? ""] ?? "") + date)),
		rows.length > 0 && table({caption: "Cost by part", columns: COST, rows}).element
	];
}

/** @type {Column<CostPart>[]} */
const COST = [
	{title: "For", cell: it => value(it.what)},
	{title: "Count", class: "number", cell: it => count(it.count)},
	{
		title: "Price",
		class: "number",
		cell: ({price, per_one}) => value(`$${price}${per_one ? "" : " / M"}`)
	},
	{
		title: "Sum",
		class: "number",
		cell: ({count, price, per_one}) => money((count * Number(price)) / (per_one ? 1 : 1e6))
	}
];
