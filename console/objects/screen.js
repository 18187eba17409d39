// What do the screens of keys, teams and endpoints do alike? They lead to the form of an object,
// change and delete it, and show what limits it and what it has used.

import {api, button, confirm, count, faint, go, h, link, mayChange, notice, panel} from "../kit.js";
import {budgetPart} from "./budgets.js";
import {costText, LATELY_DAYS, limitBar, usageFacts} from "./shown.js";

/** @param {Kind} kind @param {string} one such as `a key` */
export function createButton(kind, one) {
	const toForm = () => go(link(kind, ["new"]));
	return button(`Create ${one}`, toForm, {kind: "main", change: true});
}

/** Objects of the settings file are changed there. @param {any} object */
export const canChange = object => object.source !== "file" && mayChange();

/** The options of a form that changes an object.
 * @param {Kind} kind @param {any} document @param {string | null} etag @param {Again} again */
export function changing(kind, document, etag, again) {
	const save = async (/** @type {any} */ body) => {
		await api[kind].change(document.id, body, etag);
		notice("Saved, and in force.", "good");
		await again();
	};
	return {document, label: "Save", save, cancel: again};
}

/** @param {Kind} kind @param {any} object @param {string | null} etag @param {string} text */
export function deleteButton(kind, object, etag, text) {
	const asked = {title: `Delete ${object.name}?`, text, label: "Delete", danger: true};
	const remove = async () => {
		await api[kind].remove(object.id, etag);
		go(link(kind));
	};
	return button("Delete", () => confirm(asked, remove), {kind: "danger", change: true});
}

/** @param {any[]} limits @param {any[]} spent @param {Again} again */
export function limitsPanel(limits, spent, again) {
	const bars = [...limits.map(limitBar), ...spent.map(it => budgetPart(it, again))];
	const shown = bars.length > 0 ? h("div.meters", bars) : faint("None.");
	return panel("Limits and budgets", shown);
}

/** @param {UsageBy} usage @param {Filter} filter of its requests */
export function usePanel(usage, filter) {
	const row = usage && [...usage.values()][0];
	const requests = h("a", {href: link("requests", [], filter)}, "Its requests");
	const none = usage ? "Not used." : "Not known: the gateway keeps no records.";
	return panel(
		`Use in the last ${LATELY_DAYS} days`,
		...(row ? [usageFacts(row), requests] : [faint(none)])
	);
}

/** @param {(object: any) => any} used the row of the usage @returns {Column<any>[]} */
export function usageColumns(used) {
	return [
		{
			title: `Requests, ${LATELY_DAYS} d`,
			cell: it => count(used(it)?.requests),
			class: "number",
			sort: it => used(it)?.requests ?? 0
		},
		{
			title: `Cost, ${LATELY_DAYS} d`,
			cell: it => costText(used(it)),
			class: "number",
			sort: it => Number(used(it)?.cost ?? 0)
		}
	];
}
