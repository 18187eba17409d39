// The playground: configs are written with suggestions, planned, sent, watched, and compared.

import { execFileSync } from "node:child_process";
import { accessible, settled } from "./bench.mjs";
import { assert, check, expect, until } from "./checks.mjs";
import { documented } from "./tables.mjs";

const fallback = (bench) => ({
  strategy: { mode: "fallback" },
  targets: [{ custom_host: `${bench.other.url}/v1` }, { custom_host: `${bench.mock.url}/v1` }],
});

/** The playground with a config and the key of the tests. */
async function opened(bench, config, query = {}) {
  const search = new URLSearchParams({ config: JSON.stringify(config), ...query });
  const page = await bench.open({ screen: `playground?${search}` });
  await page.getByLabel("Key", { exact: true }).fill(bench.key);
  return page;
}

const press = (page, name) => page.getByRole("button", { name, exact: true }).click();
const suggested = (page) => page.getByRole("listbox", { name: "Suggestions" }).first();
const result = (page) => page.getByRole("region", { name: "Result" }).first();

check("playground: a dry run shows the plan as a tree, and sends nothing", async (bench) => {
  const before = (await (await fetch(`${bench.mock.url}/mock/stats`)).json()).requests;
  const page = await opened(bench, {
    strategy: { mode: "fallback" },
    targets: [
      { custom_host: `${bench.mock.url}/v1` },
      {
        strategy: { mode: "loadbalance" },
        targets: [{ custom_host: "http://127.0.0.1:1/v1", weight: 3 }, {}],
      },
      { custom_host: "http://169.254.169.254/v1" },
    ],
  });
  await press(page, "Dry run");
  const plan = result(page).getByRole("list", { name: "The plan" });
  await plan.getByText("config.targets[0]", { exact: true }).waitFor();
  await plan.getByText("config.targets[1].targets[1]", { exact: true }).waitFor();
  await plan.getByText("75 %").waitFor();
  await plan.getByText("refused", { exact: true }).first().waitFor();
  await plan.getByText("target_denied", { exact: false }).first().waitFor();
  await accessible(page, "a plan");
  const after = (await (await fetch(`${bench.mock.url}/mock/stats`)).json()).requests;
  expect("requests at the mock", after, before);
});

check("playground: an error of the config is shown at its line", async (bench) => {
  const page = await opened(bench, {
    targets: [{ custom_host: "http://127.0.0.1:1" }, { retyr: { attempts: 2 } }],
  });
  await press(page, "Dry run");
  await page.locator(".editor-error").first().getByText("config.targets[1].retyr").waitFor();
  const area = page.getByRole("textbox", { name: "Config", exact: true });
  const line = Number(await page.locator(".gutter .wrong").first().innerText());
  const text = (await area.inputValue()).split("\n")[line - 1];
  assert(text?.includes("retyr"), `line ${line}: ${text}`);
  await area.fill('{"retry":\n {"attempts":,}}');
  await until("line 2", async () => {
    const wrong = page.locator(".gutter .wrong").first();
    return (await wrong.count()) > 0 && (await wrong.innerText()) === "2";
  });
  const sent = [];
  page.on("request", (request) => sent.push(request.url()));
  await press(page, "Dry run");
  await result(page).getByRole("alert").getByText("is not JSON (line 2, column 14)").waitFor();
  expect("the line", await page.locator(".gutter .wrong").first().innerText(), "2");
  expect("what was sent", sent, []);
});

check("playground: keys and values are suggested, by the keyboard alone", async (bench) => {
  const page = await opened(bench, {});
  const area = page.getByRole("textbox", { name: "Config", exact: true });
  await area.fill("");
  await area.focus();
  await page.keyboard.type('{"strat');
  await page.keyboard.press("Control+Space");
  await suggested(page)
    .getByRole("option", { name: /strategy/ })
    .waitFor();
  await page.keyboard.press("Enter");
  await page.keyboard.type(', "targets": [{"timeouts": {"');
  await suggested(page)
    .getByRole("option", { name: /first_token/ })
    .waitFor();
  expect(
    "of another section",
    await suggested(page)
      .getByRole("option", { name: /^weight/ })
      .count(),
    0,
  );
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Tab");
  await page.keyboard.type("}}]}");
  const config = JSON.parse(await area.inputValue());
  expect("mode", config.strategy.mode, "fallback");
  expect("timeouts", Object.keys(config.targets[0].timeouts), ["first_token"]);
  await area.fill('{"strategy": {"mode": ');
  await page.keyboard.press("End");
  await page.keyboard.press("Control+Space");
  await suggested(page)
    .getByRole("option", { name: /loadbalance/ })
    .waitFor();
  await page.keyboard.press("Escape");
  expect("closed", await suggested(page).getByRole("option").count(), 0);
  await area.fill("");
  await page.keyboard.type('{"custom_host": "http://a"');
  await page.keyboard.press("Enter");
  expect("behind a whole value", await area.inputValue(), '{"custom_host": "http://a"\n');
});

check("playground: a stream is watched, with its times", async (bench) => {
  const headers = "content-type: application/json\nx-mock-token-delay: 20\nx-mock-tokens: 30";
  const page = await opened(bench, { custom_host: `${bench.mock.url}/v1` }, { headers });
  await press(page, "Send");
  const shown = result(page);
  await shown.getByText("200", { exact: true }).waitFor();
  await shown.getByText("Tokens per second").waitFor();
  await until("it has ended", async () => !(await shown.innerText()).includes("so far"));
  const rate = Number(await shown.locator("dt:text-is('Tokens per second') + dd").innerText());
  assert(rate > 5 && rate < 51, `tokens per second: ${rate}`);
  await shown.getByLabel("The message").waitFor();
  await settled(page);
  await accessible(page, "a stream");
  const tab = page.context().waitForEvent("page");
  await shown.locator("dt:text-is('Record') + dd a").click();
  await (await tab).getByRole("heading", { name: "Requests", level: 1 }).waitFor();
  assert(page.url().includes("#/playground"), page.url());
});

check("playground: a stream that ends in an error is no success", async (bench) => {
  const headers = "content-type: application/json\nx-mock-error-after: 3";
  for (const path of ["/v1/chat/completions", "/v1/messages", "/v1/responses"]) {
    const body = { model: "tiny", stream: true, max_tokens: 50, messages: [], input: "hi" };
    const query = { headers, path, body: JSON.stringify(body) };
    const page = await opened(bench, { custom_host: `${bench.mock.url}/v1` }, query);
    await press(page, "Send");
    await result(page).getByText("the stream has an error: ").waitFor();
    await page.context().close();
  }
});

check("playground: stop ends a stream", async (bench) => {
  const headers = "content-type: application/json\nx-mock-token-delay: 200\nx-mock-tokens: 300";
  const page = await opened(bench, { custom_host: `${bench.mock.url}/v1` }, { headers });
  await press(page, "Send");
  await result(page).getByText("First token after").waitFor();
  await result(page).getByText("Headers", { exact: true }).click();
  await press(page, "Stop");
  await result(page).getByText("stopped here").waitFor();
  const headersShown = result(page).getByLabel("Headers of the response");
  assert(await headersShown.isVisible(), "what was opened is closed");
});

check("playground: a fault of the mock at one target shows the fallback", async (bench) => {
  const page = await opened(bench, fallback(bench));
  await page.getByLabel("Fault of the mock").selectOption("status");
  await page.getByLabel("Value", { exact: true }).fill("503");
  await page.getByLabel("For", { exact: true }).focus();
  await page.getByLabel("For", { exact: true }).selectOption({ label: "targets[0] alone" });
  await press(page, "Add the fault");
  const config = JSON.parse(
    await page.getByRole("textbox", { name: "Config", exact: true }).inputValue(),
  );
  expect("headers", config.targets[0].headers, { "x-mock-status": "503" });
  await press(page, "Send");
  await result(page).getByText("200", { exact: true }).waitFor();
  await result(page).getByText("config.targets[1]", { exact: true }).waitFor();
  await page.getByLabel("For", { exact: true }).selectOption({ label: "the whole request" });
  await press(page, "Add the fault");
  await press(page, "Send");
  await result(page).getByText("503", { exact: true }).waitFor();
});

check("playground: two configs are compared side by side", async (bench) => {
  const page = await opened(bench, { custom_host: `${bench.mock.url}/v1` });
  await page.getByLabel("Compare two configs").check();
  await page.getByLabel("Config to compare with").fill('{"custom_host": "http://127.0.0.1:1/v1"}');
  await press(page, "Send");
  const results = page.getByRole("region", { name: "Result" });
  await results.nth(0).getByText("200", { exact: true }).waitFor();
  await results.nth(1).getByText("upstream_unreachable").first().waitFor();
});

check(
  "playground: the key is stored nowhere, and no cookie goes with the request",
  async (bench) => {
    const page = await opened(
      bench,
      { custom_host: `${bench.mock.url}/echo` },
      { path: "/v1/x", body: "{}" },
    );
    await press(page, "Send");
    const text = result(page);
    await text.getByText("200", { exact: true }).waitFor();
    const shown = text.getByLabel("Body", { exact: true });
    const body = await until("the body", () => shown.innerText());
    assert(!body.includes(bench.key) && !/throughway_session/.test(body), body);
    const stored = await page.evaluate(() =>
      JSON.stringify([{ ...localStorage }, { ...sessionStorage }]),
    );
    assert(!stored.includes(bench.key) && !page.url().includes(bench.key), stored);
  },
);

check("playground: what is suggested is what the program documents", async (bench) => {
  const url = `${bench.gateway.url}/gateway/console/playground/tables.json`;
  const { config, faults } = await (await fetch(url)).json();
  const docs = (page) => execFileSync(bench.binary, ["docs", page], { encoding: "utf8" });
  const names = (all) =>
    Object.entries(all).map(([section, rows]) => [section, rows.map((row) => [row[0], row[3]])]);
  expect("keys", names(config).sort(), names(documented(docs("config"))).sort());
  const mock = docs("mock");
  assert(faults.length > 20 && faults.every(([name]) => mock.includes(`\`${name}\``)), faults);
});
