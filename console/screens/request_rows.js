// What does the list tell of one request? Its columns, and the same as CSV.

import {
	at,
	badge,
	compact,
	count,
	csv,
	duration,
	h,
	link,
	money,
	UNKNOWN,
	upstreamName,
	value
} from "../kit.js";
import {time} from "../times.js";

/** @param {RequestRecord} record */
export function statusOf({status, truncated, client_gone, code, outcome, detail}) {
	const isOdd = status >= 400 || truncated || client_gone;
	const isUsual = ["relayed", "answered", "tunnelled"].includes(outcome);
	const why = truncated ? null : (code ?? (isUsual ? null : outcome));
	return [
		badge(String(status), status >= 500 ? "bad" : isOdd ? "warn" : "good", detail ?? outcome),
		truncated && [" ", badge("cut short", "bad", "The response ended before its end.")],
		client_gone && [" ", badge("client left", "warn")],
		why !== null && [" ", value(why, {class: "faint"})]
	].flat();
}

/** @param {RequestRecord} record */
function attemptDots({attempts, more_attempts}) {
	const failed = attempts.filter(it => it.fault !== null).length;
	const all = attempts.length + more_attempts;
	if (all === 0) return h("span.faint", "none");
	const label = `${all} ${all === 1 ? "attempt" : "attempts"}, ${failed} failed`;
	const dots = attempts.slice(0, 8).map(({fault, provider, origin, status}) => {
		const title = `${provider || origin}: ${fault ?? status ?? ""}`.slice(0, 300);
		return h(fault === null ? "span.dot.good" : "span.dot.bad", {title});
	});
	const more = all > dots.length && ` +${all - dots.length}`;
	return h("span.dots", {role: "img", "aria-label": label}, dots, more);
}

/** @param {RequestRecord} record */
export function cacheBadge({cache}) {
	const tone = cache === "hit" || cache === "joined" ? "info" : "plain";
	return cache === "off" ? h("span.faint", UNKNOWN) : badge(cache, tone);
}

/** @param {RequestRecord} record */
function tokens({usage}) {
	if (usage === null) return UNKNOWN;
	const {input, output, source} = usage;
	const title = `${count(input)} in, ${count(output)} out (${source})`;
	const sure = source === "reported" ? "" : "≈ ";
	return h("span", {title}, `${sure}${compact(input)} → ${compact(output)}`);
}

/** @param {RequestRecord} record */
function took({times: {first_token, end}}) {
	const title = first_token === null ? null : `first token after ${duration(first_token)}`;
	return h("span", {title}, duration(end));
}

/** @type {Column<RequestRecord>[]} */
export const COLUMNS = [
	{title: "Time", width: 7, cell: it => time(it.received)},
	{title: "Status", width: 13, class: "status", cell: statusOf},
	{title: "Model", width: 12, cell: it => value(it.model ?? it.response_model ?? UNKNOWN)},
	{
		title: "Upstream",
		width: 10,
		cell: ({provider, origin}) =>
			value(upstreamName(provider, origin), {title: origin ?? undefined})
	},
	{title: "Tries", width: 5, cell: attemptDots, hint: "Attempts in their order; red ones failed"},
	{title: "Cache", width: 5, cell: cacheBadge},
	{title: "Took", width: 6, class: "number", cell: took},
	{title: "Tokens", width: 8, class: "number", cell: tokens, hint: "Input → output"},
	{
		title: "Cost",
		width: 6,
		class: "number",
		cell: it => h("span", {title: it.price_source ?? "without a price"}, money(it.cost))
	},
	{title: "Key", width: 8, cell: it => value(it.key?.name ?? UNKNOWN)},
	{title: "Path", width: 13, class: "minor", cell: it => value(`${it.method} ${it.path}`)}
];

/** @param {RequestRecord} record */
export const hrefOf = record => link("request", [record.id]);

/** @param {RequestRecord} record */
export function rowClass({truncated, status, code}) {
	return truncated ? "cut" : status >= 400 || code !== null ? "failed" : undefined;
}

/** The columns of the CSV, and where a record has them if that is another place. */
const CSV = `received id trace_id key=key.name team=team.name method path provider origin model
	response_model status outcome code truncated cache attempts first_token_us=times.first_token
	end_us=times.end own_us=times.own input_tokens=usage.input output_tokens=usage.output
	usage_source=usage.source cost_usd=cost`
	.split(/\s+/)
	.map(it => it.split("="));

/** @param {RequestRecord[]} records */
export function recordsCsv(records) {
	const cells = (/** @type {RequestRecord} */ record) => {
		const attempts = record.attempts.length + record.more_attempts;
		return CSV.map(([name, place = name]) => at({...record, attempts}, place ?? ""));
	};
	return csv(
		CSV.map(([name = ""]) => name),
		records.map(cells)
	);
}
