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
		/** @type {Filter} */
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
		// What is left is null where nobody knows.
		const spent = plan.budgets.find((/** @type {any} */ it) => Number(it.remaining ?? 1) <= 0);
		const yes = " it may: no rule and no budget refuses it. Limits are not looked at.";
		return [
			spent
				? h("p", badge("No", "bad"), " nothing is left of a budget of ", value(spent.owner))
				: h("p", badge("Yes", "good"), yes),
			planTree(plan)
		];
	} catch (error) {
		if (!(error instanceof ApiError)) throw error;
		// Other codes are about the request, rather than about the key and its rules.
		const rule = ["not_allowed", "invalid_gateway_key"].includes(error.code ?? "");
		const mark = rule ? badge("No", "bad") : badge("Not like this", "warn");
		return [h("p", mark, " ", value(error.message)), rule && faint(`The rule: ${error.code}`)];
	}
}
