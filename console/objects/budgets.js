// What is left of a budget? Its bar, and a way to add to one that is never filled up by itself.

import {
	api,
	button,
	count,
	errorText,
	field,
	h,
	money,
	notice,
	open,
	replace,
	value
} from "../kit.js";
import {bar} from "./shown.js";
import {time} from "../times.js";

/** @returns {Promise<any[]>} */
export async function budgets() {
	try {
		return (await api.budgets.list({limit: 1000})).data ?? [];
	} catch {
		return [];
	}
}

/** @param {any[]} all @param {string} id */
export const ownedBy = (all, id) =>
	all.filter(
		it =>
			String(it.owner?.id ?? it.owner ?? "")
				.split(".")
				.at(-1) === id
	);

/** A budget as it is written: `$5.00 per day`. @param {any} budget */
export function budgetText(budget) {
	const amount = budget.usd === undefined ? `${count(budget.tokens)} tokens` : money(budget.usd);
	return `${amount} ${budget.window === "total" ? "in all" : `per ${budget.window}`}`;
}

/** @param {any} budget */
export function budgetBar(budget) {
	const name = budget.name ? `${budget.name}: ` : "";
	const label = name + budgetText(budget);
	if (budget.spent === null || budget.spent === undefined)
		return h("div.meter", value(`${label}. What is spent is not known now.`));
	const shown = (/** @type {any} */ it) => (budget.usd === undefined ? count(it) : money(it));
	const reserved = Number(budget.reserved ?? 0);
	const limit = Number(budget.usd ?? budget.tokens) + Number(budget.topped_up ?? 0);
	return bar({
		label,
		used: Number(budget.spent) + reserved,
		of: limit,
		text: `${shown(budget.spent)} spent${reserved > 0 ? `, ${shown(budget.reserved)} reserved` : ""}`,
		after: budget.resets_at ? h("span", "begins anew ", time(budget.resets_at)) : null,
		soft: budget.soft ?? undefined
	});
}

/** @param {any} budget @param {Again} again */
export function budgetPart(budget, again) {
	const add = button("Top up", () => topUp(budget, again), {change: true});
	return h("div", budgetBar(budget), budget.window === "total" && !budget.values && add);
}

/** @param {any} budget @param {Again} again */
function topUp(budget, again) {
	const unit = budget.usd === undefined ? "tokens" : "usd";
	const amount = h("input", {type: "text", inputmode: "decimal", size: 10});
	const failed = h("p", {class: "bad", role: "alert"});
	const run = async () => {
		try {
			await api.budgets.topUp(budget.id, {[unit]: Number(amount.value)});
			dialog.close();
			notice("Topped up.", "good");
			await again();
		} catch (error) {
			replace(failed, value(errorText(error)));
		}
	};
	const label = unit === "usd" ? "Add, in USD" : "Add, in tokens";
	const dialog = open(
		"Top up the budget",
		[h("p", value(budgetText(budget))), field(label, amount), failed],
		[button("Cancel", () => dialog.close()), button("Top up", run, {kind: "main"})]
	);
}
