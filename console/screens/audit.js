// Who changed what, and when? The newest changes first, each with what was there before and after.

import {
	api,
	badge,
	block,
	button,
	empty,
	h,
	heading,
	loaded,
	problem,
	replace,
	table,
	value
} from "../kit.js";
import {time} from "../times.js";

const LIMIT = 100;

/** @param {View} view */
export async function show({root, signal}) {
	const content = h("div");
	const get = (/** @type {string | null} */ cursor) => api.audit({limit: LIMIT, cursor}, {signal});
	const load = () =>
		loaded(
			content,
			() => get(null),
			page => shown(page, get)
		);
	root.append(heading("Audit", button("Refresh", load)), content);
	await load();
}

/** @param {Page<AuditRow>} page @param {(cursor: string | null) => Promise<Page<AuditRow>>} get */
function shown(page, get) {
	if (page.data.length === 0) {
		const text =
			"Changes of keys, teams and endpoints are listed here, whoever makes them: the admin API, " +
			"the command line or the settings file.";
		return empty("No change yet", text, "throughway keys create first");
	}
	const rows = table({caption: "Changes, newest first", columns: COLUMNS, rows: page.data});
	const more = h("p");
	offerMore(more, page.next_cursor, rows, get);
	return [rows.element, more];
}

/** @param {HTMLElement} place @param {string | null} cursor @param {Table<AuditRow>} rows
 * @param {(cursor: string | null) => Promise<Page<AuditRow>>} get */
function offerMore(place, cursor, rows, get) {
	const load = async () => {
		try {
			const page = await get(cursor);
			rows.append(page.data);
			offerMore(place, page.next_cursor, rows, get);
		} catch (error) {
			replace(place, problem(error, load));
		}
	};
	replace(place, cursor === null ? null : button("Older changes", load));
}

/** @type {Column<AuditRow>[]} */
const COLUMNS = [
	{title: "When", cell: row => time(row.at)},
	{title: "Who", cell: row => value(row.actor)},
	{title: "By", cell: row => badge(row.source), class: "minor"},
	{title: "Did", cell: row => badge(row.action, toneOf(row.action))},
	{title: "What", cell: row => [badge(row.kind), " ", value(row.name)]},
	{title: "Changes", class: "wide", cell: changes},
	{title: "Revision", class: "number minor", cell: row => row.revision}
];

/** @param {string} action @returns {Tone} */
function toneOf(action) {
	return action === "delete" ? "bad" : action === "create" ? "good" : "info";
}

/** @param {AuditRow} row */
function changes(row) {
	const names = changed(row.before, row.after);
	const text = JSON.stringify({before: row.before, after: row.after}, null, 2);
	const details = h("details", h("summary", value(names.join(", ") || "details")));
	details.addEventListener("toggle", () => details.append(block(text, "Before and after")), {
		once: true
	});
	return details;
}

/** @param {any} before @param {any} after */
function changed(before, after) {
	const names = new Set([...Object.keys(before ?? {}), ...Object.keys(after ?? {})]);
	const differs = (/** @type {string} */ name) =>
		JSON.stringify(before?.[name]) !== JSON.stringify(after?.[name]);
	return before && after ? [...names].filter(differs) : [];
}
