// Which controls do forms have? Each shows one value of a document and reads it back; `null` means
// that the field is left out.

import {button, h, replace, select} from "../kit.js";

/** @param {Attributes} [attributes] @returns {(given: any) => Control} */
export function text(attributes = {}) {
	return given => {
		const element = h("input", {type: "text", autocomplete: "off", ...attributes});
		element.value = given ?? "";
		return {element, read: () => element.value.trim() || null};
	};
}

/** @param {(string | [string, string])[]} options the empty one stands for nothing */
export function choice(options) {
	return (/** @type {any} */ given) => {
		const known = options.some(it => (typeof it === "string" ? it : it[0]) === (given ?? ""));
		/** @type {(string | [string, string])[]} */
		const all = known ? options : [...options, String(given)];
		const element = select(all, given ?? "");
		return {element, read: () => element.value || null};
	};
}

/** A switch; where the document is silent it is `fallback`. @param {boolean} fallback */
export function yesNo(fallback) {
	return (/** @type {any} */ given) => {
		const element = h("input", {type: "checkbox"});
		element.checked = given ?? fallback;
		const read = () => (element.checked === fallback ? (given ?? null) && null : element.checked);
		return {element, read};
	};
}

/** @param {string} example */
export function list(example) {
	return (/** @type {any} */ given) => {
		const element = area((given ?? []).join("\n"), example);
		const lines = () => element.value.split(/[\n,]/).map(it => it.trim());
		const read = () => {
			const texts = lines().filter(it => it !== "");
			return texts.length === 0 ? null : texts;
		};
		return {element, read};
	};
}

/** @param {string} example */
export function pairs(example) {
	return (/** @type {any} */ given) => {
		const lines = Object.entries(given ?? {}).map(([name, it]) => `${name}: ${pairText(it)}`);
		const element = area(lines.join("\n"), example);
		return {element, read: () => pairsOf(element.value)};
	};
}

/** @param {unknown} it */
const pairText = it => (it === null ? "null" : typeof it === "string" ? it : JSON.stringify(it));

/** @param {string} text */
function pairsOf(text) {
	/** @type {{[name: string]: string | null}} */
	const found = {};
	for (const line of text.split("\n").filter(it => it.trim() !== "")) {
		const colon = line.indexOf(":");
		if (colon < 1) throw new Error(`each line is NAME: TEXT, and this is none: ${line}`);
		const content = line.slice(colon + 1).trim();
		found[line.slice(0, colon).trim()] = content === "null" ? null : content;
	}
	return Object.keys(found).length === 0 ? null : found;
}

/** @param {string} example */
export function json(example) {
	return (/** @type {any} */ given) => {
		const shown = given === undefined || given === null ? "" : JSON.stringify(given, null, 2);
		const element = area(shown, example, 6);
		return {element, read: () => jsonOf(element.value.trim())};
	};
}

/** JSON, or a name as it is. @param {string} example */
export function nameOrJson(example) {
	const inner = json(example);
	return (/** @type {any} */ given) => {
		const element = /** @type {HTMLTextAreaElement} */ (inner(given).element);
		if (typeof given === "string") element.value = given;
		const read = () => {
			const written = element.value.trim();
			return /^[\w.-]+$/.test(written) ? written : jsonOf(written);
		};
		return {element, read};
	};
}

/** @param {string} text */
function jsonOf(text) {
	try {
		return text === "" ? null : JSON.parse(text);
	} catch (error) {
		throw new Error("This is not JSON.", {cause: error});
	}
}

/** An instant by the browser's clock, sent with its offset. */
export function instant() {
	return (/** @type {any} */ given) => {
		const element = h("input", {type: "datetime-local", step: 1});
		const millis = Date.parse(given ?? "");
		const offset = new Date(millis).getTimezoneOffset() * 60_000;
		const shown = Number.isNaN(millis) ? "" : new Date(millis - offset).toISOString().slice(0, 19);
		element.value = shown;
		const read = () => {
			if (element.value === shown) return given ?? null;
			return element.value === "" ? null : new Date(element.value).toISOString();
		};
		return {element, read};
	};
}

/** A list of small objects, a row of inputs for each.
 * @param {{name: string, label: string, number?: boolean, options?: string[]}[]} columns
 * @param {string} add */
export function rows(columns, add) {
	return (/** @type {any} */ given) => {
		/** @type {any[]} */
		const documents = given ?? [];
		const host = h("div.rows");
		const more = (/** @type {any} */ it) => host.append(smallRow(columns, it, host));
		documents.forEach(more);
		const adds = button(add, () => {
			more({});
			host.querySelector(".small-row:last-child")?.querySelector("input")?.focus();
		});
		const element = h("div", {class: "repeated", tabindex: -1}, host, adds);
		const read = () => {
			const all = [...host.children].map(it => rowValue(columns, it, documents));
			return all.length === 0 ? null : all;
		};
		return {element, read};
	};
}

/** The document that each row was made of: its fields without an input stay.
 * @type {WeakMap<Element, any>} */
const made_of = new WeakMap();

/** @param {Parameters<typeof rows>[0]} columns @param {any} given @param {HTMLElement} host */
function smallRow(columns, given, host) {
	const inputs = columns.map(({name, label, options}) => {
		const shown = given[name] === undefined || given[name] === null ? "" : String(given[name]);
		const input = options
			? select(options, shown, {"data-name": name})
			: h("input", {type: "text", "data-name": name, value: shown, size: 8});
		return h("label", h("span", label), input);
	});
	const row = h("div.small-row", inputs);
	const remove = button(
		"Remove",
		() => {
			row.remove();
			host.dispatchEvent(new Event("input", {bubbles: true}));
		},
		{kind: "quiet"}
	);
	row.append(remove);
	made_of.set(row, given);
	return row;
}

/** @param {Parameters<typeof rows>[0]} columns @param {Element} row @param {any[]} documents */
function rowValue(columns, row, documents) {
	const before = made_of.get(row) ?? {};
	const found = documents.includes(before) ? {...before} : {};
	for (const {name, number} of columns) {
		const input = /** @type {HTMLInputElement} */ (row.querySelector(`[data-name="${name}"]`));
		const written = input.value.trim();
		if (written === "") delete found[name];
		else found[name] = number && !Number.isNaN(Number(written)) ? Number(written) : written;
	}
	return found;
}

/** @param {string} text @param {string} example @param {number} [lines] */
function area(text, example, lines = 2) {
	const element = h("textarea", {rows: lines, placeholder: example, spellcheck: "false"});
	replace(element, text);
	element.value = text;
	return element;
}
