// What do all screens have in common? Buttons, fields, badges, notices, dialogs, and what is shown
// while something loads, when there is nothing, and when it failed.

import {ApiError} from "./api.js";
import {h, renew, replace, value} from "./dom.js";
import {mayChange} from "./session.js";

export const METHODS = ["POST", "GET", "PUT", "PATCH", "DELETE", "HEAD"];

/** @param {string} label @param {() => void} onclick @param {ButtonOptions} [options] */
export function button(label, onclick, {kind, change, title} = {}) {
	const barred = change && !mayChange();
	const why = barred ? "The role viewer may read, and may not change anything." : title;
	return h("button", {type: "button", class: kind, disabled: barred, title: why, onclick}, label);
}

/** The button and the listener of a form that does something, once at a time.
 * @param {string} label @param {() => Promise<void>} act */
export function submitter(label, act, change = false) {
	const submit = button(label, () => {}, {kind: "main", change});
	submit.type = "submit";
	const onsubmit = async (/** @type {Event} */ event) => {
		event.preventDefault();
		submit.disabled = true;
		await act().finally(() => (submit.disabled = false));
	};
	return {submit, onsubmit};
}

/** @param {string} text @param {Tone} [tone] @param {string} [title] */
export function badge(text, tone = "plain", title) {
	return h("span", {class: `badge ${tone}`, title}, value(text));
}

/** @param {string} title @param {...(Child | Child[])} actions */
export function heading(title, ...actions) {
	return h("header.heading", h("h1", value(title)), h("div.actions", ...actions));
}

/** @param {string} title @param {...(Child | Child[])} children */
export function panel(title, ...children) {
	return h("section.panel", {"aria-label": title}, h("h2", title), ...children);
}

/** Names with what is known of each; what is not known is left out. @param {Fact[]} all */
export function facts(all) {
	const known = all.filter(([, it]) => (it ?? false) !== false);
	const made = known.flatMap(([name, it]) => [h("dt", name), h("dd", it)]);
	return h("dl.facts", made);
}

/** @param {string[][]} all pairs of a figure and its label */
export function figures(all) {
	const made = all.map(([shown, label]) => h("div.figure", h("b", shown), h("span", label)));
	return h("div.figures", made);
}

/** @param {...(Child | Child[])} children */
export const faint = (...children) => h("p.faint", ...children);

/** @param {unknown} text */
export const code = text => h("code", value(text));

/** @param {unknown} error */
export const errorText = error => (error instanceof Error ? error.message : String(error));

export function loading(text = "Loading…") {
	return h("p.state", {role: "status"}, h("span.spinner"), text);
}

/** What is shown where there is nothing: why, and how to get the first row.
 * @param {string} title @param {string} text @param {string | null} [command] */
export function empty(title, text, command = null) {
	return h("div.state", h("strong", title), h("p", text), command && commandLine(command));
}

/** @param {string} command */
export function commandLine(command) {
	const text = h("pre.block", {tabindex: 0, "aria-label": "Command"}, command);
	const copy = copyButton(() => command);
	return h("div.command", text, copy);
}

/** What is shown when something failed: what, and what to do. @param {unknown} error
 * @param {(() => void) | null} [again] */
export function problem(error, again = null) {
	return h(
		"div.state.bad",
		{role: "alert"},
		h("strong", titleOf(error)),
		h("p", value(errorText(error))),
		again && button("Try again", again)
	);
}

/** Shows in an element that something failed, unless somebody has left. @param {Element} element
 * @param {unknown} error @param {() => void} again */
export function showProblem(element, error, again) {
	if (!isAbort(error)) replace(element, problem(error, again));
}

/** @type {{[status: number]: string}} */
const TITLES = {0: "No connection", 403: "Not allowed", 404: "Not there", 503: "Not now"};

/** @param {unknown} error */
function titleOf(error) {
	if (!(error instanceof ApiError)) return "The console has a fault";
	return TITLES[error.status] ?? `Error ${error.status}`;
}

/** Shows what a promise comes to in an element, with what belongs before and instead of it.
 * @template T @param {HTMLElement} element @param {() => T | Promise<T>} load
 * @param {(found: T) => Child | Child[]} show */
export async function loaded(element, load, show) {
	const turn = (turns.get(element) ?? 0) + 1;
	turns.set(element, turn);
	const isLast = () => turns.get(element) === turn;
	if (element.childElementCount === 0) replace(element, loading());
	element.setAttribute("aria-busy", "true");
	try {
		const found = await load();
		if (isLast()) renew(element, show(found));
	} catch (error) {
		if (isLast()) showProblem(element, error, () => loaded(element, load, show));
	} finally {
		element.removeAttribute("aria-busy");
	}
}

/** A screen that shows one thing, and asks for it again when it is told to.
 * @template T @param {string} title @param {View} view @param {() => Promise<T>} load
 * @param {(found: T, again: () => Promise<void>) => Child | Child[]} show */
export function refreshed(title, {root}, load, show) {
	const content = h("div.screen");
	const again = () => loaded(content, load, found => show(found, again));
	root.append(heading(title, button("Refresh", again)), content);
	return again();
}

/** How often each element was loaded: only the last time counts.
 * @type {WeakMap<Element, number>} */
const turns = new WeakMap();

/** Whether somebody left the screen before the response came. @param {unknown} error */
export function isAbort(error) {
	return error instanceof DOMException && error.name === "AbortError";
}

/** @param {() => string} text */
export function copyButton(text, label = "Copy") {
	const copy = async () => {
		try {
			await navigator.clipboard.writeText(text());
			notice("Copied.", "good");
		} catch {
			notice("The browser does not allow copying here: select the text and copy it.", "warn");
		}
	};
	return button(label, copy, {kind: "quiet"});
}

/** @param {string} label @param {string} name @param {string} type @param {() => string} text */
export function saveButton(label, name, type, text) {
	return button(label, () => {
		const url = URL.createObjectURL(new Blob([text()], {type}));
		h("a", {href: url, download: name}).click();
		setTimeout(() => URL.revokeObjectURL(url), 10_000);
	});
}

/** Says something for some seconds, to screen readers too. @param {string} text
 * @param {Tone} [tone] */
export function notice(text, tone = "info") {
	let host = document.querySelector(".notices");
	if (host === null) {
		host = h("div.notices", {role: "status", "aria-live": "polite"});
		document.body.append(host);
	}
	const shown = h("p", {class: `notice ${tone}`}, value(text));
	host.append(shown);
	setTimeout(() => shown.remove(), 6_000);
}

/** @param {string} label @param {HTMLElement} control @param {string} [hint] */
export function field(label, control, hint) {
	const id = control.id || `field-${(fields += 1)}`;
	control.id = id;
	const text = hint && h("small", {id: `${id}-hint`}, hint);
	if (hint) control.setAttribute("aria-describedby", `${id}-hint`);
	return h("div.field", h("label", {for: id}, label), control, text);
}
let fields = 0;

/** @param {Options} options @param {string} chosen @param {Attributes} [attributes] */
export function select(options, chosen, attributes = {}) {
	const made = options.map(it => {
		const [name, label] = typeof it === "string" ? [it, it] : it;
		return h("option", {value: name, selected: name === chosen}, label);
	});
	return h("select", attributes, made);
}
