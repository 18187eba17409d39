// What would a request do, and what does it do? A request and one or two configs, planned without
// sending anything, or sent and watched.

import {
	api,
	ApiError,
	button,
	faint,
	field,
	h,
	heading,
	isAbort,
	loading,
	panel,
	problem,
	replace,
	select
} from "../kit.js";
import {editor} from "../playground/editor.js";
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
const METHODS = ["POST", "GET", "PUT", "PATCH", "DELETE"];

/** @typedef {ReturnType<typeof requestForm>} RequestForm */

/** @param {View} view */
export function show({root, route, signal}) {
	const request = requestForm(route.query);
	const first = side("Config", route.query.get("config") ?? "");
	const second = side("Config to compare with", "");
	second.config.element.hidden = second.result.hidden = true;
	const compare = h("input", {type: "checkbox"});
	compare.addEventListener("change", () => {
		second.config.element.hidden = second.result.hidden = !compare.checked;
		root.classList.toggle("compared", compare.checked);
	});
	const sides = () => (compare.checked ? [first, second] : [first]);
	const begin = beginner(signal);
	const dryRun = button("Dry run", () => run((it, stop) => explain(request, it, stop)));
	const sendIt = button("Send", () => run((it, stop) => sendOne(request, it, stop)), {
		kind: "main"
	});
	const stop = button("Stop", () => begin().abort());
	stop.disabled = true;
	/** @param {(side: Side, signal: AbortSignal) => Promise<void>} act */
	const run = async act => {
		const controller = begin();
		stop.disabled = false;
		await Promise.all(sides().map(it => act(it, controller.signal)));
		stop.disabled = controller.signal.aborted || begin.is(controller);
	};
	const faults = faultMenu(first.config.read, first.config.write, request.addHeader);
	replace(
		root,
		heading("Playground", dryRun, sendIt, stop),
		h(
			"div",
			{class: "bench"},
			panel("Request", ...request.elements),
			panel(
				"Config",
				h("label", {class: "check"}, compare, " Compare two configs"),
				h("div", {class: "editors"}, first.config.element, second.config.element),
				faults
			)
		),
		h("div", {class: "results"}, first.result, second.result)
	);
}

/** Each action ends the one before; leaving the screen ends all. @param {AbortSignal} left */
function beginner(left) {
	let current = new AbortController();
	const begin = () => {
		current.abort();
		current = new AbortController();
		return current;
	};
	left.addEventListener("abort", () => current.abort());
	return Object.assign(begin, {is: (/** @type {AbortController} */ it) => it === current});
}

/** @typedef {ReturnType<typeof side>} Side */

/** @param {string} label @param {string} text */
function side(label, text) {
	const content = h("div", {role: "status"});
	replace(content, faint("A dry run shows the plan and sends nothing to any target."));
	return {config: editor(label, pretty(text)), content, result: panel("Result", content)};
}

/** @param {string} text */
function pretty(text) {
	try {
		return text === "" ? "" : JSON.stringify(JSON.parse(text), null, 2);
	} catch {
		return text;
	}
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
	body.value = query.has("body") ? pretty(query.get("body") ?? "") : JSON.stringify(BODY, null, 2);
	const routes = h(
		"datalist",
		{id: "routes"},
		ROUTES.map(it => h("option", {value: it}))
	);
	return {
		elements: [
			h("div", {class: "line"}, field("Method", method), field("Path", path)),
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
			body: body.value
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
	return text
		.split("\n")
		.filter(it => it.trim() !== "")
		.map(line => {
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

/** Headers hold ASCII, so other characters of the config are escaped. @param {string} config
 * @returns {[string, string][]} */
function configHeader(config) {
	const text = config.trim();
	if (text === "") return [];
	const line = text.startsWith("{") ? oneLine(text) : text;
	const ascii = line.replace(/[^\x20-\x7e]/g, it => {
		return `\\u${it.charCodeAt(0).toString(16).padStart(4, "0")}`;
	});
	return [["x-gateway-config", ascii]];
}

/** @param {string} text */
function oneLine(text) {
	try {
		return JSON.stringify(JSON.parse(text));
	} catch {
		return text.replace(/\s+/g, " ");
	}
}

/** The plan of the request, or why there is none, at its place in the config.
 * @param {RequestForm} request @param {Side} side @param {AbortSignal} signal */
async function explain(request, {config, content}, signal) {
	replace(content, loading("Planning…"));
	config.showError(null);
	try {
		const asked = request.asked(config.read());
		const imagined = {...asked, headers: joined(asked.headers), body: asked.body || undefined};
		replace(content, planTree(await api.explain(imagined, {signal})));
	} catch (error) {
		showFailure(error, config, content);
	}
}

/** @param {unknown} error @param {Editor} config @param {HTMLElement} content */
function showFailure(error, config, content) {
	if (isAbort(error)) {
		replace(content, faint("Stopped."));
		return;
	}
	if (error instanceof ApiError && error.code === "invalid_config") config.showError(error.message);
	replace(content, problem(error));
}

/** Several lines of one name are a list. @param {[string, string][]} headers */
function joined(headers) {
	/** @type {{[name: string]: string[]}} */
	const all = {};
	for (const [name, text] of headers) (all[name.toLowerCase()] ??= []).push(text);
	return all;
}

/** @param {RequestForm} request @param {Side} side @param {AbortSignal} signal */
async function sendOne(request, {config, content}, signal) {
	replace(content, loading("Sending…"));
	config.showError(null);
	try {
		const run = await send(request.asked(config.read()), signal, runView(content));
		const error = gatewayError(run.raw);
		if (error?.code === "invalid_config") config.showError(error.message);
	} catch (error) {
		showFailure(error, config, content);
	}
}

/** @param {string} raw */
function gatewayError(raw) {
	try {
		return JSON.parse(raw).error ?? null;
	} catch {
		return null;
	}
}
