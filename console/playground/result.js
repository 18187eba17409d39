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
	const {headers, text, raw, failed} = run;
	const lines = headers.map(([name, value]) => `${name}: ${value}`);
	return [
		facts(known(run)),
		failed && h("p.bad", value(failed)),
		text !== "" && block(text, "The message"),
		lines.length > 0 &&
			h("details", h("summary", "Headers"), block(lines.join("\n"), "Headers of the response")),
		raw !== "" &&
			h("details", {open: text === ""}, h("summary", "Body as it came"), block(raw, "Body"))
	];
}

/** @param {Run} run @returns {Fact[]} */
function known(run) {
	const {status, pieces, tokens} = run;
	const rate = tokensPerSecond(run);
	const ms = (/** @type {number | null} */ time) => time !== null && duration(time * 1000);
	const header = (/** @type {string} */ name) => run.headers.find(it => it[0] === name)?.[1];
	const told = (/** @type {string} */ name) => header(name) && value(header(name));
	const trace = header("x-gateway-trace-id");
	return [
		["Status", status ? badge(String(status), status < 400 ? "good" : "bad") : "none yet"],
		["Head after", ms(run.head)],
		["First token after", ms(run.first_token)],
		["All after", ms(run.end) || "– so far"],
		["Tokens", tokens !== null ? count(tokens) : pieces > 0 ? `${pieces} pieces` : null],
		["Tokens per second", rate && rate.toFixed(1)],
		["Body", bytes(run.bytes)],
		["Target", told("x-gateway-last-used-option-index")],
		["Retries", told("x-gateway-retry-attempt-count")],
		["Cache", told("x-gateway-cache-status")],
		["Error", told("x-gateway-error")],
		["Record", trace && h("a", {href: link("requests", [], {trace_id: trace})}, value(trace))]
	];
}
