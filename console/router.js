// Which screen is shown, and with what? The URL's fragment says it, so that every view is a link:
// `#/requests?model=x`, `#/request/ID`.

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
 * @param {string[]} [args]
 * @param {Iterable<[string, string]> | {[name: string]: string | null | undefined}} [query] */
export function link(screen, args = [], query = {}) {
	const pairs = Symbol.iterator in query ? [...query] : Object.entries(query);
	const search = new URLSearchParams();
	for (const [name, text] of pairs)
		if (text !== null && text !== undefined && text !== "") search.append(name, text);
	const path = [screen, ...args].map(encodeURIComponent).join("/");
	const text = search.toString();
	return `#/${path}${text === "" ? "" : `?${text}`}`;
}

/** @param {string} fragment */
export function go(fragment) {
	location.hash = fragment;
}

/** Notes the state of a view in the URL without showing the view anew. A URL that leads to another
 * view stays: its event may still be under way. @param {Route} route
 * @param {{[name: string]: string | null | undefined}} query */
export function note(route, query) {
	if (location.hash !== route.hash) return;
	history.replaceState(null, "", link(route.screen, route.args, query));
	route.hash = location.hash;
}
