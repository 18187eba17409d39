// Who may use the gateway? The keys, what each may do and has used, and what can be done with them.

import {
	all,
	api,
	badge,
	button,
	code,
	confirm,
	empty,
	errorText,
	facts,
	field,
	go,
	h,
	heading,
	link,
	loaded,
	open,
	panel,
	replace,
	select,
	table,
	value
} from "../kit.js";
import {budgetBar, budgets, budgetText, ownedBy} from "../objects/budgets.js";
import {
	canChange,
	changing,
	createButton,
	deleteButton,
	limitsPanel,
	usageColumns,
	usePanel
} from "../objects/screen.js";
import {
	allowed,
	lastRecord,
	lastUse,
	limitText,
	marks,
	origin,
	placeOf,
	usageBy
} from "../objects/shown.js";
import {keyFields} from "../objects/fields.js";
import {objectForm} from "../objects/form.js";
import {mayCall} from "../objects/may_call.js";
import {showSecret} from "../objects/secret.js";
import {time} from "../times.js";

/** @param {View} view */
export async function show({root, route}) {
	const id = route.args[0];
	if (id === "new") await loaded(root, keyFields, fields => creation(fields));
	else if (id !== undefined) await showOne(root, id);
	else await loaded(root, listed, showList);
}

async function listed() {
	const [keys, usage, spent, place] = await Promise.all([
		all(api.keys.list),
		usageBy("key"),
		budgets(),
		placeOf("keys")
	]);
	return {keys, usage, spent, place};
}

/** @param {{keys: any[], usage: UsageBy, spent: any[], place: string | null}}
 *   found */
function showList({keys, usage, spent, place}) {
	const create = createButton("keys", "a key");
	if (keys.length === 0) {
		const text =
			"Without keys, a gateway on loopback lets everybody on this machine use it. " +
			"Create one here, or with the command line:";
		return [heading("Keys", create), empty("No keys yet", text, "throughway keys create app")];
	}
	const used = (/** @type {any} */ key) => usage?.get(key.id) ?? usage?.get(key.name);
	const made = table({
		caption: "Keys",
		rows: keys,
		href: key => link("keys", [key.id]),
		columns: [
			{title: "Name", cell: key => [value(key.name), " ", ...states(key)], sort: it => it.name},
			{title: "Begins with", cell: key => code(key.prefix), class: "minor"},
			{title: "Team", cell: key => value(key.team), sort: it => it.team ?? ""},
			{title: "Role", cell: key => value(key.role), class: "minor", sort: it => it.role ?? ""},
			{title: "Limits", cell: key => marks((key.limits ?? []).map(limitText)), class: "minor"},
			{title: "Budgets", cell: key => budgetsIn(key, spent)},
			...usageColumns(used),
			{title: "Defined in", cell: key => origin(key, place), class: "minor"}
		]
	});
	return [heading("Keys", create), made.element];
}

/** @param {any} key @param {any[]} spent */
function budgetsIn(key, spent) {
	const own = ownedBy(spent, key.id);
	return own.length > 0 ? own.map(budgetBar) : marks((key.budgets ?? []).map(budgetText));
}

/** What keeps a key from being used. @param {any} key */
function states(key) {
	const expired = key.expires && Date.parse(key.expires) <= Date.now();
	return [
		key.blocked ? badge("blocked", "bad") : null,
		expired ? badge("expired", "bad") : null,
		key.error ? badge("no effect", "bad", key.error) : null
	];
}

/** @param {Field[]} fields */
function creation(fields) {
	const form = objectForm({
		fields,
		document: null,
		label: "Create the key",
		save: async body => {
			const {data} = await api.keys.create(body);
			const {key, ...rest} = data;
			showSecret(`The key ${rest.name}`, key, () => go(link("keys", [rest.id])));
		},
		cancel: () => go(link("keys"))
	});
	return [heading("Create a key"), form.element];
}

/** @param {HTMLElement} root @param {string} id */
async function showOne(root, id) {
	const again = () => showOne(root, id);
	const load = async () => {
		const [{data: key, etag}, usage, all_budgets, last, place] = await Promise.all([
			api.keys.get(id),
			usageBy("key", {key: id}),
			budgets(),
			lastRecord({key: id}),
			placeOf("keys")
		]);
		const left = await api.keys.limits(id).catch(() => null);
		return {key, etag, usage, spent: ownedBy(all_budgets, id), last, left, place};
	};
	await loaded(root, load, found => details(found, root, again));
}

/** @param {{key: any, etag: string | null, usage: UsageBy, spent: any[], last:
 *   any,   left: any, place: string | null}} found @param {HTMLElement} root
 * @param {Again} again */
function details({key, etag, usage, spent, last, left, place}, root, again) {
	const limits = [...(left?.limits ?? key.limits ?? []), ...(left?.team_limits ?? []).map(ofTeam)];
	return [
		heading(key.name, ...actions(key, etag, root, again)),
		h("p", ...states(key), " ", origin(key, place), " ", key.error && value(key.error)),
		panel("About", about(key, last)),
		limitsPanel(limits, spent, again),
		usePanel(usage, {key: key.id}),
		panel("What it may use", allowed(key.allow)),
		panel("May this key call that?", ...mayCall(key.id))
	];
}

/** All keys of a team share its limits. @param {any} limit */
const ofTeam = limit => ({...limit, of: "team"});

/** @param {any} key @param {any} last */
function about(key, last) {
	return facts([
		["Id", code(key.id)],
		["Begins with", code(key.prefix)],
		["Role", value(key.role)],
		["Team", key.team && value(key.team)],
		["Expires", key.expires ? time(key.expires) : "never"],
		["Created", time(key.created_at)],
		["Last used", lastUse(last)],
		["Default config", key.default_config && value(key.default_config)],
		[
			"Metadata",
			key.metadata && marks(Object.entries(key.metadata).map(([n, it]) => `${n}: ${it}`))
		]
	]);
}

const DELETION =
	"This is for good: requests with it get 401. The audit log keeps that there was one.";

/** @param {any} key @param {string | null} etag @param {HTMLElement} root
 * @param {Again} again */
function actions(key, etag, root, again) {
	if (!canChange(key)) return [];
	const block = key.blocked ? "Unblock" : "Block";
	return [
		button("Edit", () => edit(key, etag, root, again), {change: true}),
		button("Rotate", () => rotate(key, etag, again), {change: true}),
		button(block, () => setBlocked(key, etag, again), {change: true}),
		deleteButton("keys", key, etag, DELETION)
	];
}

/** @param {any} key @param {string | null} etag @param {HTMLElement} root
 * @param {Again} again */
async function edit(key, etag, root, again) {
	const fields = await keyFields();
	const form = objectForm({fields, ...changing("keys", key, etag, again)});
	replace(root, heading(`Edit ${key.name}`), form.element);
}

/** @param {any} key @param {string | null} etag @param {Again} again */
function rotate(key, etag, again) {
	const grace = select([["", "ends at once"], "10m", "1h", "24h", "168h"], "");
	const failed = h("p", {class: "bad", role: "alert"});
	const run = async () => {
		try {
			const body = grace.value === "" ? {} : {grace: grace.value};
			const {data} = await api.keys.rotate(key.id, body, etag);
			dialog.close();
			showSecret(`The new secret of ${key.name}`, data.key, again);
		} catch (error) {
			replace(failed, value(errorText(error)));
		}
	};
	const text = "The key gets another secret. Its id, limits and team stay.";
	const dialog = open(
		`Rotate ${key.name}`,
		[h("p", text), field("The secret from before", grace), failed],
		[button("Cancel", () => dialog.close()), button("Rotate", run, {kind: "main"})]
	);
}

/** @param {any} key @param {string | null} etag @param {Again} again */
function setBlocked(key, etag, again) {
	const text = key.blocked
		? "Requests with this key are served again."
		: "Requests with this key get 401 invalid_gateway_key until it is unblocked.";
	const label = key.blocked ? "Unblock" : "Block";
	confirm({title: `${label} ${key.name}?`, text, label, danger: !key.blocked}, async () => {
		await api.keys.change(key.id, {blocked: key.blocked ? null : true}, etag);
		await again();
	});
}
