// Runs the console's browser tests: `tests/console/run --binary target/debug/throughway`.
// Each check gets a bench with one running gateway; pages that it opens are judged when it ends.

import fs from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { Bench } from "./bench.mjs";
import { checks } from "./checks.mjs";

/** No check may take longer. */
const PATIENCE_MS = 120_000;

const { values: args } = parseArgs({
  options: {
    binary: { type: "string", default: "target/debug/throughway" },
    only: { type: "string", default: "" },
    pictures: { type: "string" },
  },
});

const here = path.dirname(fileURLToPath(import.meta.url));
for (const file of fs.readdirSync(here).sort()) {
  if (file.endsWith(".browser.mjs")) await import(`./${file}`);
}

/** Runs one check; the text says why it failed. */
async function failure(bench, run) {
  let timer;
  const late = new Promise((_, fail) => {
    timer = setTimeout(() => fail(new Error(`no end after ${PATIENCE_MS} ms`)), PATIENCE_MS);
  });
  try {
    await Promise.race([run(bench), late]);
    return bench.problems();
  } catch (error) {
    const line = /\.browser\.mjs:\d+/.exec(error.stack ?? "")?.[0] ?? "?";
    await bench.keepPicture();
    return [`${line} ${String(error.message).slice(0, 1500)}`, ...bench.problems()];
  } finally {
    clearTimeout(timer);
    await bench.endCheck();
  }
}

async function main() {
  const bench = await Bench.start(path.resolve(args.binary), args.pictures);
  let passed = 0;
  let failed = 0;
  try {
    for (const { name, run } of checks.filter((it) => it.name.includes(args.only))) {
      const begun = performance.now();
      const problems = await failure(bench, run);
      const seconds = ((performance.now() - begun) / 1000).toFixed(1);
      console.log(`${problems.length ? "FAIL" : "ok"} ${name} (${seconds} s)`);
      for (const problem of problems) console.log(`     ${problem.replaceAll("\n", "\n     ")}`);
      problems.length ? (failed += 1) : (passed += 1);
    }
  } finally {
    await bench.stop();
  }
  console.log(`${passed} passed, ${failed} failed`);
  process.exitCode = failed || !passed ? 1 : 0;
}

await main();
