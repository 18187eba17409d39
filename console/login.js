// How does a user sign in? With the admin token, or the key of a viewer or an admin. Both are sent
// once and kept nowhere in the page.

import {api, commandLine, errorText, field, h, replace, submitter, value} from "./kit.js";

/** @param {(session: Session) => void} enter
 * @param {Error | null} why what ended the session or failed before */
export function showLogin(enter, why) {
	document.title = "Sign in – Throughway";
	const failed = h("p.bad", {role: "alert"}, why && value(why.message));
	const token = h("input", {
		type: "password",
		name: "token",
		required: true,
		autocomplete: "current-password",
		spellcheck: "false"
	});
	const {submit, onsubmit} = submitter("Sign in", async () => {
		try {
			const session = await api.session.begin(token.value);
			token.value = "";
			enter(session);
		} catch (error) {
			replace(failed, value(errorText(error)));
			token.select();
		}
	});
	const hint = "`admin_token` of the settings, or a gateway key with the role viewer or admin.";
	const form = h("form", {onsubmit}, failed, field("Token", token, hint), submit);
	replace(document.body, h("main.login", h("h1", "Throughway"), form, byLink()));
	token.focus();
}

function byLink() {
	const text = "Without a token, a link that signs in is made on the gateway's own machine:";
	return h("section", h("p", text), commandLine("throughway console"));
}
