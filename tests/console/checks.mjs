// What the browser tests are written with: the list of checks, comparisons, and waiting.

import { inspect, isDeepStrictEqual } from "node:util";

/** @type {{name: string, run: (bench: import("./bench.mjs").Bench) => Promise<void>}[]} */
export const checks = [];

export const check = (name, run) => checks.push({ name, run });

export function assert(met, complaint) {
  if (!met) throw new Error(typeof complaint === "string" ? complaint : inspect(complaint));
}

export function expect(what, got, wanted) {
  const shown = (value) => inspect(value, { depth: 6, breakLength: Infinity }).slice(0, 500);
  assert(isDeepStrictEqual(got, wanted), `${what}: got ${shown(got)}, wanted ${shown(wanted)}`);
}

/** Waits until `read` gives something that is true, and gives that. */
export async function until(what, read, ms = 10_000) {
  const end = performance.now() + ms;
  for (;;) {
    const got = await read();
    if (got) return got;
    assert(performance.now() < end, `${what}: not so after ${ms} ms`);
    await new Promise((done) => setTimeout(done, 50));
  }
}
