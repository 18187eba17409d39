// What came of a request of the playground? Its status, its times, what the gateway says of it, and
// the message as it arrives.

import {badge, block, bytes, count, duration, facts, h, link, replace, value} from "../kit.js";
import {tokensPerSecond} from "./sender.js";

/** Shows a run, at most once in a frame. @param {HTMLElement} host */
export function runView(host) {
	/** @type {Run | null} */
	let latest = null;
	return (/** @type {Run} */ run) => {
		if (latest === null)
			requestAnimationFrame(() => {
				if (latest !== null) replace(host, shown(latest));
				latest = null;
			});
		latest = run;
	};
}

/** @param {Run} run */
function shown(run) {
	return [
		facts(known(run)),
		run.failed && h("p", {class: "bad"}, value(run.failed)),
		run.text !== "" && block(run.text, "The message"),
		headersOf(run),
		run.raw !== "" &&
			h(
				"details",
				{open: run.text === ""},
				h("summary", null, "Body as it came"),
				block(run.raw, "Body")
			)
	];
}

/** @param {Run} run @returns {Fact[]} */
function known(run) {
	const rate = tokensPerSecond(run);
	const tone = run.status !== null && run.status < 400 ? "good" : "bad";
	const all = run.end === null ? [duration(null), " so far"] : duration(run.end * 1000);
	return [
		["Status", run.status === null ? "none yet" : badge(String(run.status), tone)],
		["Head after", ms(run.head)],
		["First token after", ms(run.first_token)],
		["All after", all],
		[
			"Tokens",
			run.tokens === null ? (run.pieces > 0 ? `${run.pieces} pieces` : null) : count(run.tokens)
		],
		["Tokens per second", rate === null ? null : rate.toFixed(1)],
		["Body", bytes(run.bytes)],
		["Target", header(run, "x-gateway-last-used-option-index")],
		["Retries", header(run, "x-gateway-retry-attempt-count")],
		["Cache", header(run, "x-gateway-cache-status")],
		["Error", header(run, "x-gateway-error")],
		["Record", record(run)]
	];
}

/** @param {number | null} time */
const ms = time => (time === null ? null : duration(time * 1000));

/** @param {Run} run @param {string} name */
function header(run, name) {
	const found = run.headers.find(it => it[0] === name);
	return found === undefined ? null : value(found[1]);
}

/** @param {Run} run */
function record(run) {
	const trace = run.headers.find(it => it[0] === "x-gateway-trace-id")?.[1];
	return trace && h("a", {href: link("requests", [], {trace_id: trace})}, value(trace));
}

/** @param {Run} run */
function headersOf(run) {
	const lines = run.headers.map(([name, text]) => `${name}: ${text}`);
	return (
		lines.length > 0 &&
		h(
			"details",
			null,
			h("summary", null, "Headers"),
			block(lines.join("\n"), "Headers of the response")
		)
	);
}
