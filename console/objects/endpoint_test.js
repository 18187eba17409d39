// Does an endpoint work? One request is sent to it by the gateway, and the plan, what was sent and
// what came back are shown.

import {
	api,
	badge,
	block,
	code,
	facts,
	field,
	h,
	jsonOr,
	loading,
	problem,
	replace,
	select,
	submitter,
	value
} from "../kit.js";
import {planTree} from "../playground/tree.js";

/** @param {any} endpoint */
export function endpointTest({id, methods = ["GET", "POST", "PUT", "PATCH", "DELETE"]}) {
	const method = select(methods, methods[0]);
	const path = h("input", {type: "text", placeholder: "/v1/example?x=1", spellcheck: "false"});
	const body = h("textarea", {rows: 3, placeholder: '{"model": "..."}', spellcheck: "false"});
	const result = h("div", {role: "status"});
	const {submit, onsubmit} = submitter(
		"Send the test",
		async () => {
			replace(result, loading("Sending…"));
			// JSON where it is some, else the text as it is.
			const sent = body.value.trim() === "" ? undefined : jsonOr(body.value, body.value);
			const asked = {method: method.value, path: path.value.trim(), body: sent};
			try {
				replace(result, outcome((await api.endpoints.test(id, asked)).data));
			} catch (error) {
				replace(result, problem(error));
			}
		},
		true
	);
	const line = h("div.line", field("Method", method), field("Path below it", path), submit);
	return [h("form", {onsubmit}, line, field("Body", body)), result];
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
const failure = error =>
	h("p.bad", value(typeof error === "string" ? error : (error.message ?? JSON.stringify(error))));

/** @type {{[end: string]: string}} */
const ENDS = {complete: "complete", more: "the first 4 KiB of it", broken_off: "broken off"};

/** @param {any} response */
function responded({status, headers, head_ms, time_ms, body, body_end}) {
	const lines = Object.entries(headers ?? {}).map(([name, it]) => `${name}: ${it}`);
	return [
		facts([
			["Status", badge(String(status), status < 400 ? "good" : "bad")],
			["Head after", `${head_ms} ms`],
			["All after", `${time_ms} ms`],
			["Body", ENDS[body_end] ?? value(body_end)]
		]),
		block(lines.join("\n"), "Headers of the response"),
		body && block(body, "Body of the response")
	];
}
