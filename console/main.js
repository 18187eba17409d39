// Where does the console begin? Who is signed in is asked first; then the screen that the URL names
// is shown, or the page to sign in.

import {api, ApiError, mayBeSignedIn, problem, replace, session_events, setSession} from "./kit.js";
import {showLogin} from "./login.js";
import {endShell, showShell} from "./shell.js";
import {applyTheme} from "./theme.js";
import {keepTimes} from "./times.js";

/** The code of a link that signs in: taken out of the URL before anything else sees it. */
function takeLinkCode() {
	const found = /^#link=(.+)$/.exec(location.hash);
	if (found === null) return null;
	history.replaceState(null, "", location.pathname);
	return found[1] ?? null;
}

async function begin() {
	const code = takeLinkCode();
	if (code === null && !mayBeSignedIn()) {
		leave(null);
		return;
	}
	try {
		const session = code === null ? await api.session.get() : await api.session.begin(code);
		enter(session);
	} catch (error) {
		if (error instanceof ApiError && error.status !== 0) leave(code === null ? null : error);
		else replace(document.body, problem(error, begin));
	}
}

/** @param {Session} session */
function enter(session) {
	setSession(session);
	showShell(session, () => leave(null));
}

/** @param {ApiError | null} why */
function leave(why) {
	endShell();
	setSession(null);
	showLogin(enter, why);
}

session_events.addEventListener("signed-out", () =>
	leave(new ApiError(403, "The session has ended: sign in again."))
);
window.addEventListener("hashchange", () => location.hash.startsWith("#link=") && begin());
applyTheme();
keepTimes();
begin();
