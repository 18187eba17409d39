// Which settings are in force, and where was each given? With what became of the last reload.

import {
	api,
	badge,
	faint,
	field,
	h,
	note,
	panel,
	refreshed,
	replace,
	table,
	value
} from "../kit.js";
import {time} from "../times.js";

/** @param {View} view */
export const show = view =>
	refreshed(
		"Settings",
		view,
		() => api.settings({}, view),
		it => shown(it, view.route)
	);

/** @param {SettingsShown} found @param {Route} route */
function shown({settings, warnings, last_reload}, route) {
	const rows = table({caption: "Settings", columns: COLUMNS, rows: settings});
	const q = route.query.get("q") ?? "";
	const search = h("input", {type: "search", value: q, spellcheck: "false"});
	const given = h("input", {type: "checkbox", checked: route.query.get("given") === "true"});
	const told = h("p.faint", {role: "status"});
	const filter = () => {
		note(route, {q: search.value, given: given.checked ? "true" : ""});
		const text = search.value.trim().toLowerCase();
		const found = settings.filter(
			it =>
				(!given.checked || isGiven(it)) &&
				`${it.key} ${it.value} ${it.origin}`.toLowerCase().includes(text)
		);
		rows.setRows(found);
		replace(told, `${found.length} of ${settings.length} settings`);
	};
	const form = h(
		"div.filters",
		{role: "search", oninput: filter},
		field("Search", search),
		field("Only those that are given", given)
	);
	filter();
	const items = warnings.map(it => h("li.warn", value(it)));
	return [
		reload(last_reload),
		items.length > 0 && panel("Warnings", h("ul", items)),
		form,
		told,
		rows.element
	];
}

/** @param {Setting} setting */
const isGiven = setting => setting.origin !== "default";

/** @param {SettingsShown["last_reload"]} last */
function reload(last) {
	if (last === null)
		return faint(
			"The settings are those of the start. A changed file is read again by itself, and on SIGHUP."
		);
	const {error, at, needs_restart} = last;
	const restart = value(needs_restart.join(", "));
	return panel(
		error === null ? "Last reload" : "The last reload failed",
		error !== null && h("p.bad", {role: "alert"}, value(error)),
		error === null
			? h("p", badge("in force", "good"), " ", time(at))
			: h("p", "The settings from before stay in force. ", time(at)),
		needs_restart.length > 0 && h("p.warn", "These changes need a restart: ", restart)
	);
}

/** @type {Column<Setting>[]} */
const COLUMNS = [
	{title: "Setting", cell: it => value(it.key, {class: "mono"}), sort: it => it.key},
	{title: "Value", class: "wide", cell: it => value(it.value, {class: "mono"})},
	{
		title: "Default",
		class: "wide minor",
		cell: it => it.default !== it.value && value(it.default, {class: "mono faint"})
	},
	{
		title: "Given in",
		cell: it => badge(it.origin, isGiven(it) ? "info" : "plain"),
		sort: it => it.origin
	}
];
