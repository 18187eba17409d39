// Which providers does the gateway know by name, and where does the key of each come from?

import {api, badge, empty, h, heading, loaded, table, value} from "../kit.js";

/** @param {View} view */
export async function show({root}) {
	await loaded(
		root,
		() => api.providers(),
		found => showList(found.data ?? found)
	);
}

/** @param {any[]} providers */
function showList(providers) {
	if (providers.length === 0)
		return [heading("Providers"), empty("No providers", "Those of the settings are shown here.")];
	const made = table({
		caption: "Providers",
		rows: providers,
		columns: [
			{title: "Name", cell: it => value(it.name), sort: it => it.name},
			{title: "Base URL", cell: it => value(it.base_url ?? "by request"), class: "wide"},
			{title: "Key", cell: keyOf},
			{title: "Defined in", cell: it => badge(it.origin ?? "built in"), class: "minor"}
		]
	});
	return [heading("Providers"), made.element];
}

/** Whether the gateway has a key for it and where from, never the key. @param {any} provider */
function keyOf(provider) {
	if (provider.has_credential) return [badge("set", "good"), " ", value(provider.origin ?? "")];
	const names = provider.environment;
	const hint =
		names === null
			? "none"
			: `none: the caller brings one, or the settings name it and ${names} is set`;
	return h("span.faint", value(hint));
}
