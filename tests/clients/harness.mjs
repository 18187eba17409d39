// What a Node client check needs: arguments, the list of checks, comparisons, the report.
// Its lines have the format of harness.py.
// Knows no SDK. A check is an async function of one bench that throws when it is not satisfied.

import { isDeepStrictEqual, inspect, parseArgs } from "node:util";

/** The upstream must be seen to end a cancelled stream within this many milliseconds. */
const CANCEL_MS = 1000;
/** Hop-by-hop names belong to one connection; the volatile must cross but differ between requests. */
const HOP_BY_HOP = new Set([
  "connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade",
]);
const VOLATILE = new Set(["date", "request-id", "x-request-id", "openai-processing-ms"]);

const checks = [];

/** Adds a check. `only`: the one target kind that offers it; `needs`: "gateway" or "default-target". */
export const check = (name, run, { only, needs } = {}) => checks.push({ name, run, only, needs });

export function assert(met, complaint) {
  if (!met) throw new Error(typeof complaint === "string" ? complaint : inspect(complaint));
}

export function expect(what, got, wanted) {
  assert(isDeepStrictEqual(got, wanted), `${what}: got ${shorten(got)}, wanted ${shorten(wanted)}`);
}

function shorten(value, limit = 300) {
  const text = inspect(value, { depth: 6, breakLength: Infinity });
  return text.length <= limit ? text : `${text.slice(0, limit)}... (${text.length} characters)`;
}

/** Every end-to-end header, sorted, changing values blanked and the gateway's own left out. */
export function headerLines(headers) {
  return [...headers]
    .filter(([name]) => !HOP_BY_HOP.has(name) && !name.startsWith("x-gateway-"))
    .map(([name, value]) => [name, VOLATILE.has(name) ? "_" : value])
    .sort();
}

/** What the upstream itself says of one request made since the watch began: that it came, that it was given up. */
export class Watch {
  static async start(bench) {
    const watch = new Watch();
    watch.bench = bench;
    [watch.requests, watch.cancels] = await watch.counts();
    return watch;
  }

  /** Requests seen, and those given up. vLLM tells only how many it works on now. */
  async counts() {
    const text = await (await fetch(this.bench.statsUrl)).text();
    if (this.bench.target === "mock") {
      const page = JSON.parse(text);
      return [page.requests, page.client_gone + page.aborted_writes];
    }
    const rows = [...text.matchAll(/^vllm:num_requests_(?:running|waiting)\{.*\} ([0-9.]+)$/gm)];
    const working = rows.reduce((sum, row) => sum + Number(row[1]), 0);
    return [working, 0 - working];
  }

  came = () => this.until((requests) => requests > this.requests, 10_000, "the upstream has seen no request");

  givenUp() {
    const wanted = this.cancels + (this.bench.target === "mock" ? 1 : 0);
    const complaint = `the upstream still works ${CANCEL_MS} ms after the cancel`;
    return this.until((_, cancels) => cancels >= wanted, CANCEL_MS, complaint);
  }

  async until(met, ms, complaint) {
    const end = performance.now() + ms;
    while (!met(...(await this.counts()))) {
      assert(performance.now() < end, complaint);
      await new Promise((done) => setTimeout(done, 20));
    }
  }
}

function parse() {
  const { values } = parseArgs({
    options: {
      gateway: { type: "string" },
      upstream: { type: "string" },
      model: { type: "string", default: "tiny" },
      target: { type: "string" },
      direct: { type: "boolean", default: false },
      "default-target": { type: "boolean", default: false },
      "stats-url": { type: "string" },
      only: { type: "string", default: "" },
    },
  });
  const complete = values.upstream && ["mock", "vllm"].includes(values.target) && (values.direct || values.gateway);
  if (!complete) {
    console.error(
      "usage: --upstream URL --target mock|vllm (--gateway URL | --direct) [--model M] [--default-target] " +
        "[--stats-url URL] [--only TEXT]",
    );
    process.exit(2);
  }
  return values;
}

/** Where the client sends, and what the checks may ask of the other end; see harness.py. */
function benchFrom(args) {
  const { target, model, direct } = args;
  const upstream = args.upstream.replace(/\/+$/, "");
  const page = { mock: "/mock/stats", vllm: "/metrics" }[target];
  const routing = { "x-gateway-provider": "passthrough", "x-gateway-custom-host": `${upstream}/v1` };
  return {
    upstream,
    target,
    model,
    direct,
    base: direct ? upstream : args.gateway.replace(/\/+$/, ""),
    defaultTarget: args["default-target"],
    statsUrl: args["stats-url"] ?? upstream + page,
    headers: direct ? {} : routing,
    key: "sk-client-check",
    /** Headers that ask the mock for faults, such as {"token-delay": 30}; none for another target. */
    fault: (faults) => {
      const lines = target === "mock" ? Object.entries(faults) : [];
      return Object.fromEntries(lines.map(([name, value]) => [`x-mock-${name}`, String(value)]));
    },
  };
}

function whySkipped(bench, { only, needs }) {
  if (only && only !== bench.target) return `only with ${only}`;
  if (needs === "gateway" && bench.direct) return "needs the gateway";
  if (needs === "default-target" && !bench.defaultTarget) return "needs a gateway with a default target";
  return null;
}

async function runOne(bench, run) {
  let timer;
  const late = new Promise((_, fail) => (timer = setTimeout(() => fail(new Error("no end after 90 s")), 90_000)));
  try {
    await Promise.race([run(bench), late]);
    return null;
  } catch (error) {
    const line = /_node\.mjs:(\d+)/.exec(error.stack ?? "")?.[1] ?? "?";
    return `${error.constructor.name} (line ${line}): ${String(error.message).replace(/\s+/g, " ").slice(0, 500)}`;
  } finally {
    clearTimeout(timer);
  }
}

/** Keeps the caller's own keys, base URLs and proxies out of the SDK. */
export function forgetEnvironment() {
  for (const name of Object.keys(process.env)) if (/^OPENAI_|_PROXY$/i.test(name)) delete process.env[name];
}

/** Runs all checks; the exit status is 1 when one failed. `versions` goes into the first line. */
export async function main(versions) {
  const args = parse();
  const bench = benchFrom(args);
  const count = { ok: 0, FAIL: 0, skip: 0 };
  console.log(`# ${versions}, ${bench.direct ? "direct" : "gateway"}, target ${bench.target}`);
  for (const entry of checks.filter(({ name }) => name.includes(args.only))) {
    const skipped = whySkipped(bench, entry);
    const failed = skipped ? null : await runOne(bench, entry.run);
    const word = skipped ? "skip" : failed ? "FAIL" : "ok";
    count[word] += 1;
    console.log(`${word} ${entry.name}${skipped ? ` (${skipped})` : failed ? ` ${failed}` : ""}`);
  }
  console.log(`${count.ok} passed, ${count.FAIL} failed, ${count.skip} skipped`);
  process.exit(count.FAIL ? 1 : 0);
}
