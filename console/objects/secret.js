// How is a new key handed over? Its secret is shown once in a dialog, and is nowhere on the page
// before and after.

import {button, copyButton, faint, h, open} from "../kit.js";

/** @param {string} title @param {string} secret @param {() => void} closed */
export function showSecret(title, secret, closed) {
	const shown = h("output.secret", {tabindex: 0, "aria-label": "The key"}, secret);
	const command = `curl ${location.origin}/v1/models -H "authorization: Bearer ${secret}"`;
	const text = "Copy it now: it is shown here and nowhere else, and only its digest is stored.";
	const copy = copyButton(() => secret, "Copy the key");
	const copyCommand = copyButton(() => command, "Copy a curl with it");
	const dialog = open(
		title,
		[
			h("p", text),
			h("div.command", shown, copy),
			faint("To try it:"),
			h("div.command", copyCommand)
		],
		[button("Done", () => dialog.close(), {kind: "main"})],
		() => {
			shown.textContent = "";
			closed();
		}
	);
}
