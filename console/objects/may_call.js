// May this key call that? The gateway plans a described request with the rules of the key, and says
// which rule refuses it.

import {api, ApiError, badge, button, faint, field, h, replace, select, value} from "../kit.js";
import {planTree} from "../playground/tree.js";

/** Codes that are about the key and its rules, rather than about the request. */
const RULES = ["not_allowed", "invalid_gateway_key", "rate_limited", "budget_exceeded"];

/** @param {string} id */
export function mayCall(id) {
	const method = select(["POST", "GET", "PUT", "PATCH", "DELETE"], "POST");
	const path = h("input", {type: "text", value: "/v1/chat/completions", spellcheck: "false"});
	const model = h("input", {type: "text", placeholder: "gpt-4o-mini", spellcheck: "false"});
	const host = h("input", {type: "text", placeholder: "the default target", spellcheck: "false"});
	const result = h("div", {class: "verdict", role: "status"});
	const ask = async () => {
		const imagined = described(method.value, path.value, model.value.trim(), host.value.trim());
		replace(result, await verdict({...imagined, key: id}));
	};
	/** @param {Event} event */
	const onsubmit = async event => {
		event.preventDefault();
		await ask();
	};
	const submit = button("Ask", () => {}, {kind: "main"});
	submit.type = "submit";
	const fields = [
		field("Method", method),
		field("Path", path),
		field("Model", model),
		field("Host or provider", host),
		submit
	];
	return [h("form", {class: "line", onsubmit}, fields), result];
}

/** @param {string} method @param {string} path @param {string} model @param {string} host */
function described(method, path, model, host) {
	/** @type {{[name: string]: string}} */
	const headers = {"content-type": "application/json"};
	if (host !== "") {
		const name = host.includes("://") ? "x-gateway-custom-host" : "x-gateway-provider";
		headers[name] = host;
	}
	const body = method === "GET" ? undefined : model === "" ? {} : {model};
	return {method, path, headers, body};
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
