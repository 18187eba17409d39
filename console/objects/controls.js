// Which controls do forms have? Each shows one value of a document and reads it back; `null` means
// that the field is left out.

import {button, clock, h, select} from "../kit.js";

/** @param {Attributes} [attributes] @returns {MakeControl} */
export const text = attributes => given => {
	const element = h("input", {type: "text", autocomplete: "off", ...attributes});
	element.value = given ?? "";
	return {element, read: () => element.value.trim() || null};
};

/** @param {Options} options the empty one stands for nothing @returns {MakeControl} */
export const choice = options => given => {
	const known = options.some(it => (typeof it === "string" ? it : it[0]) === (given ?? ""));
	const element = select(known ? options : [...options, String(given)], given ?? "");
	return {element, read: () => element.value || null};
};

/** A switch; where the document is silent it is `fallback`. @param {boolean} fallback
 * @returns {MakeControl} */
export const yesNo = fallback => given => {
	const element = h("input", {type: "checkbox"});
	const before = given ?? fallback;
	element.checked = before;
	return {element, read: () => (element.checked === before ? given : element.checked)};
};

/** A text area; where nobody typed, what was given stays as it is. @param {string} example
 * @param {(given: any) => string} write @param {(text: string, given: any) => unknown} read
 * @returns {MakeControl} */
const area =
	(example, write, read, rows = 2) =>
	given => {
		const element = h("textarea", {rows, placeholder: example, spellcheck: "false"});
		element.value = given === undefined || given === null ? "" : write(given);
		const before = element.value;
		const readNew = () => read(element.value.trim(), given);
		return {element, read: () => (element.value === before ? given : readNew())};
	};

/** @param {string} example */
export const list = example =>
	area(
		example,
		given => given.join("\n"),
		text => {
			const texts = text.split(/[\n,]/).map(it => it.trim());
			return text === "" ? null : texts.filter(it => it !== "");
		}
	);

/** @param {string} example */
export const pairs = example => area(example, pairsText, pairsOf);

/** @param {any} given */
function pairsText(given) {
	const lines = Object.entries(given).map(([name, it]) => `${name}: ${it}`);
	return lines.join("\n");
}

/** @param {string} text @param {any} given keeps what is shown alike: " x" as "x", "null" as null */
function pairsOf(text, given) {
	const lines = text.split("\n").filter(it => it.trim() !== "");
	const found = lines.map(line => {
		const colon = line.indexOf(":");
		if (colon < 1) throw new Error(`each line is NAME: TEXT, and this is none: ${line}`);
		const [name, content] = [line.slice(0, colon).trim(), line.slice(colon + 1).trim()];
		const kept = given?.[name];
		if (kept !== undefined && String(kept).trim() === content) return [name, kept];
		return [name, content === "null" ? null : content];
	});
	return found.length === 0 ? null : Object.fromEntries(found);
}

/** @param {string} example */
export const json = example => area(example, it => JSON.stringify(it, null, 2), jsonOf, 6);

/** JSON, or a name as it is. @param {string} example */
export const nameOrJson = example =>
	area(
		example,
		given => (typeof given === "string" ? given : JSON.stringify(given, null, 2)),
		text => (/^[\w.-]+$/.test(text) ? text : jsonOf(text)),
		6
	);

/** @param {string} text */
function jsonOf(text) {
	try {
		return text === "" ? null : JSON.parse(text);
	} catch (error) {
		throw new Error("This is not JSON.", {cause: error});
	}
}

/** An instant by the browser's clock, sent with its offset. @returns {MakeControl} */
export const instant = () => given => {
	const element = h("input", {type: "datetime-local", step: 1});
	const shown = given ? clock(Date.parse(given)).slice(0, 19).replace(" ", "T") : "";
	element.value = shown;
	const read = () => {
		if (element.value === shown) return given ?? null;
		return element.value === "" ? null : new Date(element.value).toISOString();
	};
	return {element, read};
};

/** A list of small objects, a row of inputs for each.
 * @param {SmallColumn[]} columns @param {string} add @returns {MakeControl} */
export const rows = (columns, add) => given => {
	/** @type {ReturnType<typeof smallRow>[]} */
	const all = [];
	const host = h("div.rows");
	const more = (/** @type {any} */ it) => {
		const row = smallRow(columns, it);
		all.push(row);
		host.append(row.element);
		return row;
	};
	given?.forEach(more);
	const adds = button(add, () => more({}).element.querySelector("input")?.focus());
	const read = () => {
		const found = all.filter(it => it.element.parentElement === host).map(it => it.read());
		return found.length === 0 ? null : found;
	};
	return {element: h("div.repeated", {tabindex: -1}, host, adds), read};
};

/** @param {SmallColumn[]} columns @param {any} before fields of it without an input stay */
function smallRow(columns, before) {
	const inputs = columns.map(({name, options}) => {
		const shown = String(before[name] ?? "");
		return options ? select(options, shown) : h("input", {type: "text", value: shown, size: 8});
	});
	const labels = columns.map(({label}, at) => h("label", h("span", label), inputs[at]));
	const remove = () => {
		const host = element.parentElement;
		element.remove();
		host?.dispatchEvent(new Event("input", {bubbles: true}));
	};
	const element = h("div.small-row", labels, button("Remove", remove, {kind: "quiet"}));
	const read = () => {
		const found = {...before};
		for (const [at, {name, number}] of columns.entries()) {
			const written = inputs[at]?.value.trim();
			if (!written) delete found[name];
			else found[name] = number && !Number.isNaN(Number(written)) ? Number(written) : written;
		}
		return found;
	};
	return {element, read};
}
