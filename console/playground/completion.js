// What could be written at the cursor of a config object? The keys of its place that are not there
// yet, or the values that a key takes.

import {contextAt} from "./json_place.js";

/** @param {Tables["config"]} tables @param {string} text @param {number} cursor
 * @returns {Suggestion[]} */
export function suggestions(tables, text, cursor) {
	const context = contextAt(text, cursor);
	if (context === null) return [];
	const {wants, keys, key, typed, start} = context;
	const fields = tables[context.section] ?? [];
	if (wants === "value") {
		const field = fields.find(([name]) => name === key);
		return field === undefined ? [] : values(field, context);
	}
	return fields
		.filter(([name]) => name.startsWith(typed) && (name === typed || !keys.includes(name)))
		.map(([name, takes, meaning, example]) => ({
			label: name,
			meaning: `${takes}. ${meaning}`,
			text: `"${name}": ${example}`,
			start
		}));
}

/** @param {ConfigField} field @param {Context} context @returns {Suggestion[]} */
function values([, takes, meaning, example], {typed, start}) {
	const words = takes.split(", ");
	const named = words.every(it => /^[a-z_.]+$/.test(it)) && example.startsWith('"');
	const texts = named
		? words.filter(it => it !== "text").map(it => JSON.stringify(it))
		: takes.startsWith("bool")
			? ["true", "false"]
			: [example];
	return texts
		.filter(it => it.replace(/^"/, "").startsWith(typed.replace(/^"/, "")))
		.map(it => ({label: it, meaning, text: it, start}));
}
