// Which keys belong together? The teams, whose rules hold for all their keys.

import {all, api, badge, code, count, facts, h, link, panel, value} from "../kit.js";
import {teamFields} from "../objects/fields.js";
import {limitsPanel, objectScreen, usePanel} from "../objects/screen.js";
import {allowed, limitText, marks, usageBy, usageColumns} from "../objects/shown.js";
import {time} from "../times.js";

export const show = objectScreen({
	kind: "teams",
	title: "Teams",
	article: "a team",
	none: ["A team has limits, budgets and rules that hold for all its keys together."],
	deletion: "A team that still has keys cannot be deleted.",
	fields: teamFields,
	usage: team => usageBy("team", {team}),
	more: async () => ({keys: await all(api.keys.list)}),
	columns: ({usage, keys}) => [
		{title: "Name", cell: it => [value(it.name), " ", ...states(it)]},
		{title: "Keys", cell: it => count(members(keys, it).length), class: "number"},
		{title: "Limits", cell: it => marks(it.limits?.map(limitText))},
		...usageColumns(it => usage?.get(it.id))
	],
	states,
	parts: shown => {
		const {it, usage} = shown;
		const keys = members(shown.keys, it).map(key =>
			h("a.mark", {href: link("keys", [key.id])}, value(key.name))
		);
		return [
			panel(
				"About",
				facts([
					["Id", code(it.id)],
					["Created", time(it.created_at)],
					["Default config", it.default_config && value(it.default_config)],
					["Keys", keys.length === 0 ? "none" : keys]
				])
			),
			limitsPanel(it.limits ?? [], shown),
			usePanel(usage, it.id, {team: it.id}),
			panel("What its keys may use", allowed(it.allow))
		];
	}
});

/** @param {any} team */
function states({error}) {
	return [error && badge("no effect", "bad", error)];
}

/** A key names its team by name or id. @param {any[]} keys @param {any} team */
const members = (keys, {name, id}) => keys.filter(it => it.team === name || it.team === id);
