// Where did the time of a request go? Its attempts to scale, each with why it ended, and what was
// planned beside what happened.

import {badge, duration, faint, h, upstreamName, value} from "../kit.js";
import {phaseText, waterfallLegend, waterfallLine, waterfallScale} from "../chart.js";

/** @param {RequestRecord} record */
export function waterfall(record) {
	const {end} = record.times;
	const lines = record.attempts.map((it, place) => attemptLine(it, place, record));
	const more = record.more_attempts;
	return [
		waterfallScale(end),
		h("ol.waterfall", wholeLine(record), lines),
		more > 0 && faint(`${more} more attempts are not in the record.`),
		waterfallLegend()
	];
}

/** @param {RequestRecord} record */
function wholeLine({times, status, outcome}) {
	const {sent, head, first_token, end, own} = times;
	const segments = phases([
		["own", 0, sent ?? end],
		["head", sent ?? end, head ?? end],
		["first", head, first_token],
		["body", first_token ?? head, end]
	]);
	const label = [h("b", "Request"), " ", badge(String(status)), value(` ${outcome}`)];
	return line(label, segments, end, `${duration(end)}, ${duration(own)} of it the gateway's own`);
}

/** @param {Child[]} label @param {Segment[]} segments @param {number} end @param {string} facts */
const line = (label, segments, end, facts) =>
	h("li", h("div.label", label), waterfallLine(segments, end), h("div.faint", facts));

/** @param {Attempt} attempt @param {number} place @param {RequestRecord} record */
function attemptLine(attempt, place, {times}) {
	const {provider, origin, status, fault, head} = attempt;
	const isRelayed = head !== null && head === times.head;
	const segments = segmentsOf(attempt);
	const label = [
		h("b", `${place + 1}. `),
		value(upstreamName(provider, origin)),
		" ",
		value(origin, {class: "faint"}),
		" ",
		status !== null && badge(String(status), fault === null ? "good" : "bad"),
		" ",
		fault !== null && badge(fault, "bad")
	];
	const facts = `${phaseText(segments).join(" · ")}. ${whyEnded(attempt, isRelayed)}`;
	return line(label, segments, times.end, facts);
}

/** The parts of an attempt; one that did not come to its end is the last.
 * @param {Attempt} attempt */
export function segmentsOf(attempt) {
	const {began, resolved, connected, tls_done, head, first_token, ended} = attempt;
	const ready = tls_done ?? connected ?? resolved;
	const connecting = attempt.reused || resolved === null ? null : (connected ?? ended);
	const isOpen = attempt.reused ? resolved !== null : connected !== null;
	return phases([
		["resolve", began, resolved ?? ended],
		["connect", resolved, connecting],
		["tls", connected, tls_done],
		["head", isOpen ? ready : null, head ?? ended],
		["first", head, first_token],
		["body", first_token ?? head, ended]
	]);
}

/** The phases that there were: those with a beginning and an end.
 * @param {[Phase, number | null, number | null][]} all @returns {Segment[]} */
function phases(all) {
	const found = [];
	for (const [phase, from, to] of all)
		if (from !== null && to !== null && to >= from && (to > from || phase === "head"))
			found.push({phase, from, to});
	return found;
}

/** @param {Attempt} attempt @param {boolean} isRelayed */
function whyEnded({fault, status, began, ended, reused}, isRelayed) {
	const connection = reused ? " On a connection of the pool." : "";
	if (fault === null) return `Its response was relayed.${connection}`;
	if (isRelayed)
		return `Failed, and its response was relayed, since no other target was left.${connection}`;
	const how = status === null ? "without a response" : "by its response";
	return `Failed after ${duration(ended - began)}, ${how}.${connection}`;
}

/** @param {RequestRecord} record */
export function planTree(record) {
	if (record.plan === null || record.plan === undefined) return faint("There was one target.");
	return h("ul.tree", planNode(record.plan, record.attempts));
}

/** @param {any} node a group, or a target's place in the config @param {Attempt[]} attempts */
function planNode(node, attempts) {
	if (typeof node !== "object" || node === null)
		return h("li", value(node, {class: "mono"}), " ", whatHappened(String(node), attempts));
	const children = Array.isArray(node.targets) ? node.targets : [];
	const on = Array.isArray(node.on_status_codes) && ` on ${node.on_status_codes.join(", ")}`;
	const weights = Array.isArray(node.weights) && ` by weights ${node.weights.join(" : ")}`;
	const nodes = children.map((/** @type {any} */ it) => planNode(it, attempts));
	return h("li", badge(String(node.mode)), value(on || weights || ""), h("ul", nodes));
}

/** @param {string} target @param {Attempt[]} attempts */
function whatHappened(target, attempts) {
	const tried = attempts.flatMap((it, place) => {
		const text = `${place + 1}. ${it.fault ?? it.status ?? "relayed"}`;
		return it.target === target ? [badge(text, it.fault === null ? "good" : "bad"), " "] : [];
	});
	return tried.length > 0 ? h("span", tried) : h("span.faint", "not tried");
}
