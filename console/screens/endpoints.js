// Which paths stand for which targets? The endpoints with their figures, their form with a preview
// of the route, a test and a switch.

import {
	all,
	api,
	badge,
	button,
	code,
	confirm,
	count,
	empty,
	facts,
	faint,
	go,
	h,
	heading,
	link,
	loaded,
	mayChange,
	money,
	notice,
	panel,
	replace,
	table,
	value
} from "../kit.js";
import {budgetPart, budgets, ownedBy} from "../objects/budgets.js";
import {canChange, changing, createButton, deleteButton} from "../objects/screen.js";
import {
	costText,
	failedText,
	LATELY_DAYS,
	latency,
	marks,
	origin,
	placeOf,
	usageBy,
	usageFacts
} from "../objects/shown.js";
import {endpointTest} from "../objects/endpoint_test.js";
import {endpointFields} from "../objects/fields.js";
import {objectForm} from "../objects/form.js";
import {firstHost, samplePath, targetOf} from "../objects/preview.js";

/** @param {View} view */
export async function show({root, route}) {
	const id = route.args[0];
	if (id === "new") replace(root, creation());
	else if (id !== undefined) await showOne(root, id);
	else await loaded(root, listed, showList);
}

/** The gateway sums up by the target's host, so endpoints of one host share their figures. */
const usageByHost = () => usageBy("origin", {route: "endpoint"});

/** @param {UsageBy} usage @param {any} endpoint */
function usedBy(usage, endpoint) {
	const target = endpoint.target ?? firstHost(endpoint.config);
	if (!target || !URL.canParse(target)) return undefined;
	const {origin, protocol, hostname, port} = new URL(target);
	const standard = protocol === "https:" ? "443" : "80";
	return usage?.get(origin) ?? usage?.get(`${protocol}//${hostname}:${port || standard}`);
}

async function listed() {
	const [endpoints, usage, place] = await Promise.all([
		all(api.endpoints.list),
		usageByHost(),
		placeOf("endpoints")
	]);
	return {endpoints, usage, place};
}

/** @param {{endpoints: any[], usage: UsageBy, place: string | null}} found */
function showList({endpoints, usage, place}) {
	const create = createButton("endpoints", "an endpoint");
	if (endpoints.length === 0) {
		const text =
			"An endpoint is a path of this gateway that stands for a target, with the target's " +
			"credential, so that clients need neither its address nor its key.";
		return [heading("Endpoints", create), empty("No endpoints yet", text)];
	}
	const used = (/** @type {any} */ it) => usedBy(usage, it);
	const made = table({
		caption: "Endpoints",
		rows: endpoints,
		href: it => link("endpoints", [it.id]),
		columns: [
			{title: "Path", cell: it => [value(it.name), " ", ...states(it)], sort: it => it.name},
			{title: "Target", cell: it => value(it.target ?? "of its config"), class: "wide minor"},
			{
				title: "Requests",
				cell: it => count(used(it)?.requests),
				class: "number",
				sort: it => used(it)?.requests ?? 0
			},
			{title: "Failed", cell: it => failedText(used(it)), class: "number"},
			{title: "p50", cell: it => latency(used(it), "p50"), class: "number minor"},
			{title: "p99", cell: it => latency(used(it), "p99"), class: "number minor"},
			{title: "Cost", cell: it => costText(used(it)), class: "number"},
			{title: "Defined in", cell: it => origin(it, place)}
		]
	});
	const note = faint(`Figures are of the last ${LATELY_DAYS} days, by the target's host.`);
	return [heading("Endpoints", create), made.element, usage && note];
}

/** @param {any} endpoint */
function states(endpoint) {
	return [
		endpoint.enabled === false ? badge("off", "warn") : null,
		endpoint.error ? badge("no effect", "bad", endpoint.error) : null,
		endpoint.auth === false ? badge("no key needed", "info") : null
	];
}

/** @param {Omit<Parameters<typeof objectForm>[0], "fields" | "changed">} options */
function formWithPreview(options) {
	const shown = h("div", {class: "preview", role: "status", "aria-label": "Route preview"});
	const changed = () => {
		try {
			replace(shown, preview(form.read()));
		} catch {
			// What is half typed cannot be previewed; saving says what is wrong.
		}
	};
	const form = objectForm({...options, fields: endpointFields(), changed});
	changed();
	return [panel("Where a request goes", shown), form.element];
}

/** @param {any} endpoint */
function preview(endpoint) {
	if (!endpoint.path) return faint("Give a path and a target to see where a request goes.");
	const path = samplePath(endpoint);
	const paths = path === endpoint.path ? [path] : [endpoint.path, path];
	return paths.map(it => routeLine(it, targetOf(endpoint, it)));
}

/** @param {string} path @param {string | null} target */
function routeLine(path, target) {
	const to = target === null ? h("span.faint", "no target yet") : code(target);
	return h("p.route", code(location.origin + path), " → ", to);
}

function creation() {
	const save = async (/** @type {any} */ body) => {
		const {data} = await api.endpoints.create(body);
		go(link("endpoints", [data.id]));
	};
	const cancel = () => go(link("endpoints"));
	const parts = formWithPreview({document: null, label: "Create the endpoint", save, cancel});
	return [heading("Create an endpoint"), ...parts];
}

/** @param {HTMLElement} root @param {string} id */
async function showOne(root, id) {
	const again = () => showOne(root, id);
	const load = async () => {
		const [{data: endpoint, etag}, usage, all_budgets, place] = await Promise.all([
			api.endpoints.get(id),
			usageByHost(),
			budgets(),
			placeOf("endpoints")
		]);
		return {endpoint, etag, usage, spent: ownedBy(all_budgets, id), place};
	};
	await loaded(root, load, found => details(found, root, again));
}

/** @param {{endpoint: any, etag: string | null, usage: UsageBy, spent: any[],
 *   place: string | null}} found @param {HTMLElement} root @param {Again} again */
function details({endpoint, etag, usage, spent, place}, root, again) {
	const row = usedBy(usage, endpoint);
	const requests = h(
		"a",
		{href: link("requests", [], {route: "endpoint"})},
		"Requests of endpoints"
	);
	return [
		heading(endpoint.name, ...actions(endpoint, etag, root, again)),
		h(
			"p",
			...states(endpoint),
			" ",
			origin(endpoint, place),
			" ",
			endpoint.error && value(endpoint.error)
		),
		panel("Where a request goes", h("div.preview", preview(endpoint)), about(endpoint)),
		usage &&
			panel(
				`Use of its host in the last ${LATELY_DAYS} days`,
				row ? [usageFacts(row), requests] : "Not used."
			),
		spent.length > 0 &&
			panel(
				"Budgets",
				h(
					"div.meters",
					spent.map(it => budgetPart(it, again))
				)
			),
		mayChange() && panel("Test it", ...endpointTest(endpoint))
	];
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

/** @param {any} endpoint @param {string | null} etag @param {HTMLElement} root
 * @param {Again} again */
function actions(endpoint, etag, root, again) {
	if (!canChange(endpoint)) return [];
	const is_on = endpoint.enabled !== false;
	const turn = async () => {
		await api.endpoints.change(endpoint.id, {enabled: is_on ? false : null}, etag);
		notice(is_on ? "It is off: requests get 404." : "It is on.", "good");
		await again();
	};
	const text = "Requests to it get 404 until it is switched on again. The path stays taken.";
	const off = () =>
		confirm({title: `Switch ${endpoint.name} off?`, text, label: "Switch off"}, turn);
	return [
		button("Edit", () => edit(endpoint, etag, root, again), {change: true}),
		button(is_on ? "Switch off" : "Switch on", is_on ? off : turn, {change: true}),
		deleteButton("endpoints", endpoint, etag, "Requests to it get 404. This is for good.")
	];
}

/** @param {any} endpoint @param {string | null} etag @param {HTMLElement} root
 * @param {Again} again */
function edit(endpoint, etag, root, again) {
	const parts = formWithPreview(changing("endpoints", endpoint, etag, again));
	replace(root, heading(`Edit ${endpoint.name}`), ...parts);
}
