// Who is signed in, and what may they do? Known once for all screens; the gateway decides anew on
// every request.

/** @type {Session | null} */
let current = null;

const STORED = "throughway.session";

/** @param {Session | null} session */
export function setSession(session) {
	current = session;
	localStorage.setItem(STORED, session === null ? "no" : "yes");
}

/** Whether this browser may have a session; the cookie itself cannot be seen by scripts. */
export function mayBeSignedIn() {
	return localStorage.getItem(STORED) === "yes";
}

/** Whether what changes something can be offered: viewers only look. */
export function mayChange() {
	return current?.role === "admin";
}
