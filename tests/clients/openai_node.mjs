// Does the OpenAI Node SDK, unchanged, get from the gateway what it gets from the upstream?
// Run `tests/clients/run`, which starts all that is needed.
// The SDK is found in target/clients/node (or $CLIENTS_DIR/node).

import { createRequire } from "node:module";
import path from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { assert, check, expect, forgetEnvironment, headerLines, main, Watch } from "./harness.mjs";

forgetEnvironment();
const here = path.dirname(fileURLToPath(import.meta.url));
const installed = path.resolve(process.env.CLIENTS_DIR ?? path.join(here, "../../target/clients"), "node", "x.js");
const find = createRequire(installed);
const sdk = await import(pathToFileURL(find.resolve("openai/index.mjs")));
const { VERSION: version } = find("openai/version");
const { default: OpenAI, toFile } = sdk;

const messages = [{ role: "user", content: "the quick brown fox, naïve ☃ 日本語 🙂" }];
const streamed = { stream: true, stream_options: { include_usage: true } };
const weather = {
  type: "function",
  function: {
    name: "get_weather",
    description: "Weather of a city",
    parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
  },
};
// 5 MB with every byte value: nothing may decode it
const picture = Buffer.alloc(5_120_000, Buffer.from(Array.from({ length: 256 }, (_, byte) => byte)));
const statuses = [
  [400, "BadRequestError"],
  [401, "AuthenticationError"],
  [403, "PermissionDeniedError"],
  [404, "NotFoundError"],
  [409, "ConflictError"],
  [422, "UnprocessableEntityError"],
  [429, "RateLimitError"],
  [500, "InternalServerError"],
  [503, "InternalServerError"],
];

const client = (bench, root, defaultHeaders, more = {}) =>
  new OpenAI({ baseURL: `${root}/v1`, apiKey: bench.key, maxRetries: 0, timeout: 30_000, defaultHeaders, ...more });
/** The client under test, and the same client on the upstream itself. */
const via = (bench) => client(bench, bench.base, bench.headers);
const straight = (bench) => client(bench, bench.upstream, {});

/** Makes the call through the gateway and straight; the view of the response if both are equal. */
async function same(bench, call) {
  const [got, wanted] = [await call(via(bench)), await call(straight(bench))];
  expect("response", got, wanted);
  return got;
}

const chat = (bench, more = {}) => ({ model: bench.model, messages, max_tokens: 16, temperature: 0, ...more });
const faults = (bench, asked) => ({ headers: bench.fault(asked) });
const told = ({ model, choices: [choice], usage }) => [model, choice.message.content, choice.finish_reason, usage];
const bytes = async (response) => Buffer.from(await response.arrayBuffer());

async function collect(stream) {
  const parts = [];
  for await (const part of stream) parts.push(part);
  return parts;
}

/** The content, finish reason and usage of a stream's chunks. */
async function gather(stream) {
  const chunks = await collect(stream);
  const choices = chunks.flatMap((chunk) => chunk.choices);
  const text = choices.map((choice) => choice.delta.content ?? "").join("");
  return [text, choices.map((c) => c.finish_reason).filter(Boolean), chunks.map((c) => c.usage).filter(Boolean)];
}

/** The error that the call throws. */
async function thrown(call) {
  try {
    await call();
  } catch (error) {
    return error;
  }
  throw new Error("no error was thrown");
}

/** Status, class, body and headers of the SDK error that the call throws. */
const refusal = async (call) => {
  const error = await thrown(call);
  assert(error instanceof sdk.APIError && error.headers, error);
  return [error.constructor.name, error.status, error.error, headerLines(error.headers)];
};

check("chat", async (bench) => {
  const [, text] = await same(bench, async (c) => told(await c.chat.completions.create(chat(bench))));
  assert(text, "no text");
});

check("chat stream: chunks, finish and usage", async (bench) => {
  const call = async (c) => gather(await c.chat.completions.create(chat(bench, streamed)));
  const [text, finish, usage] = await same(bench, call);
  assert(text && finish.length === 1 && usage.length === 1, [text, finish, usage]);
});

check("chat stream, the SDK's own accumulator", async (bench) => {
  const call = async (c) => {
    const { model, choices } = await c.chat.completions.stream(chat(bench)).finalChatCompletion();
    return [model, choices[0].message.content, choices[0].finish_reason];
  };
  assert((await same(bench, call))[1], "no text");
});

check("the upstream sees the SDK's own request", async (bench) => {
  const body = { text: "naïve ☃", numbers: [1, 1e-7] };
  const query = { a: ["1", "2"], empty: "", plus: "a+b c" };
  const seen = async (c) => {
    const got = await c.post("/echo/a%2Fb//c", { body, query, headers: { "x-own": "value" } });
    const headers = headerLines(got.headers.map(([name, value]) => [name.toLowerCase(), value]));
    return [got.method, got.target, got.framing, got.body_base64, headers];
  };
  const headers = (await same(bench, seen))[4];
  assert(headers.some(([name, value]) => name === "x-own" && value === "value"), "own header lost");
}, { only: "mock" });

check("status and header lines are the upstream's", async (bench) => {
  await same(bench, async (c) => {
    const response = await c.models.list().asResponse();
    return [response.status, headerLines(response.headers)];
  });
});

check("twelve streams at once do not mix", async (bench) => {
  const words = "one two three four five six one two three four five six".split(" ");
  const one = async (c, word) =>
    gather(
      await c.chat.completions.create(
        chat(bench, { ...streamed, messages: [{ role: "user", content: `${word} `.repeat(3) }] }),
      ),
    );
  const wanted = [];
  for (const word of words) wanted.push(await one(straight(bench), word));
  const shared = via(bench);
  expect("streams", await Promise.all(words.map((word) => one(shared, word))), wanted);
});

const slow = { tokens: 4000, "token-delay": 30 };

check("cancelled mid-stream: break out of the loop", async (bench) => {
  const [watch, c] = [await Watch.start(bench), via(bench)];
  const stream = await c.chat.completions.create(chat(bench, { stream: true, max_tokens: 4000 }), faults(bench, slow));
  let count = 0;
  for await (const _ of stream) if (++count === 3) break;
  await watch.givenUp();
  assert((await c.models.list()).data.length, "the client works on after a cancel");
});

check("cancelled mid-stream: AbortController", async (bench) => {
  const [watch, abort] = [await Watch.start(bench), new AbortController()];
  const options = { signal: abort.signal, ...faults(bench, slow) };
  const stream = await via(bench).chat.completions.create(chat(bench, { stream: true, max_tokens: 4000 }), options);
  let count = 0;
  for await (const _ of stream) if (++count === 3) abort.abort();
  assert(count < 100, `${count} chunks came after all`);
  await watch.givenUp();
});

check("cancelled while the upstream is silent", async (bench) => {
  const [watch, abort] = [await Watch.start(bench), new AbortController()];
  const options = { signal: abort.signal, ...faults(bench, { silence: 1 }) };
  const failed = thrown(() => via(bench).chat.completions.create(chat(bench, { max_tokens: 4000 }), options));
  await watch.came();
  abort.abort();
  expect("error", (await failed).constructor.name, "APIUserAbortError");
  await watch.givenUp();
});

check("the client's own timeout closes the upstream too", async (bench) => {
  const watch = await Watch.start(bench);
  const options = { timeout: 500, ...faults(bench, { silence: 1 }) };
  const error = await thrown(() => via(bench).chat.completions.create(chat(bench, { max_tokens: 4000 }), options));
  expect("error", error.constructor.name, "APIConnectionTimeoutError");
  await watch.givenUp();
});

const toolAsk = (bench) =>
  chat(bench, {
    tools: [weather],
    tool_choice: { type: "function", function: { name: "get_weather" } },
    max_tokens: 64,
  });

check("tool calls", async (bench) => {
  const call = async (c) => {
    const response = await c.chat.completions.create(toolAsk(bench), faults(bench, { "tool-call": 1 }));
    const { content, tool_calls } = response.choices[0].message;
    return [content, (tool_calls ?? []).map((made) => made.function)];
  };
  const [, calls] = await same(bench, call);
  // a random model may not come to the end of its arguments
  if (bench.target === "mock") expect("name", calls[0].name, "get_weather");
});

check("tool calls, streamed", async (bench) => {
  const call = async (c) => {
    const ask = { ...toolAsk(bench), stream: true };
    const stream = await c.chat.completions.create(ask, faults(bench, { "tool-call": 1 }));
    const choices = (await collect(stream)).flatMap((chunk) => chunk.choices);
    const parts = choices.flatMap((choice) => choice.delta.tool_calls ?? []);
    return ["name", "arguments"].map((key) => parts.map((part) => part.function[key] ?? "").join(""));
  };
  expect("name", (await same(bench, call))[0], "get_weather");
});

check("completions and their stream", async (bench) => {
  const ask = { model: bench.model, prompt: "the quick", max_tokens: 8, temperature: 0 };
  const whole = await same(bench, async (c) => (await c.completions.create(ask)).choices[0].text);
  const call = async (c) => {
    const parts = await collect(await c.completions.create({ ...ask, stream: true }));
    return parts.flatMap((part) => part.choices).map((choice) => choice.text).join("");
  };
  expect("stream", await same(bench, call), whole);
});

const respond = (bench) => ({ model: bench.model, input: "hello", max_output_tokens: 8, temperature: 0 });

check("responses", async (bench) => {
  const call = async (c) => {
    const response = await c.responses.create(respond(bench));
    return [response.status, response.output_text, response.usage.output_tokens];
  };
  assert((await same(bench, call))[1], "no text");
});

check("responses stream", async (bench) => {
  const call = async (c) => {
    const events = await collect(await c.responses.create({ ...respond(bench), stream: true }));
    const text = events.filter((event) => event.type === "response.output_text.delta").map((event) => event.delta);
    return [text.join(""), events[0].type, events.at(-1).type];
  };
  const [text, first, last] = await same(bench, call);
  assert(text && first === "response.created" && /^response\.(completed|incomplete)$/.test(last), [text, first, last]);
});

check("models", async (bench) => {
  const ids = await same(bench, async (c) => (await c.models.list()).data.map((model) => model.id));
  assert(bench.target === "mock" || ids.includes(bench.model), ids);
});

check("embeddings, the SDK's default base64 and float", async (bench) => {
  const one = (encoding) => async (c) =>
    (await c.embeddings.create({ model: "e", input: ["one", "two"], ...encoding })).data.map((row) => row.embedding);
  const [packed, plain] = [await same(bench, one({})), await same(bench, one({ encoding_format: "float" }))];
  assert(packed.length === 2 && plain.length === 2 && packed[0].length === plain[0].length, "sizes differ");
}, { only: "mock" });

check("errors: each status is the SDK's own class, body and headers intact", async (bench) => {
  for (const [status, name] of statuses) {
    const asked = faults(bench, { status, "retry-after": 7, header: "set-cookie: a=1" });
    const got = await same(bench, (c) => refusal(() => c.chat.completions.create(chat(bench), asked)));
    expect(`class for ${status}`, got.slice(0, 2), [name, status]);
    expect("retry-after", got[3].find(([header]) => header === "retry-after")?.[1], "7");
  }
}, { only: "mock" });

check("errors: the upstream's own refusals", async (bench) => {
  const missing = await same(bench, (c) => refusal(() => c.post("/no/such/route", { body: {} })));
  expect("status", missing[1], 404);
  const wrong = bench.target === "vllm" ? [{ model: "nope" }, { max_tokens: -1 }, { messages: "no list" }] : [];
  for (const part of wrong) await same(bench, (c) => refusal(() => c.chat.completions.create(chat(bench, part))));
});

check("an error event in a stream", async (bench) => {
  const call = async (c) => {
    const stream = await c.chat.completions.create(chat(bench, { stream: true }), faults(bench, { "error-after": 5 }));
    const error = await thrown(() => collect(stream));
    return [error.constructor.name, error.error];
  };
  await same(bench, call);
}, { only: "mock" });

check("a stream cut short is an error, never an end", async (bench) => {
  const cases = [{ cut: 5 }, { reset: 5 }];
  // Node takes a FIN inside a chunked response for its end when that response said `connection: close`: the gateway
  // must not pass that header on
  if (!bench.direct) cases.push({ cut: 5, close: 1 });
  for (const asked of cases) {
    const stream = await via(bench).chat.completions.create(chat(bench, { stream: true }), faults(bench, asked));
    const error = await thrown(() => collect(stream));
    assert(/terminated|ECONNRESET|other side closed/.test(`${error.message} ${error.cause?.code}`), error);
  }
}, { only: "mock" });

check("a stream written byte by byte", async (bench) => {
  const asked = faults(bench, { pieces: 1, tokens: 40 });
  const body = chat(bench, { ...streamed, max_tokens: 40 });
  const call = async (c) => gather(await c.chat.completions.create(body, asked));
  const [text] = await same(bench, call);
  assert(text.includes("naïve") && text.includes("🙂"), text);
}, { only: "mock" });

check("an upstream that hangs up after each response", async (bench) => {
  const c = via(bench);
  for (let turn = 0; turn < 20; turn++) {
    // straight, the client itself now and then meets the closed connection; the key lets the gateway send again
    const headers = { ...bench.fault({ "hang-up": 1 }), "idempotency-key": `turn-${turn}` };
    await c.chat.completions.create(chat(bench), { headers });
  }
}, { only: "mock", needs: "gateway" });

check("gateway's own refusals are SDK errors", async (bench) => {
  const cases = [
    ["http://169.254.169.254/v1", "PermissionDeniedError", "target_denied"],
    ["http://127.0.0.1:1/v1", "InternalServerError", "upstream_unreachable"],
  ];
  for (const [host, name, code] of cases) {
    const headers = { "x-gateway-custom-host": host };
    const error = await thrown(() => via(bench).chat.completions.create(chat(bench), { headers }));
    expect(host, [error.constructor.name, error.code, error.headers.get("x-gateway-error")], [name, code, code]);
  }
}, { needs: "gateway" });

check("headers given per request", async (bench) => {
  const bare = client(bench, bench.base, {});
  const wanted = told(await straight(bench).chat.completions.create(chat(bench)));
  expect("response", told(await bare.chat.completions.create(chat(bench), { headers: bench.headers })), wanted);
}, { needs: "gateway" });

check("custom host alone", async (bench) => {
  const only = { "x-gateway-custom-host": bench.headers["x-gateway-custom-host"] };
  assert((await client(bench, bench.base, only).chat.completions.create(chat(bench))).choices.length, "no response");
}, { needs: "gateway" });

check("bare SDK: the default target", async (bench) => {
  const bare = client(bench, bench.base, {});
  const wanted = told(await straight(bench).chat.completions.create(chat(bench)));
  expect("response", told(await bare.chat.completions.create(chat(bench))), wanted);
}, { needs: "default-target" });

check("multipart upload", async (bench) => {
  for (const [name, content] of [["small.jsonl", Buffer.from('{"a":1}\n')], ["every byte naïve ☃.bin", picture]]) {
    const got = await via(bench).files.create({ file: await toFile(content, name), purpose: "batch" });
    expect("size and name", [got.bytes, got.filename], [content.length, name]);
  }
}, { only: "mock" });

check("binary download", async (bench) => {
  const got = await same(bench, async (c) => bytes(await c.files.content("file-1", { query: { bytes: 3_000_001 } })));
  expect("size", got.length, 3_000_001);
}, { only: "mock" });

check("a download cut short is an error, never a file", async (bench) => {
  const options = { query: { bytes: 100_000 }, ...faults(bench, { cut: 50_000 }) };
  await thrown(async () => bytes(await via(bench).files.content("file-1", options)));
}, { only: "mock" });

check("speech, binary", async (bench) => {
  const call = async (c) => bytes(await c.audio.speech.create({ model: "tts", voice: "alloy", input: "hello" }));
  assert((await same(bench, call)).length, "no bytes");
}, { only: "mock" });

await main(`openai ${version}, Node ${process.versions.node}`);
