// What if an upstream failed? Faults of `throughway mock`, set for the whole request or for one
// target of the config, so that a fallback is seen working.

import {button, field, h, jsonOr, notice, replace, select} from "../kit.js";

/** @param {Tables["faults"]} faults @param {import("./editor.js").Editor} config
 * @param {(line: string) => void} addHeader */
export function faultMenu(faults, config, addHeader) {
	const name = select(
		faults.map(([it]) => it),
		"status"
	);
	const text = h("input", {type: "text", value: "503", size: 8});
	const where = h("select", {onfocus: () => offerTargets()});
	const meaning = h("small");
	const explain = () => {
		const [, takes = "", says = ""] = faults.find(([it]) => it === name.value) ?? [];
		text.placeholder = takes;
		text.disabled = takes === "";
		replace(meaning, says);
	};
	name.addEventListener("change", () => {
		text.value = "";
		explain();
	});
	const offerTargets = () => {
		const chosen = where.value;
		const targets = jsonOr(config.text, null)?.targets;
		const options = (Array.isArray(targets) ? targets : []).map((_, at) =>
			h("option", {value: at}, `targets[${at}] alone`)
		);
		replace(where, h("option", {value: ""}, "the whole request"), options);
		where.value = options.some(it => it.value === chosen) ? chosen : "";
	};
	const add = () => {
		const given = text.disabled ? "1" : text.value.trim();
		if (given === "") {
			notice(`Say which: ${text.placeholder}.`, "warn");
			text.focus();
		} else if (where.value === "") addHeader(`x-mock-${name.value}: ${given}`);
		else config.write(withFault(config.text, Number(where.value), name.value, given));
	};
	explain();
	offerTargets();
	const line = [field("Fault of the mock", name), field("Value", text), field("For", where)];
	return h("div", h("div.line", line, button("Add the fault", add)), meaning);
}

/** The config with a header for one of its targets, which reaches the mock behind that alone.
 * @param {string} text @param {number} at @param {string} name @param {string} given */
export function withFault(text, at, name, given) {
	const config = jsonOr(text, null);
	const target = config?.targets?.[at];
	if (typeof target !== "object" || target === null) return text;
	target.headers = {...target.headers, [`x-mock-${name}`]: given};
	return JSON.stringify(config, null, 2);
}
