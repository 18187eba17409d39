// Who changed what, and when? The newest changes first, each with what was there before and after.

import {
	api,
	badge,
	block,
	button,
	empty,
	h,
	problem,
	refreshed,
	replace,
	table,
	value
} from "../kit.js";
import {time} from "../times.js";

/** @param {View} view */
export const show = view => {
	const get = (/** @type {string | null} */ cursor) => api.audit({limit: 100, cursor}, view);
	return refreshed(
		"Audit",
		view,
		() => get(null),
		page => shown(page, get)
	);
};

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
	const offer = (/** @type {string | null} */ cursor) => {
		const load = async () => {
			try {
				const next = await get(cursor);
				rows.append(next.data);
				offer(next.next_cursor);
			} catch (error) {
				replace(more, problem(error, load));
			}
		};
		replace(more, cursor !== null && button("Older changes", load));
	};
	offer(page.next_cursor);
	return [rows.element, more];
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
function changes({before, after}) {
	const names = Object.keys({...before, ...after}).filter(
		name => before && after && JSON.stringify(before[name]) !== JSON.stringify(after[name])
	);
	const text = JSON.stringify({before, after}, null, 2);
	const details = h("details", h("summary", value(names.join(", ") || "details")));
	details.addEventListener("toggle", () => details.append(block(text, "Before and after")), {
		once: true
	});
	return details;
}
