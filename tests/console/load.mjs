// Measures the gateway with and without watchers of the live tail, and the page that watches, too.
// See tests/console/load. Load and watchers are processes of their own, so that neither waits for
// the other nor for this one.

import { fork } from "node:child_process";
import fs from "node:fs";
import http from "node:http";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { until } from "./checks.mjs";
import { chromium } from "./modules.mjs";
import { ADMIN_TOKEN, Gateway, Mock } from "./servers.mjs";

const BODY = JSON.stringify({ model: "tiny", messages: [{ role: "user", content: "hi" }] });
/** Requests under way at once when they are sent as fast as they go. */
const LANES = 32;

/** Sends requests until the time is over, `rate` a second, or (0) as fast as they go. */
async function generate({ url, rate, seconds, most = Infinity }) {
  const agent = new http.Agent({ keepAlive: true, maxSockets: rate > 0 ? 256 : LANES });
  const told = { sent: 0, done: 0, failed: 0, times: [] };
  const begun = performance.now();
  const send = () =>
    new Promise((ended) => {
      told.sent += 1;
      const at = performance.now();
      const options = { agent, method: "POST", headers: { "content-type": "application/json" } };
      const request = http.request(`${url}/v1/chat/completions`, options, (response) => {
        response.resume().once("end", () => {
          told.times.push(performance.now() - at);
          told[response.statusCode === 200 ? "done" : "failed"] += 1;
          ended();
        });
      });
      request.once("error", () => ended((told.failed += 1)));
      request.end(BODY);
    });
  const isOver = () => performance.now() - begun > seconds * 1000 || told.sent >= most;
  if (rate > 0) {
    const pending = [];
    while (!isOver()) {
      const due = ((performance.now() - begun) / 1000) * rate;
      while (told.sent < due) pending.push(send());
      await pause(5);
    }
    await Promise.all(pending);
  } else {
    const lane = async () => {
      while (!isOver()) await send();
    };
    await Promise.all(Array.from({ length: LANES }, lane));
  }
  agent.destroy();
  const took = (performance.now() - begun) / 1000;
  const times = told.times.sort((a, b) => a - b);
  const at = (share) => times[Math.floor(share * (times.length - 1))] ?? Number.NaN;
  return { rate: told.done / took, failed: told.failed, p50: at(0.5), p99: at(0.99) };
}

/** Reads the live tail until the process is ended. */
async function watch({ url, watchers }) {
  const headers = { authorization: `Bearer ${ADMIN_TOKEN}` };
  const read = async () => {
    const response = await fetch(`${url}/gateway/admin/v1/records/live`, { headers });
    if (!response.ok) throw new Error(`live: ${response.status} ${await response.text()}`);
    process.send({ opened: true });
    for await (const chunk of response.body) if (chunk.length === 0) throw new Error("no bytes");
  };
  await Promise.all(Array.from({ length: watchers }, read));
}

const here = fileURLToPath(import.meta.url);

/** Does one of these in a process of its own. */
function apart(what, options) {
  const child = fork(here, [], { env: { ...process.env, LOAD_TASK: what } });
  child.send(options);
  return child;
}

const loaded = (options) =>
  new Promise((done, fail) => {
    const child = apart("generate", options);
    child.once("message", done);
    child.once("exit", (code) => code && fail(new Error(`the load ended with ${code}`)));
  });

async function watched(url, watchers) {
  const child = apart("watch", { url, watchers });
  let opened = 0;
  child.on("message", (it) => (opened += it.opened ? 1 : 0));
  await until(`${watchers} watchers`, () => opened === watchers);
  return child;
}

/** Seconds of processor time that a process has used (Linux counts hundredths). */
function processorTime(pid) {
  const fields = fs.readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1].split(" ");
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

/** Load for some seconds, and what it took of the gateway. */
async function measured(gateway, rate, seconds) {
  const before = processorTime(gateway.program.process.pid);
  const found = await loaded({ url: gateway.url, rate, seconds });
  const used = processorTime(gateway.program.process.pid) - before;
  return { ...found, cpu: (used / (found.rate * seconds)) * 1e6 };
}

const shown = (name, { rate, failed, p50, p99, cpu }) =>
  console.log(
    `${name.padEnd(34)} ${rate.toFixed(0).padStart(6)} requests/s, ${cpu.toFixed(0)} µs of ` +
      `processor each, p50 ${p50.toFixed(2)} ms, p99 ${p99.toFixed(2)} ms, ${failed} failed`,
  );

/** Sends requests until the store has so many records. */
async function filled(gateway, most) {
  await loaded({ url: gateway.url, rate: 0, seconds: 600, most });
  const read = async () => (await gateway.admin("GET", "health")).records;
  const done = async () => {
    const { stored, dropped } = await read();
    return stored + dropped >= most;
  };
  await until("the records are stored", done, 120_000);
  console.log(`records: ${JSON.stringify(await read())}`);
}

/** The list of requests in Chromium, with its long tasks. */
async function opened(gateway) {
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM,
    args: ["--no-sandbox"],
  });
  const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
  await page.goto(await gateway.link());
  await page.getByText("● Live").waitFor();
  await page.evaluate(() => {
    window.longTasks = [];
    const note = (list) =>
      window.longTasks.push(...list.getEntries().map((it) => Math.round(it.duration)));
    new PerformanceObserver(note).observe({ type: "longtask", buffered: false });
  });
  return { browser, page };
}

/** What the page did meanwhile, and how soon it reacts. */
async function judged(page) {
  const tasks = await page.evaluate(() => window.longTasks);
  const rows = await page.locator("tbody tr").count();
  const told = await page.locator(".heading [role=status]").innerText();
  const begun = performance.now();
  await page.getByRole("button", { name: "Pause" }).click();
  await page.getByText("Paused").waitFor();
  const reacted = performance.now() - begun;
  console.log(
    `page: longest task ${Math.max(0, ...tasks)} ms, ${tasks.length} of 50 ms or more; ` +
      `${rows} rows; "${told}"; Pause took ${reacted.toFixed(0)} ms`,
  );
}

async function main() {
  const text = (value) => ({ type: "string", default: value });
  const { values } = parseArgs({
    options: {
      binary: text("target/release/throughway"),
      records: text("100000"),
      rate: text("2000"),
      watchers: text("16"),
      seconds: text("10"),
      rounds: text("3"),
    },
  });
  const { binary } = values;
  const [records, rate, watchers, seconds, rounds] = [
    values.records,
    values.rate,
    values.watchers,
    values.seconds,
    values.rounds,
  ].map(Number);
  const mock = await Mock.start(binary, "--model", "tiny");
  const gateway = await Gateway.start(binary, `default_target: "${mock.url}/v1"\n`);
  try {
    await filled(gateway, records);
    for (let round = 1; round <= rounds; round += 1) {
      for (const [name, speed] of [
        [`at ${rate} requests/s`, rate],
        ["as fast as it goes", 0],
      ]) {
        shown(`${round}. ${name}, none watch`, await measured(gateway, speed, seconds));
        const child = await watched(gateway.url, watchers);
        shown(`${round}. ${name}, ${watchers} watch`, await measured(gateway, speed, seconds));
        child.kill();
      }
    }
    const child = await watched(gateway.url, watchers - 1);
    const { browser, page } = await opened(gateway);
    const running = measured(gateway, rate, seconds);
    await pause((seconds - 1) * 1000);
    await judged(page);
    shown(`at ${rate} requests/s, with the page`, await running);
    await browser.close();
    child.kill();
  } finally {
    await Promise.all([gateway.stop(), mock.stop()]);
  }
}

if (process.env.LOAD_TASK === undefined) await main();
else
  process.once("message", async (options) => {
    if (process.env.LOAD_TASK === "watch") await watch(options);
    else process.send(await generate(options), () => process.exit(0));
  });
