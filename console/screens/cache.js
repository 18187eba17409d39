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
	mayChange,
	notice,
	panel,
	refreshed
} from "../kit.js";

/** @param {View} view */
export const show = view => refreshed("Cache", view, () => api.cache.get({}, view), parts);

/** @param {CacheStats} stats @param {() => void} again */
function parts({store, entries, bytes: size}, again) {
	const inRedis = "Responses are stored in Redis, for all replicas; Redis knows how many.";
	const howTo = "A request asks for the cache with this header, or its config does:";
	const shown =
		store === "redis"
			? h("p", inRedis)
			: entries === 0
				? empty("Nothing is stored", howTo, "x-gateway-cache: true")
				: figures([
						[count(entries), "responses"],
						[bytes(size), "in memory"]
					]);
	return h(
		"div.panels",
		panel("Stored responses", shown),
		panel("Purge", purgeForm(again)),
		panel("Why was that not cached?", whyNot())
	);
}

/** @param {() => void} again */
function purgeForm(again) {
	const namespace = h("input", {name: "namespace", spellcheck: "false"});
	const key = h("input", {name: "key", spellcheck: "false"});
	const purge = (/** @type {Purge} */ which) => asked(which, again);
	const purgeNamespace = () => namespace.value && purge({namespace: namespace.value});
	const purgeKey = () => key.value && purge({key: key.value.trim()});
	return h(
		"div.form",
		!mayChange() && h("p.warn", "The role viewer may not purge."),
		field("Namespace", namespace, "Removes all responses of this namespace."),
		button("Purge namespace", purgeNamespace, {change: true}),
		field("Cache key", key, "Removes one response; a dry run shows the key."),
		button("Purge response", purgeKey, {change: true}),
		button("Purge everything", () => purge({all: true}), {kind: "danger", change: true})
	);
}

/** @param {Purge} which @param {() => void} again */
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
	const by = (/** @type {string} */ cache) => h("a", {href: `#/requests?cache=${cache}`}, cache);
	const dryRun = h("a", {href: "#/playground"}, "dry run in the playground");
	const told = [by("hit"), ", ", by("miss"), ", ", by("off"), "."];
	return [
		h("p", "A ", dryRun, " says whether a response may be stored and under which key, or why not."),
		h("p", "What the cache did is in the row of each request: ", ...told)
	];
}
