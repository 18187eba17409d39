// Are places in a config found, are the right keys suggested, is a stream read in pieces as in one?

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { suggestions } from "../../console/playground/completion.js";
import { withFault } from "../../console/playground/faults.js";
import { contextAt, firstError, placeOf } from "../../console/playground/json_place.js";
import { eventReader, textOf, tokensPerSecond } from "../../console/playground/sender.js";
import { targetOf } from "../../console/objects/preview.js";
import { documented } from "./tables.mjs";

const CONFIG = documented(readFileSync(new URL("../../docs/config.md", import.meta.url), "utf8"));

test("a text stops being JSON where JSON.parse stops", () => {
  const texts = [
    "{}",
    '{"a":[1,2,{"b":null}],"c":"d"}',
    "[]",
    '{"a":}',
    '{"a":1,}',
    '{"a" 1}',
    "{a:1}",
    "[1 2]",
    '{"a":"x',
    '{"a":tru}',
    "{}}",
    '{"a":1',
    "[1,]",
    "[,1]",
    '{"a":-1.5e3}',
    '{"a":01}',
    '"text"',
    "",
    '{"a":{"b":[]}}',
    '{"a":"\\x"}',
  ];
  for (const text of texts) {
    let is_json = true;
    try {
      JSON.parse(text);
    } catch {
      is_json = false;
    }
    assert.equal(firstError(text) === null, is_json, text);
  }
  assert.equal(firstError('{"retry":\n {"attempts":,}}'), 23);
});

test("the place of an error is its key, or what is nearest around it", () => {
  const text = '{"targets": [{"a.b": 1}, {"retry": {"attempts": 9}}], "x": [1, [2, 3]]}';
  for (const [path, found] of [
    ["config.targets[1].retry.attempts", '"attempts"'],
    ["config.targets[1].retry.missing", '"retry"'],
    ["config.targets[0].a.b", '"a.b"'],
    ["config.x[1][0]", "2"],
    ["config.targets[7]", '"targets"'],
    ["config", "{"],
    ["configuration", undefined],
  ]) {
    const place = placeOf(text, path);
    assert.equal(place === null ? undefined : text.slice(place.start, place.end), found, path);
  }
});

test("the cursor's section is that of the innermost target, whatever is written so far", () => {
  for (const [text, wants, section, typed] of [
    ['{"', "key", "", ""],
    ['{"ret', "key", "", "ret"],
    ['{"retry": {', "key", "retry", ""],
    ['{"targets": [{"targets": [{"timeouts": {"f', "key", "timeouts", "f"],
    ['{"strategy": {"conditions": [{', "key", "strategy.conditions[]", ""],
    ['{"strategy": {"mode": "fall', "value", "strategy", "fall"],
    ['{"strategy": {"mode": "fallback", ', "key", "strategy", ""],
  ]) {
    const found = contextAt(text, text.length);
    assert.deepEqual([found?.wants, found?.section, found?.typed], [wants, section, typed], text);
  }
  assert.equal(contextAt("", 0), null);
  for (const whole of [
    '{"custom_host": "http://a"',
    '{"retry"',
    '{"weight": 1 ',
    '{"retry": {} ',
  ]) {
    assert.equal(contextAt(whole, whole.length), null, whole);
  }
});

test("what is suggested completes the text to a config that can be parsed", () => {
  const open = '{"strategy": {"mode": "fallback"}, "targets": [{"';
  const found = suggestions(CONFIG, open, open.length);
  assert.ok(found.length > 10);
  for (const it of found) {
    const text = `${open.slice(0, it.start)}${it.text}}]}`;
    assert.doesNotThrow(() => JSON.parse(text), text);
  }
  const labels = (text) => suggestions(CONFIG, text, text.length).map((it) => it.label);
  assert.deepEqual(labels('{"strategy": {"mode": "l'), ['"loadbalance"']);
  assert.deepEqual(labels('{"strict_end": '), ["true", "false"]);
  assert.ok(!labels('{"retry": {}, "').includes("retry"), "a key that is there already");
  assert.ok(!labels('{"').includes("credential"), "a request cannot give it");
  assert.deepEqual(labels('{"override_params": {"'), []);
});

test("a fault is set for one target alone", () => {
  const config = { targets: [{ headers: { a: "b" } }, {}] };
  const text = JSON.stringify(config);
  const made = JSON.parse(withFault(text, 0, "status", "503"));
  assert.deepEqual(made.targets, [{ headers: { a: "b", "x-mock-status": "503" } }, {}]);
  assert.equal(withFault(text, 5, "status", "503"), text);
  assert.equal(withFault("name", 0, "status", "503"), "name");
});

test("events are the same in whatever pieces they come", () => {
  const stream = 'data: {"a":1}\r\n\r\n: note\nevent: x\ndata: two\n\ndata: [DONE]\n\n';
  for (let size = 1; size <= stream.length; size += 1) {
    const found = [];
    const read = eventReader((data) => found.push(data));
    for (let at = 0; at < stream.length; at += size) read(stream.slice(at, at + size));
    assert.deepEqual(found, ['{"a":1}', "two", "[DONE]"], `pieces of ${size}`);
  }
});

test("the message is found in each dialect", () => {
  for (const body of [
    { choices: [{ delta: { content: "x" } }] },
    { choices: [{ message: { content: "x" } }] },
    { choices: [{ text: "x" }] },
    { type: "content_block_delta", delta: { text: "x" } },
    { type: "response.output_text.delta", delta: "x" },
    { content: [{ text: "x" }] },
    { candidates: [{ content: { parts: [{ text: "x" }] } }] },
  ]) {
    assert.equal(textOf(body), "x", JSON.stringify(body));
  }
  assert.equal(textOf(null), "");
  assert.equal(textOf({ choices: [] }), "");
  const times = { first_token: 100, last_token: 1100 };
  assert.equal(tokensPerSecond({ ...times, pieces: 11, tokens: 21 }), 20);
  assert.equal(tokensPerSecond({ ...times, pieces: 1, tokens: 21 }), null);
});

test("the preview of a route is what the gateway does", () => {
  const endpoint = { path: "/bria", target: "https://api.example.com/v2?tenant=7" };
  for (const [more, path, target] of [
    [{}, "/bria", "https://api.example.com/v2?tenant=7"],
    [{}, "/bria/x?y=1", "https://api.example.com/v2/x?tenant=7&y=1"],
    [{}, "/briax", null],
    [{ include_subpath: false }, "/bria/x", null],
    [{ query: { a: ["1", "2 3"] } }, "/bria", "https://api.example.com/v2?tenant=7&a=1&a=2%203"],
    [{ target: null }, "/bria", null],
    [
      { target: null, config: { targets: [{}, { custom_host: "https://b.example.com" }] } },
      "/bria",
      null,
    ],
    [{ config: { provider: "openai" } }, "/bria", null],
    [{ config: "named" }, "/bria", "https://api.example.com/v2?tenant=7"],
    [{ config: { custom_host: "https://b.example.com" } }, "/bria/x", "https://b.example.com/x"],
  ]) {
    assert.equal(
      targetOf({ ...endpoint, ...more }, path),
      target,
      `${path} ${JSON.stringify(more)}`,
    );
  }
});
