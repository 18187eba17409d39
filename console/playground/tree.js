// What would be done with a request? The plan that the gateway tells, drawn as a tree of groups and
// targets, each with the verdict of the guard.

import {badge, faint, h, value} from "../kit.js";
import {limitText} from "../objects/shown.js";

/** @param {any} plan */
export function planTree(plan) {
	const targets = new Map(plan.targets.map((/** @type {any} */ it) => [it.index, it]));
	return h(
		"div",
		{class: "plan"},
		h("ul", {class: "tree", "aria-label": "The plan"}, node(plan.order, targets, plan.first, null)),
		notes(plan)
	);
}

/** @param {any} order a group, or the place of a target @param {Map<string, any>} targets
 * @param {string} first @param {string | null} weight @returns {HTMLElement} */
function node(order, targets, first, weight) {
	if (typeof order === "string")
		return h("li", null, target(targets.get(order), order === first, weight));
	const weights = order.weights ?? [];
	const sum = weights.reduce((/** @type {number} */ a, /** @type {number} */ b) => a + b, 0);
	const children = order.targets.map((/** @type {any} */ it, /** @type {number} */ at) =>
		node(it, targets, first, sum > 0 ? `${Math.round((100 * weights[at]) / sum)} %` : null)
	);
	const statuses = order.on_status_codes ? ` on ${order.on_status_codes.join(", ")}` : "";
	return h(
		"li",
		null,
		h(
			"span",
			{class: "group"},
			`${order.mode}${statuses}`,
			order.sticky ? ", sticky" : "",
			weight && ` (${weight})`
		),
		h("ul", null, children)
	);
}

/** @param {any} it @param {boolean} is_first @param {string | null} weight */
function target(it, is_first, weight) {
	if (it === undefined) return null;
	const refused = it.guard.verdict !== "allowed";
	const verdict = refused ? badge("refused", "bad") : badge("allowed", "good");
	const closed = it.breaker && !it.breaker.admits ? badge("breaker open", "warn") : null;
	return h(
		"div",
		{class: "target"},
		h(
			"div",
			{class: "target-head"},
			h("code", {class: "place"}, value(it.index)),
			it.name && value(it.name),
			h("code", {class: "url"}, value(`${it.origin}${it.path}`)),
			is_first ? badge("first", "info") : null,
			weight && badge(weight),
			verdict,
			closed
		),
		refused && h("p", {class: "bad"}, value(`${it.guard.code}: ${it.guard.message}`)),
		faint(
			details(it)
				.map(line => [value(line), h("br")])
				.flat()
		)
	);
}

/** @param {any} it @returns {string[]} */
function details(it) {
	const {own, callers, withheld} = it.credentials;
	const lines = [
		own ? `credential: its own, in ${own}` : `the caller's credentials: ${callers}`,
		withheld && `withheld: ${withheld}`,
		it.provider !== "passthrough" && `provider ${it.provider}`,
		it.retry.attempts > 0 &&
			`retries: ${it.retry.attempts}, on ${it.retry.on_status_codes.join(", ")}`,
		it.hedge && `a second request after ${it.hedge.after} ms`,
		it.timeouts.first_token && `first token within ${it.timeouts.first_token} ms`,
		it.request_timeout && `response head within ${it.request_timeout} ms`,
		it.headers.set.length > 0 && `sets ${it.headers.set.join(", ")}`,
		it.headers.removed.length > 0 && `removes ${it.headers.removed.join(", ")}`,
		it.body_edits.length > 0 && `edits ${it.body_edits.join(", ")} in the body`,
		...it.limits.map(limit)
	];
	return lines.filter(line => typeof line === "string");
}

/** @param {any} it */
const limit = it => `limit of ${it.place}: ${limitText({...nulls(it), window: `${it.window} ms`})}`;

/** @param {any} it */
const nulls = it => Object.fromEntries(Object.entries(it).filter(([, value]) => value !== null));

/** @param {any} plan */
function notes(plan) {
	const cache = plan.cache.cacheable
		? `The response may be stored for ${plan.cache.ttl} s.`
		: `The cache has no part in it: ${plan.cache.reason}.`;
	const all = [cache, ...plan.limits.map(limit), ...plan.notes];
	return h(
		"ul",
		{class: "notes"},
		all.map(it => h("li", null, value(it)))
	);
}
