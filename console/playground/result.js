// What came of a request of the playground? Its status, its times, what the gateway says of it, and
// the message as it arrives.

import {
	badge,
	block,
	bytes,
	count,
	duration,
	facts,
	h,
	link,
	replace,
	value,
	visible
} from "../kit.js";
import {tokensPerSecond} from "./sender.js";

/** Shows a run, at most once in a frame. What the user has opened or scrolled stays so.
 * @param {HTMLElement} host */
export function runView(host) {
	const told = h("div");
	const message = block("", "The message");
	const headers = block("", "Headers of the response");
	const body = block("", "Body");
	const raw = h("details", h("summary", "Body as it came"), body);
	const parts = [told, message, h("details", h("summary", "Headers"), headers), raw];
	const show = (/** @type {Run} */ run) => {
		if (!host.contains(told)) replace(host, parts);
		replace(told, facts(known(run)), run.failed && h("p.bad", value(run.failed)));
		message.textContent = visible(run.text, true);
		headers.textContent = visible(run.headers.map(it => it.join(": ")).join("\n"), true);
		body.textContent = visible(run.raw, true);
		raw.open ||= run.end !== null && run.text === "";
	};
	let isDue = false;
	return (/** @type {Run} */ run) => {
		if (!isDue)
			requestAnimationFrame(() => {
				isDue = false;
				show(run);
			});
		isDue = true;
	};
}

/** @param {Run} run @returns {Fact[]} */
function known(run) {
	const {status, pieces, tokens} = run;
	const rate = tokensPerSecond(run);
	const ms = (/** @type {number | null} */ time) => time !== null && duration(time * 1000);
	const headers = new Map(run.headers);
	const told = (/** @type {string} */ name) => headers.has(name) && value(headers.get(name));
	const trace_id = headers.get("x-gateway-trace-id");
	const record = {href: link("requests", [], {trace_id}), target: "_blank", rel: "noopener"};
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
		["Record", trace_id && h("a", record, value(trace_id))]
	];
}
