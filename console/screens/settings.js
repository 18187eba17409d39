// Which settings are in force, and where was each given? With what became of the last reload.

import {
	api,
	badge,
	button,
	faint,
	field,
	h,
	heading,
	loaded,
	note,
	panel,
	replace,
	table,
	value
} from "../kit.js";
import {time} from "../times.js";

/** @typedef {SettingsShown["settings"][number]} Setting */

/** @param {View} view */
export async function show({root, route, signal}) {
	const content = h("div.screen");
	const load = () =>
		loaded(
			content,
			() => api.settings({}, {signal}),
			it => shown(it, route)
		);
	root.append(heading("Settings", button("Refresh", load)), content);
	await load();
}

/** @param {SettingsShown} found @param {Route} route */
function shown({settings, warnings, last_reload}, route) {
	const rows = table({caption: "Settings", columns: COLUMNS, rows: settings});
	const search = h("input", {
		type: "search",
		value: route.query.get("q") ?? "",
		spellcheck: "false"
	});
	const given = h("input", {type: "checkbox", checked: route.query.get("given") === "true"});
	const told = h("p", {class: "faint", role: "status"});
	const filter = () => {
		note(route, {q: search.value, given: given.checked ? "true" : ""});
		const found = settings.filter(it => (!given.checked || isGiven(it)) && has(it, search.value));
		rows.setRows(found);
		replace(told, `${found.length} of ${settings.length} settings`);
	};
	const form = h(
		"form",
		{
			role: "search",
			class: "filters",
			oninput: filter,
			onsubmit: (/** @type {Event} */ it) => it.preventDefault()
		},
		field("Search", search),
		field("Only those that are given", given)
	);
	filter();
	return [reload(last_reload), warningList(warnings), form, told, rows.element];
}

/** @param {Setting} setting */
function isGiven(setting) {
	return setting.origin !== "default";
}

/** @param {Setting} setting @param {string} text */
function has(setting, text) {
	const all = `${setting.key} ${setting.value} ${setting.origin}`.toLowerCase();
	return all.includes(text.trim().toLowerCase());
}

/** @param {SettingsShown["last_reload"]} last */
function reload(last) {
	if (last === null) {
		const text =
			"The settings are those of the start. A changed file is read again by itself, and on SIGHUP.";
		return faint(text);
	}
	const restart =
		last.needs_restart.length > 0 &&
		h("p.warn", "These changes need a restart: ", value(last.needs_restart.join(", ")));
	if (last.error !== null)
		return panel(
			"The last reload failed",
			h("p", {class: "bad", role: "alert"}, value(last.error)),
			h("p", "The settings from before stay in force. ", time(last.at)),
			restart
		);
	return panel("Last reload", h("p", badge("in force", "good"), " ", time(last.at)), restart);
}

/** @param {string[]} warnings */
function warningList(warnings) {
	const items = warnings.map(it => h("li.warn", value(it)));
	return items.length > 0 && panel("Warnings", h("ul", items));
}

/** @type {Column<Setting>[]} */
const COLUMNS = [
	{title: "Setting", cell: it => value(it.key, {class: "mono"}), sort: it => it.key},
	{title: "Value", class: "wide", cell: it => value(it.value, {class: "mono"})},
	{title: "Default", class: "wide minor", cell: defaultCell},
	{
		title: "Given in",
		cell: it => badge(it.origin, isGiven(it) ? "info" : "plain"),
		sort: it => it.origin
	}
];

/** @param {Setting} setting */
function defaultCell(setting) {
	return setting.default !== setting.value && value(setting.default, {class: "mono faint"});
}
