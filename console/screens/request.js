// What happened to one request? Where its time went, what was tried, used and counted.

import {
	api,
	badge,
	block,
	button,
	bytes,
	compact,
	copyButton,
	duration,
	empty,
	facts,
	faint,
	figures,
	h,
	heading,
	link,
	loaded,
	money,
	open,
	panel,
	replace,
	UNKNOWN,
	value
} from "../kit.js";
import {time} from "../times.js";
import {costPart, usagePart} from "./request_cost.js";
import {bodyOf, curl, headersOf} from "./request_curl.js";
import {cacheBadge, statusOf} from "./request_rows.js";
import {planTree, waterfall} from "./request_waterfall.js";

/** @param {View} view */
export async function show({root, route, signal}) {
	const [id] = route.args;
	if (id === undefined) {
		replace(root, empty("No request", "Choose one from the list of requests."));
		return;
	}
	const content = h("div.screen");
	root.append(content);
	await loaded(content, () => api.records.get(id, {signal}), shown);
}

/** @param {RequestRecord} record */
function shown(record) {
	return [
		heading("Request", ...actions(record)),
		h(
			"p.head",
			value(`${record.method} ${record.path}`, {class: "mono"}),
			" ",
			statusOf(record),
			" ",
			record.cache !== "off" && cacheBadge(record),
			" ",
			time(record.received)
		),
		record.detail !== null && h("div.panel", h("b", "Error: "), value(record.detail)),
		summary(record),
		panel("Where the time went", waterfall(record)),
		h(
			"div.panels",
			panel("Plan, and what happened", planTree(record)),
			panel("Usage", usagePart(record)),
			panel("Cost", costPart(record)),
			panel("Limits and budgets", countedBy(record)),
			panel("Who and where", facts(whoFacts(record))),
			panel("Response", facts(responseFacts(record))),
			panel("Metadata", metadata(record))
		)
	];
}

/** @param {RequestRecord} record */
function actions(record) {
	return [
		button("As curl", () => showCurl(record)),
		h("a", {class: "button", href: playgroundLink(record)}, "Open in playground"),
		button("As JSON", () => {
			const text = JSON.stringify(record, null, 2);
			open("The record", [block(text, "The record as JSON")], [copyButton(() => text)]);
		})
	];
}

/** @param {RequestRecord} record */
function showCurl(record) {
	const text = curl(record, location.origin);
	const hint =
		"Bodies are not recorded: this one is made of what is known. Set the variables to your keys.";
	open("The request as curl", [h("p", hint), block(text, "Command")], [copyButton(() => text)]);
}

/** @param {RequestRecord} record */
function playgroundLink(record) {
	const headers = headersOf(record).map(([name, text]) => `${name}: ${text}`);
	return link("playground", [], {
		method: record.method,
		path: record.path,
		headers: headers.join("\n"),
		body: JSON.stringify(bodyOf(record), null, 2)
	});
}

/** @param {RequestRecord} record */
function summary({times, attempts, more_attempts, usage, cost}) {
	const all = [
		[duration(times.end), "took"],
		[duration(times.first_token), "to the first token"],
		[duration(times.own), "the gateway's own"],
		[String(attempts.length + more_attempts), "attempts"],
		[usage === null ? UNKNOWN : `${compact(usage.input)} → ${compact(usage.output)}`, "tokens"],
		[money(cost), "cost"]
	];
	return h("div.panel", figures(all));
}

/** @param {RequestRecord} record @returns {Fact[]} */
function whoFacts(record) {
	const {key, team} = record;
	return [
		["Key", key === null ? UNKNOWN : h("a", {href: link("keys", [key.id])}, value(key.name))],
		["Team", team === null ? UNKNOWN : h("a", {href: link("teams", [team.id])}, value(team.name))],
		["Client", value(record.client ?? UNKNOWN)],
		["Route", value([record.route, record.route_name].filter(Boolean).join(" "))],
		["Provider", value(record.provider ?? UNKNOWN)],
		["Origin", value(record.origin ?? UNKNOWN)],
		["Operation", value(record.operation)],
		["Id", value(record.id, {class: "mono"})],
		[
			"Trace id",
			h("a", {href: link("requests", [], {trace_id: record.trace_id})}, value(record.trace_id))
		],
		["traceparent", value(record.traceparent ?? UNKNOWN, {class: "mono"})]
	];
}

/** @param {RequestRecord} record @returns {Fact[]} */
function responseFacts(record) {
	const {model} = record;
	const asked =
		model === null ? UNKNOWN : h("a", {href: link("requests", [], {model})}, value(model));
	return [
		["Model asked for", asked],
		["Model that responded", value(record.response_model ?? UNKNOWN)],
		["Finish reason", value(record.finish_reason ?? UNKNOWN)],
		["Service tier", value(record.service_tier ?? UNKNOWN)],
		["Largest output", value(record.max_tokens ?? UNKNOWN)],
		["Stream", record.stream ? `yes, ${record.chunks ?? UNKNOWN} chunks with output` : "no"],
		["Response id", value(record.response_id ?? UNKNOWN, {class: "mono"})],
		["Outcome", value(record.outcome)],
		["Request body", bytes(record.bytes_in)],
		["Response body", bytes(record.bytes_out)]
	];
}

/** @param {RequestRecord} record */
function countedBy({counted_by}) {
	if (counted_by.length === 0) return faint("No limit and no budget counted this request.");
	return h(
		"p",
		counted_by.flatMap(it => [badge(it), " "])
	);
}

/** @param {RequestRecord} record */
function metadata(record) {
	const all = Object.entries(record.metadata);
	if (all.length === 0) return faint("The request had none.");
	/** @type {(pair: [string, string]) => [HTMLElement, HTMLElement]} */
	const shown = ([name, text]) => {
		const href = link("requests", [], {metadata: `${name}=${text}`});
		return [value(name), h("a", {href}, value(text))];
	};
	return facts(all.map(shown));
}
