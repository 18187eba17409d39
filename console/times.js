// How long ago was that? Instants on a page are told relative to now and kept up to date, or by the
// clock, as the user likes; the other form is in the title.

import {ago, button, clock, h} from "./kit.js";

const STORED = "throughway.times";
const EVERY = 5_000;

let absolute = localStorage.getItem(STORED) === "absolute";

/** @param {string | number | null | undefined} at RFC 3339, or milliseconds since 1970 */
export function time(at) {
	const millis = typeof at === "number" ? at : Date.parse(at ?? "");
	if (Number.isNaN(millis)) return h("span.faint", "–");
	const element = h("time", {datetime: new Date(millis).toISOString(), "data-at": millis});
	tell(element, Date.now());
	return element;
}

/** @param {HTMLElement} element @param {number} now */
function tell(element, now) {
	const at = Number(element.dataset.at);
	const [shown, title] = absolute ? [clock(at), ago(at, now)] : [ago(at, now), clock(at)];
	if (element.textContent !== shown) {
		element.textContent = shown;
		element.title = title;
	}
}

function tellAll() {
	const now = Date.now();
	for (const element of document.querySelectorAll("time[data-at]"))
		if (element instanceof HTMLElement) tell(element, now);
}

export function timesButton() {
	const label = () => (absolute ? "Clock times" : "Relative times");
	const press = () => {
		absolute = !absolute;
		localStorage.setItem(STORED, absolute ? "absolute" : "relative");
		made.textContent = label();
		tellAll();
	};
	const made = button(label(), press, {title: "How instants are told"});
	return made;
}

export function keepTimes() {
	setInterval(() => !absolute && !document.hidden && tellAll(), EVERY);
}
