// Which paths stand for which targets? The endpoints with their figures, their form with a preview
// of the route, a test and a switch.

import {
	api,
	badge,
	button,
	code,
	confirm,
	facts,
	faint,
	h,
	mayChange,
	money,
	notice,
	panel,
	value
} from "../kit.js";
import {endpointTest} from "../objects/endpoint_test.js";
import {endpointFields} from "../objects/fields.js";
import {samplePath, targetOf} from "../objects/preview.js";
import {limitsPanel, objectScreen, usePanel} from "../objects/screen.js";
import {failedText, latency, marks, usageBy, usageColumns} from "../objects/shown.js";

export const show = objectScreen({
	kind: "endpoints",
	title: "Endpoints",
	article: "an endpoint",
	none: [
		"An endpoint is a path of this gateway that stands for a target, with the target's " +
			"credential, so that clients need neither its address nor its key."
	],
	deletion: "Requests to it get 404. This is for good.",
	fields: endpointFields,
	usage: () => usageBy("route_name", {route: "endpoint"}),
	columns: ({usage}) => {
		const used = (/** @type {any} */ it) => usage?.get(it.path);
		const [requests, cost] = usageColumns(used);
		return [
			{title: "Path", cell: it => [value(it.name), " ", ...states(it)], sort: it => it.name},
			{title: "Target", cell: it => value(it.target ?? "of its config"), class: "wide minor"},
			requests,
			{title: "Failed", cell: it => failedText(used(it)), class: "number"},
			{title: "p50", cell: it => latency(used(it), "p50"), class: "number minor"},
			{title: "p99", cell: it => latency(used(it), "p99"), class: "number minor"},
			cost
		];
	},
	states,
	preview,
	parts: shown => {
		const {it, usage, spent} = shown;
		return [
			panel("Where a request goes", preview(it), about(it)),
			usePanel(usage, it.path, {route: "endpoint", route_name: it.path}),
			spent.length > 0 && limitsPanel([], shown),
			mayChange() && panel("Test it", endpointTest(it))
		];
	},
	actions: ({it, etag, again}) => {
		const is_on = it.enabled !== false;
		const turn = async () => {
			await api.endpoints.change(it.id, {enabled: is_on ? false : null}, etag);
			notice(is_on ? "It is off: requests get 404." : "It is on.", "good");
			await again();
		};
		const text = "Requests to it get 404 until it is switched on again. The path stays taken.";
		const asked = {title: `Switch ${it.name} off?`, text, label: "Switch off"};
		return [is_on ? button("Switch off", () => confirm(asked, turn)) : button("Switch on", turn)];
	}
});

/** @param {any} endpoint */
function states({enabled, error, auth}) {
	return [
		enabled === false && badge("off", "warn"),
		error && badge("no effect", "bad", error),
		auth === false && badge("no key needed", "info")
	];
}

/** @param {any} endpoint */
function preview(endpoint) {
	if (!endpoint.path) return faint("Give a path and a target to see where a request goes.");
	const paths = [...new Set([endpoint.path, samplePath(endpoint)])];
	return paths.map(path => {
		const target = targetOf(endpoint, path);
		const none = endpoint.config ? "where its config says" : "no target yet";
		const to = target === null ? h("span.faint", none) : code(target);
		return h("p.route", code(location.origin + path), " → ", to);
	});
}

/** @param {any} endpoint */
function about(endpoint) {
	const shown = (/** @type {any} */ it) => it && code(JSON.stringify(it));
	return facts([
		["Id", code(endpoint.id)],
		["Methods", endpoint.methods ? marks(endpoint.methods) : "every method"],
		["Credential", shown(endpoint.credential) ?? "none: the caller's own crosses"],
		["Headers", shown(endpoint.headers)],
		["Query", shown(endpoint.query)],
		["Config", shown(endpoint.config)],
		["Cost per request", endpoint.cost_per_request && money(endpoint.cost_per_request)]
	]);
}
