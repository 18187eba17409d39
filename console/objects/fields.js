// Which fields do the forms of keys, teams and endpoints have? Their names are those of the API.

import {api} from "../kit.js";
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

/** @type {[string, string, string][]} */
const ALLOW = [
	["models", "Models", "gpt-*"],
	["routes", "Routes", "/v1/chat/completions"],
	["providers", "Providers", "openai"],
	["hosts", "Hosts", "api.openai.com"],
	["endpoints", "Endpoints", "/bria"],
	["methods", "Methods", "POST"],
	["client_addresses", "Client addresses", "10.0.0.0/8"]
];

/** @returns {Field[]} */
function rules() {
	return [
		...ALLOW.map(([name, label, example]) => ({
			name: `allow.${name}`,
			label: `Allowed: ${label.toLowerCase()}`,
			control: list(example),
			hint: "One in a line; empty: all."
		})),
		{name: "limits", label: "Limits", control: rows(LIMITS, "Add a limit")},
		{name: "budgets", label: "Budgets", control: rows(BUDGETS, "Add a budget")},
		{name: "default_config", label: "Default config", control: text({placeholder: "name"})},
		{name: "metadata", label: "Metadata", control: pairs("cost-center: 7")}
	];
}

/** @returns {Promise<Field[]>} */
export async function keyFields() {
	const {data} = await api.teams.list({limit: 1000});
	const teams = data.map((/** @type {any} */ it) => it.name);
	const roles = ["", "member", "viewer", "admin"];
	return [
		{name: "name", label: "Name", control: text({required: true})},
		{name: "team", label: "Team", control: choice([["", "none"], ...teams])},
		{
			name: "role",
			label: "Role",
			control: choice(roles.map(it => [it, it || "member (default)"])),
			hint: "Viewers also read this console; admins change what it shows."
		},
		{name: "expires", label: "Expires", control: instant()},
		...rules()
	];
}

/** @returns {Field[]} */
export function teamFields() {
	return [{name: "name", label: "Name", control: text({required: true})}, ...rules()];
}

/** @returns {Field[]} */
export function endpointFields() {
	return [...routeFields(), ...requestFields(), ...policyFields()];
}

/** @returns {Field[]} */
function routeFields() {
	return [
		{
			name: "path",
			label: "Path",
			control: text({placeholder: "/bria", required: true}),
			hint: "Of this gateway: what a client's base URL ends with."
		},
		{
			name: "target",
			label: "Target",
			control: text({placeholder: "https://api.example.com/v2", inputmode: "url"}),
			hint: "The base URL that the path stands for."
		},
		{
			name: "include_subpath",
			label: "The path below goes to the target, too",
			control: yesNo(true)
		},
		{name: "methods", label: "Methods", control: list("GET"), hint: "Empty: every method."}
	];
}

/** @returns {Field[]} */
function requestFields() {
	return [
		{
			name: "credential",
			label: "Credential",
			control: json('{"bearer": "${NAME}"}'),
			hint: "As JSON: bearer, header, query, basic, aws_sigv4 or google. It is sealed, and never shown again."
		},
		{name: "headers", label: "Headers", control: pairs("accept: application/json")},
		{
			name: "forward_headers",
			label: "Forwarded headers",
			control: json('["x-request-id"]'),
			hint: "true: all of the caller's. false: none. A list: these."
		},
		{name: "query", label: "Query", control: json('{"version": "2"}')}
	];
}

/** @returns {Field[]} */
function policyFields() {
	return [
		{name: "auth", label: "Callers need a gateway key", control: yesNo(true)},
		{
			name: "config",
			label: "Config",
			control: nameOrJson('{"retry": {"attempts": 2}}'),
			hint: "A config object, or the name of one of the settings."
		},
		{name: "budgets", label: "Budgets", control: rows(BUDGETS, "Add a budget")},
		{name: "cost_per_request", label: "Cost per request, in USD", control: text({size: 10})},
		{
			name: "usage",
			label: "Usage",
			control: pairs("input: /usage/input_tokens"),
			hint: "JSON pointers into responses: model, input, output, cache_read, cache_write, reasoning."
		},
		{name: "enabled", label: "Enabled", control: yesNo(true)}
	];
}
