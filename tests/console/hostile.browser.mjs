// Hostile values through every field that reaches the page: nothing runs, nothing but text comes of
// them, no layout breaks.

import { go, settled } from "./bench.mjs";
import { assert, check, expect, until } from "./checks.mjs";

const RUN = "alert(document.domain)";
/** What is sent, and what of it is seen on the page. */
const PAYLOADS = [
  [`<img src=x onerror=${RUN}>`],
  [`"><script>${RUN}</script><b x="`],
  [`</textarea></title><svg onload=${RUN}>`],
  [`javascript:${RUN}`],
  ["{{7*7}}#{7*7}<%= 7*7 %>"],
  ["left\u202eright\u2066isolated", "left\\u{202e}right\\u{2066}isolated"],
  ["zero\u200bwidth\ufefftag\u{e0041}", "zero\\u{200b}width\\u{feff}tag\\u{e0041}"],
  ["z\u0301\u0302\u0303\u0304\u0305\u0306\u0307\u0308\u0309\u030a".repeat(10)],
  ["W".repeat(120)],
  ["مرحبا بالعالم שלום"],
];

/** Nothing of it became an element, nothing ran, and the page is not wider than its window. */
async function harmless(page, where) {
  const found = await page.evaluate(() => ({
    made: document.querySelectorAll("main img, main script, main iframe, main object, main b")
      .length,
    wide: document.documentElement.scrollWidth - document.documentElement.clientWidth,
  }));
  expect(`${where}: elements made of text`, found.made, 0);
  assert(found.wide <= 0, `${where}: the page is ${found.wide} px too wide`);
}

/** Some text of the screen has the payload as it is to be seen. */
async function seen(page, where, text) {
  const wanted = text.slice(0, 60);
  await until(`${where} shows ${JSON.stringify(wanted)}`, () =>
    page.evaluate((part) => document.querySelector("main")?.textContent?.includes(part), wanted),
  );
}

check("hostile: fields of keys", async (bench) => {
  for (const width of [360, 1280]) {
    const page = await bench.open({ width });
    for (const [at, [payload, shown = payload]] of PAYLOADS.entries()) {
      const key = await bench.gateway.admin("POST", "keys", {
        name: `hostile-${width}-${at}-${Date.now()}`,
        metadata: { "cost-center": payload },
      });
      await go(page, `keys/${key.id}`);
      await settled(page);
      await seen(page, "one key", shown);
      await harmless(page, `one key, ${width} px`);
    }
    await go(page, "keys");
    await settled(page);
    await harmless(page, `keys, ${width} px`);
    await go(page, "audit");
    await settled(page);
    await harmless(page, `audit, ${width} px`);
  }
});

check("hostile: names that the gateway takes, and those it refuses", async (bench) => {
  const page = await bench.open({ screen: "keys/new" });
  for (const [payload, shown = payload] of PAYLOADS) {
    await go(page, "keys");
    await go(page, "keys/new");
    await page.getByLabel("Name", { exact: true }).first().fill(payload);
    await page.getByRole("button", { name: "Create the key" }).click();
    const done = page.getByRole("button", { name: "Done" });
    await done.or(page.locator("[aria-invalid=true]")).first().waitFor();
    if (await done.isVisible()) {
      await done.click();
      await settled(page);
      await seen(page, "the new key", shown.trim());
    }
    await harmless(page, "a key's name");
  }
});

check("hostile: endpoints, and what a target responds to their test", async (bench) => {
  const page = await bench.open({ width: 360 });
  for (const [at, [payload, shown = payload]] of PAYLOADS.entries()) {
    const path = `/hostile-${Date.now()}-${at}`;
    const made = await bench.gateway.admin("POST", "endpoints", {
      path,
      target: `${bench.mock.url}/echo`,
      query: { text: payload },
    });
    await go(page, `endpoints/${made.id}`);
    await settled(page);
    await page.getByLabel("Method", { exact: true }).selectOption("POST");
    await page.getByLabel("Body", { exact: true }).fill(payload);
    await page.getByRole("button", { name: "Send the test" }).click();
    await page.getByText("200", { exact: true }).waitFor();
    await harmless(page, "a tested endpoint");
    assert(shown.length > 0, "a payload");
  }
  await go(page, "endpoints");
  await settled(page);
  await harmless(page, "endpoints");
});

check("hostile: errors of the gateway that quote what was written, and bodies", async (bench) => {
  const page = await bench.open({ screen: "playground" });
  await page.getByLabel("Key", { exact: true }).fill(bench.key);
  for (const [payload, shown = payload] of PAYLOADS) {
    const config = page.getByRole("textbox", { name: "Config", exact: true });
    await config.fill(JSON.stringify({ [payload]: 1 }));
    await page.getByRole("button", { name: "Dry run" }).click();
    await page.getByRole("region", { name: "Result" }).first().getByRole("alert").waitFor();
    await harmless(page, "an error of the config");
    await config.fill(JSON.stringify({ custom_host: `${bench.mock.url}/echo`, name: payload }));
    await page
      .getByLabel("Body", { exact: true })
      .first()
      .fill(JSON.stringify({ text: payload }));
    await page.getByRole("button", { name: "Send", exact: true }).click();
    await page.getByRole("region", { name: "Result" }).first().getByText("Head after").waitFor();
    await harmless(page, "a body");
    assert(shown.length > 0, "a payload");
  }
});

check("hostile: the address of the page", async (bench) => {
  const page = await bench.open({});
  for (const [payload] of PAYLOADS) {
    const text = encodeURIComponent(payload);
    for (const screen of [
      text,
      `keys/${text}`,
      `requests?model=${text}`,
      `playground?config=${text}&body=${text}`,
    ]) {
      await go(page, screen);
      await settled(page);
      await harmless(page, `#/${screen.slice(0, 30)}`);
    }
  }
});

check("hostile: the console cannot be framed, and has no inline script or style", async (bench) => {
  const response = await fetch(`${bench.gateway.url}/gateway/console/`);
  const policy = response.headers.get("content-security-policy") ?? "";
  for (const part of [
    "default-src 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
  ]) {
    assert(policy.includes(part), policy);
  }
  expect("x-frame-options", response.headers.get("x-frame-options"), "DENY");
  const page = await bench.open({});
  const blocked = await page.evaluate(() => {
    try {
      document.createElement("div").innerHTML = "<b>x</b>";
      return false;
    } catch {
      return true;
    }
  });
  assert(blocked, "innerHTML takes a text");
  // The page's own report of that try is what was wanted.
  bench.forgive(/^policy: require-trusted-types-for|^console: .*TrustedHTML/);
});
