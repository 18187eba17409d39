// What is left of a budget? Its bar, and a way to add to one that is never filled up by itself.

import {all, api, button, confirm, count, field, h, money, notice, value} from "../kit.js";
import {bar} from "./shown.js";
import {time} from "../times.js";

/** @returns {Promise<any[]>} */
export const budgets = () => all(api.budgets.list).catch(() => []);

/** @param {any} budget @param {Kind} kind @param {any} object */
export const isOf = (budget, kind, {id, name}) =>
	budget.owner === `${kind}.${kind === "endpoints" ? name : id}`;

/** @param {any} budget @param {any} amount */
export const amountOf = (budget, amount) =>
	budget.usd === undefined ? count(amount) : money(amount);

/** A budget as it is written: `$5.00 per day`. @param {any} budget */
export function budgetText(budget) {
	const amount = budget.usd === undefined ? `${count(budget.tokens)} tokens` : money(budget.usd);
	return `${amount} ${budget.window === "total" ? "in all" : `per ${budget.window}`}`;
}

/** @param {any} budget */
export function budgetBar(budget) {
	const {name, spent, reserved, usd, tokens, topped_up, resets_at, soft} = budget;
	const label = (name ? `${name}: ` : "") + budgetText(budget);
	if (spent === null || spent === undefined)
		return h("div.meter", value(`${label}. What is spent is not known now.`));
	const held = Number(reserved ?? 0);
	const and = held > 0 ? `, ${amountOf(budget, reserved)} reserved` : "";
	return bar({
		label,
		used: Number(spent) + held,
		of: Number(usd ?? tokens) + Number(topped_up ?? 0),
		text: `${amountOf(budget, spent)} spent${and}`,
		after: resets_at && ["begins anew ", time(resets_at)],
		soft: soft ?? undefined
	});
}

/** @param {any[]} all @param {Again} again */
export function budgetBars(all, again) {
	return all.map(it => {
		const add = button("Top up", () => topUp(it, again), {change: true});
		return h("div", budgetBar(it), it.window === "total" && !it.values && add);
	});
}

/** @param {any} budget @param {Again} again */
function topUp(budget, again) {
	const unit = budget.usd === undefined ? "tokens" : "usd";
	const amount = h("input", {type: "text", inputmode: "decimal", size: 10});
	const content = [field(`Add, in ${unit === "usd" ? "USD" : unit}`, amount)];
	const text = budgetText(budget);
	confirm({title: "Top up the budget", text, content, label: "Top up"}, async () => {
		await api.budgets.topUp(budget.id, {[unit]: Number(amount.value) || null});
		notice("Topped up.", "good");
		await again();
	});
}
