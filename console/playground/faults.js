// What if an upstream failed? Faults of `throughway mock`, set for the whole request or for one
// target of the config, so that a fallback is seen working.

import {button, field, h, notice, replace, select} from "../kit.js";
import {MOCK_FAULTS} from "./tables.js";

/** @param {() => string} config @param {(text: string) => void} writeConfig
 * @param {(line: string) => void} addHeader */
export function faultMenu(config, writeConfig, addHeader) {
	const names = MOCK_FAULTS.map(([it]) => it);
	const name = select(names, "status");
	const text = h("input", {type: "text", value: "503", size: 8});
	const where = select([["", "the whole request"]], "");
	const meaning = h("small", null);
	const explain = () => {
		const [, takes, text_of] = MOCK_FAULTS.find(([it]) => it === name.value) ?? [];
		text.placeholder = takes ?? "";
		text.disabled = takes === "";
		replace(meaning, text_of);
	};
	name.addEventListener("change", () => {
		text.value = "";
		explain();
	});
	where.addEventListener("focus", () => offerTargets(where, config()));
	explain();
	const add = () => {
		const given = text.disabled ? "1" : text.value.trim();
		if (given === "") {
			notice(`Say which: ${text.placeholder}.`, "warn");
			text.focus();
		} else if (where.value === "") addHeader(`x-mock-${name.value}: ${given}`);
		else writeConfig(withFault(config(), Number(where.value), name.value, given));
	};
	offerTargets(where, config());
	const line = [field("Fault of the mock", name), field("Value", text), field("For", where)];
	return h("div", null, h("div", {class: "line"}, line, button("Add the fault", add)), meaning);
}

/** @param {string} text @returns {any} */
function parsed(text) {
	try {
		return JSON.parse(text);
	} catch {
		return null;
	}
}

/** @param {HTMLSelectElement} where @param {string} text */
function offerTargets(where, text) {
	const chosen = where.value;
	const targets = parsed(text)?.targets;
	const options = (Array.isArray(targets) ? targets : []).map((_, at) =>
		h("option", {value: at}, `targets[${at}] alone`)
	);
	replace(where, h("option", {value: ""}, "the whole request"), options);
	where.value = options.some(it => it.value === chosen) ? chosen : "";
}

/** The config with a header for one of its targets, which reaches the mock behind that alone.
 * @param {string} text @param {number} at @param {string} name @param {string} given */
export function withFault(text, at, name, given) {
	const config = parsed(text);
	const target = config?.targets?.[at];
	if (typeof target !== "object" || target === null) return text;
	target.headers = {...target.headers, [`x-mock-${name}`]: given};
	return JSON.stringify(config, null, 2);
}
