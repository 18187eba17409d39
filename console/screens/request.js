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
	await loaded(root, () => api.records.get(id, {signal}), shown);
}

/** @param {RequestRecord} record */
function shown(record) {
	const {method, path, cache, received, detail} = record;
	return [
		heading("Request", ...actions(record)),
		h(
			"p",
			value(`${method} ${path}`, {class: "mono"}),
			" ",
			statusOf(record),
			" ",
			cache !== "off" && [cacheBadge(record), " "],
			time(received)
		),
		detail !== null && h("div.panel", h("b", "Error: "), value(detail)),
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
	const {method, path} = record;
	const dialog = (/** @type {string} */ title, /** @type {string} */ text, hint = "") =>
		open(title, [hint && h("p", hint), block(text, title)], [copyButton(() => text)]);
	const hint =
		"Bodies are not recorded: this one is made of what is known. Set the variables to your keys.";
	const headers = headersOf(record).map(it => it.join(": "));
	const body = JSON.stringify(bodyOf(record), null, 2);
	const href = link("playground", [], {method, path, headers: headers.join("\n"), body});
	return [
		button("As curl", () => dialog("The request as curl", curl(record, location.origin), hint)),
		h("a.button", {href}, "Open in playground"),
		button("As JSON", () => dialog("The record as JSON", JSON.stringify(record, null, 2)))
	];
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

/** A value that leads somewhere. @param {string} href @param {unknown} text */
const linked = (href, text) => h("a", {href}, value(text));

/** @param {unknown} text */
const known = text => value(text ?? UNKNOWN);

/** @param {unknown} text */
const mono = text => value(text ?? UNKNOWN, {class: "mono"});

/** @param {RequestRecord} record @returns {Fact[]} */
function whoFacts({key, team, client, route, route_name, provider, origin, ...record}) {
	const {operation, id, trace_id, traceparent} = record;
	return [
		["Key", key ? linked(link("keys", [key.id]), key.name) : UNKNOWN],
		["Team", team ? linked(link("teams", [team.id]), team.name) : UNKNOWN],
		["Client", known(client)],
		["Route", value([route, route_name].filter(Boolean).join(" "))],
		["Provider", known(provider)],
		["Origin", known(origin)],
		["Operation", value(operation)],
		["Id", mono(id)],
		["Trace id", linked(link("requests", [], {trace_id}), trace_id)],
		["traceparent", mono(traceparent)]
	];
}

/** @param {RequestRecord} record @returns {Fact[]} */
function responseFacts({model, stream, chunks, ...record}) {
	return [
		["Model asked for", model === null ? UNKNOWN : linked(link("requests", [], {model}), model)],
		["Model that responded", known(record.response_model)],
		["Finish reason", known(record.finish_reason)],
		["Service tier", known(record.service_tier)],
		["Largest output", known(record.max_tokens)],
		["Stream", stream ? `yes, ${chunks ?? UNKNOWN} chunks with output` : "no"],
		["Response id", mono(record.response_id)],
		["Outcome", value(record.outcome)],
		["Request body", bytes(record.bytes_in)],
		["Response body", bytes(record.bytes_out)]
	];
}

/** @param {RequestRecord} record */
function countedBy({counted_by}) {
	if (counted_by.length === 0) return faint("No limit and no budget counted this request.");
	const badges = counted_by.flatMap(it => [badge(it), " "]);
	return h("p", badges);
}

/** @param {RequestRecord} record */
function metadata(record) {
	const all = Object.entries(record.metadata);
	if (all.length === 0) return faint("The request had none.");
	const href = (/** @type {string[]} */ pair) => link("requests", [], {metadata: pair.join("=")});
	return facts(all.map(pair => [value(pair[0]), linked(href(pair), pair[1])]));
}
