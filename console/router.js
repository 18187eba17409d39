// Which screen is shown, and with what? The URL's fragment says it, so that every view is a link:
// `#/requests?model=x`, `#/request/ID`.

import {queryText} from "./api.js";

/** @param {string} hash @returns {Route} */
export function parse(hash) {
	const text = hash.replace(/^#\/?/, "");
	const mark = text.indexOf("?");
	const path = mark < 0 ? text : text.slice(0, mark);
	const query = new URLSearchParams(mark < 0 ? "" : text.slice(mark + 1));
	const [screen, ...args] = path.split("/").map(decoded);
	return {hash, screen: screen || "requests", args: args.filter(it => it !== ""), query};
}

/** @param {string} text */
function decoded(text) {
	try {
		return decodeURIComponent(text);
	} catch {
		return text;
	}
}

/** The fragment of a view, for the `href` of a link. @param {string} screen
 * @param {string[]} [args] @param {Query} [query] */
export const link = (screen, args = [], query) =>
	`#/${[screen, ...args].map(encodeURIComponent).join("/")}${queryText(query)}`;

/** @param {string} fragment */
export function go(fragment) {
	location.hash = fragment;
}

/** Notes the state of a view in the URL without showing the view anew. A URL that leads to another
 * view stays: its event may still be under way. @param {Route} route
 * @param {Query} query */
export function note(route, query) {
	if (location.hash !== route.hash) return;
	history.replaceState(null, "", link(route.screen, route.args, query));
	Object.assign(route, parse(location.hash));
}
