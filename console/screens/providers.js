// Which providers does the gateway know by name, and where does the key of each come from?

import {api, badge, empty, h, refreshed, table, value} from "../kit.js";

/** @param {View} view */
export const show = view =>
	refreshed(
		"Providers",
		view,
		() => api.providers({}, view),
		({data: rows}) =>
			rows.length === 0
				? empty("No providers", "Those of the settings are shown here.")
				: table({caption: "Providers", rows, columns: COLUMNS}).element
	);

/** @type {Column<any>[]} */
const COLUMNS = [
	{title: "Name", cell: it => value(it.name), sort: it => it.name},
	{title: "Base URL", cell: it => value(it.base_url ?? "by request"), class: "wide"},
	{title: "Key", cell: keyOf},
	{title: "Defined in", cell: it => badge(it.origin ?? "built in"), class: "minor"}
];

/** Whether the gateway has a key for it and where from, never the key. @param {any} provider */
function keyOf({has_credential, origin, environment}) {
	if (has_credential) return [badge("set", "good"), " ", value(origin)];
	const how =
		environment && `: the caller brings one, or the settings name it and ${environment} is set`;
	return h("span.faint", value(`none${how ?? ""}`));
}
