// Are numbers, texts and links written as they should be? What needs no browser is tested here.

import assert from "node:assert/strict";
import { test } from "node:test";
import { queryText } from "../../console/api.js";
import * as format from "../../console/format.js";
import { link, parse } from "../../console/router.js";

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

test("a query leaves out what is empty", () => {
  assert.equal(queryText({ a: "", b: null, c: undefined }), "");
  assert.equal(
    queryText({ a: "x y", b: ["c", "d"], e: 0, f: false }),
    "?a=x+y&b=c%2Cd&e=0&f=false",
  );
});
