// How is a config object written? In a text area with line numbers, suggestions of keys and values,
// and errors at the line that they are about.

import {h, replace, value} from "../kit.js";
import {suggestions} from "./completion.js";
import {firstError, placeOf} from "./json_place.js";

/** Pixels of a line and of a character are measured, as fonts differ. */
const LINE_HEIGHT = 18;
const MOST = 12;

let editors = 0;

/** @param {string} label @param {string} text @returns {Editor} */
export function editor(label, text) {
	const id = `editor-${(editors += 1)}`;
	const area = h("textarea", {
		id,
		rows: 12,
		spellcheck: "false",
		autocapitalize: "off",
		wrap: "off",
		"aria-autocomplete": "list",
		"aria-controls": `${id}-list`,
		"aria-describedby": `${id}-hint`
	});
	area.value = text;
	const gutter = h("div", {class: "gutter", "aria-hidden": "true"});
	const list = h("ul", {
		class: "suggestions",
		id: `${id}-list`,
		role: "listbox",
		"aria-label": "Suggestions",
		hidden: true
	});
	const error = h("p", {class: "bad editor-error", role: "alert", hidden: true});
	const state = {area, gutter, list, error, wrong: /** @type {number | null} */ (null)};
	area.addEventListener("input", event => typed(state, event));
	area.addEventListener("keydown", event => pressed(state, event));
	area.addEventListener("scroll", () => (gutter.scrollTop = area.scrollTop));
	area.addEventListener("blur", () => close(state));
	number(state);
	const frame = h("div", {class: "code"}, gutter, area, list);
	const title = h("label", {for: id}, label);
	return {
		element: h("div", {class: "field editor"}, title, frame, error, hintOf(id)),
		read: () => area.value,
		write: written => {
			area.value = written;
			showError(state, null);
		},
		showError: message => showError(state, message)
	};
}

/** @param {string} id */
function hintOf(id) {
	const text = "JSON, or the name of a config of the settings. Ctrl+Space suggests.";
	return h("small", {id: `${id}-hint`}, text);
}

/** @typedef {{area: HTMLTextAreaElement, gutter: HTMLElement, list: HTMLElement,   error:
 *   HTMLElement, wrong: number | null}} State */

/** @param {State} state */
function number({area, gutter, wrong}) {
	const count = area.value.split("\n").length;
	const lines = Array.from({length: count}, (_, at) =>
		h("div", {class: at === wrong ? "wrong" : null}, at + 1)
	);
	replace(gutter, lines);
	gutter.scrollTop = area.scrollTop;
}

/** @param {State} state @param {Event} event */
function typed(state, event) {
	showError(state, syntaxError(state.area.value));
	const data = event instanceof InputEvent ? event.data : null;
	if (data === '"' || !state.list.hidden) offer(state);
}

/** Where the text stops being JSON, worded as the gateway does. @param {string} text */
function syntaxError(text) {
	const offset = /^\s*[{[]/.test(text) ? firstError(text) : null;
	if (offset === null) return null;
	const before = text.slice(0, offset).split("\n");
	const column = (before.at(-1) ?? "").length + 1;
	return `config: is not JSON (line ${before.length}, column ${column})`;
}

/** @param {State} state @param {string | null} message */
function showError(state, message) {
	state.error.hidden = message === null;
	replace(state.error, message === null ? null : value(message));
	state.area.toggleAttribute("aria-invalid", message !== null);
	if (message !== null) state.area.setAttribute("aria-invalid", "true");
	state.wrong = message === null ? null : lineOf(state.area.value, message);
	number(state);
}

/** @param {string} text @param {string} message */
function lineOf(text, message) {
	const line = /\(line (\d+), column \d+\)$/.exec(message)?.[1];
	if (line !== undefined) return Number(line) - 1;
	const end = message.indexOf(": ");
	const place = placeOf(text, end < 0 ? message : message.slice(0, end));
	return place === null ? null : lineAt(text, place.start);
}

/** @param {string} text @param {number} offset */
const lineAt = (text, offset) => text.slice(0, offset).split("\n").length - 1;

/** @param {State} state */
function offer(state) {
	const {area, list} = state;
	const cursor = area.selectionStart;
	const found = suggestions(area.value, cursor).slice(0, MOST);
	const items = found.map((it, at) => {
		const item = h(
			"li",
			{role: "option", id: `${list.id}-${at}`, "aria-selected": at === 0 ? "true" : "false"},
			h("code", null, it.label),
			" ",
			h("small", null, it.meaning)
		);
		item.addEventListener("mousedown", event => {
			event.preventDefault();
			take(state, it);
		});
		return item;
	});
	replace(list, items);
	list.hidden = items.length === 0;
	place(area, list, cursor);
	mark(state, 0);
}

/** Below the line of the cursor. @param {HTMLTextAreaElement} area @param {HTMLElement} list
 * @param {number} cursor */
function place(area, list, cursor) {
	const line = lineAt(area.value, cursor) + 1;
	const top = line * LINE_HEIGHT - area.scrollTop + 8;
	list.style.top = `${Math.max(LINE_HEIGHT, Math.min(top, area.clientHeight))}px`;
}

/** @param {State} state */
function close({area, list}) {
	list.hidden = true;
	area.removeAttribute("aria-activedescendant");
}

/** @param {State} state @param {number} at */
function mark({area, list}, at) {
	const items = [...list.children];
	items.forEach((it, place) => it.setAttribute("aria-selected", String(place === at)));
	const chosen = items[at];
	if (chosen !== undefined && !list.hidden) {
		area.setAttribute("aria-activedescendant", chosen.id);
		chosen.scrollIntoView({block: "nearest"});
	}
}

/** @param {State} state @param {KeyboardEvent} event */
function pressed(state, event) {
	if (event.key === " " && event.ctrlKey) {
		event.preventDefault();
		offer(state);
	} else if (!state.list.hidden) chosen(state, event);
}

/** What the keys do while suggestions are shown. @param {State} state
 * @param {KeyboardEvent} event */
function chosen(state, event) {
	const items = [...state.list.children];
	const at = items.findIndex(it => it.getAttribute("aria-selected") === "true");
	const steps = {ArrowDown: 1, ArrowUp: -1};
	if (event.key in steps) {
		const step = steps[/** @type {keyof typeof steps} */ (event.key)];
		mark(state, (at + step + items.length) % items.length);
	} else if (event.key === "Enter" || event.key === "Tab") {
		const found = suggestions(state.area.value, state.area.selectionStart)[at];
		if (found !== undefined) take(state, found);
	} else if (event.key === "Escape") close(state);
	else return;
	event.preventDefault();
}

/** Writes a suggestion in the place of what was typed of it. A text area that is edited in this
 * way can still undo it. @param {State} state @param {Suggestion} it */
function take(state, it) {
	const {area} = state;
	const after = area.value[area.selectionEnd] === '"' ? 1 : 0;
	area.setRangeText(it.text, it.start, area.selectionEnd + after, "end");
	close(state);
	showError(state, syntaxError(area.value));
}
