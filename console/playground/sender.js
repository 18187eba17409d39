// How is a request of the playground sent and watched? Through the gateway's own /v1/, as a client
// sends it, with the times at which its parts came.

import {at, errorText, jsonOr} from "../kit.js";

/** How much of a body is kept to be shown. */
const LONGEST = 256 * 1024;

/** @param {Asked} asked @param {AbortSignal} signal @param {(run: Run) => void} changed
 * @returns {Promise<Run>} */
export async function send(asked, signal, changed) {
	/** @type {Run} */
	const run = {
		status: null,
		headers: [],
		head: null,
		first_token: null,
		last_token: null,
		end: null,
		pieces: 0,
		tokens: null,
		bytes: 0,
		text: "",
		raw: "",
		failed: null
	};
	const begun = performance.now();
	const since = () => performance.now() - begun;
	try {
		const response = await fetch(location.origin + asked.path, {
			method: asked.method,
			headers: asked.headers,
			body: asked.body || undefined,
			credentials: "omit",
			cache: "no-store",
			signal
		});
		run.head = since();
		run.status = response.status;
		run.headers = [...response.headers];
		changed(run);
		await readBody(response, run, since, changed);
	} catch (error) {
		run.failed = signal.aborted ? "stopped here" : `the connection broke off: ${errorText(error)}`;
	}
	run.end = since();
	changed(run);
	return run;
}

/** @param {Response} response @param {Run} run @param {() => number} since
 * @param {(run: Run) => void} changed */
async function readBody(response, run, since, changed) {
	const type = response.headers.get("content-type") ?? "";
	const reader = response.body?.getReader();
	const decoder = new TextDecoder();
	const events = eventReader(data => {
		const event = jsonOr(data, null);
		const text = textOf(event);
		const error = firstAt(event, ERRORS, "string");
		if (error !== undefined) run.failed = `the stream has an error: ${error}`;
		run.tokens = tokensOf(event) ?? run.tokens;
		if (text === "") return;
		run.last_token = since();
		run.first_token ??= run.last_token;
		run.pieces += 1;
		run.text = run.text.length < LONGEST ? run.text + text : run.text;
	});
	for (;;) {
		const piece = await reader?.read();
		if (piece === undefined || piece.done) break;
		run.bytes += piece.value.length;
		const text = decoder.decode(piece.value, {stream: true});
		run.raw = run.raw.length < LONGEST ? run.raw + text : run.raw;
		if (type.startsWith("text/event-stream")) events(text);
		changed(run);
	}
	if (type.startsWith("application/json")) {
		const body = jsonOr(run.raw, null);
		run.text = textOf(body);
		run.tokens = tokensOf(body);
	}
}

/** Takes a stream apart into the data of its events. @param {(data: string) => void} found */
export function eventReader(found) {
	let rest = "";
	return (/** @type {string} */ text) => {
		const lines = (rest + text).split(/\r\n|\n|\r/);
		rest = lines.pop() ?? "";
		for (const line of lines) if (line.startsWith("data:")) found(line.slice(5).trim());
	};
}

/** Where the dialects of OpenAI, Anthropic and Google have a part of the message. */
const TEXTS = [
	"choices.0.delta.content",
	"choices.0.message.content",
	"choices.0.text",
	"delta.text",
	"delta",
	"content.0.text",
	"output.0.content.0.text",
	"candidates.0.content.parts.0.text"
];

/** Where they say what went wrong in a stream. */
const ERRORS = ["error.message", "response.error.message", "error", "message"];

/** Where they count the tokens of the response. */
const COUNTS = [
	"usage.completion_tokens",
	"usage.output_tokens",
	"response.usage.output_tokens",
	"usageMetadata.candidatesTokenCount"
];

/** The first value of a kind at any of the places. @param {any} body @param {string[]} places
 * @param {"string" | "number"} kind @returns {any} */
function firstAt(body, places, kind) {
	return places.map(it => at(body, it)).find(it => typeof it === kind);
}

/** @param {any} body @returns {string} */
export const textOf = body => firstAt(body, TEXTS, "string") ?? "";

/** @param {any} body @returns {number | null} */
const tokensOf = body => firstAt(body, COUNTS, "number") ?? null;

/** Tokens each second between the first and the last; `null` where they did not come in a
 * stream. @param {Run} run */
export function tokensPerSecond({pieces, tokens, first_token, last_token}) {
	if (first_token === null || last_token === null || last_token <= first_token || pieces < 2)
		return null;
	return (1000 * ((tokens ?? pieces) - 1)) / (last_token - first_token);
}
