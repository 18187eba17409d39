// Who may use the gateway? The keys, what each may do and has used, and what can be done with them.

import {api, badge, button, code, confirm, facts, field, panel, select, value} from "../kit.js";
import {budgetBar, budgetText, isOf} from "../objects/budgets.js";
import {keyFields} from "../objects/fields.js";
import {mayCall} from "../objects/may_call.js";
import {limitsPanel, objectScreen, usePanel} from "../objects/screen.js";
import {showSecret} from "../objects/secret.js";
import {
	allowed,
	lastRecord,
	lastUse,
	limitText,
	marks,
	usageBy,
	usageColumns
} from "../objects/shown.js";
import {time} from "../times.js";

export const show = objectScreen({
	kind: "keys",
	title: "Keys",
	article: "a key",
	none: [
		"Without keys, a gateway on loopback lets everybody on this machine use it. " +
			"Create one here, or with the command line:",
		"throughway keys create app"
	],
	deletion: "This is for good: requests with it get 401. The audit log keeps that there was one.",
	fields: keyFields,
	usage: key => usageBy("key", {key}),
	more: async id => {
		if (id === undefined) return {};
		const [last, left] = await Promise.all([
			lastRecord({key: id}),
			api.keys.limits(id).catch(() => null)
		]);
		return {last, left};
	},
	columns: ({usage, spent}) => [
		{title: "Name", cell: key => [value(key.name), " ", ...states(key)], sort: it => it.name},
		{title: "Begins with", cell: key => code(key.prefix), class: "minor"},
		{title: "Team", cell: key => value(key.team), sort: it => it.team ?? ""},
		{title: "Role", cell: key => value(key.role), class: "minor", sort: it => it.role ?? ""},
		{title: "Limits", cell: key => marks(key.limits?.map(limitText)), class: "minor"},
		{
			title: "Budgets",
			cell: key => {
				const own = spent.filter(it => isOf(it, "keys", key));
				return own.length > 0 ? own.map(budgetBar) : marks(key.budgets?.map(budgetText));
			}
		},
		...usageColumns(key => usage?.get(key.id))
	],
	states,
	parts: shown => {
		const {it, usage, left, last} = shown;
		// All keys of a team share its limits.
		const of_team = left?.team_limits?.map((/** @type {any} */ limit) => ({...limit, of: "team"}));
		return [
			panel("About", about(it, last)),
			limitsPanel([...(left?.limits ?? it.limits ?? []), ...(of_team ?? [])], shown),
			usePanel(usage, it.id, {key: it.id}),
			panel("What it may use", allowed(it.allow)),
			panel("May this key call that?", mayCall(it.id))
		];
	},
	actions: shown => [
		button("Rotate", () => rotate(shown)),
		button(shown.it.blocked ? "Unblock" : "Block", () => setBlocked(shown))
	]
});

/** What keeps a key from being used. @param {any} key */
function states({blocked, expires, error}) {
	return [
		blocked && badge("blocked", "bad"),
		expires && Date.parse(expires) <= Date.now() && badge("expired", "bad"),
		error && badge("no effect", "bad", error)
	];
}

/** @param {any} key @param {any} last */
function about(key, last) {
	const {metadata} = key;
	return facts([
		["Id", code(key.id)],
		["Begins with", code(key.prefix)],
		["Role", value(key.role)],
		["Team", key.team && value(key.team)],
		["Expires", key.expires ? time(key.expires) : "never"],
		["Created", time(key.created_at)],
		["Last used", lastUse(last)],
		["Default config", key.default_config && value(key.default_config)],
		["Metadata", metadata && marks(Object.entries(metadata).map(([name, it]) => `${name}: ${it}`))]
	]);
}

/** @param {ShownObject} shown */
function rotate({it, etag, again}) {
	const grace = select([["", "ends at once"], "10m", "1h", "24h", "168h"], "");
	const content = [field("The secret from before", grace)];
	const text = "The key gets another secret. Its id, limits and team stay.";
	confirm({title: `Rotate ${it.name}`, text, content, label: "Rotate"}, async () => {
		const body = grace.value === "" ? {} : {grace: grace.value};
		const {data} = await api.keys.rotate(it.id, body, etag);
		return () => showSecret(`The new secret of ${it.name}`, data.key, again);
	});
}

/** @param {ShownObject} shown */
function setBlocked({it, etag, again}) {
	const text = it.blocked
		? "Requests with this key are served again."
		: "Requests with this key get 401 invalid_gateway_key until it is unblocked.";
	const label = it.blocked ? "Unblock" : "Block";
	confirm({title: `${label} ${it.name}?`, text, label, danger: !it.blocked}, async () => {
		await api.keys.change(it.id, {blocked: it.blocked ? null : true}, etag);
		await again();
	});
}
