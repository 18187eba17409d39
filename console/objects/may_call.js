// May this key call that? The gateway plans a described request with the rules of the key, and says
// which rule refuses it.

import {
	api,
	ApiError,
	badge,
	faint,
	field,
	h,
	METHODS,
	replace,
	select,
	submitter,
	value
} from "../kit.js";
import {planTree} from "../playground/tree.js";

/** Codes that are about the key and its rules, rather than about the request. */
const RULES = ["not_allowed", "invalid_gateway_key", "rate_limited", "budget_exceeded"];

/** @param {string} key */
export function mayCall(key) {
	const method = select(METHODS, "POST");
	const text = (/** @type {string} */ placeholder) =>
		h("input", {type: "text", placeholder, spellcheck: "false"});
	const path = text("/v1/chat/completions");
	path.value = path.placeholder;
	const [model, host] = [text("gpt-4o-mini"), text("the default target")];
	const result = h("div", {role: "status"});
	const {submit, onsubmit} = submitter("Ask", async () => {
		/** @type {{[name: string]: string}} */
		const headers = {"content-type": "application/json"};
		const to = host.value.trim();
		if (to) headers[to.includes("://") ? "x-gateway-custom-host" : "x-gateway-provider"] = to;
		const body = method.value === "GET" ? undefined : {model: model.value.trim() || undefined};
		const imagined = {key, method: method.value, path: path.value, headers, body};
		replace(result, await verdict(imagined));
	});
	const fields = [
		field("Method", method),
		field("Path", path),
		field("Model", model),
		field("Host or provider", host)
	];
	return [h("form.line", {onsubmit}, fields, submit), result];
}

/** @param {unknown} imagined */
async function verdict(imagined) {
	try {
		const plan = await api.explain(imagined);
		return [
			h("p", badge("Yes", "good"), " it may: no rule of the key or its team refuses it."),
			planTree(plan)
		];
	} catch (error) {
		if (!(error instanceof ApiError)) throw error;
		const rule = RULES.includes(error.code ?? "");
		const mark = rule ? badge("No", "bad") : badge("Not like this", "warn");
		return [h("p", mark, " ", value(error.message)), rule && faint(`The rule: ${error.code}`)];
	}
}
