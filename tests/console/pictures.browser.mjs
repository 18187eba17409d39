// The pictures of docs/console.md, made of the mock's traffic:
//   tests/console/run --only pictures --pictures docs/console

import fs from "node:fs";
import path from "node:path";
import { go, settled } from "./bench.mjs";
import { assert, check, until } from "./checks.mjs";

const MODELS = ["gpt-4o-mini", "claude-sonnet", "gpt-4o-mini", "tiny"];

function settings({ mock, other, secret }) {
  return `
default_target: "${mock.url}/v1"
secret_key: "${secret}"
configs:
  careful:
    strategy: { mode: fallback }
    retry: { attempts: 1 }
    targets:
      - { custom_host: "${other.url}/v1", headers: { x-mock-status: "503" } }
      - { custom_host: "${mock.url}/v1" }
`;
}

/** Keys, an endpoint, and requests of several kinds. */
async function furnished(bench, gateway) {
  const limits = [{ requests: 60, window: "1m" }, { concurrent: 4 }];
  await gateway.admin("POST", "teams", {
    name: "search",
    limits: [{ requests: 600, window: "1m" }],
  });
  const allow = { models: ["gpt-*", "claude-*", "tiny"], routes: ["/v1/chat/completions"] };
  const key = await gateway.admin("POST", "keys", {
    name: "search-app",
    team: "search",
    allow,
    limits,
  });
  const bot = await gateway.admin("POST", "keys", { name: "support-bot", limits });
  const endpoint = await gateway.admin("POST", "endpoints", {
    path: "/bria",
    target: `${bench.mock.url}/echo`,
    credential: { header: { api_token: "never-shown" } },
    cost_per_request: "0.04",
  });
  for (let at = 0; at < 24; at += 1) {
    const secret = at % 3 === 0 ? bot.key : key.key;
    const headers = { authorization: `Bearer ${secret}`, "content-type": "application/json" };
    if (at % 8 === 5) headers["x-gateway-config"] = "careful";
    if (at % 8 === 3) headers["x-mock-cut"] = "3";
    if (at === 12) headers["x-gateway-custom-host"] = "http://127.0.0.1:1";
    const body = {
      model: MODELS[at % 4],
      stream: at % 2 === 1,
      messages: [{ role: "user", content: "hi" }],
    };
    const request = { method: "POST", headers, body: JSON.stringify(body) };
    const response = await fetch(`${gateway.url}/v1/chat/completions`, request);
    await response.text().catch(() => "");
  }
  return { key, endpoint };
}

async function playground(page, key) {
  await go(page, "playground?config=careful");
  await page.getByLabel("Key", { exact: true }).fill(key);
  await page.getByRole("button", { name: "Dry run" }).click();
  await page.getByRole("list", { name: "The plan" }).waitFor();
}

check("pictures: the main screens with traffic", async (bench) => {
  const gateway = await bench.startGateway(settings(bench));
  const keep = async (page, name) => {
    await settled(page);
    const picture = await page.screenshot();
    assert(picture.length > 10_000, `${name}: nothing to be seen`);
    if (!bench.pictures) return;
    fs.mkdirSync(bench.pictures, { recursive: true });
    fs.writeFileSync(path.join(bench.pictures, `${name}.png`), picture);
  };
  const { key, endpoint } = await furnished(bench, gateway);
  const page = await bench.open({ gateway });
  await go(page, "requests");
  await until("requests", async () => (await page.getByRole("row").count()) > 20);
  await keep(page, "requests");
  await page
    .getByRole("img", { name: /3 attempts/ })
    .first()
    .click();
  await page.getByRole("region", { name: "Where the time went" }).waitFor();
  await keep(page, "request");
  await playground(page, key.key);
  await keep(page, "playground");
  await go(page, `keys/${key.id}`);
  await page.getByText("May this key call that?").waitFor();
  await keep(page, "key");
  await go(page, `endpoints/${endpoint.id}`);
  await page.getByRole("button", { name: "Send the test" }).click();
  await page.getByText("The response", { exact: true }).waitFor();
  await keep(page, "endpoint");
  const dark = await bench.open({ gateway, scheme: "dark", screen: "spend" });
  await dark.getByRole("table").first().waitFor();
  await keep(dark, "spend-dark");
});
