// What is asked before something is done? A dialog of the browser's own, which keeps the focus.

import {h, replace, value} from "./dom.js";
import {button, errorText, isAbort} from "./ui.js";

/** @param {string} title @param {Child[]} content @param {HTMLElement[]} actions
 * @param {() => void} [closed] @returns {Dialog} */
export function open(title, content, actions, closed = () => {}) {
	const element = h("dialog", {"aria-label": title});
	const close = () => element.close();
	replace(element, h("h2", value(title)), h("div.content", content), h("footer", actions));
	element.addEventListener("close", () => {
		element.remove();
		closed();
	});
	document.body.append(element);
	element.showModal();
	return {element, close};
}

/** Asks whether something is to be done, does it, and says in the dialog if that failed.
 * @param {{title: string, text: string, label: string, danger?: boolean}} asked
 * @param {() => Promise<void>} act */
export function confirm(asked, act) {
	const failed = h("p.bad", {role: "alert", hidden: true});
	const run = button(
		asked.label,
		async () => {
			run.disabled = true;
			try {
				await act();
				dialog.close();
			} catch (error) {
				if (!isAbort(error)) {
					replace(failed, value(errorText(error)));
					failed.hidden = false;
				}
				run.disabled = false;
			}
		},
		{kind: asked.danger ? "danger" : "main"}
	);
	const cancel = button("Cancel", () => dialog.close());
	const dialog = open(asked.title, [h("p", asked.text), failed], [cancel, run]);
}
