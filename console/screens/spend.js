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

/** @typedef {{range: string, group: string, measure: string}} Choice */

/** @type {{[name: string]: {title: string, hours: number, time: "hour" | "day"}}} */
const RANGES = {
	day: {title: "Last 24 hours", hours: 24, time: "hour"},
	week: {title: "Last 7 days", hours: 7 * 24, time: "day"},
	month: {title: "Last 30 days", hours: 30 * 24, time: "day"},
	quarter: {title: "Last 90 days", hours: 90 * 24, time: "day"}
};
const GROUPS = ["model", "key", "team", "origin", "provider", "route", "outcome"];

/** @param {View} view */
export async function show({root, route, signal}) {
	const choice = choiceOf(route.query);
	const filter = filterOf(route.query);
	const content = h("div.screen");
	const csv = h("a", {class: "button", download: "usage.csv"}, "CSV");
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
	const top = [heading("Spend", csv), form(choice, load), filterLine(filter, choice) || ""];
	root.append(...top, content);
	await load();
}

/** @param {URLSearchParams} query @returns {Choice} */
function choiceOf(query) {
	const [range, group, measure] = ["range", "group", "measure"].map(it => query.get(it) ?? "");
	return {
		range: range && range in RANGES ? range : "month",
		group: group && GROUPS.includes(group) ? group : "model",
		measure: measure && measure in MEASURES ? measure : "cost"
	};
}

/** Links of other screens ask for a part only. @param {URLSearchParams} query @returns {Filter} */
function filterOf(query) {
	return Object.fromEntries([...query].filter(([name, text]) => GROUPS.includes(name) && text));
}

/** @param {Filter} filter @param {Choice} choice */
function filterLine(filter, choice) {
	const all = Object.entries(filter).map(([name, text]) => `${name} = ${text}`);
	const href = link("spend", [], choice);
	const whole = h("a", {href}, "Show everything");
	return all.length > 0 && h("p", "Only ", value(all.join(", ")), ". ", whole);
}

/** @param {Choice} choice @param {() => void} load */
function form(choice, load) {
	const pick = (/** @type {keyof Choice} */ name, /** @type {[string, string][]} */ options) => {
		const onchange = (/** @type {Event & {currentTarget: HTMLSelectElement}} */ event) => {
			choice[name] = event.currentTarget.value;
			load();
		};
		return select(options, choice[name], {name, onchange});
	};
	const titles = (/** @type {{[name: string]: {title: string}}} */ of) =>
		Object.entries(of).map(([name, {title}]) => /** @type {[string, string]} */ ([name, title]));
	const groups = GROUPS.map(it => /** @type {[string, string]} */ ([it, it]));
	return h(
		"div.filters",
		field("Time (UTC days)", pick("range", titles(RANGES))),
		field("By", pick("group", groups)),
		field("Show", pick("measure", titles(MEASURES)))
	);
}

/** @param {Choice} choice @param {Filter} filter */
function rangeOf({range}, filter) {
	const {hours, time} = RANGES[range] ?? {hours: 720, time: /** @type {const} */ ("day")};
	const step = time === "hour" ? 3_600_000 : 86_400_000;
	const to = Math.ceil(Date.now() / step) * step;
	const from = to - hours * 3_600_000;
	const query = (/** @type {string} */ group) => ({
		...filter,
		from: new Date(from).toISOString(),
		to: new Date(to).toISOString(),
		group
	});
	return {from, to, time, query};
}

/** @param {Choice} choice @param {ReturnType<typeof rangeOf>} range @param {AbortSignal} signal */
async function ask(choice, range, signal) {
	const [overTime, sums, models] = await Promise.all([
		api.usage(range.query(`${range.time},${choice.group}`), {signal}),
		api.usage(range.query(choice.group), {signal}),
		api.usage(range.query("model,origin"), {signal})
	]);
	return {range, overTime: overTime.data, sums: sums.data, models: models.data};
}

/** @typedef {Awaited<ReturnType<typeof ask>>} Found */

/** @param {Choice} choice @param {Found} found */
function shown(choice, {range, overTime, sums, models}) {
	if (sums.length === 0) {
		const text = "What requests use is summed up here by hour and day, once there are some.";
		return empty("Nothing was used in this time", text);
	}
	const unpriced = models.filter(it => it.unpriced > 0);
	return [
		summary(total(sums)),
		panel(`${MEASURES[choice.measure]?.title} by ${choice.group}`, chart(choice, range, overTime)),
		sumsTable(choice, sums),
		unpriced.length > 0 && panel("Models without a price", unpricedTable(unpriced))
	];
}

/** @param {Choice} choice @param {Found["range"]} range @param {UsageRow[]} rows */
function chart(choice, {from, to, time}, rows) {
	const times = timesOf(from, to, time);
	const {series, points} = bars(rows, {time, ...choice}, times);
	const label = (/** @type {number} */ at) => {
		const text = new Date(at).toISOString();
		return time === "hour" ? clock(at).slice(11, 16) : text.slice(5, 10);
	};
	const labelled = points.map((values, index) => ({label: label(times[index] ?? 0), values}));
	const title = `${MEASURES[choice.measure]?.title} by ${choice.group}, each ${time}`;
	const format = choice.measure === "cost" ? money : compact;
	return stackedBars({label: title, series, points: labelled, format});
}

/** @param {ReturnType<typeof total>} all */
function summary(all) {
	const shares = [
		[money(all.cost), "known cost"],
		[count(all.requests), "requests"],
		[percent(all.failed, all.requests), "failed"],
		[`${compact(all.input)} → ${compact(all.output)}`, "tokens"],
		[percent(all.unpriced, all.requests), "of requests have no price"],
		[percent(all.unknown, all.requests), "have unknown usage"],
		[percent(all.estimated, all.requests), "have estimated usage"]
	];
	return h("div.panel", figures(shares));
}

/** @param {Choice} choice @param {UsageRow[]} rows */
function sumsTable(choice, rows) {
	const all = total(rows);
	const cost = (/** @type {UsageRow} */ row) => Number(row.cost ?? 0);
	/** @type {Column<UsageRow>[]} */
	const columns = [
		{title: choice.group, cell: row => value(groupOf(row, choice.group).name)},
		{title: "Cost", class: "number", cell: costCell, sort: cost},
		{title: "Share", class: "number", cell: row => percent(cost(row), all.cost)},
		numbers("Requests", row => row.requests),
		{
			title: "Failed",
			class: "number",
			cell: row => percent(row.failed, row.requests),
			sort: row => row.failed
		},
		numbers("Input", row => row.input),
		numbers("Cached", row => row.cache_read),
		numbers("Output", row => row.output),
		numbers("No price", row => row.unpriced),
		times("p50", row => row.latency_ms?.p50),
		times("p99", row => row.latency_ms?.p99),
		times("First token p50", row => row.first_token_ms?.p50)
	];
	const href = (/** @type {UsageRow} */ row) => {
		const {id} = groupOf(row, choice.group);
		return id === null ? null : link("requests", [], {[choice.group]: id});
	};
	const sorted = rows.toSorted((a, b) => cost(b) - cost(a) || b.requests - a.requests);
	return table({caption: `Usage by ${choice.group}`, columns, rows: sorted, href}).element;
}

/** What has no price is not free. @param {UsageRow} row */
function costCell(row) {
	if (row.unpriced === 0) return money(row.cost);
	const title = `${count(row.unpriced)} of ${count(row.requests)} requests have no price`;
	return h(
		"span",
		{title, class: "warn"},
		Number(row.cost) > 0 ? `> ${money(row.cost)}` : "unknown"
	);
}

/** @param {string} title @param {(row: UsageRow) => number} of @returns {Column<UsageRow>} */
function numbers(title, of) {
	return {title, class: "number", cell: row => compact(of(row)), sort: of};
}

/** @param {string} title @param {(row: UsageRow) => number | null | undefined} of milliseconds
 * @returns {Column<UsageRow>} */
function times(title, of) {
	const micros = (/** @type {UsageRow} */ row) => {
		const found = of(row);
		return typeof found === "number" ? found * 1000 : null;
	};
	const cell = (/** @type {UsageRow} */ row) => duration(micros(row));
	return {title, class: "number minor", cell, sort: row => micros(row) ?? -1};
}

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
	const amount = (/** @type {string} */ name) =>
		h("input", {name, type: "number", min: 0, step: "any", value: "0"});
	const [input, output] = [amount("input"), amount("output")];
	const lines = () => overrideLines({origin, model, input: input.value, output: output.value});
	const place = h("div");
	const tell = () => replace(place, block(lines(), "Lines of the settings"));
	const fields = h(
		"div",
		{class: "filters", oninput: tell},
		field("USD for a million input tokens", input),
		field("USD for a million output tokens", output)
	);
	const star =
		model.includes("*") &&
		h("p.warn", "A * in the name stands for any characters: this prices more than one model.");
	const hint = h(
		"p",
		"Put these lines into the settings file; they are in force with the next reload."
	);
	tell();
	open("Add a price", [h("div.form", fields, star, hint, place)], [copyButton(lines)]);
}
