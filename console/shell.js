// What surrounds the screens? The navigation, who is signed in, and the place where the screen that
// the URL names is shown.

import {
	api,
	badge,
	button,
	empty,
	h,
	link,
	loading,
	parse,
	refocus,
	replace,
	setAttributes,
	showProblem,
	value
} from "./kit.js";
import {SCREENS} from "./screens.js";
import {themeButton} from "./theme.js";
import {timesButton} from "./times.js";

/** Ends what the last screen and the last shell have begun. */
let left = new AbortController();
let shell = new AbortController();

/** @param {Session} session @param {() => void} signedOut */
export function showShell(session, signedOut) {
	endShell();
	shell = new AbortController();
	const root = h("main", {id: "screen", tabindex: -1});
	const onclick = (/** @type {Event} */ event) => {
		event.preventDefault();
		root.focus();
	};
	const signOut = button("Sign out", async () => {
		await api.session.end().catch(() => null);
		signedOut();
	});
	const who = h("div.who", value(session.name), badge(session.role, "info"));
	const foot = h("div.foot", timesButton(), themeButton(), who, signOut);
	const brand = h("a.brand", {href: "#/requests"}, "Throughway");
	const skip = h("a.skip", {href: "#screen", onclick}, "Skip to content");
	replace(document.body, skip, h("header.side", brand, navigation(), foot), root);
	const changed = () => showScreen(root);
	window.addEventListener("hashchange", changed, {signal: shell.signal});
	changed();
}

/** Ends what the shell and its screen have begun: requests, streams, listeners. */
export function endShell() {
	left.abort();
	shell.abort();
}

function navigation() {
	const groups = [...new Set(SCREENS.map(it => it.group))].filter(it => it !== null);
	const lists = groups.map(group => {
		const screens = SCREENS.filter(it => it.group === group);
		const items = screens.map(it =>
			h("li", h("a", {href: link(it.name), "data-screen": it.name}, it.title))
		);
		return h("div", h("h2", group), h("ul", items));
	});
	return h("nav", {"aria-label": "Screens"}, lists);
}

/** @param {string} name */
function markCurrent(name) {
	for (const each of document.querySelectorAll("nav [data-screen]"))
		setAttributes(each, {"aria-current": each.getAttribute("data-screen") === name && "page"});
}

/** @param {HTMLElement} host */
async function showScreen(host) {
	left.abort();
	left = new AbortController();
	const {signal} = left;
	const route = parse(location.hash);
	const screen = SCREENS.find(it => it.name === route.screen);
	for (const dialog of document.querySelectorAll("dialog")) dialog.close();
	const root = h("div", {class: `screen ${screen?.name ?? ""}`});
	replace(host, root);
	if (screen === undefined) {
		replace(root, empty("There is no such screen", "Choose one from the navigation."));
		return;
	}
	markCurrent(screen.name);
	document.title = `${screen.title} – Throughway`;
	replace(root, loading());
	root.setAttribute("aria-busy", "true");
	refocus(host);
	try {
		const {show} = await screen.load();
		if (!signal.aborted) {
			root.replaceChildren();
			await show({root, route, signal});
		}
	} catch (error) {
		if (!signal.aborted) showProblem(root, error, () => showScreen(host));
	} finally {
		root.removeAttribute("aria-busy");
	}
}
