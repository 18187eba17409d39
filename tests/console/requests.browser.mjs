// Requests as they end, the filter, one request with its attempts, and what was spent.

import { accessible, go, settled } from "./bench.mjs";
import { assert, check, expect, until } from "./checks.mjs";
import { openAi } from "./modules.mjs";

const chat = (model, more = {}) => ({
  model,
  messages: [{ role: "user", content: "hi" }],
  ...more,
});
const unique = (word) => `${word}-${Date.now()}-${Math.floor(Math.random() * 1e6)}`;
const told = (page) => page.locator("header.heading").getByRole("status");
const rowWith = (page, text) => page.getByRole("row").filter({ hasText: text });

check("requests: one made by the OpenAI SDK meanwhile is seen live", async (bench) => {
  const page = await bench.open({ screen: "requests" });
  await page.getByText("● Live").waitFor();
  const OpenAI = await openAi();
  const client = new OpenAI({
    baseURL: `${bench.gateway.url}/v1`,
    apiKey: bench.key,
    maxRetries: 0,
  });
  const model = unique("live");
  const stream = await client.chat.completions.create(chat(model, { stream: true }));
  for await (const part of stream) assert(part.id, part);
  await rowWith(page, model).first().waitFor();
  expect("rows", await rowWith(page, model).count(), 1);
  await page.getByRole("button", { name: "Pause" }).click();
  const later = unique("paused");
  await client.chat.completions.create(chat(later));
  await page.getByText("1 new").waitFor();
  expect("rows while paused", await rowWith(page, later).count(), 0);
});

check("requests: the filter is in the address, and holds after a reload", async (bench) => {
  const [one, other] = [unique("one"), unique("other")];
  await bench.send("/v1/chat/completions", chat(one));
  await bench.send("/v1/chat/completions", chat(other));
  const page = await bench.open({ screen: "requests" });
  await page.getByLabel("Model", { exact: true }).fill(one);
  await page.keyboard.press("Enter");
  await until("it is in the address", () => page.url().includes(`model=${one}`));
  await rowWith(page, one).first().waitFor();
  expect("other rows", await rowWith(page, other).count(), 0);
  await page.reload();
  await rowWith(page, one).first().waitFor();
  expect("other rows after a reload", await rowWith(page, other).count(), 0);
  await go(page, `requests?model=${unique("none")}`);
  await page.getByText("No request matches").waitFor();
  for (const wrong of ["metadata=name", "from=yesterday"]) {
    await go(page, `requests?${wrong}`);
    await page.getByRole("alert").getByText("Error 400").waitFor();
    expect("told", await told(page).innerText(), "");
  }
});

check("requests: after the gateway was away, the list is there again", async (bench) => {
  const line = await bench.startLine(bench.gateway);
  const page = await bench.open({ gateway: line, screen: "requests" });
  await page.getByText("● Live").waitFor();
  await line.takeDown();
  const model = unique("away");
  await page.getByLabel("Model", { exact: true }).fill(model);
  await page.keyboard.press("Enter");
  await page.getByRole("alert").getByText("No connection").waitFor();
  await told(page).getByText("Connection lost").waitFor();
  await bench.send("/v1/chat/completions", chat(model));
  await line.putUp();
  await rowWith(page, model).first().waitFor();
  await page.getByText("● Live").waitFor();
  bench.forgive(/ERR_|Failed to load|net::|Failed to fetch/);
});

check("requests: a lost connection leaves a paused list as it is", async (bench) => {
  const line = await bench.startLine(bench.gateway);
  const [before, meanwhile] = [unique("before"), unique("meanwhile")];
  const page = await bench.open({ gateway: line, screen: "requests" });
  await page.getByText("● Live").waitFor();
  await bench.send("/v1/chat/completions", chat(before));
  await rowWith(page, before).first().waitFor();
  await page.getByRole("button", { name: "Pause" }).click();
  await page.evaluate(() => (document.querySelector("tbody tr").id = "kept"));
  await line.takeDown();
  await told(page).getByText("Connection lost").waitFor();
  await bench.send("/v1/chat/completions", chat(meanwhile));
  await line.putUp();
  await told(page).getByText("Paused").waitFor();
  expect("the row of before", await page.locator("#kept").count(), 1);
  expect("rows of meanwhile", await rowWith(page, meanwhile).count(), 0);
  await page.getByRole("button", { name: "Resume" }).click();
  await rowWith(page, meanwhile).first().waitFor();
  bench.forgive(/ERR_|Failed to load|net::|Failed to fetch/);
});

check("requests: a page that nobody sees follows nothing", async (bench) => {
  const page = await bench.open({ screen: "requests" });
  await page.getByText("● Live").waitFor();
  const turn = (hidden) =>
    page.evaluate((it) => {
      Object.defineProperty(document, "hidden", { value: it, configurable: true });
      document.dispatchEvent(new Event("visibilitychange"));
    }, hidden);
  const stream = page.waitForEvent("requestfailed", (it) => it.url().includes("/records/live"));
  await turn(true);
  await stream;
  const model = unique("hidden");
  await bench.send("/v1/chat/completions", chat(model));
  expect("rows while hidden", await rowWith(page, model).count(), 0);
  await turn(false);
  await page.getByText("● Live").waitFor();
  await rowWith(page, model).first().waitFor();
});

check("requests: one that is stored while the page opens is not missed", async (bench) => {
  const model = unique("late");
  await bench.send("/v1/chat/completions", chat(model));
  const page = await bench.open({ screen: "requests" });
  await settled(page);
  // The first reading of the list comes before the record is stored.
  let readings = 0;
  await page.route(/\/records\?.*model=late-/, (route) => {
    readings += 1;
    const nothing = { data: [], next_cursor: null };
    return readings === 1 ? route.fulfill({ json: nothing }) : route.continue();
  });
  await go(page, `requests?model=${model}`);
  await rowWith(page, model).first().waitFor();
  expect("readings", readings, 2);
});

check("requests: a failing-over request shows each attempt and why it ended", async (bench) => {
  const config = {
    strategy: { mode: "fallback" },
    targets: [
      { custom_host: `${bench.other.url}/v1`, headers: { "x-mock-status": "503" } },
      { custom_host: `${bench.mock.url}/v1` },
    ],
  };
  const model = unique("failing-over");
  const headers = { "x-gateway-config": JSON.stringify(config) };
  const response = await bench.send("/v1/chat/completions", chat(model), headers);
  expect("status", response.status, 200);
  await response.text();
  const page = await bench.open({ screen: `requests?model=${model}` });
  const row = rowWith(page, model).first();
  await row.getByRole("img", { name: "2 attempts, 1 failed" }).waitFor();
  await row.getByRole("link").first().click();
  const times = page.getByRole("region", { name: "Where the time went" });
  await times.getByText(bench.other.url).waitFor();
  await times.getByText(bench.mock.url).waitFor();
  await times.getByText("503", { exact: true }).first().waitFor();
  await times.getByText("200", { exact: true }).first().waitFor();
  const widths = await times
    .locator("svg rect")
    .evaluateAll((all) => all.map((it) => it.getBBox().width));
  assert(widths.length >= 4 && widths.some((it) => it > 0), `bars: ${widths}`);
  await settled(page);
  await accessible(page, "one request");
  assert(!(await page.content()).includes(bench.key), "the key is on the page");
  await page.getByRole("button", { name: "As curl" }).click();
  const curl = await page.getByRole("dialog").innerText();
  assert(curl.includes("curl") && curl.includes("/v1/chat/completions"), curl);
  assert(!curl.includes(bench.key), "the key is in the command");
  await page.keyboard.press("Escape");
  await page.getByRole("link", { name: "Open in playground" }).click();
  await page.getByRole("heading", { name: "Playground", level: 1 }).waitFor();
});

check("requests: errors and broken streams are seen at a glance", async (bench) => {
  const page = await bench.open({ screen: "requests" });
  await page.getByText("● Live").waitFor();
  const cut = unique("cut");
  const config = { custom_host: "http://127.0.0.1:1/v1" };
  await bench.send("/v1/chat/completions", chat("m"), {
    "x-gateway-config": JSON.stringify(config),
  });
  await rowWith(page, "upstream_unreachable").first().waitFor();
  const streamed = await bench.send("/v1/chat/completions", chat(cut, { stream: true }), {
    "x-mock-cut": "3",
  });
  await streamed.text().catch(() => "");
  await rowWith(page, cut).getByText("cut short").waitFor();
});

check("keys: what a key has used is seen on its page", async (bench) => {
  const made = await bench.gateway.admin("POST", "keys", { name: unique("spends") });
  const headers = { authorization: `Bearer ${made.key}` };
  for (let at = 0; at < 3; at += 1) {
    await (await bench.send("/v1/chat/completions", chat("gpt-4o-mini"), headers)).text();
  }
  const page = await bench.open({});
  await until("its requests are counted", async () => {
    await go(page, "keys");
    await go(page, `keys/${made.id}`);
    const use = page.getByRole("region", { name: /^Use in the last/ });
    await use.waitFor();
    return /Requests\s*3/.test(await use.innerText());
  });
  await page.getByRole("link", { name: "Its requests" }).click();
  await rowWith(page, made.name).first().waitFor();
  expect("its requests", await rowWith(page, made.name).count(), 3);
});

check("spend, health, settings, audit: show what is so", async (bench) => {
  await (await bench.send("/v1/chat/completions", chat("gpt-4o-mini"))).text();
  const page = await bench.open({});
  await until("sums are shown", async () => {
    await go(page, "requests");
    await go(page, "spend");
    return (await page.getByRole("table").count()) > 0;
  });
  await go(page, "health");
  await page.getByRole("region", { name: "Records" }).waitFor();
  await go(page, "settings");
  await page.getByText("default_target").first().waitFor();
  assert(
    !(await page.content()).includes("the-admin-token-of-the-tests"),
    "the admin token is shown",
  );
  const name = unique("audited");
  await bench.gateway.admin("POST", "keys", { name });
  await go(page, "audit");
  await rowWith(page, name).first().waitFor();
});

check("cache: what is stored is counted, and purged", async (bench) => {
  const send = async () => {
    const body = chat("gpt-4o-mini", { seed: 7 });
    const response = await bench.send("/v1/chat/completions", body, { "x-gateway-cache": "true" });
    await response.text();
    return response.headers.get("x-gateway-cache-status");
  };
  await send();
  await until("a hit", async () => (await send()) === "HIT");
  const page = await bench.open({ screen: "cache" });
  await page.getByText("in memory").waitFor();
  const namespace = page.getByLabel("Namespace", { exact: true });
  await page.getByRole("button", { name: "Purge namespace" }).click();
  expect(
    "an empty field gets the focus",
    await namespace.evaluate((it) => it.matches(":focus")),
    true,
  );
  await namespace.fill("some");
  await page.getByRole("button", { name: "Purge namespace" }).click();
  await page.getByRole("dialog").getByText("all responses of the namespace “some”").waitFor();
  await page.getByRole("dialog").getByRole("button", { name: "Cancel" }).click();
  await page.getByRole("button", { name: "Purge everything" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Purge" }).click();
  await page.getByText("Nothing is stored").waitFor();
  expect("after the purge", await send(), "MISS");
});

check("settings: an error of a reload is shown, with what stays in force", async (bench) => {
  const gateway = await bench.startGateway(`default_target: "${bench.mock.url}/v1"\n`);
  const page = await bench.open({ gateway, screen: "settings" });
  await page.getByText("default_target").first().waitFor();
  gateway.write("default_target: nonsense\n");
  await until("the error is shown", async () => {
    await page.getByRole("button", { name: "Refresh" }).click();
    await settled(page);
    return (await page.getByRole("region", { name: "The last reload failed" }).count()) > 0;
  });
  await page.getByRole("alert").getByText("default_target").waitFor();
});

check("states: a new gateway says how to get the first row", async (bench) => {
  const gateway = await bench.startGateway(`default_target: "${bench.mock.url}/v1"\n`);
  const page = await bench.open({ gateway });
  for (const [screen, text] of [
    ["requests", "No request yet"],
    ["keys", "No keys yet"],
    ["teams", "No teams yet"],
    ["endpoints", "No endpoints yet"],
    ["cache", "Nothing is stored"],
  ]) {
    await go(page, screen);
    await page.getByText(text).first().waitFor();
    await accessible(page, `${screen}, empty`);
  }
});

check("states: without the gateway, a screen says so and can be tried again", async (bench) => {
  const gateway = await bench.startGateway("");
  const page = await bench.open({ gateway, screen: "keys" });
  await page.getByText("No keys yet").waitFor();
  await gateway.stop();
  await go(page, "teams");
  await page
    .getByText(/does not respond|fault/)
    .first()
    .waitFor();
  await page.getByRole("button", { name: "Try again" }).waitFor();
  bench.forgive(/ERR_CONNECTION|Failed to load|net::|Failed to fetch/);
});
