// Who spends how much, on what? Bars over time with a table beneath, and what has no price.

import {
	api,
	block,
	button,
	clock,
	compact,
	copyButton,
	count,
	duration,
	empty,
	field,
	figures,
	h,
	heading,
	link,
	loaded,
	money,
	note,
	open,
	panel,
	percent,
	replace,
	select,
	table,
	usageCsvPath,
	value
} from "../kit.js";
import {stackedBars} from "../chart.js";
import {bars, groupOf, MEASURES, overrideLines, timesOf, total, patternOf} from "./spend_sums.js";

/** @type {{[name: string]: {title: string, hours: number}}} */
const RANGES = {
	day: {title: "Last 24 hours", hours: 24},
	week: {title: "Last 7 days", hours: 7 * 24},
	month: {title: "Last 30 days", hours: 30 * 24},
	quarter: {title: "Last 90 days", hours: 90 * 24}
};
const GROUPS = ["model", "key", "team", "origin", "provider", "route", "route_name", "outcome"];

/** @param {View} view */
export async function show({root, route, signal}) {
	const groups = [...GROUPS, ...(await summedMetadata(signal))];
	const choice = choiceOf(route.query, groups);
	// Links of other screens ask for a part only.
	const parts = [...route.query].filter(([name, text]) => GROUPS.includes(name) && text);
	const filter = Object.fromEntries(parts);
	const content = h("div.screen");
	const csv = h("a.button", {download: "usage.csv"}, "CSV");
	const load = () => {
		note(route, {...filter, ...choice});
		const range = rangeOf(choice, filter);
		csv.setAttribute("href", usageCsvPath(range.query(`${range.time},${choice.group}`)));
		return loaded(
			content,
			() => ask(choice, range, signal),
			found => shown(choice, found)
		);
	};
	const only = parts.map(it => it.join(" = ")).join(", ");
	const whole = h("a", {href: link("spend", [], choice)}, "Show everything");
	root.append(
		heading("Spend", csv),
		form(choice, groups, load),
		only && h("p", "Only ", value(only), ". ", whole),
		content
	);
	await load();
}

/** The fields of the metadata whose values the gateway sums up. @param {AbortSignal} signal */
async function summedMetadata(signal) {
	const {settings} = await api.settings({}, {signal});
	const names = settings.find(it => it.key === "records.usage_metadata")?.value ?? "";
	return [...names.matchAll(/[^\s,[\]"]+/g)].map(([name]) => `metadata.${name}`);
}

/** @param {URLSearchParams} query @param {string[]} groups */
function choiceOf(query, groups) {
	/** @type {(name: string, of: string[], usual: string) => string} */
	const one = (name, of, usual) => of.find(it => it === query.get(name)) ?? usual;
	return {
		range: one("range", Object.keys(RANGES), "month"),
		group: one("group", groups, "model"),
		measure: one("measure", Object.keys(MEASURES), "cost")
	};
}

/** @typedef {ReturnType<typeof choiceOf>} Choice */

/** @param {Choice} choice @param {string[]} groups @param {() => void} load */
function form(choice, groups, load) {
	const pick = (/** @type {keyof Choice} */ name, /** @type {Options} */ options) => {
		const made = select(options, choice[name], {name});
		made.addEventListener("change", () => {
			choice[name] = made.value;
			load();
		});
		return made;
	};
	/** @type {(of: {[name: string]: {title: string}}) => Options} */
	const titles = of => Object.entries(of).map(([name, {title}]) => [name, title]);
	return h(
		"div.filters",
		field("Time (UTC days)", pick("range", titles(RANGES))),
		field("By", pick("group", groups)),
		field("Show", pick("measure", titles(MEASURES)))
	);
}

/** @param {Choice} choice @param {Filter} filter */
function rangeOf({range}, filter) {
	const hours = RANGES[range]?.hours ?? 720;
	/** @type {"hour" | "day"} */
	const time = range === "day" ? "hour" : "day";
	const step = time === "hour" ? 3_600_000 : 86_400_000;
	const to = Math.ceil(Date.now() / step) * step;
	const from = to - hours * 3_600_000;
	const times = {from: new Date(from).toISOString(), to: new Date(to).toISOString()};
	const query = (/** @type {string} */ group) => ({...filter, ...times, group});
	return {filter, from, to, time, query};
}

/** @param {Choice} choice @param {ReturnType<typeof rangeOf>} range @param {AbortSignal} signal */
async function ask({group}, range, signal) {
	const groups = [`${range.time},${group}`, group, "model,origin"];
	const pages = await Promise.all(groups.map(it => api.usage(range.query(it), {signal})));
	const [overTime = [], sums = [], models = []] = pages.map(it => it.data);
	return {range, overTime, sums, models};
}

/** @typedef {Awaited<ReturnType<typeof ask>>} Found */

/** @param {Choice} choice @param {Found} found */
function shown(choice, {range, overTime, sums, models}) {
	if (sums.length === 0) {
		const text = "What requests use is summed up here by hour and day, once there are some.";
		return empty("Nothing was used in this time", text);
	}
	const unpriced = models.filter(it => it.unpriced > 0);
	const title = `${MEASURES[choice.measure]?.title} by ${choice.group}`;
	return [
		summary(sums),
		panel(title, chart(title, choice, range, overTime)),
		sumsTable(choice, range.filter, sums),
		unpriced.length > 0 && panel("Models without a price", unpricedTable(unpriced))
	];
}

/** @param {string} title @param {Choice} choice @param {Found["range"]} range
 * @param {UsageRow[]} rows */
function chart(title, choice, {from, to, time}, rows) {
	const times = timesOf(from, to, time);
	const {series, points} = bars(rows, {time, ...choice}, times);
	const labels = times.map(at =>
		time === "hour" ? clock(at).slice(11, 16) : new Date(at).toISOString().slice(5, 10)
	);
	return stackedBars({
		label: `${title}, each ${time}`,
		series,
		points: points.map((values, index) => ({label: labels[index] ?? "", values})),
		format: choice.measure === "cost" ? money : compact
	});
}

/** @param {UsageRow[]} rows */
function summary(rows) {
	const all = total(rows);
	const share = (/** @type {string} */ name) => percent(all[name] ?? 0, all.requests ?? 0);
	const shares = [
		[money(all.cost), "known cost"],
		[count(all.requests), "requests"],
		[share("failed"), "failed"],
		[`${compact(all.input)} → ${compact(all.output)}`, "tokens"],
		[share("unpriced"), "of requests have no price"],
		[share("unknown"), "have unknown usage"],
		[share("estimated"), "have estimated usage"]
	];
	return h("div.panel", figures(shares));
}

/** @param {Choice} choice @param {Filter} filter @param {UsageRow[]} rows */
function sumsTable({group}, filter, rows) {
	const all = total(rows);
	const cost = (/** @type {UsageRow} */ row) => Number(row.cost ?? 0);
	/** @type {Column<UsageRow>[]} */
	const columns = [
		{title: group, cell: row => value(groupOf(row, group).name)},
		{title: "Cost", class: "number", cell: costCell, sort: cost},
		{title: "Share", class: "number", cell: row => percent(cost(row), all.cost ?? 0)},
		numbers("Requests", row => row.requests),
		{...numbers("Failed", row => row.failed), cell: row => percent(row.failed, row.requests)},
		numbers("Input", row => row.input),
		numbers("Cached", row => row.cache_read),
		numbers("Output", row => row.output),
		numbers("No price", row => row.unpriced),
		times("p50", row => row.latency_ms?.p50),
		times("p99", row => row.latency_ms?.p99),
		times("First token p50", row => row.first_token_ms?.p50)
	];
	const href = (/** @type {UsageRow} */ row) => {
		const {id} = groupOf(row, group);
		const isMetadata = group.startsWith("metadata.");
		const its = isMetadata ? {metadata: `${group.slice(9)}=${id}`} : {[group]: id};
		return id && link("requests", [], {...filter, ...its});
	};
	const sorted = rows.toSorted((a, b) => cost(b) - cost(a) || b.requests - a.requests);
	return table({caption: `Usage by ${group}`, columns, rows: sorted, href}).element;
}

/** What has no price is not free. @param {UsageRow} row */
function costCell({unpriced, requests, cost}) {
	if (unpriced === 0) return money(cost);
	const title = `${count(unpriced)} of ${count(requests)} requests have no price`;
	return h("span.warn", {title}, Number(cost) > 0 ? `> ${money(cost)}` : "unknown");
}

/** @param {string} title @param {(row: UsageRow) => number} of @returns {Column<UsageRow>} */
const numbers = (title, of) => ({title, class: "number", cell: row => compact(of(row)), sort: of});

/** @param {string} title @param {(row: UsageRow) => number | null} of milliseconds
 * @returns {Column<UsageRow>} */
const times = (title, of) => ({
	title,
	class: "number minor",
	cell: row => duration((of(row) ?? NaN) * 1000),
	sort: row => of(row) ?? -1
});

/** @param {UsageRow[]} rows */
function unpricedTable(rows) {
	/** @type {Column<UsageRow>[]} */
	const columns = [
		{title: "Model", cell: row => value(groupOf(row, "model").name)},
		{title: "Origin", cell: row => value(groupOf(row, "origin").name)},
		numbers("Requests", row => row.unpriced),
		numbers("Tokens", row => row.input + row.output),
		{title: "Price", cell: row => button("Add a price", () => askPrice(row))}
	];
	return table({caption: "What has no price", columns, rows}).element;
}

/** Makes the lines of the settings from two prices. @param {UsageRow} row */
function askPrice(row) {
	const origin = groupOf(row, "origin").id;
	const model = patternOf(groupOf(row, "model").id ?? "*");
	const amount = () => h("input", {type: "number", min: 0, step: "any", value: "0"});
	const [input, output] = [amount(), amount()];
	const lines = () => overrideLines({origin, model, input: input.value, output: output.value});
	const place = h("div");
	const tell = () => replace(place, block(lines(), "Lines of the settings"));
	const fields = h(
		"div.filters",
		{oninput: tell},
		field("USD for a million input tokens", input),
		field("USD for a million output tokens", output)
	);
	const star = "A * in the name stands for any characters: this prices more than one model.";
	const hint = "Put these lines into the settings file; they are in force with the next reload.";
	tell();
	open(
		"Add a price",
		[h("div.form", fields, model.includes("*") && h("p.warn", star), h("p", hint), place)],
		[copyButton(lines)]
	);
}
