// What would a request do, and what does it do? A request and one or two configs, planned without
// sending anything, or sent and watched.

import {
	api,
	ApiError,
	ascii,
	button,
	faint,
	field,
	h,
	heading,
	isAbort,
	jsonOr,
	loading,
	METHODS,
	panel,
	playgroundTables,
	problem,
	replace,
	select
} from "../kit.js";
import {Editor, syntaxError} from "../playground/editor.js";
import {faultMenu} from "../playground/faults.js";
import {runView} from "../playground/result.js";
import {send} from "../playground/sender.js";
import {planTree} from "../playground/tree.js";

const BODY = {
	model: "gpt-4o-mini",
	stream: true,
	stream_options: {include_usage: true},
	messages: [{role: "user", content: "Say hello."}]
};
const ROUTES = [
	"/v1/chat/completions",
	"/v1/responses",
	"/v1/messages",
	"/v1/embeddings",
	"/v1/models"
];

/** @typedef {ReturnType<typeof requestForm>} RequestForm */
/** @typedef {ReturnType<typeof side>} Side */

/** @param {View} view */
export async function show({root, route, signal}) {
	const tables = await playgroundTables({}, {signal});
	const request = requestForm(route.query);
	const first = side("Config", route.query.get("config") ?? "", tables);
	const second = side("Config to compare with", "", tables);
	const compare = h("input", {type: "checkbox", onchange: () => showSides()});
	const showSides = () => {
		second.config.element.hidden = second.result.hidden = !compare.checked;
		root.classList.toggle("compared", compare.checked);
	};
	showSides();
	let current = new AbortController();
	signal.addEventListener("abort", () => current.abort());
	/** Each action ends the one before. @param {Act} act */
	const run = async act => {
		current.abort();
		const controller = (current = new AbortController());
		stop.disabled = false;
		const sides = compare.checked ? [first, second] : [first];
		await Promise.all(sides.map(it => tried(act, request, it, controller.signal)));
		if (current === controller) stop.disabled = true;
	};
	const stop = button("Stop", () => current.abort());
	stop.disabled = true;
	const dryRun = button("Dry run", () => run(explain));
	const sendIt = button("Send", () => run(sendOne), {kind: "main"});
	replace(
		root,
		heading("Playground", dryRun, sendIt, stop),
		h(
			"div.bench",
			panel("Request", ...request.elements),
			panel(
				"Config",
				h("label.check", compare, " Compare two configs"),
				h("div.editors", first.config.element, second.config.element),
				faultMenu(tables.faults, first.config, request.addHeader)
			)
		),
		h("div.results", first.result, second.result)
	);
}

/** @param {string} label @param {string} text @param {Tables} tables */
function side(label, text, tables) {
	const content = h("div", {role: "status"});
	replace(content, faint("A dry run shows the plan and sends nothing to any target."));
	const config = new Editor(label, pretty(text), tables.config);
	return {config, content, result: panel("Result", content)};
}

/** @param {string} text */
function pretty(text) {
	const found = jsonOr(text, null);
	return found === null ? text : JSON.stringify(found, null, 2);
}

/** @param {URLSearchParams} query */
function requestForm(query) {
	const method = select(METHODS, query.get("method") ?? "POST");
	const path = h("input", {type: "text", list: "routes", spellcheck: "false"});
	path.value = query.get("path") ?? "/v1/chat/completions";
	const key = h("input", {type: "password", autocomplete: "off", placeholder: "tw-…"});
	const headers = h("textarea", {rows: 3, spellcheck: "false"});
	headers.value = query.get("headers") ?? "content-type: application/json";
	const body = h("textarea", {rows: 9, spellcheck: "false"});
	body.value = pretty(query.get("body") ?? JSON.stringify(BODY));
	const routes = h(
		"datalist",
		{id: "routes"},
		ROUTES.map(it => h("option", {value: it}))
	);
	return {
		elements: [
			h("div.line", field("Method", method), field("Path", path)),
			field(
				"Key",
				key,
				"A gateway key, or the provider's. It is used for this request, and stored nowhere."
			),
			field("Headers", headers, "One in a line."),
			field("Body", body),
			routes
		],
		addHeader: (/** @type {string} */ line) => {
			headers.value = `${headers.value.trimEnd()}\n${line}`.trimStart();
		},
		/** @param {string} config */
		asked: config => ({
			method: method.value,
			path: checkedPath(path.value.trim()),
			headers: [
				...headerLines(headers.value),
				...keyHeader(key.value.trim()),
				...configHeader(config)
			],
			body: ["GET", "HEAD"].includes(method.value) ? "" : body.value
		})
	};
}

/** Requests go to the gateway's routes for clients. @param {string} path */
function checkedPath(path) {
	if (!path.startsWith("/") || path.startsWith("//") || path.startsWith("/gateway/"))
		throw new ApiError(
			400,
			"The path begins with /v1/, a provider's name or the path of an endpoint."
		);
	return path;
}

/** @param {string} text @returns {[string, string][]} */
function headerLines(text) {
	const lines = text.split("\n").filter(it => it.trim() !== "");
	return lines.map(line => {
		const colon = line.indexOf(":");
		if (colon < 1)
			throw new ApiError(400, `A header is NAME: VALUE, and this line is none: ${line}`);
		return [line.slice(0, colon).trim(), line.slice(colon + 1).trim()];
	});
}

/** @param {string} key @returns {[string, string][]} */
function keyHeader(key) {
	if (key === "") return [];
	return key.startsWith("tw-")
		? [["x-gateway-api-key", key]]
		: [["authorization", `Bearer ${key}`]];
}

/** @param {string} config @returns {[string, string][]} */
function configHeader(config) {
	const text = config.trim();
	if (text === "") return [];
	// The gateway would find an error of the line that is sent at another place.
	const wrong = syntaxError(config);
	if (wrong !== null) throw new ApiError(400, wrong, "invalid_config");
	const found = jsonOr(text, null);
	const line = found === null ? text.replace(/\s+/g, " ") : JSON.stringify(found);
	return [["x-gateway-config", ascii(line)]];
}

/** Does something with a request, or shows why not, at its place in the config.
 * @param {Act} act @param {RequestForm} request @param {Side} side @param {AbortSignal} signal */
async function tried(act, request, {config, content}, signal) {
	const showError = (/** @type {any} */ error) =>
		config.showError(error?.code === "invalid_config" ? error.message : null);
	replace(content, loading());
	showError(null);
	try {
		showError(await act(request.asked(config.text), content, signal));
	} catch (error) {
		showError(error);
		replace(content, isAbort(error) ? faint("Stopped.") : problem(error));
	}
}

/** @typedef {(asked: Asked, content: HTMLElement, signal: AbortSignal) => Promise<any>} Act */

/** Shows the plan of the request. @type {Act} */
async function explain({headers, ...asked}, content, signal) {
	/** Several lines of one name are a list. @type {{[name: string]: string[]}} */
	const joined = {};
	for (const [name, text] of headers) (joined[name.toLowerCase()] ??= []).push(text);
	const imagined = {...asked, headers: joined, body: asked.body || undefined};
	replace(content, planTree(await api.explain(imagined, {signal})));
}

/** Gives the error of the response, if it has one. @type {Act} */
async function sendOne(asked, content, signal) {
	const run = await send(asked, signal, runView(content));
	return jsonOr(run.raw, null)?.error;
}
