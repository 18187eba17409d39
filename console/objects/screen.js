// What do the screens of keys, teams and endpoints do alike? They list the objects, make one by its
// form, show one with what limits it and what it has used, and change and delete it.

import {
	all,
	api,
	ApiError,
	button,
	confirm,
	empty,
	faint,
	go,
	h,
	heading,
	link,
	loaded,
	mayChange,
	notice,
	panel,
	renew,
	replace,
	table,
	value
} from "../kit.js";
import {budgetBars, budgets, isOf} from "./budgets.js";
import {objectForm} from "./form.js";
import {showSecret} from "./secret.js";
import {LATELY_DAYS, limitBar, origin, placeOf, usageFacts} from "./shown.js";

/** @param {ObjectScreen} its @returns {(view: View) => Promise<void>} */
export const objectScreen = its => async view => {
	const {root, route} = view;
	const [id] = route.args;
	if (id === undefined)
		await loaded(
			root,
			() => listed(its),
			found => list(its, found)
		);
	else if (id === "new") await loaded(root, its.fields, fields => creation(its, fields));
	else await showOne(its, root, id);
};

/** @param {ObjectScreen} its @param {string} [id] @returns {Promise<KnownOfObjects>} */
async function known({kind, usage, more}, id) {
	const [used, spent, place, teams, others] = await Promise.all([
		usage(id),
		budgets(),
		placeOf(kind),
		kind === "keys" && id ? all(api.teams.list) : [],
		more?.(id)
	]);
	return {usage: used, spent, place, teams, ...others};
}

/** @param {ObjectScreen} its */
async function listed(its) {
	const [rows, found] = await Promise.all([all(api[its.kind].list), known(its)]);
	return {rows, found};
}

/** @param {ObjectScreen} its @param {Awaited<ReturnType<typeof listed>>} found */
function list({kind, title, article, none, columns}, {rows, found}) {
	const create = button(`Create ${article}`, () => go(link(kind, ["new"])), {
		kind: "main",
		change: true
	});
	const shown =
		rows.length === 0
			? empty(`No ${kind} yet`, ...none)
			: table({
					caption: title,
					rows,
					href: it => link(kind, [it.id]),
					columns: [
						...columns(found),
						{title: "Defined in", cell: it => origin(it, found.place), class: "minor"}
					]
				}).element;
	return [heading(title, create), shown];
}

/** @param {ObjectScreen} its @param {Field[]} fields */
function creation(its, fields) {
	const {kind, article} = its;
	const save = async (/** @type {any} */ body) => {
		const {data} = await api[kind].create(body);
		const show = () => go(link(kind, [data.id]));
		if (data.key) showSecret(`The key ${data.name}`, data.key, show);
		else show();
	};
	const label = article.replace(/^an?/, "Create the");
	const options = {document: null, label, save, cancel: () => go(link(kind))};
	return [heading(`Create ${article}`), ...form(its, fields, options)];
}

/** @param {ObjectScreen} its @param {Field[]} fields
 * @param {Omit<ObjectForm, "fields">} options */
function form({preview}, fields, options) {
	const made = objectForm({fields, ...options});
	if (preview === undefined) return [made.element];
	const shown = h("div", {role: "status", "aria-label": "Route preview"});
	const changed = () => {
		try {
			replace(shown, preview(made.read()));
		} catch {
			// What is half typed cannot be previewed; saving says what is wrong.
		}
	};
	made.element.addEventListener("input", changed);
	changed();
	return [panel("Where a request goes", shown), made.element];
}

/** @param {ObjectScreen} its @param {HTMLElement} root @param {string} id */
async function showOne(its, root, id) {
	const again = () => showOne(its, root, id);
	const load = async () => {
		const [{data, etag}, found] = await Promise.all([api[its.kind].get(id), known(its, id)]);
		const team = found.teams.find(it => [it.id, it.name].includes(data.team)) ?? {};
		const spent = found.spent.filter(it => isOf(it, its.kind, data));
		const of_team = found.spent.filter(it => isOf(it, "teams", team));
		spent.push(...of_team.map(it => ({...it, name: `team: ${it.name}`})));
		return {...found, spent, it: data, etag, again};
	};
	await loaded(root, load, shown => {
		const {it, place} = shown;
		const about = h("p", its.states(it), " ", origin(it, place), " ", it.error && value(it.error));
		const can_change = it.source !== "file" && mayChange();
		return [
			heading(it.name, ...(can_change ? actions(its, shown, root) : [])),
			about,
			...its.parts(shown)
		];
	});
}

/** @param {ObjectScreen} its @param {ShownObject} shown @param {HTMLElement} root */
function actions(its, shown, root) {
	const {it, again} = shown;
	let {etag} = shown;
	const {kind, fields, deletion} = its;
	const save = async (/** @type {any} */ body) => {
		try {
			await api[kind].change(it.id, body, etag);
		} catch (error) {
			if (error instanceof ApiError && error.status === 412) {
				({etag} = await api[kind].get(it.id));
				error.message = "It was changed meanwhile. Save again to change it all the same.";
			}
			throw error;
		}
		notice("Saved, and in force.", "good");
		await again();
	};
	const edit = async () => {
		const options = {document: it, label: "Save", save, cancel: again};
		renew(root, heading(`Edit ${it.name}`), ...form(its, await fields(), options));
	};
	const asked = {title: `Delete ${it.name}?`, text: deletion, label: "Delete", danger: true};
	const remove = async () => {
		await api[kind].remove(it.id, etag);
		go(link(kind));
	};
	return [
		button("Edit", edit),
		...(its.actions?.(shown) ?? []),
		button("Delete", () => confirm(asked, remove), {kind: "danger"})
	];
}

/** @param {any[]} limits @param {ShownObject} shown */
export function limitsPanel(limits, {spent, again}) {
	const bars = [...limits.map(limitBar), ...budgetBars(spent, again)];
	return panel("Limits and budgets", bars.length > 0 ? h("div.meters", bars) : faint("None."));
}

/** @param {UsageBy} usage @param {string} name in it @param {Filter} filter of its requests */
export function usePanel(usage, name, filter) {
	const row = usage?.get(name);
	return panel(
		`Use in the last ${LATELY_DAYS} days`,
		row ? usageFacts(row) : faint(usage ? "Not used." : "Not known: the gateway keeps no records."),
		row && h("a", {href: link("requests", [], filter)}, "Its requests")
	);
}
