// Where in a JSON text is a value, and what belongs at the cursor? The text may be incomplete, as
// it is while somebody types.

import {jsonOr} from "../kit.js";

const TOKEN = /[{}[\]:,]|"(?:[^"\\\n]|\\.)*"?|[^\s{}[\]:,"]+/g;

/** @param {string} text @returns {Token[]} */
function tokens(text) {
	return [...text.matchAll(TOKEN)].map(({0: found, index}) => ({
		type: found[0] === '"' ? "text" : /[{}[\]:,]/.test(found) ? found : "word",
		start: index,
		end: index + found.length
	}));
}

/** The path in the way that the gateway's errors have it. @param {(string | number)[]} path */
function pathText(path) {
	const parts = path.map(it => (typeof it === "number" ? `[${it}]` : `.${it}`));
	return `config${parts.join("")}`;
}

/** Goes through the text up to a place, and gives what is open there. @param {string} text
 * @param {(place: Place) => void} found is told of every key and value
 * @returns {Frame[]} */
function walk(text, found, until = text.length) {
	/** @type {Frame[]} */
	const open = [];
	for (const token of tokens(text)) {
		if (token.start >= until) break;
		step(text, token, open, found);
	}
	return open;
}

/** @param {string} text @param {Token} token @param {Frame[]} open
 * @param {(place: Place) => void} found */
function step(text, {type, start, end}, open, found) {
	const frame = open.at(-1);
	if ("}]".includes(type)) open.pop();
	else if (frame && type === ",") {
		frame.key = null;
		frame.index += 1;
	} else if (frame && wantsKey(frame)) {
		frame.key = unquoted(text.slice(start, end));
		frame.keys.push(frame.key);
		found({path: pathText([...frame.path, frame.key]), start, end});
	} else if (!":,".includes(type)) {
		const path = frame ? [...frame.path, frame.key ?? frame.index] : [];
		found({path: pathText(path), start, end});
		const kind = type === "{" ? "object" : "list";
		if (OPENED[type]) open.push({kind, path, key: null, index: 0, keys: []});
	}
}

/** @param {Frame} frame */
const wantsKey = frame => frame.kind === "object" && frame.key === null;

/** @param {string} text */
const unquoted = text => text.replace(/^"|"$/g, "");

/** The place that a path names, or the nearest one around it. @param {string} text
 * @param {string} path as an error of the gateway begins with it @returns {Place | null} */
export function placeOf(text, path) {
	/** @type {Place | null} */
	let nearest = null;
	walk(text, place => {
		const rest = path.startsWith(place.path) ? path.slice(place.path.length) : "?";
		// The key is told of first, and says more than its value.
		const longer = nearest === null || place.path.length > nearest.path.length;
		if ((rest === "" || /^[.[]/.test(rest)) && longer) nearest = place;
	});
	return nearest;
}

/** @param {string} text @param {number} cursor @returns {Context | null} */
export function contextAt(text, cursor) {
	const start = startOfTyped(text, cursor);
	// Nothing belongs behind a value that is whole.
	if (!/[{[,:]\s*$/.test(text.slice(0, start))) return null;
	const frame = walk(text, () => {}, start).at(-1);
	if (frame === undefined) return null;
	const {kind, path, key, keys} = frame;
	const isList = kind === "list";
	return {
		wants: wantsKey(frame) ? "key" : "value",
		section: sectionOf(isList ? path.slice(0, -1) : path),
		key: isList ? String(path.at(-1)) : (key ?? ""),
		keys,
		start,
		typed: unquoted(text.slice(start, cursor))
	};
}

/** Where the word or the text begins that the cursor is in. @param {string} text
 * @param {number} cursor */
function startOfTyped(text, cursor) {
	const under = tokens(text).find(it => it.start < cursor && cursor <= it.end);
	if (under === undefined || !/text|word/.test(under.type)) return cursor;
	const is_over = under.type === "text" && under.end === cursor && isValue(text, under);
	return is_over ? cursor : under.start;
}

/** @param {string} text @param {Token} token */
const isValue = (text, {start, end}) => jsonOr(text.slice(start, end), undefined) !== undefined;

/** Targets may lie in targets: what is around the innermost one does not matter.
 * @param {(string | number)[]} path */
function sectionOf(path) {
	const from = path.lastIndexOf("targets");
	const inner = from < 0 ? path : path.slice(from + 2);
	return inner
		.map(it => (typeof it === "number" ? "[]" : `.${it}`))
		.join("")
		.slice(1);
}

/** Where a text stops being JSON; `null` where it does not. @param {string} text
 * @returns {number | null} */
export function firstError(text) {
	/** @type {string[]} */
	const open = [];
	let wanted = VALUE;
	for (const token of tokens(text)) {
		const next = wanted.includes(kindOf(text, token)) ? following(token, wanted, open) : "";
		if (next === "") return token.start;
		wanted = next;
	}
	return wanted === "end" ? null : text.length;
}

/** A text that can be a key, another value, or the mark itself. @param {string} text
 * @param {Token} token */
function kindOf(text, token) {
	const kind = {text: "key", word: "value"}[token.type];
	return kind && !isValue(text, token) ? "nothing" : (kind ?? token.type);
}

/** What may follow a token: kinds of tokens, or `end`. @param {Token} token
 * @param {string} wanted what could stand in its place
 * @param {string[]} open the marks that close what is open */
function following({type}, wanted, open) {
	const opened = OPENED[type];
	if (opened !== undefined) {
		open.push(opened.close);
		return opened.wants;
	}
	if (type === ":" || (type === "," && open.at(-1) === "]")) return VALUE;
	if (type === ",") return "key";
	if (type === "text" && wanted.startsWith("key")) return ":";
	if (type === open.at(-1)) open.pop();
	return open.length === 0 ? "end" : `, ${open.at(-1)}`;
}

/** A key can be any text that is a value, and none other. */
const VALUE = "value key { [";

/** @type {{[mark: string]: {close: string, wants: string}}} */
const OPENED = {"{": {close: "}", wants: "key }"}, "[": {close: "]", wants: `${VALUE} ]`}};
