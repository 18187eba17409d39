// The Node SDKs of OpenAI, Anthropic and Google on their provider routes, with only the base URL changed: what calls.py
// and the Python scripts beside it check, for Node. `run` starts what this needs and says in the environment where.

import { createRequire } from "node:module";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { assert, check, expect, forgetEnvironment, headerLines, main } from "../harness.mjs";

forgetEnvironment();
const find = createRequire(path.resolve(process.env.CLIENTS_DIR, "node", "x.js"));
const load = async (name) => import(pathToFileURL(find.resolve(name)));
const { default: OpenAI, toFile } = await load("openai");
const { default: Anthropic, toFile: toAnthropicFile } = await load("@anthropic-ai/sdk");
const { GoogleGenAI } = await load("@google/genai");
const modules = path.resolve(process.env.CLIENTS_DIR, "node/node_modules");
const versionOf = (name) => find(path.join(modules, name, "package.json")).version;

const { GATEWAY_KEY: gatewayKey, OWN_GATEWAY: ownGateway, RECORDER: recorder } = process.env;
const ownHosts = process.env.OWN_HOSTS === "yes";
const hosts = JSON.parse(process.env.PROVIDER_HOSTS);
const OWN_KEY = "callers-own-key-0123456789";
const CREDENTIALS = new Set(["authorization", "x-api-key", "api-key", "x-goog-api-key", "xi-api-key"]);
const CHANGING = new Set(["host", "date", "idempotency-key", "traceparent"]);
const ASK = [{ role: "user", content: "hello" }];
const FILE = Buffer.from(Array.from({ length: 100_000 }, (_, place) => place % 256));

const recorded = async (after) => (await fetch(`${recorder}/recorded?after=${after}`)).json();

/** What a call gives, and the requests that it caused. */
async function watched(call, ...given) {
  const { count } = await recorded(-1);
  const value = await call(...given);
  return [value, (await recorded(count)).requests];
}

const header = (request, name) => request.headers.find(([key]) => key === name)?.[1];
const credentials = (request) => request.headers.filter(([name]) => CREDENTIALS.has(name)).sort();

/** A request without its credentials and without what differs each time. */
function shape({ method, target, headers, body }) {
  const boundary = /boundary=([^\s;]+)/.exec(headers.find(([name]) => name === "content-type")?.[1])?.[1];
  const fixed = (text) => (boundary ? text.replaceAll(boundary, "BOUNDARY") : text);
  const lines = headers.map(([name, value]) => [name, fixed(value)]);
  const kept = headerLines(lines).filter(([name]) => !CREDENTIALS.has(name) && !CHANGING.has(name));
  return { method, target, lines: kept, body: fixed(body) };
}

function assertKeyStayed(requests) {
  const secret = gatewayKey.slice(3, -6);
  assert(!JSON.stringify(requests).includes(secret), "the gateway key left the gateway");
}

/**
 * Adds the two checks for a call: a function of root URL and key that gives what can be compared.
 * `operators`: the header, and what stands in it before the key, where the provider's key must arrive. `own`: where the
 * SDK itself puts a key, if elsewhere.
 */
function call(name, provider, operators, run, own = operators) {
  check(`${name}, gateway key`, async (bench) => {
    const [wanted, direct] = await watched(run, recorder, OWN_KEY);
    const [value, came] = await watched(run, `${bench.base}/${provider}`, gatewayKey);
    expect("value", value, wanted);
    expect("requests", came.map(shape), direct.map(shape));
    assertKeyStayed(came);
    const key = [operators[0], `${operators[1]}operators-${provider}-key`];
    expect("credentials", came.map(credentials), came.map(() => [key]));
  });
  check(`${name}, own key`, async () => {
    const [wanted, direct] = await watched(run, recorder, OWN_KEY);
    const [value, came] = await watched(run, `${ownGateway}/${provider}`, OWN_KEY);
    expect("value", value, wanted);
    expect("requests", came.map(shape), direct.map(shape));
    expect("credentials", came.map(credentials), came.map(() => [[own[0], own[1] + OWN_KEY]]));
    const places = came.map((request) => [request.tls, header(request, "host")]);
    if (ownHosts) expect("hosts", places, came.map(() => [true, hosts[provider]]));
  });
}

const ofOpenai = (root, apiKey) => new OpenAI({ baseURL: `${root}/v1`, apiKey, maxRetries: 0 });
const ofAnthropic = (root, apiKey) => new Anthropic({ baseURL: root, apiKey, maxRetries: 0 });
const ofGoogle = (root, apiKey) => new GoogleGenAI({ apiKey, httpOptions: { baseUrl: root } });
const BEARER = ["authorization", "Bearer "];
const openai = (name, run) => call(`openai: ${name}`, "openai", BEARER, run);
// This SDK sends an API key as a bearer token.
const anthropic = (name, run) => call(`anthropic: ${name}`, "anthropic", ["x-api-key", ""], run, BEARER);
const google = (name, run) => call(`google: ${name}`, "gemini", ["x-goog-api-key", ""], run);

async function collected(events, read) {
  const found = [];
  for await (const event of await events) found.push(read(event));
  return found;
}

openai("chat", async (root, key) => {
  const chat = await ofOpenai(root, key).chat.completions.create({ model: "tiny", messages: ASK });
  return chat.choices[0].message.content;
});

openai("chat stream", (root, key) => {
  const stream = ofOpenai(root, key).chat.completions.create({ model: "tiny", messages: ASK, stream: true });
  return collected(stream, ({ choices }) => [choices[0]?.delta.content, choices[0]?.finish_reason]);
});

openai("embeddings", async (root, key) => {
  const found = await ofOpenai(root, key).embeddings.create({ model: "tiny", input: "hello" });
  return found.data[0].embedding.length;
});

openai("file upload", async (root, key) => {
  const file = await toFile(FILE, "Prüfung.bin");
  return (await ofOpenai(root, key).files.create({ file, purpose: "assistants" })).bytes;
});

openai("transcription upload", async (root, key) => {
  const file = await toFile(FILE, "a.mp3");
  return (await ofOpenai(root, key).audio.transcriptions.create({ model: "tiny", file })).text;
});

openai("speech download", async (root, key) => {
  const speech = await ofOpenai(root, key).audio.speech.create({ model: "tiny", voice: "alloy", input: "hello" });
  return Buffer.from(await speech.arrayBuffer()).toString("latin1");
});

anthropic("messages", async (root, key) => {
  const message = await ofAnthropic(root, key).messages.create({ model: "tiny", max_tokens: 9, messages: ASK });
  return message.content[0].text;
});

anthropic("messages stream", async (root, key) => {
  const stream = ofAnthropic(root, key).messages.stream({ model: "tiny", max_tokens: 9, messages: ASK });
  const { content, stop_reason } = await stream.finalMessage();
  return [content[0].text, stop_reason];
});

anthropic("file upload", async (root, key) => {
  const file = await toAnthropicFile(FILE, "Prüfung.bin", { type: "application/octet-stream" });
  return (await ofAnthropic(root, key).beta.files.upload({ file })).id;
});

google("generateContent", async (root, key) => {
  return (await ofGoogle(root, key).models.generateContent({ model: "tiny", contents: "hello" })).text;
});

google("generateContentStream", (root, key) => {
  const stream = ofGoogle(root, key).models.generateContentStream({ model: "tiny", contents: "hello" });
  return collected(stream, (part) => part.text);
});

// The SDK sends the file's bytes to the path that Google names, at the gateway's host: an endpoint stands there.
check("google: file upload, gateway key", async (bench) => {
  const upload = (root, key) =>
    ofGoogle(root, key).files.upload({ file: new Blob([FILE]), config: { mimeType: "text/plain" } });
  const [stored, came] = await watched(upload, `${bench.base}/gemini`, gatewayKey);
  expect("size", stored.sizeBytes, String(FILE.length));
  expect("file", came[1].body, FILE.toString("latin1"));
  const operators = [["x-goog-api-key", "operators-gemini-key"]];
  expect("credentials", came.map(credentials), [operators, operators]);
  assertKeyStayed(came);
});

const versions = ["openai", "@anthropic-ai/sdk", "@google/genai"].map((name) => `${name} ${versionOf(name)}`);
await main(`provider routes: ${versions.join(", ")}, Node ${process.versions.node}`);
