// How do the screens look? At three widths, dark and light: nothing is wider than the window, axe
// finds nothing serious, and with --pictures DIR each is kept as a picture.

import fs from "node:fs";
import path from "node:path";
import { accessible, go, settled } from "./bench.mjs";
import { assert, check } from "./checks.mjs";

const SIZES = [
  [360, 780],
  [1280, 800],
  [2560, 1300],
];

/** Something to look at on every screen. */
async function furnished(bench) {
  const { gateway, mock } = bench;
  const suffix = Date.now();
  await gateway.admin("POST", "teams", {
    name: `search-${suffix}`,
    limits: [{ requests: 600, window: "1m" }],
  });
  const key = await gateway.admin("POST", "keys", {
    name: `search-app-${suffix}`,
    team: `search-${suffix}`,
    allow: { models: ["gpt-*", "tiny"], routes: ["/v1/chat/completions"] },
    limits: [{ requests: 60, window: "1m" }, { concurrent: 4 }],
    metadata: { "cost-center": "7" },
    expires: "2100-01-31T00:00:00Z",
  });
  const endpoint = await gateway.admin("POST", "endpoints", {
    path: `/bria-${suffix}`,
    target: `${mock.url}/echo`,
    credential: { header: { api_token: "never-shown" } },
    methods: ["GET", "POST"],
    cost_per_request: "12.00",
  });
  const body = { model: "gpt-4o-mini", messages: [{ role: "user", content: "hi" }] };
  const headers = { authorization: `Bearer ${key.key}` };
  for (let at = 0; at < 20; at += 1) await bench.send("/v1/chat/completions", body, headers);
  await bench.send(`/bria-${suffix}/v1/x`, body);
  return { key, endpoint };
}

/** The screens, by the names of their pictures. */
const screens = ({ key, endpoint }) => ({
  requests: "requests",
  keys: "keys",
  key: `keys/${key.id}`,
  "key-new": "keys/new",
  teams: "teams",
  endpoints: "endpoints",
  endpoint: `endpoints/${endpoint.id}`,
  "endpoint-new": "endpoints/new",
  providers: "providers",
  playground: "playground?config=twice",
  spend: "spend",
  health: "health",
  cache: "cache",
  settings: "settings",
  audit: "audit",
});

async function planned(bench, page) {
  await page.getByLabel("Key", { exact: true }).fill(bench.key);
  await page.getByRole("button", { name: "Dry run" }).click();
  await page.getByRole("list", { name: "The plan" }).waitFor();
}

async function looked(bench, page, name, label) {
  const wide = await page.evaluate(
    () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
  );
  assert(wide <= 0, `${label}: ${wide} px too wide`);
  await accessible(page, label);
  if (bench.pictures) {
    fs.mkdirSync(bench.pictures, { recursive: true });
    await page.screenshot({ path: path.join(bench.pictures, `${name}.png`) });
  }
}

for (const scheme of ["light", "dark"]) {
  for (const [width, height] of SIZES) {
    check(`looks: every screen at ${width} px, ${scheme}`, async (bench) => {
      const made = await furnished(bench);
      const page = await bench.open({ width, height, scheme });
      const there = new Set(
        await page
          .locator("nav [data-screen]")
          .evaluateAll((all) => all.map((it) => it.dataset.screen)),
      );
      for (const [name, screen] of Object.entries(screens(made))) {
        if (!there.has(screen.split(/[/?]/)[0])) continue;
        await go(page, screen);
        await page.getByRole("heading", { level: 1 }).waitFor();
        await settled(page);
        if (name === "playground") await planned(bench, page);
        await looked(bench, page, `${name}-${width}-${scheme}`, `${name}, ${width} px, ${scheme}`);
      }
    });
  }
}
