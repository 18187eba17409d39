// How full is the cache, and what is to be removed from it?

import {
	api,
	button,
	bytes,
	confirm,
	count,
	empty,
	field,
	figures,
	h,
	heading,
	loaded,
	mayChange,
	notice,
	panel
} from "../kit.js";

/** @param {View} view */
export async function show({root, signal}) {
	const content = h("div.panels");
	const load = () =>
		loaded(
			content,
			() => api.cache.get({}, {signal}),
			it => parts(it, load)
		);
	root.append(heading("Cache", button("Refresh", load)), content);
	await load();
}

/** @param {CacheStats} stats @param {() => void} again */
function parts(stats, again) {
	return [
		panel("Stored responses", stats.store === "redis" ? inRedis() : inMemory(stats)),
		panel("Purge", purgeForm(again)),
		panel("Why was that not cached?", whyNot())
	];
}

function inRedis() {
	return h("p", "Responses are stored in Redis, for all replicas; Redis knows how many.");
}

/** @param {CacheStats} stats */
function inMemory(stats) {
	if (stats.entries === 0) {
		const text = "A request asks for the cache with this header, or its config does:";
		return empty("Nothing is stored", text, "x-gateway-cache: true");
	}
	return figures([
		[count(stats.entries), "responses"],
		[bytes(stats.bytes), "in memory"]
	]);
}

/** @param {() => void} again */
function purgeForm(again) {
	const namespace = h("input", {name: "namespace", spellcheck: "false"});
	const key = h("input", {name: "key", spellcheck: "false"});
	const purge = (/** @type {{namespace?: string, key?: string, all?: boolean}} */ which) =>
		asked(which, again);
	const options = {change: true};
	const danger = /** @type {const} */ ({kind: "danger", change: true});
	return h(
		"div.form",
		!mayChange() && h("p.warn", "The role viewer may not purge."),
		field("Namespace", namespace, "Removes all responses of this namespace."),
		button(
			"Purge namespace",
			() => namespace.value && purge({namespace: namespace.value}),
			options
		),
		field("Cache key", key, "Removes one response; a dry run shows the key."),
		button("Purge response", () => key.value && purge({key: key.value.trim()}), options),
		button("Purge everything", () => purge({all: true}), danger)
	);
}

/** @param {{namespace?: string, key?: string, all?: boolean}} which @param {() => void} again */
function asked(which, again) {
	const what = which.all
		? "all stored responses"
		: which.namespace !== undefined
			? `all responses of the namespace “${which.namespace}”`
			: "this one response";
	const text = `This removes ${what}. Requests to come are sent to upstreams again.`;
	confirm({title: "Purge the cache?", text, label: "Purge", danger: true}, async () => {
		const {data} = await api.cache.purge(which);
		const missed = data?.purged?.found === false;
		notice(missed ? "No response is stored under this key." : "Purged.", missed ? "warn" : "good");
		again();
	});
}

function whyNot() {
	const dryRun = h("a", {href: "#/playground"}, "dry run in the playground");
	return h(
		"div",
		h("p", "A ", dryRun, " says whether a response may be stored and under which key, or why not."),
		h(
			"p",
			"What the cache did is in the row of each request: ",
			requestsBy("hit"),
			", ",
			requestsBy("miss"),
			", ",
			requestsBy("off"),
			"."
		)
	);
}

/** @param {string} cache */
function requestsBy(cache) {
	return h("a", {href: `#/requests?cache=${cache}`}, cache);
}
