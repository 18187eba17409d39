// What would be done with a request? The plan that the gateway tells, drawn as a tree of groups and
// targets, each with the verdict of the guard.

import {badge, faint, h, value} from "../kit.js";
import {amountOf, budgetText} from "../objects/budgets.js";
import {limitText} from "../objects/shown.js";

/** @param {any} plan */
export function planTree(plan) {
	const targets = new Map(plan.targets.map((/** @type {any} */ it) => [it.index, it]));
	/** @type {(order: any, weight: string | null) => HTMLElement} a group, or a target's place */
	const node = (order, weight) => {
		if (typeof order === "string")
			return h("li", target(targets.get(order), order === plan.first, weight));
		/** @type {number[]} */
		const weights = order.weights ?? [];
		const sum = weights.reduce((all, it) => all + it, 0);
		const share = (/** @type {number} */ at) =>
			sum > 0 ? `${Math.round((100 * (weights[at] ?? 0)) / sum)} %` : null;
		const statuses = order.on_status_codes ? ` on ${order.on_status_codes.join(", ")}` : "";
		const name = `${order.mode}${statuses}${order.sticky ? ", sticky" : ""}`;
		const nodes = [...order.targets.entries()].map(([at, it]) => node(it, share(at)));
		return h("li", h("b", name, weight && ` (${weight})`), h("ul", nodes));
	};
	const {cacheable, ttl, reason} = plan.cache;
	const notes = [
		cacheable
			? `The response may be stored for ${ttl} s.`
			: `The cache has no part in it: ${reason}.`,
		...plan.limits.map(limit),
		...plan.budgets.map(budget),
		...plan.notes
	];
	const items = notes.map(it => h("li", value(it)));
	const tree = h("ul.tree", {"aria-label": "The plan"}, node(plan.order, null));
	return h("div", tree, h("ul.notes", items));
}

/** @param {any} it @param {boolean} is_first @param {string | null} weight */
function target(it, is_first, weight) {
	if (it === undefined) return null;
	const {guard, breaker} = it;
	const refused = guard.verdict !== "allowed";
	return h(
		"div.target",
		h(
			"div.target-head",
			h("code", value(it.index)),
			it.name && value(it.name),
			h("code", value(`${it.origin}${it.path}`)),
			is_first && badge("first", "info"),
			weight && badge(weight),
			refused ? badge("refused", "bad") : badge("allowed", "good"),
			breaker && !breaker.admits && badge("breaker open", "warn")
		),
		refused && h("p.bad", value(`${guard.code}: ${guard.message}`)),
		faint(details(it).flatMap(line => (line ? [value(line), h("br")] : [])))
	);
}

/** @param {any} it @returns {(string | false | null)[]} */
function details({credentials, provider, retry, hedge, timeouts, request_timeout, ...it}) {
	const {own, callers, withheld} = credentials;
	return [
		own ? `credential: its own, in ${own}` : `the caller's credentials: ${callers}`,
		withheld && `withheld: ${withheld}`,
		provider !== "passthrough" && `provider ${provider}`,
		retry.attempts > 0 && `retries: ${retry.attempts}, on ${retry.on_status_codes.join(", ")}`,
		hedge && `a second request after ${hedge.after} ms`,
		timeouts.first_token && `first token within ${timeouts.first_token} ms`,
		request_timeout && `response head within ${request_timeout} ms`,
		it.headers.set.length > 0 && `sets ${it.headers.set.join(", ")}`,
		it.headers.removed.length > 0 && `removes ${it.headers.removed.join(", ")}`,
		it.body_edits.length > 0 && `edits ${it.body_edits.join(", ")} in the body`,
		...it.limits.map(limit)
	];
}

/** @param {any} it */
function limit(it) {
	const given = Object.entries(it).filter(([, part]) => part !== null);
	return `limit of ${it.place}: ${limitText({...Object.fromEntries(given), window: `${it.window} ms`})}`;
}

/** @param {any} it */
const budget = it => `budget of ${it.owner}: ${budgetText(it)}, ${amountOf(it, it.remaining)} left`;
