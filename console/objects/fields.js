// Which fields do the forms of keys, teams and endpoints have? Their names are those of the API.

import {all, api} from "../kit.js";
import {choice, instant, json, list, nameOrJson, pairs, rows, text, yesNo} from "./controls.js";

const LIMITS = [
	{name: "requests", label: "Requests", number: true},
	{name: "tokens", label: "Tokens", number: true},
	{name: "window", label: "per"},
	{name: "burst", label: "Burst", number: true},
	{name: "concurrent", label: "At once", number: true},
	{name: "by", label: "by"}
];

const BUDGETS = [
	{name: "name", label: "Name"},
	{name: "usd", label: "USD", number: true},
	{name: "tokens", label: "Tokens", number: true},
	{name: "window", label: "per", options: ["", "day", "week", "month", "total"]},
	{name: "timezone", label: "Time zone"},
	{name: "soft", label: "Warn from", number: true}
];

/** @param {string} name @param {string} label @param {MakeControl} control @param {string} [hint]
 * @returns {Field} */
const field = (name, label, control, hint) => ({name, label, control, hint});

/** @param {string} name @param {string} example */
const allow = (name, example) =>
	field(
		`allow.${name}`,
		`Allowed: ${name.replace("_", " ")}`,
		list(example),
		"One in a line; empty: all."
	);

const name = field("name", "Name", text({required: true}));
const budgets = field("budgets", "Budgets", rows(BUDGETS, "Add a budget"));
const rules = [
	allow("models", "gpt-*"),
	allow("routes", "/v1/chat/completions"),
	allow("providers", "openai"),
	allow("hosts", "api.openai.com"),
	allow("endpoints", "/bria"),
	allow("methods", "POST"),
	allow("client_addresses", "10.0.0.0/8"),
	field("limits", "Limits", rows(LIMITS, "Add a limit")),
	budgets,
	field("default_config", "Default config", text({placeholder: "name"})),
	field("metadata", "Metadata", pairs("cost-center: 7"))
];

export async function keyFields() {
	const teams = await all(api.teams.list);
	const roles = [["", "member (default)"], "member", "viewer", "admin"];
	return [
		name,
		field("team", "Team", choice([["", "none"], ...teams.map(it => it.name)])),
		field(
			"role",
			"Role",
			choice(/** @type {Options} */ (roles)),
			"Viewers also read this console; admins change what it shows."
		),
		field("expires", "Expires", instant()),
		...rules
	];
}

export const teamFields = () => [name, ...rules];

export const endpointFields = () => [
	field(
		"path",
		"Path",
		text({placeholder: "/bria", required: true}),
		"Of this gateway: what a client's base URL ends with."
	),
	field(
		"target",
		"Target",
		text({placeholder: "https://api.example.com/v2", inputmode: "url"}),
		"The base URL that the path stands for."
	),
	field("include_subpath", "The path below goes to the target, too", yesNo(true)),
	field("methods", "Methods", list("GET"), "Empty: every method."),
	field(
		"credential",
		"Credential",
		json('{"bearer": "${NAME}"}'),
		"As JSON: bearer, header, query, basic, aws_sigv4 or google. It is sealed, and never shown again."
	),
	field("headers", "Headers", pairs("accept: application/json")),
	field(
		"forward_headers",
		"Forwarded headers",
		json('["x-request-id"]'),
		"true: all of the caller's. false: none. A list: these."
	),
	field("query", "Query", json('{"version": "2"}')),
	field("auth", "Callers need a gateway key", yesNo(true)),
	field(
		"config",
		"Config",
		nameOrJson('{"retry": {"attempts": 2}}'),
		"A config object, or the name of one of the settings."
	),
	budgets,
	field("cost_per_request", "Cost per request, in USD", text({size: 10})),
	field(
		"usage",
		"Usage",
		pairs("input: /usage/input_tokens"),
		"JSON pointers into responses: model, input, output, cache_read, cache_write, reasoning."
	),
	field("enabled", "Enabled", yesNo(true))
];
