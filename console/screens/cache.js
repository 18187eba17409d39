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
	/** @type {(name: keyof Purge, what: string, label: string, hint: string) => HTMLElement[]} */
	const part = (name, what, label, hint) => {
		const input = h("input", {name, required: true, spellcheck: "false"});
		const purge = () => input.reportValidity() && asked({[name]: input.value.trim()}, again);
		return [field(label, input, hint), button(`Purge ${what}`, purge, {change: true})];
	};
	return h(
		"div.form",
		!mayChange() && h("p.warn", "The role viewer may not purge."),
		part("namespace", "namespace", "Namespace", "Removes all responses of this namespace."),
		part("key", "response", "Cache key", "Removes one response; a dry run shows the key."),
		button("Purge everything", () => asked({all: true}, again), {kind: "danger", change: true})
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
