// How is a request of the playground sent and watched? Through the gateway's own /v1/, as a client
// sends it, with the times at which its parts came.

/** How much of a body is kept to be shown. */
const LONGEST = 256 * 1024;

/** @param {Asked} asked @param {AbortSignal} signal @param {(run: Run) => void} changed
 * @returns {Promise<Run>} */
export async function send(asked, signal, changed) {
	const run = started();
	const begun = performance.now();
	const since = () => performance.now() - begun;
	try {
		const response = await fetch(location.origin + asked.path, {
			method: asked.method,
			headers: asked.headers,
			body: asked.body === "" || asked.method === "GET" ? undefined : asked.body,
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
		run.failed = signal.aborted ? "stopped here" : `the connection broke off: ${reason(error)}`;
	}
	run.end = since();
	changed(run);
	return run;
}

/** @param {unknown} error */
const reason = error => (error instanceof Error ? error.message : String(error));

/** @returns {Run} */
function started() {
	return {
		status: null,
		headers: [],
		head: null,
		first_byte: null,
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
}

/** @param {Response} response @param {Run} run @param {() => number} since
 * @param {(run: Run) => void} changed */
async function readBody(response, run, since, changed) {
	const type = response.headers.get("content-type") ?? "";
	const reader = response.body?.getReader();
	const decoder = new TextDecoder();
	const events = eventReader(data => noteEvent(run, data, since()));
	for (;;) {
		const piece = await reader?.read();
		if (piece === undefined || piece.done) break;
		run.first_byte ??= since();
		run.bytes += piece.value.length;
		const text = decoder.decode(piece.value, {stream: true});
		run.raw = run.raw.length < LONGEST ? run.raw + text : run.raw;
		if (type.startsWith("text/event-stream")) events(text);
		changed(run);
	}
	if (type.startsWith("application/json")) noteWhole(run);
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

/** @param {Run} run @param {string} data @param {number} now */
function noteEvent(run, data, now) {
	const event = parsed(data);
	const text = textOf(event);
	if (text !== "") {
		run.first_token ??= now;
		run.last_token = now;
		run.pieces += 1;
		run.text = run.text.length < LONGEST ? run.text + text : run.text;
	}
	run.tokens = tokensOf(event) ?? run.tokens;
}

/** @param {Run} run */
function noteWhole(run) {
	const body = parsed(run.raw);
	run.text = textOf(body);
	run.tokens = tokensOf(body);
}

/** @param {string} data @returns {any} */
function parsed(data) {
	try {
		return JSON.parse(data);
	} catch {
		return null;
	}
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

/** Where they count the tokens of the response. */
const COUNTS = [
	"usage.completion_tokens",
	"usage.output_tokens",
	"response.usage.output_tokens",
	"usageMetadata.candidatesTokenCount"
];

/** @param {any} it @param {string} path */
const at = (it, path) => path.split(".").reduce((inner, name) => inner?.[name], it);

/** @param {any} it @returns {string} */
export function textOf(it) {
	const found = TEXTS.map(path => at(it, path)).find(text => typeof text === "string");
	return found ?? "";
}

/** @param {any} it @returns {number | null} */
function tokensOf(it) {
	const found = COUNTS.map(path => at(it, path)).find(count => typeof count === "number");
	return found ?? null;
}

/** Tokens each second between the first and the last; `null` where they did not come in a
 * stream. @param {Run} run */
export function tokensPerSecond({pieces, tokens, first_token, last_token}) {
	if (first_token === null || last_token === null || last_token <= first_token || pieces < 2)
		return null;
	return (1000 * ((tokens ?? pieces) - 1)) / (last_token - first_token);
}
