// What is asked before something is done? A dialog of the browser's own, which keeps the focus.

import {h, refocus, replace, value} from "./dom.js";
import {button, errorText, isAbort} from "./ui.js";

/** @param {string} title @param {Child[]} content @param {HTMLElement[]} actions */
export function open(title, content, actions, closed = () => {}) {
	const element = h("dialog", {"aria-label": title});
	const close = () => element.close();
	replace(element, h("h2", value(title)), h("div.content", content), h("footer", actions));
	element.addEventListener("close", () => {
		element.remove();
		refocus();
		closed();
	});
	document.body.append(element);
	element.showModal();
	return {element, close};
}

/** Asks whether something is to be done, does it, and says in the dialog if that failed. What the
 * action returns is called when the dialog is closed. @param {Question} asked
 * @param {() => Promise<(() => void) | void>} act */
export function confirm({title, text, content = [], label, danger}, act) {
	const failed = h("p.bad", {role: "alert", hidden: true});
	const run = async () => {
		submit.disabled = true;
		try {
			const next = await act();
			dialog.close();
			next?.();
		} catch (error) {
			if (!isAbort(error)) {
				replace(failed, value(errorText(error)));
				failed.hidden = false;
			}
			submit.disabled = false;
		}
	};
	const submit = button(label, run, {kind: danger ? "danger" : "main"});
	const cancel = button("Cancel", () => dialog.close());
	const dialog = open(title, [h("p", value(text)), ...content, failed], [cancel, submit]);
}
