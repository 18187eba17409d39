// Does an endpoint work? One request is sent to it by the gateway, and the plan, what was sent and
// what came back are shown.

import {
	api,
	badge,
	block,
	button,
	code,
	facts,
	field,
	h,
	loading,
	problem,
	replace,
	select,
	value
} from "../kit.js";
import {planTree} from "../playground/tree.js";

/** @param {any} endpoint */
export function endpointTest(endpoint) {
	const methods = endpoint.methods ?? ["GET", "POST", "PUT", "PATCH", "DELETE"];
	const method = select(methods, methods[0]);
	const path = h("input", {type: "text", placeholder: "/v1/example?x=1", spellcheck: "false"});
	const body = h("textarea", {rows: 3, placeholder: '{"model": "..."}', spellcheck: "false"});
	const result = h("div", {role: "status"});
	const send = button("Send the test", () => {}, {kind: "main", change: true});
	send.type = "submit";
	/** @param {Event} event */
	const onsubmit = async event => {
		event.preventDefault();
		replace(result, loading("Sending…"));
		send.disabled = true;
		try {
			const asked = {method: method.value, path: path.value.trim(), body: bodyOf(body.value)};
			const {data} = await api.endpoints.test(endpoint.id, asked);
			replace(result, outcome(data));
		} catch (error) {
			replace(result, problem(error));
		} finally {
			send.disabled = false;
		}
	};
	const line = h("div.line", field("Method", method), field("Path below it", path), send);
	return [h("form", {onsubmit}, line, field("Body", body)), result];
}

/** JSON where it is some, else the text as it is. @param {string} text */
function bodyOf(text) {
	if (text.trim() === "") return undefined;
	try {
		return JSON.parse(text);
	} catch {
		return text;
	}
}

/** @param {any} test */
function outcome({preview, sent, response}) {
	return [
		h("h3", "The response"),
		...(response.error ? [failure(response.error)] : responded(response)),
		h("h3", "What was sent"),
		h("p", code(`${sent.method} ${sent.path}`), ` ${sent.body_bytes} bytes`),
		h("h3", "The plan"),
		preview.error ? failure(preview.error) : planTree(preview)
	];
}

/** @param {any} error a text, or an error object */
function failure(error) {
	const text = typeof error === "string" ? error : (error.message ?? JSON.stringify(error));
	return h("p.bad", value(text));
}

/** @param {any} response */
function responded(response) {
	const tone = response.status < 400 ? "good" : "bad";
	const headers = Object.entries(response.headers ?? {}).map(([name, it]) => `${name}: ${it}`);
	return [
		facts([
			["Status", badge(String(response.status), tone)],
			["Head after", `${response.head_ms} ms`],
			["All after", `${response.time_ms} ms`],
			[
				"Body",
				ends[/** @type {keyof typeof ends} */ (response.body_end)] ?? value(response.body_end)
			]
		]),
		block(headers.join("\n"), "Headers of the response"),
		response.body ? block(response.body, "Body of the response") : null
	];
}

const ends = {complete: "complete", more: "the first 4 KiB of it", broken_off: "broken off"};
