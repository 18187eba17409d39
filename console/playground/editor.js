// How is a config object written? In a text area with line numbers, suggestions of keys and values,
// and errors at the line that they are about.

import {h, replace, setAttributes, value} from "../kit.js";
import {suggestions} from "./completion.js";
import {firstError, placeOf} from "./json_place.js";

/** Pixels of a line, as in the style sheet. */
const LINE_HEIGHT = 18;
/** The most suggestions. */
const MOST = 12;

let editors = 0;

export class Editor {
	/** @param {string} label @param {string} text @param {Tables["config"]} tables */
	constructor(label, text, tables) {
		const id = `editor-${(editors += 1)}`;
		this.tables = tables;
		this.gutter = h("div.gutter", {"aria-hidden": "true"});
		this.list = h("ul.suggestions", {
			id: `${id}-list`,
			role: "listbox",
			"aria-label": "Suggestions",
			hidden: true
		});
		this.error = h("p.bad.editor-error", {role: "alert"});
		this.area = h("textarea", {
			id,
			rows: 12,
			spellcheck: "false",
			autocapitalize: "off",
			wrap: "off",
			"aria-autocomplete": "list",
			"aria-controls": `${id}-list`,
			"aria-describedby": `${id}-hint`,
			oninput: (/** @type {InputEvent} */ event) => this.typed(event.data),
			onkeydown: (/** @type {KeyboardEvent} */ event) => this.pressed(event),
			onscroll: () => (this.gutter.scrollTop = this.area.scrollTop),
			onblur: () => this.close()
		});
		const hint = "JSON, or the name of a config of the settings. Ctrl+Space suggests.";
		this.element = h(
			"div.field.editor",
			h("label", {for: id}, label),
			h("div.code", this.gutter, this.area, this.list),
			this.error,
			h("small", {id: `${id}-hint`}, hint)
		);
		this.write(text);
	}

	get text() {
		return this.area.value;
	}

	/** @param {string} text */
	write(text) {
		this.area.value = text;
		this.showError(null);
	}

	/** @param {string | null | undefined} character */
	typed(character) {
		this.showError(syntaxError(this.text));
		if (character === '"' || !this.list.hidden) this.offer();
	}

	/** Shows an error at its line. @param {string | null} message as the gateway words it */
	showError(message) {
		const wrong = message === null ? null : lineOf(this.text, message);
		replace(this.error, message && value(message));
		setAttributes(this.area, {"aria-invalid": message !== null && "true"});
		const lines = this.text
			.split("\n")
			.map((_, at) => h(at === wrong ? "div.wrong" : "div", at + 1));
		replace(this.gutter, lines);
		this.gutter.scrollTop = this.area.scrollTop;
	}

	found() {
		return suggestions(this.tables, this.text, this.area.selectionStart).slice(0, MOST);
	}

	/** Shows what could be written, below the line of the cursor. */
	offer() {
		const {area, list} = this;
		const items = this.found().map((it, at) => {
			const onmousedown = (/** @type {Event} */ event) => {
				event.preventDefault();
				this.take(it);
			};
			const attributes = {role: "option", id: `${list.id}-${at}`, onmousedown};
			return h("li", attributes, h("code", it.label), " ", h("small", it.meaning));
		});
		replace(list, items);
		list.hidden = items.length === 0;
		const line = lineAt(this.text, area.selectionStart) + 1;
		const top = Math.min(line * LINE_HEIGHT - area.scrollTop + 8, area.clientHeight);
		list.style.top = `${Math.max(LINE_HEIGHT, top)}px`;
		this.mark(0);
	}

	close() {
		this.list.hidden = true;
		this.area.removeAttribute("aria-activedescendant");
	}

	/** @param {number} at */
	mark(at) {
		const items = [...this.list.children];
		items.forEach((it, place) => it.setAttribute("aria-selected", String(place === at)));
		const chosen = items[at];
		if (chosen !== undefined && !this.list.hidden) {
			this.area.setAttribute("aria-activedescendant", chosen.id);
			chosen.scrollIntoView({block: "nearest"});
		}
	}

	/** @param {KeyboardEvent} event */
	pressed(event) {
		const {key} = event;
		const items = [...this.list.children];
		const at = items.findIndex(it => it.getAttribute("aria-selected") === "true");
		if (key === " " && event.ctrlKey) this.offer();
		else if (this.list.hidden) return;
		else if (key === "ArrowDown" || key === "ArrowUp")
			this.mark((at + (key === "ArrowDown" ? 1 : -1) + items.length) % items.length);
		else if (key === "Enter" || key === "Tab") this.take(this.found()[at]);
		else if (key === "Escape") this.close();
		else return;
		event.preventDefault();
	}

	/** Writes a suggestion in the place of what was typed of it.
	 * @param {Suggestion | undefined} suggestion */
	take(suggestion) {
		if (suggestion === undefined) return;
		const {area} = this;
		const after = area.value[area.selectionEnd] === '"' ? 1 : 0;
		area.setRangeText(suggestion.text, suggestion.start, area.selectionEnd + after, "end");
		this.close();
		this.showError(syntaxError(this.text));
	}
}

/** Where the text stops being JSON, worded as the gateway does. @param {string} text */
export function syntaxError(text) {
	const offset = /^\s*[{[]/.test(text) ? firstError(text) : null;
	if (offset === null) return null;
	const before = text.slice(0, offset).split("\n");
	const column = (before.at(-1) ?? "").length + 1;
	return `config: is not JSON (line ${before.length}, column ${column})`;
}

/** @param {string} text @param {string} message */
function lineOf(text, message) {
	const line = /\(line (\d+), column \d+\)$/.exec(message)?.[1];
	if (line !== undefined) return Number(line) - 1;
	const place = placeOf(text, message.split(": ")[0] ?? "");
	return place && lineAt(text, place.start);
}

/** @param {string} text @param {number} offset */
const lineAt = (text, offset) => text.slice(0, offset).split("\n").length - 1;
