// Does the console's client ask what `openapi.yaml` describes? Every call is made against a
// stand-in of `fetch`; every field that the types promise must be one that responses always have.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { api } from "../../console/api.js";

const read = (path) => readFileSync(new URL(`../../${path}`, import.meta.url), "utf8");
const openapi = read("openapi.yaml");

/** Operations as `GET /path/{id}`. */
function operations() {
  const found = new Set();
  let path = "";
  for (const line of openapi.split("\n")) {
    path = /^ {2}(\/[^:]*):$/.exec(line)?.[1] ?? path;
    const method = /^ {4}(get|post|patch|delete|put):/.exec(line)?.[1];
    if (method !== undefined) {
      found.add(`${method.toUpperCase()} ${path}`);
    }
  }
  return found;
}

/** The functions of the client, with their names. */
function calls(of, name) {
  return Object.entries(of).flatMap(([part, it]) =>
    typeof it === "function" ? [[`${name}.${part}`, it]] : calls(it, `${name}.${part}`),
  );
}

test("every call is an operation of the API", async () => {
  const known = operations();
  assert.ok(known.size > 20);
  let asked = "";
  globalThis.fetch = async (path, { method }) => {
    asked = `${method} ${path.split("?")[0].replace("/ID", "/{id}")}`;
    return new Response("{}");
  };
  globalThis.EventSource = class {
    constructor(path) {
      asked = `GET ${path}`;
    }
  };
  for (const [name, call] of calls(api, "api")) {
    asked = "";
    const takesId = /^(async )?\(?id\b/.test(call.toString());
    await call(takesId ? "ID" : {}, {});
    assert.ok(known.has(asked), `${name} asks ${asked}`);
  }
});

/** The names in `required` of a schema. */
function required(schema) {
  const at = openapi.indexOf(`\n    ${schema}:\n`);
  assert.ok(at > 0, `there is no schema ${schema}`);
  const list = /\n {6}required: \[([^\]]*)\]/.exec(openapi.slice(at));
  return new Set((list?.[1] ?? "").split(",").map((it) => it.trim()));
}

/** The properties of a type that are not optional. */
function properties(type) {
  const types = read("tests/console/types.js");
  const at = types.search(new RegExp(`@typedef \\{object\\} ${type}\\b`));
  assert.ok(at > 0, `there is no type ${type}`);
  const end = types.indexOf("@typedef", at + 1);
  const part = types.slice(at, end < 0 ? undefined : end);
  return [...part.matchAll(/@property \{.*\} (\w+)( |$)/gm)].map((it) => it[1]);
}

const TYPES = [
  ["RequestRecord", "Record"],
  ["Times", "RecordTimes"],
  ["Attempt", "RecordAttempt"],
  ["Usage", "Usage"],
  ["UsageSums", "UsageRow"],
  ["Health", "Health"],
  ["SettingsShown", "SettingsShown"],
  ["AuditRow", "AuditRow"],
  ["Session", "Session"],
];

test("responses always have the fields that the types promise", () => {
  for (const [type, schema] of TYPES) {
    const always = required(schema);
    const promised = properties(type);
    assert.ok(promised.length > 2, type);
    for (const name of promised) {
      assert.ok(always.has(name), `${type}.${name} is not required of ${schema}`);
    }
  }
});
