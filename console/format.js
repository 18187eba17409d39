// How are numbers, amounts, times and texts written? One way each, for all screens.

/** Characters that are not seen, or that turn the direction of text around: control, format,
 * surrogates, separators of lines and paragraphs; fillers and blanks without a width. */
const UNSEEN =
	/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\u115f\u1160\u17b4\u17b5\u180e\u3164\uffa0\u2060-\u206f\u{e0000}-\u{e0fff}]/gu;

/** A text in which everything can be seen: control, direction and zero-width characters are
 * escapes. @param {string} text
 * `lines`: line breaks and tabs stay. */
export function visible(text, lines = false) {
	return text.replace(UNSEEN, it => {
		if (lines && (it === "\n" || it === "\t")) return it;
		return it < "\u0100" ? `\\x${hexOf(it, 2)}` : `\\u{${hexOf(it, 4)}}`;
	});
}

/** The code of a character, for an escape. @param {string} character @param {number} width */
export const hexOf = (character, width) =>
	(character.codePointAt(0) ?? 0).toString(16).padStart(width, "0");

/** JSON for a header, which takes ASCII alone. @param {string} json */
export const ascii = json => json.replace(/[^\x20-\x7e]/g, it => `\\u${hexOf(it, 4)}`);

/** Nothing is known; zero is written as zero. */
export const UNKNOWN = "–";

/** @param {unknown} number @returns {number is number} */
const isKnown = number => Number.isFinite(number);

/** @param {Intl.NumberFormatOptions} options
 * @returns {(count: number | null | undefined) => string} */
const numbers = options => {
	const {format} = new Intl.NumberFormat("en", options);
	return count => (isKnown(count) ? format(count) : UNKNOWN);
};

export const count = numbers({maximumFractionDigits: 0});
export const compact = numbers({notation: "compact", maximumSignificantDigits: 3});

/** Dollars, as exact as it takes to see something: `$12.30`, `$0.000015`.
 * @param {string | number | null | undefined} usd a decimal text of the API, or a sum */
export function money(usd) {
	const amount = Number.parseFloat(String(usd));
	if (!Number.isFinite(amount)) return UNKNOWN;
	const size = Math.abs(amount);
	const sign = amount < 0 ? "-" : "";
	if (size === 0) return "$0";
	if (size >= 1) {
		const digits = {minimumFractionDigits: 2, maximumFractionDigits: 2};
		return `${sign}$${size.toLocaleString("en", digits)}`;
	}
	const places = Math.min(9, Math.max(4, 2 - Math.floor(Math.log10(size))));
	return `${sign}$${size.toFixed(places).replace(/0+$/, "").replace(/\.$/, "")}`;
}

/** A length of time given in microseconds: `850 µs`, `12.3 ms`, `4.56 s`, `3 min 5 s`.
 * @param {number | null | undefined} micros */
export function duration(micros) {
	if (!isKnown(micros)) return UNKNOWN;
	if (micros < 1000) return `${Math.round(micros)} µs`;
	if (micros < 1e6) return `${digits(micros / 1000)} ms`;
	return micros < 120e6 ? `${digits(micros / 1e6)} s` : span(micros / 1e6);
}

/** @param {number} number three digits that count */
function digits(number) {
	return number >= 100 ? number.toFixed(0) : number >= 10 ? number.toFixed(1) : number.toFixed(2);
}

/** @type {[string, number][]} */
const UNITS = [
	["d", 86400],
	["h", 3600],
	["min", 60],
	["s", 1]
];

/** A length of time given in seconds, by its two largest units: `2 d 3 h`.
 * @param {number | null | undefined} seconds */
export function span(seconds) {
	if (!isKnown(seconds)) return UNKNOWN;
	let rest = Math.max(0, Math.round(seconds));
	const parts = [];
	for (const [name, size] of UNITS)
		if (rest >= size && parts.length < 2) {
			parts.push(`${Math.floor(rest / size)} ${name}`);
			rest %= size;
		}
	return parts.length === 0 ? "0 s" : parts.join(" ");
}

/** Bytes: `512 B`, `1.5 MiB`. @param {number | null | undefined} bytes */
export function bytes(bytes) {
	if (!isKnown(bytes)) return UNKNOWN;
	const units = ["B", "KiB", "MiB", "GiB", "TiB"];
	let [size, unit] = [bytes, 0];
	while (size >= 1024 && unit < units.length - 1) {
		size /= 1024;
		unit += 1;
	}
	return unit === 0 ? `${size} B` : `${digits(size)} ${units[unit]}`;
}

/** A share of a whole: `12.5 %`. @param {number} part @param {number} all */
export function percent(part, all) {
	if (!(all > 0) || !Number.isFinite(part)) return UNKNOWN;
	const share = (100 * part) / all;
	return `${share > 0 && share < 10 ? share.toFixed(1) : share.toFixed(0)} %`;
}

/** How long ago an instant is: `12 s ago`. @param {number} at milliseconds since 1970 */
export function ago(at, now = Date.now()) {
	const seconds = Math.round((now - at) / 1000);
	if (!Number.isFinite(seconds)) return UNKNOWN;
	const first = span(Math.abs(seconds)).split(" ").slice(0, 2).join(" ");
	return seconds < 0 ? `in ${first}` : seconds < 2 ? "now" : `${first} ago`;
}

/** An instant by the clock of the browser: `2026-11-22 06:45:39.123`.
 * @param {number} at milliseconds since 1970 */
export function clock(at) {
	const date = new Date(at);
	if (Number.isNaN(date.getTime())) return UNKNOWN;
	const local = new Date(at - date.getTimezoneOffset() * 60_000).toISOString();
	return local.slice(0, 23).replace("T", " ");
}

/** The provider, or the host of one without a name. @param {string | null} provider
 * @param {string | null} origin */
export function upstreamName(provider, origin) {
	const isNamed = provider !== null && provider !== "" && provider !== "passthrough";
	return isNamed ? provider : (origin?.replace(/^https?:\/\//, "") ?? UNKNOWN);
}

/** What a JSON text holds, or something else where it is none. @param {string} text
 * @param {any} otherwise @returns {any} */
export function jsonOr(text, otherwise) {
	try {
		return JSON.parse(text);
	} catch {
		return otherwise;
	}
}

/** What is at a place such as `allow.models`. @param {any} document @param {string} place */
export const at = (document, place) =>
	place.split(".").reduce((inner, name) => inner?.[name], document);
