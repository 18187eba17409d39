// Writes console/playground/tables.js, the keys of config objects and the faults of the mock, from
// the pages that the program prints of its own tables:
//   node tests/console/tables.mjs --binary target/debug/throughway --write

import { execFileSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

const FILE = path.join(
  path.dirname(fileURLToPath(import.meta.url)),
  "../../console/playground/tables.js",
);
const OPENING = `// Which keys does a config object have, and which faults does the mock produce? Written by
// tests/console/tables.mjs from what \`throughway docs\` prints; do not edit.
`;

const unquoted = (text) => text.replace(/^`|`$/g, "");

/** The rows of a page's tables below a title, as lists of cells. */
function rows(page, title) {
  const lines = page.split("\n");
  const from = lines.indexOf(title);
  if (from < 0) throw new Error(`the page has no ${title}`);
  const end = lines.findIndex((line, at) => at > from && line.startsWith("## "));
  const table = lines.slice(from, end < 0 ? undefined : end).filter((line) => line.startsWith("|"));
  const cells = table.slice(2).map((line) => line.split(/(?<!\\)\|/).slice(1, -1));
  return cells.map((row) => row.map((cell) => cell.trim()));
}

/** The sentence that says most, so that the tables stay small. */
const first = (text) => /^.*?[.;](?= |$)/.exec(text)?.[0].replace(/;$/, ".") ?? text;
const links = (text) => text.replace(/\[([^\]]*)\]\([^)]*\)/g, "$1");
const plain = (text) =>
  links(text)
    .replaceAll("`", "")
    .replace(/ \([^)]{25,}\)/g, "");

function field([key, takes, , meaning, example]) {
  const name = unquoted(key.split(" (or ")[0]);
  return [name, plain(takes), plain(first(meaning)), unquoted(example)];
}

/** Sections by the path of the object whose keys they list; a request cannot give credentials. */
function fields(page) {
  const titles = [...page.matchAll(/^## `([^`]+)`$/gm)].map((it) => it[1]);
  const asked = titles.filter((it) => !it.startsWith("credential"));
  const sections = Object.fromEntries(
    asked.map((it) => [it, rows(page, `## \`${it}\``).map(field)]),
  );
  const target = rows(page, "## The config, and each of its targets").map(field);
  return { "": target.filter((it) => it[0] !== "credential"), ...sections };
}

const fault = ([name, takes, meaning]) => [unquoted(name), plain(takes), plain(first(meaning))];

/** A row as a line of a template literal, its cells between bars. */
function line(row) {
  const text = row.join("|");
  const has = row.some((it) => it.includes("|")) || /[`\\\n]|\$\{/.test(text);
  if (has) throw new Error(`the line would need escapes: ${text}`);
  return `${text}\n`;
}

export function made(binary) {
  const page = (name) => execFileSync(binary, ["docs", name], { encoding: "utf8" });
  const list = (all) => `rows(\`\n${all.map(line).join("")}\`)`;
  const sections = Object.entries(fields(page("config")));
  const shown = sections.map(([name, all]) => `${JSON.stringify(name)}: ${list(all)},\n`);
  return `${OPENING}
/** @type {{[section: string]: ConfigField[]}} */
export const CONFIG_FIELDS = {
${shown.join("")}};

/** @type {[name: string, takes: string, meaning: string][]} */
export const MOCK_FAULTS = ${list(rows(page("mock"), "## Faults").map(fault))};

/** @param {string} text @returns {any} */
function rows(text) {
\treturn text.trim().split("\\n").map(line => line.split("|"));
}
`;
}

export const written = () => fs.readFileSync(FILE, "utf8");

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const binary = process.argv[process.argv.indexOf("--binary") + 1];
  if (!process.argv.includes("--write")) throw new Error("give --binary FILE --write");
  fs.mkdirSync(path.dirname(FILE), { recursive: true });
  fs.writeFileSync(FILE, made(binary));
}
