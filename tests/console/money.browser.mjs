// What a request costs and what a budget has left, against a gateway with prices and budgets.

import { accessible, go, settled } from "./bench.mjs";
import { assert, check, expect, until } from "./checks.mjs";
import { createKey } from "./keys.browser.mjs";

const MODEL = "priced-model";
/** Dollars for a million tokens. */
const PRICE = { input: 1000, output: 4000 };

const settings = ({ mock }) => `
default_target: "${mock.url}/v1"
records: { usage_metadata: [user, project, cost.center] }
prices: { overrides: [{ model: ${MODEL}, input: ${PRICE.input}, output: ${PRICE.output} }] }
`;

/** Sends a request with a key, and gives what the response says of its usage. */
async function used(gateway, key, path = "/v1/chat/completions", more = {}) {
  const body = JSON.stringify({ model: MODEL, messages: [{ role: "user", content: "hi" }] });
  const headers = { authorization: `Bearer ${key}`, "content-type": "application/json", ...more };
  const response = await fetch(gateway.url + path, { method: "POST", headers, body });
  const { usage } = await response.json();
  return { status: response.status, usage };
}

const costOf = ({ prompt_tokens, completion_tokens }) =>
  (prompt_tokens * PRICE.input + completion_tokens * PRICE.output) / 1e6;

check("money: a budget is a bar, and is topped up", async (bench) => {
  const gateway = await bench.startGateway(settings(bench));
  const page = await bench.open({ gateway });
  const secret = await createKey(page, "spender", async () => {
    await page.getByRole("button", { name: "Add a budget" }).click();
    const row = page.locator(".small-row").last();
    await row.getByLabel("USD").fill("0.1");
    await row.getByLabel("per").selectOption("total");
  });
  const first = await used(gateway, secret);
  expect("within the budget", first.status, 200);
  const key = page.url().split("#/")[1];
  const limits = page.getByRole("region", { name: "Limits and budgets" });
  const bar = limits.getByRole("meter", { name: /\$0\.1 in all/ });
  const spent = costOf(first.usage);
  await until("what was spent is on the bar", async () => {
    await go(page, "keys");
    await go(page, key);
    return Math.abs(Number(await bar.getAttribute("value")) - spent / 0.1) < 1e-6;
  });
  await limits.getByText(`$${spent} spent`).waitFor();
  let refused = 0;
  for (let at = 0; at < 5; at += 1) refused += (await used(gateway, secret)).status === 402;
  assert(refused > 0, "the budget ends");
  await limits.getByRole("button", { name: "Top up" }).click();
  const dialog = page.getByRole("dialog");
  await accessible(page, "the dialog of a top-up");
  for (const wrong of ["", "much"]) {
    await dialog.getByLabel("Add, in USD").fill(wrong);
    await dialog.getByRole("button", { name: "Top up" }).click();
    await dialog.getByRole("alert").filter({ hasText: "usd" }).waitFor();
  }
  await dialog.getByLabel("Add, in USD").fill("10");
  await dialog.getByRole("button", { name: "Top up" }).click();
  await page.getByText("Topped up.").waitFor();
  await until("there is room", async () => Number(await bar.getAttribute("value")) < 0.1);
  expect("after the top-up", (await used(gateway, secret)).status, 200);
  await go(page, "keys");
  await page
    .getByRole("row", { name: /spender/ })
    .getByRole("meter")
    .waitFor();
});

check("money: a team's budget is on a key's page, and refuses the key", async (bench) => {
  const gateway = await bench.startGateway(settings(bench));
  const budgets = [{ usd: "0.001", window: "day" }];
  const team = await gateway.admin("POST", "teams", { name: "broke", budgets });
  const made = await gateway.admin("POST", "keys", { name: "member", team: "broke" });
  const page = await bench.open({ gateway, screen: `keys/${made.id}` });
  const limits = page.getByRole("region", { name: "Limits and budgets" });
  await limits.getByText(/^team: .*\$0\.001 per day$/).waitFor();
  const asks = page.getByRole("region", { name: "May this key call that?" });
  await asks.getByLabel("Model").fill("a-model-without-a-price");
  await asks.getByRole("button", { name: "Ask" }).click();
  await asks.getByText("it may").waitFor();
  await asks.getByText(`budget of teams.${team.id}: $0.001 per day, $0.001 left`).waitFor();
  const list = await gateway.admin("GET", "budgets");
  await gateway.admin("POST", `budgets/${list.data[0].id}/correct`, { usd: "0.001" });
  await asks.getByRole("button", { name: "Ask" }).click();
  await asks.getByText("No", { exact: true }).waitFor();
  await asks.getByText(`nothing is left of a budget of teams.${team.id}`).waitFor();
  expect("a request", (await used(gateway, made.key)).status, 402);

  await go(page, "playground");
  await page.getByLabel("Key", { exact: true }).fill(made.key);
  await page.getByRole("button", { name: "Dry run" }).click();
  await page.getByText("$0.001 per day, $0 left").waitFor();
});

check("money: an endpoint's budget is on its page", async (bench) => {
  const gateway = await bench.startGateway(settings(bench));
  const made = await gateway.admin("POST", "endpoints", {
    path: "/budgeted",
    target: `${bench.mock.url}/v1`,
    auth: false,
    cost_per_request: "0.25",
    budgets: [{ usd: 1, window: "day" }],
  });
  expect("a request", (await used(gateway, "none", "/budgeted/chat/completions")).status, 200);
  const page = await bench.open({ gateway });
  const bar = page.getByRole("meter", { name: /\$1\.00 per day/ });
  await until("a quarter is spent", async () => {
    await go(page, "endpoints");
    await go(page, `endpoints/${made.id}`);
    return (await bar.getAttribute("value")) === "0.25";
  });
  await page.getByText("begins anew").waitFor();
});

check("money: the cost of a request is shown with its prices, and is summed up", async (bench) => {
  const gateway = await bench.startGateway(settings(bench));
  const { key } = await gateway.admin("POST", "keys", { name: "payer" });
  const { usage } = await used(gateway, key);
  const cost = costOf(usage);
  const page = await bench.open({ gateway, screen: `requests?model=${MODEL}` });
  const row = page.getByRole("row").filter({ hasText: MODEL });
  await row.getByText(`$${cost}`).waitFor();
  await row.getByRole("link").first().click();
  const panel = page.getByRole("region", { name: "Cost", exact: true });
  await panel.getByText(`USD ${cost}`).waitFor();
  await panel.getByText("`prices.overrides` of the settings.").waitFor();
  const parts = panel.getByRole("row");
  for (const [what, count, price] of [
    ["input", usage.prompt_tokens, "$1000 / M"],
    ["output", usage.completion_tokens, "$4000 / M"],
  ]) {
    const shown = parts.filter({ hasText: what });
    await shown.getByText(price).waitFor();
    await shown.getByRole("cell", { name: String(count), exact: true }).waitFor();
  }
  await until("the sum is on the screen of spend", async () => {
    await go(page, "requests");
    await go(page, "spend");
    return (await page.locator("main").innerText()).includes(`$${cost}\nknown cost`);
  });
  await settled(page);
  const sums = page.getByRole("region", { name: "Usage by model" }).getByRole("row");
  await sums.filter({ hasText: MODEL }).getByText("100 %").first().waitFor();
  expect("without a price", await page.getByText("Models without a price").count(), 0);
});

check("money: spend by a field of the metadata", async (bench) => {
  const gateway = await bench.startGateway(settings(bench));
  const { id, key } = await gateway.admin("POST", "keys", { name: "payer" });
  const metadata = { "x-gateway-metadata": '{"user": "ann", "cost.center": "ann-7"}' };
  const { usage } = await used(gateway, key, "/v1/chat/completions", metadata);
  const page = await bench.open({ gateway });
  const row = page.getByRole("row").filter({ hasText: "ann" });
  await until("the sum is there", async () => {
    await go(page, "requests");
    await go(page, "spend?group=metadata.user");
    return (await row.count()) > 0;
  });
  await row.getByText(`$${costOf(usage)}`).waitFor();
  const groups = page.getByLabel("By", { exact: true }).getByRole("option");
  assert((await groups.allInnerTexts()).includes("metadata.project"), "the other field");
  await row.getByRole("link").click();
  await page.getByRole("row").filter({ hasText: MODEL }).waitFor();
  assert(page.url().includes("metadata=user%3Dann"), page.url());
  await go(page, `spend?group=metadata.cost.center&key=${id}`);
  await row.getByRole("link").click();
  await page.getByRole("row").filter({ hasText: MODEL }).waitFor();
  const query = new URLSearchParams(page.url().split("?")[1]);
  expect("the filter", Object.fromEntries(query), { key: id, metadata: "cost.center=ann-7" });
});
