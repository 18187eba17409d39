// The packages of the browser tests, from where `tests/console/setup` has put them.

import { createRequire } from "node:module";
import path from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const here = path.dirname(fileURLToPath(import.meta.url));
const installed = process.env.CONSOLE_DIR ?? path.join(here, "../../target/console");
const find = createRequire(path.resolve(installed, "x.js"));

export const { chromium } = find("playwright-core");
export const axeFile = find.resolve("axe-core/axe.min.js");
export const openAi = async () =>
  (await import(pathToFileURL(find.resolve("openai/index.mjs")))).default;
