// How can a request be sent again? As a curl command without any secret: credentials are named as
// variables of the shell, and the body, which is not recorded, is made anew from what is known.

import {ascii, hexOf} from "../kit.js";

/** A text as one word of a POSIX shell. Control characters are escapes of bash, so that pasting
 * the command into a terminal does nothing else. @param {string} text */
export function shellWord(text) {
	if (/^[A-Za-z0-9_@%+=:,./-]+$/.test(text)) return text;
	if (!/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u.test(text)) return `'${text.replaceAll("'", `'\\''`)}'`;
	const escaped = text
		.replace(/[\\']/g, "\\$&")
		.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu, it =>
			it < "\x80" ? `\\x${hexOf(it, 2)}` : `\\U${hexOf(it, 8)}`
		);
	return `$'${escaped}'`;
}

/** @param {RequestRecord} record */
export function bodyOf(record) {
	/** @type {{[name: string]: unknown}} */
	const body = record.model === null ? {} : {model: record.model};
	if (record.operation === "chat") body.messages = [{role: "user", content: "Hello"}];
	else if (record.operation === "embeddings") body.input = "Hello";
	else if (record.operation === "text_completion") body.prompt = "Hello";
	if (record.max_tokens !== null) body.max_tokens = record.max_tokens;
	if (record.stream) body.stream = true;
	return body;
}

/** @param {RequestRecord} record @returns {[string, string][]} */
export function headersOf(record) {
	/** @type {[string, string][]} */
	const headers = [["content-type", "application/json"]];
	const isBuiltIn = record.provider !== null && record.provider !== "passthrough";
	if (record.route === "unified" && isBuiltIn)
		headers.push(["x-gateway-provider", record.provider ?? ""]);
	else if (record.route === "unified" && record.origin !== null)
		headers.push(["x-gateway-custom-host", `${record.origin}/v1`]);
	if (Object.keys(record.metadata).length > 0)
		headers.push(["x-gateway-metadata", ascii(JSON.stringify(record.metadata))]);
	return headers;
}

/** @param {RequestRecord} record @param {string} gateway */
export function curl(record, gateway) {
	const {method} = record;
	// As a method like others, curl waits for a body of the response to HEAD.
	const how = method === "HEAD" ? "-I" : `-X ${shellWord(method)}`;
	const credentials = record.key === null ? [] : ['-H "x-gateway-api-key: $THROUGHWAY_KEY"'];
	if (record.route !== "endpoint") credentials.push('-H "authorization: Bearer $PROVIDER_KEY"');
	const parts = [
		`curl -g ${how} ${shellWord(gateway + record.path)}`,
		...credentials,
		...headersOf(record).map(it => `-H ${shellWord(it.join(": "))}`),
		...(["GET", "HEAD"].includes(method) ? [] : [`-d ${shellWord(JSON.stringify(bodyOf(record)))}`])
	];
	return parts.join(" \\\n  ");
}
