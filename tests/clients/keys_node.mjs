// Does a gateway key open the gateway where OpenAI's Node SDK puts its own key?
// Run `tests/clients/run`, which starts all that is needed: a recording upstream, and a gateway whose one key is in
// the environment variable GATEWAY_KEY.

import { createRequire } from "node:module";
import path from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { assert, check, expect, forgetEnvironment, main } from "./harness.mjs";

forgetEnvironment();
const here = path.dirname(fileURLToPath(import.meta.url));
const installed = path.resolve(process.env.CLIENTS_DIR ?? path.join(here, "../../target/clients"), "node", "x.js");
const find = createRequire(installed);
const { default: OpenAI } = await import(pathToFileURL(find.resolve("openai/index.mjs")));
const { VERSION: version } = find("openai/version");

const key = process.env.GATEWAY_KEY;
const recorded = async (bench) => (await fetch(`${bench.upstream}/recorded`)).json();

async function send(bench, apiKey, defaultHeaders = {}) {
  const client = new OpenAI({ baseURL: `${bench.base}/v1`, apiKey, maxRetries: 0, defaultHeaders });
  const asked = { model: "tiny", messages: [{ role: "user", content: "hello" }] };
  return (await client.chat.completions.create(asked)).choices[0].message.content;
}

/** The request comes, and nothing of the key with it. */
async function opens(bench, apiKey, headers) {
  const before = (await recorded(bench)).length;
  expect("text", await send(bench, apiKey, headers), "recorded");
  const came = (await recorded(bench)).slice(before);
  expect("requests", came.length, 1);
  assert(!came[0].includes(key.slice(3, 35)), "the key left the gateway");
  return came[0].toLowerCase();
}

check("openai: the key opens the gateway and stays there", async (bench) => {
  assert(!(await opens(bench, key)).includes("authorization:"), "a credential came");
});

check("openai: the provider's own key crosses beside ours", async (bench) => {
  const came = await opens(bench, "sk-own", { "x-gateway-api-key": key });
  assert(came.includes("authorization: bearer sk-own"), came);
});

check("openai: a mistyped key is an AuthenticationError", async (bench) => {
  const before = (await recorded(bench)).length;
  const mistyped = key.slice(0, -1) + (key.endsWith("0") ? "1" : "0");
  const error = await send(bench, mistyped).then(() => null, (error) => error);
  expect("error", error?.constructor.name, "AuthenticationError");
  expect("code", error.code, "invalid_gateway_key");
  assert(!error.message.includes(mistyped), "the error repeats the key");
  expect("requests", (await recorded(bench)).length, before);
});

await main(`gateway keys: openai ${version}, Node ${process.versions.node}`);
