// Are numbers, texts and links written as they should be? What needs no browser is tested here.

import assert from "node:assert/strict";
import { test } from "node:test";
import { execFileSync } from "node:child_process";
import { queryText } from "../../console/api.js";
import * as format from "../../console/format.js";
import { link, note, parse } from "../../console/router.js";
import { queryOf } from "../../console/screens/request_filters.js";
import { curl, headersOf, shellWord } from "../../console/screens/request_curl.js";
import { bars, overrideLines, patternOf, timesOf } from "../../console/screens/spend_sums.js";
import { segmentsOf } from "../../console/screens/request_waterfall.js";

test("characters that cannot be seen are shown as escapes", () => {
  const table = [
    ["plain text, ünïcode, 日本語, 🙂", "plain text, ünïcode, 日本語, 🙂"],
    ["a\u202eb", "a\\u{202e}b"],
    ["a\u2066b\u2069", "a\\u{2066}b\\u{2069}"],
    ["a\u200bb", "a\\u{200b}b"],
    ["a\u0000\u001b[31m", "a\\x00\\x1b[31m"],
    ["a\u{e0041}", "a\\u{e0041}"],
    ["a\ud800b", "a\\u{d800}b"],
    ["a\nb\tc", "a\\x0ab\\x09c"],
  ];
  for (const [text, shown] of table) {
    assert.equal(format.visible(text), shown);
  }
  assert.equal(format.visible("a\nb\tc\r", true), "a\nb\tc\\x0d");
});

test("amounts of money are as exact as it takes to see something", () => {
  const table = [
    ["0", "$0"],
    ["0.000000001", "$0.000000001"],
    ["0.000015", "$0.000015"],
    ["0.0123456", "$0.0123"],
    ["0.5", "$0.5"],
    ["1", "$1.00"],
    ["1234.567", "$1,234.57"],
    [null, format.UNKNOWN],
    ["", format.UNKNOWN],
    ["abc", format.UNKNOWN],
  ];
  for (const [usd, shown] of table) {
    assert.equal(format.money(usd), shown);
  }
});

test("lengths of time, bytes and shares have units", () => {
  assert.equal(format.duration(0), "0 µs");
  assert.equal(format.duration(12_345), "12.3 ms");
  assert.equal(format.duration(4_560_000), "4.56 s");
  assert.equal(format.duration(185_000_000), "3 min 5 s");
  assert.equal(format.duration(null), format.UNKNOWN);
  assert.equal(format.span(90_000), "1 d 1 h");
  assert.equal(format.bytes(1536), "1.50 KiB");
  assert.equal(format.percent(1, 3), "33 %");
  assert.equal(format.percent(1, 0), format.UNKNOWN);
  assert.equal(format.ago(0, 61_000), "1 min ago");
  assert.equal(format.ago(Number.NaN), format.UNKNOWN);
});

test("a view's link leads back to the view", () => {
  const fragment = link("requests", ["a/b", "ü?"], { model: "x&y=z", status: "", key: null });
  const route = parse(fragment);
  assert.equal(route.screen, "requests");
  assert.deepEqual(route.args, ["a/b", "ü?"]);
  assert.deepEqual([...route.query], [["model", "x&y=z"]]);
  assert.equal(parse("").screen, "requests");
  assert.deepEqual(parse("#/request/%ff").args, ["%ff"]);
});

test("what a view notes does not undo a navigation that has begun", () => {
  const route = parse("#/requests");
  globalThis.location = { hash: "#/requests" };
  globalThis.history = { replaceState: (_state, _title, hash) => (location.hash = hash) };
  note(route, { model: "x" });
  assert.equal(location.hash, "#/requests?model=x");
  note(route, { model: "y" });
  assert.equal(location.hash, "#/requests?model=y");
  assert.equal(route.query.get("model"), "y");
  location.hash = "#/playground";
  note(route, { model: "z" });
  assert.equal(location.hash, "#/playground");
});

test("a query leaves out what is empty", () => {
  assert.equal(queryText({ a: "", b: null, c: undefined }), "");
  assert.equal(
    queryText({ a: "x y", b: ["c", "d"], e: 0, f: false }),
    "?a=x+y&b=c%2Cd&e=0&f=false",
  );
});

test("a filter by metadata is a pair, whose value may be empty", () => {
  const query = (metadata) => queryText(queryOf({ metadata }));
  assert.equal(query("cost.center=a=b"), "?metadata.cost.center=a%3Db");
  assert.equal(query("empty="), "?metadata.empty=");
  assert.equal(query("name"), "?metadata=name");
  assert.equal(query("=value"), "?metadata=%3Dvalue");
  assert.equal(queryText(queryOf({ model: "x" })), "?model=x");
});

test("a curl command sends the path and the metadata as they were", () => {
  const record = { method: "GET", path: "/v1/files/[1-3]", key: null, route: "provider" };
  const of = (more) => ({ ...record, provider: null, origin: null, metadata: {}, ...more });
  const command = (more) => curl(of(more), "http://gateway").split(" \\\n")[0];
  assert.equal(command({}), "curl -g -X GET 'http://gateway/v1/files/[1-3]'");
  assert.equal(command({ method: "HEAD" }), "curl -g -I 'http://gateway/v1/files/[1-3]'");
  const headers = Object.fromEntries(headersOf(of({ metadata: { city: "Zürich 🙂" } })));
  assert.equal(headers["x-gateway-metadata"], '{"city":"Z\\u00fcrich \\ud83d\\ude42"}');
});

test("a word of a shell is the text, whatever it holds", () => {
  const texts = [
    "plain-word_1",
    "two words",
    'it\'s $HOME `id` $(id) \\ "x"',
    "'",
    "",
    "line\nbreak\ttab \u001b[31m",
    "\u202e\u200b ü 日本 '\u0007'",
  ];
  for (const text of texts) {
    const word = shellWord(text);
    assert.equal(/[\p{Cc}\p{Cf}]/u.test(word), false, word);
    const env = { ...process.env, LC_ALL: "C.UTF-8" };
    const printed = execFileSync("bash", ["-c", `printf %s ${word}`], { env, encoding: "utf8" });
    assert.equal(printed, text);
  }
});

test("the phases of an attempt are those that it came to", () => {
  const attempt = {
    target: "targets[0]",
    provider: "openai",
    origin: "https://api.openai.com",
    began: 100,
    resolved: 200,
    connected: 300,
    tls_done: 400,
    reused: false,
    head: 900,
    first_token: 1000,
    ended: 2000,
    status: 200,
    fault: null,
  };
  const of = (change) =>
    segmentsOf({ ...attempt, ...change }).map((it) => [it.phase, it.from, it.to]);
  assert.deepEqual(of({}), [
    ["resolve", 100, 200],
    ["connect", 200, 300],
    ["tls", 300, 400],
    ["head", 400, 900],
    ["first", 900, 1000],
    ["body", 1000, 2000],
  ]);
  const none = { connected: null, tls_done: null, head: null, first_token: null, status: null };
  assert.deepEqual(of({ ...none, fault: "connect" }), [
    ["resolve", 100, 200],
    ["connect", 200, 2000],
  ]);
  assert.deepEqual(of({ ...none, resolved: null, fault: "dns" }), [["resolve", 100, 2000]]);
  assert.deepEqual(of({ ...none, reused: true, fault: "head_timeout" }), [
    ["resolve", 100, 200],
    ["head", 200, 2000],
  ]);
});

test("the lines of a price hold any name, and no variable", () => {
  const model = patternOf('os.environ/TOKEN ${TOKEN} \u202e\n- x: "y"');
  const lines = overrideLines({ origin: null, model, input: "0.1", output: "" });
  assert.deepEqual(lines.split("\n"), [
    "prices:",
    "  overrides:",
    '    - model: "*s.environ/TOKEN $${TOKEN} \\U0000202e\\n- x: \\"y\\""',
    "      input: 0.1",
    "      output: 0",
  ]);
});

test("bars have a place for each hour, and the smallest groups share one", () => {
  const from = Date.parse("2026-11-22T00:30:00Z");
  const times = timesOf(from, from + 2 * 3_600_000, "hour");
  assert.equal(times.length, 3);
  const hour = "2026-11-22T01:00:00Z";
  const rows = Array.from({ length: 10 }, (_, n) => ({ hour, model: `m${n}`, requests: n + 1 }));
  const by = { time: "hour", group: "model", measure: "requests" };
  const { series, points } = bars([...rows, { hour, model: null, requests: 1 }], by, times);
  assert.equal(series.length, 8);
  assert.deepEqual(points[1], [10, 9, 8, 7, 6, 5, 4, 3 + 2 + 1 + 1]);
  assert.deepEqual(points[0], points[2]);
});
