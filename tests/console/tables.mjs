// What do the pages of the program's documentation say of the keys of config objects?

const unquoted = (text) => text.replace(/^`|`$/g, "");
const plain = (text) => text.replace(/\[([^\]]*)\]\([^)]*\)/g, "$1").replaceAll("`", "");

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

const field = ([key, takes, , meaning, example]) => [
  unquoted(key.split(" (or ")[0]),
  plain(takes),
  plain(meaning),
  unquoted(example),
];

/** Keys by the path of the object that has them; a request cannot give credentials. */
export function documented(page) {
  const titles = [...page.matchAll(/^## `([^`]+)`$/gm)].map((it) => it[1]);
  const asked = titles.filter((it) => !it.startsWith("credential"));
  const sections = asked.map((it) => [it, rows(page, `## \`${it}\``).map(field)]);
  const target = rows(page, "## The config, and each of its targets").map(field);
  return { "": target.filter(([name]) => name !== "credential"), ...Object.fromEntries(sections) };
}
