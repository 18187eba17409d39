// What could be written at the cursor of a config object? The keys of its place that are not there
// yet, or the values that a key takes.

import {contextAt} from "./json_place.js";
import {CONFIG_FIELDS} from "./tables.js";

/** @param {string} text @param {number} cursor @returns {Suggestion[]} */
export function suggestions(text, cursor) {
	const context = contextAt(text, cursor);
	if (context === null) return [];
	const fields = CONFIG_FIELDS[context.section] ?? [];
	if (context.wants === "key") {
		const rest = fields.filter(([name]) => !context.keys.includes(name) || name === context.typed);
		return rest
			.filter(([name]) => name.startsWith(context.typed))
			.map(([name, takes, meaning, example]) => ({
				label: name,
				meaning: `${takes}. ${meaning}`,
				text: `"${name}": ${example}`,
				start: context.start
			}));
	}
	const field = fields.find(([name]) => name === context.key);
	return field === undefined ? [] : values(field, context);
}

/** @param {ConfigField} field @param {Context} context @returns {Suggestion[]} */
function values([, takes, meaning, example], context) {
	const words = takes.split(", ");
	const named = words.every(it => /^[a-z_.]+$/.test(it)) && example.startsWith('"');
	const texts = named
		? words.filter(it => it !== "text").map(it => JSON.stringify(it))
		: takes.startsWith("bool")
			? ["true", "false"]
			: [example];
	const typed = context.typed.replace(/^"/, "");
	const fitting = texts.filter(it => it.replace(/^"/, "").startsWith(typed));
	return fitting.map(it => ({label: it, meaning, text: it, start: context.start}));
}
