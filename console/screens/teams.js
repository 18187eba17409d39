// Which keys belong together? The teams, whose rules hold for all their keys.

import {
	all,
	api,
	badge,
	button,
	code,
	count,
	empty,
	facts,
	go,
	h,
	heading,
	link,
	loaded,
	panel,
	replace,
	table,
	value
} from "../kit.js";
import {budgets, ownedBy} from "../objects/budgets.js";
import {
	canChange,
	changing,
	createButton,
	deleteButton,
	limitsPanel,
	usageColumns,
	usePanel
} from "../objects/screen.js";
import {allowed, limitText, marks, origin, placeOf, usageBy} from "../objects/shown.js";
import {teamFields} from "../objects/fields.js";
import {objectForm} from "../objects/form.js";
import {time} from "../times.js";

/** @param {View} view */
export async function show({root, route}) {
	const id = route.args[0];
	if (id === "new") replace(root, creation());
	else if (id !== undefined) await showOne(root, id);
	else await loaded(root, listed, showList);
}

async function listed() {
	const [teams, keys, usage, place] = await Promise.all([
		all(api.teams.list),
		all(api.keys.list),
		usageBy("team"),
		placeOf("teams")
	]);
	return {teams, keys, usage, place};
}

/** A key names its team by name or id. @param {any[]} keys @param {any} team */
const members = (keys, team) => keys.filter(it => it.team === team.name || it.team === team.id);

/** @param {{teams: any[], keys: any[], usage: UsageBy, place: string | null}}
 *   found */
function showList({teams, keys, usage, place}) {
	const create = createButton("teams", "a team");
	if (teams.length === 0) {
		const text = "A team has limits, budgets and rules that hold for all its keys together.";
		return [heading("Teams", create), empty("No teams yet", text)];
	}
	const used = (/** @type {any} */ team) => usage?.get(team.id) ?? usage?.get(team.name);
	const made = table({
		caption: "Teams",
		rows: teams,
		href: team => link("teams", [team.id]),
		columns: [
			{
				title: "Name",
				cell: it => [value(it.name), it.error && badge("no effect", "bad", it.error)]
			},
			{title: "Keys", cell: it => count(members(keys, it).length), class: "number"},
			{title: "Limits", cell: it => marks((it.limits ?? []).map(limitText))},
			...usageColumns(used),
			{title: "Defined in", cell: it => origin(it, place), class: "minor"}
		]
	});
	return [heading("Teams", create), made.element];
}

function creation() {
	const form = objectForm({
		fields: teamFields(),
		document: null,
		label: "Create the team",
		save: async body => {
			const {data} = await api.teams.create(body);
			go(link("teams", [data.id]));
		},
		cancel: () => go(link("teams"))
	});
	return [heading("Create a team"), form.element];
}

/** @param {HTMLElement} root @param {string} id */
async function showOne(root, id) {
	const again = () => showOne(root, id);
	const load = async () => {
		const [{data: team, etag}, keys, usage, all_budgets, place] = await Promise.all([
			api.teams.get(id),
			all(api.keys.list),
			usageBy("team", {team: id}),
			budgets(),
			placeOf("teams")
		]);
		const spent = ownedBy(all_budgets, id);
		return {team, etag, keys: members(keys, team), usage, spent, place};
	};
	await loaded(root, load, found => details(found, root, again));
}

/** @param {{team: any, etag: string | null, keys: any[], usage: UsageBy,
 *   spent: any[], place: string | null}} found @param {HTMLElement} root
 * @param {Again} again */
function details({team, etag, keys, usage, spent, place}, root, again) {
	return [
		heading(team.name, ...actions(team, etag, root, again)),
		h("p", origin(team, place), " ", team.error && value(team.error)),
		panel(
			"About",
			facts([
				["Id", code(team.id)],
				["Created", time(team.created_at)],
				["Default config", team.default_config && value(team.default_config)],
				["Keys", keys.length === 0 ? "none" : keys.map(keyLink)]
			])
		),
		limitsPanel(team.limits ?? [], spent, again),
		usePanel(usage, {team: team.id}),
		panel("What its keys may use", allowed(team.allow))
	];
}

/** @param {any} key */
const keyLink = key => h("a", {class: "mark", href: link("keys", [key.id])}, value(key.name));

/** @param {any} team @param {string | null} etag @param {HTMLElement} root
 * @param {Again} again */
function actions(team, etag, root, again) {
	if (!canChange(team)) return [];
	const edit = () => {
		const form = objectForm({fields: teamFields(), ...changing("teams", team, etag, again)});
		replace(root, heading(`Edit ${team.name}`), form.element);
	};
	const text = "A team that still has keys cannot be deleted.";
	return [button("Edit", edit, {change: true}), deleteButton("teams", team, etag, text)];
}
