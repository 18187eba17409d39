// How does a page come into being? By elements made here, whose content is only ever text: nothing
// in the console parses markup. What the API says is hostile, and is shown by `value`.

import {visible} from "./format.js";

const SVG = "http://www.w3.org/2000/svg";

/** Makes an element: `h("p.faint", {title}, ...children)`. A function under `onNAME` becomes a
 * listener; `true` is an empty attribute; `false`, null and undefined are none.
 * @template {keyof HTMLElementTagNameMap} K @param {K | `${K}.${string}`} tag
 * @param {...(Attributes | Child | Child[])} content @returns {HTMLElementTagNameMap[K]} */
export function h(tag, ...content) {
	const [name = "", ...classes] = tag.split(".");
	const element = document.createElement(name);
	if (classes.length > 0) element.className = classes.join(" ");
	return filled(/** @type {any} */ (element), content);
}

/** @template {keyof SVGElementTagNameMap} K @param {K} tag
 * @param {...(Attributes | Child | Child[])} content @returns {SVGElementTagNameMap[K]} */
export const svg = (tag, ...content) => filled(document.createElementNS(SVG, tag), content);

/** @template {Element} E @param {E} element @param {(Attributes | Child | Child[])[]} content */
function filled(element, content) {
	for (const part of content)
		if (typeof part === "object" && part !== null && !(part instanceof Node || Array.isArray(part)))
			setAttributes(element, part);
		else append(element, [part]);
	return element;
}

/** @param {Element} element @param {Attributes} attributes */
export function setAttributes(element, attributes) {
	for (const [name, given] of Object.entries(attributes))
		if (typeof given === "function") element.addEventListener(name.slice(2), given);
		else if (given === false || given === null || given === undefined)
			element.removeAttribute(name);
		else element.setAttribute(name, checked(name, given === true ? "" : String(given)));
}

/** Links lead to the console and to the gateway itself, whatever a value says; styles are
 * classes. @param {string} name @param {string} text */
function checked(name, text) {
	if (name === "href" && !/^(#|\/gateway\/|blob:)/.test(text))
		throw new Error(`a link must not lead to ${text}`);
	if (name === "style" || name.startsWith("on") || name === "srcdoc" || name === "src")
		throw new Error(`the attribute ${name} must not be set`);
	return text;
}

/** @param {Element} element @param {(Child | Child[])[]} children */
function append(element, children) {
	for (const child of children.flat())
		if (child !== null && child !== undefined && child !== false)
			element.append(child instanceof Node ? child : String(child));
}

/** @param {Element} element @param {...(Child | Child[])} children */
export function replace(element, ...children) {
	element.replaceChildren();
	append(element, children);
}

/** Replaces what may have the focus: its like there gets it then, else the screen.
 * @param {Element} element @param {...(Child | Child[])} children */
export function renew(element, ...children) {
	const had = document.activeElement;
	replace(element, ...children);
	refocus([...element.querySelectorAll("a, button")].find(it => it.isEqualNode(had)));
}

/** Where what had the focus is gone, another element gets it. @param {any} [next] */
export function refocus(next = document.querySelector("main")) {
	if (document.activeElement === document.body) next?.focus({preventScroll: true});
}

/** A value from outside: its direction does not reach its neighbours, and characters that cannot
 * be seen are shown as escapes. What is cut off by the layout is in the title.
 * @param {unknown} text @param {Attributes} [options] */
export function value(text, options = {}) {
	const shown = visible(text === null || text === undefined ? "" : String(text));
	const long = shown.length > 24 ? shown.slice(0, 2000) : undefined;
	const attributes = {class: `value ${options.class ?? ""}`.trim(), title: options.title ?? long};
	return h("bdi", attributes, shown);
}

/** Text of several lines from outside, in a frame that scrolls and can be reached by keyboard.
 * @param {string} text @param {string} label */
export function block(text, label) {
	const shown = visible(text, true);
	return h("pre.block", {tabindex: 0, role: "region", "aria-label": label}, shown);
}
