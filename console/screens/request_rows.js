// What does the list tell of one request? Its columns, and the same as CSV.

import {
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
export function isFailed(record) {
	return record.status >= 400 || record.code !== null;
}

/** @param {RequestRecord} record */
export function statusOf(record) {
	const tone =
		record.status >= 500
			? "bad"
			: record.status >= 400 || record.truncated || record.client_gone
				? "warn"
				: "good";
	const why = record.code ?? (isUsual(record.outcome) ? null : record.outcome);
	return [
		badge(String(record.status), tone, record.detail ?? record.outcome),
		record.truncated && [" ", badge("cut short", "bad", "The response ended before its end.")],
		record.client_gone && [" ", badge("client left", "warn")],
		why !== null && !record.truncated && [" ", value(why, {class: "faint"})]
	].flat();
}

/** @param {string} outcome */
function isUsual(outcome) {
	return outcome === "relayed" || outcome === "answered" || outcome === "tunnelled";
}

/** @param {RequestRecord} record */
export function attemptDots(record) {
	const failed = record.attempts.filter(it => it.fault !== null).length;
	const all = record.attempts.length + record.more_attempts;
	if (all === 0) return h("span.faint", "none");
	const label = `${all} ${all === 1 ? "attempt" : "attempts"}, ${failed} failed`;
	const dots = record.attempts
		.slice(0, 8)
		.map(it =>
			h("span", {
				class: `dot ${it.fault === null ? "good" : "bad"}`,
				title: `${it.provider || it.origin}: ${it.fault ?? it.status ?? ""}`.slice(0, 300)
			})
		);
	const more = all > dots.length && ` +${all - dots.length}`;
	return h("span", {role: "img", "aria-label": label, class: "dots"}, dots, more);
}

/** @param {RequestRecord} record */
export function cacheBadge(record) {
	const tone = record.cache === "hit" || record.cache === "joined" ? "info" : "plain";
	return record.cache === "off" ? h("span.faint", UNKNOWN) : badge(record.cache, tone);
}

/** @param {RequestRecord} record */
function tokens(record) {
	const {usage} = record;
	if (usage === null) return UNKNOWN;
	const title = `${count(usage.input)} in, ${count(usage.output)} out (${usage.source})`;
	const sure = usage.source === "reported" ? "" : "≈ ";
	return h("span", {title}, `${sure}${compact(usage.input)} → ${compact(usage.output)}`);
}

/** @param {RequestRecord} record */
function took(record) {
	const first = record.times.first_token;
	const title = first === null ? undefined : `first token after ${duration(first)}`;
	return h("span", {title}, duration(record.times.end));
}

/** @param {RequestRecord} record */
function cost(record) {
	return h("span", {title: record.price_source ?? "without a price"}, money(record.cost));
}

/** @type {Column<RequestRecord>[]} */
export const COLUMNS = [
	{title: "Time", width: 7, cell: it => time(it.received)},
	{title: "Status", width: 13, class: "status", cell: statusOf},
	{title: "Model", width: 12, cell: it => value(it.model ?? it.response_model ?? UNKNOWN)},
	{title: "Upstream", width: 10, cell: upstream},
	{title: "Tries", width: 5, cell: attemptDots, hint: "Attempts in their order; red ones failed"},
	{title: "Cache", width: 5, cell: cacheBadge},
	{title: "Took", width: 6, class: "number", cell: took},
	{title: "Tokens", width: 8, class: "number", cell: tokens, hint: "Input → output"},
	{title: "Cost", width: 6, class: "number", cell: cost},
	{title: "Key", width: 8, cell: it => value(it.key?.name ?? UNKNOWN)},
	{title: "Path", width: 13, class: "minor", cell: it => value(`${it.method} ${it.path}`)}
];

/** @param {RequestRecord} record */
function upstream(record) {
	return value(upstreamName(record.provider, record.origin), {title: record.origin ?? undefined});
}

/** @param {RequestRecord} record */
export const hrefOf = record => link("request", [record.id]);

/** @param {RequestRecord} record */
export function rowClass(record) {
	return record.truncated ? "cut" : isFailed(record) ? "failed" : undefined;
}

/** @type {[string, (it: RequestRecord) => string | number | boolean | null | undefined][]} */
const CSV = [
	["received", it => it.received],
	["id", it => it.id],
	["trace_id", it => it.trace_id],
	["key", it => it.key?.name],
	["team", it => it.team?.name],
	["method", it => it.method],
	["path", it => it.path],
	["provider", it => it.provider],
	["origin", it => it.origin],
	["model", it => it.model],
	["response_model", it => it.response_model],
	["status", it => it.status],
	["outcome", it => it.outcome],
	["code", it => it.code],
	["truncated", it => it.truncated],
	["cache", it => it.cache],
	["attempts", it => it.attempts.length + it.more_attempts],
	["first_token_us", it => it.times.first_token],
	["end_us", it => it.times.end],
	["own_us", it => it.times.own],
	["input_tokens", it => it.usage?.input],
	["output_tokens", it => it.usage?.output],
	["usage_source", it => it.usage?.source],
	["cost_usd", it => it.cost]
];

/** @param {RequestRecord[]} records */
export function recordsCsv(records) {
	const titles = CSV.map(([title]) => title);
	return csv(
		titles,
		records.map(record => CSV.map(([, read]) => read(record)))
	);
}
