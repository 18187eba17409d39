// Every screen by the keyboard alone: no mouse is used here, and what has the focus is seen.

import { settled } from "./bench.mjs";
import { assert, check, expect, until } from "./checks.mjs";

/** Presses Tab until the element has the focus, which must be seen there. */
async function tabTo(page, locator, most = 150) {
  for (let pressed = 0; pressed < most; pressed += 1) {
    if (await locator.evaluate((it) => it === document.activeElement)) {
      const outline = await locator.evaluate((it) => {
        const style = getComputedStyle(it);
        return style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0;
      });
      assert(
        outline,
        `the focus is not seen on ${await locator.evaluate((it) => it.outerHTML.slice(0, 200))}`,
      );
      return;
    }
    await page.keyboard.press("Tab");
  }
  throw new Error(`Tab does not lead to ${locator}`);
}

async function press(page, locator, key = "Enter") {
  await tabTo(page, locator);
  await page.keyboard.press(key);
}

async function type(page, locator, text) {
  await tabTo(page, locator);
  await page.keyboard.type(text);
}

const named = (page, role, name) => page.getByRole(role, { name, exact: true }).first();

check("keyboard: sign in, and open every screen from the navigation", async (bench) => {
  const page = await bench.open({ role: "none" });
  await page.locator("input").first().waitFor();
  await tabTo(page, page.locator("input").first());
  await page.keyboard.type("the-admin-token-of-the-tests");
  await page.keyboard.press("Enter");
  await page.getByRole("navigation").first().waitFor();
  const links = await page.getByRole("navigation").first().getByRole("link").all();
  assert(links.length >= 7, `${links.length} screens`);
  for (const link of links) {
    await press(page, link);
    await settled(page);
    const title = (await link.innerText()).trim();
    await page.getByRole("heading", { level: 1, name: title }).waitFor();
    expect("current", await link.getAttribute("aria-current"), "page");
  }
});

check("keyboard: a key is created, blocked and deleted", async (bench) => {
  const page = await bench.open({ screen: "keys" });
  await settled(page);
  await press(page, named(page, "button", "Create a key"));
  const name = `by-keyboard-${Date.now()}`;
  await type(page, page.getByLabel("Name", { exact: true }).first(), name);
  await press(page, named(page, "button", "Create the key"));
  await page.getByRole("dialog").waitFor();
  await press(page, named(page, "button", "Done"));
  await page.getByRole("heading", { level: 1, name }).waitFor();
  await settled(page);
  await press(page, named(page, "button", "Block"));
  await press(page, page.getByRole("dialog").getByRole("button", { name: "Block" }));
  await named(page, "button", "Unblock").waitFor();
  await settled(page);
  const focused = () => page.evaluate(() => document.activeElement?.id);
  await until("the screen has the focus", async () => (await focused()) === "screen");
  await press(page, named(page, "button", "Delete"));
  await page.getByRole("dialog").waitFor();
  await page.keyboard.press("Escape");
  await until("the dialog is closed", async () => (await page.getByRole("dialog").count()) === 0);
  expect("focus returns", await page.evaluate(() => document.activeElement?.textContent), "Delete");
  await page.keyboard.press("Enter");
  await press(page, page.getByRole("dialog").getByRole("button", { name: "Delete" }));
  await page.getByRole("heading", { level: 1, name: "Keys" }).waitFor();
});

check("keyboard: a link of the health keeps the focus when it is made anew", async (bench) => {
  const targets = [{ custom_host: `${bench.mock.url}/v1` }];
  const strategy = { mode: "fallback", cb_config: { failure_threshold: 1 } };
  const config = { "x-gateway-config": JSON.stringify({ strategy, targets }) };
  const body = { model: "tiny", messages: [{ role: "user", content: "hi" }] };
  await (await bench.send("/v1/chat/completions", body, config)).text();
  const page = await bench.open({ screen: "health" });
  const link = page.getByRole("row").getByRole("link").first();
  await link.focus();
  const before = await link.elementHandle();
  // A click by a script does not move the focus.
  await page.getByRole("button", { name: "Refresh" }).evaluate((it) => it.click());
  await until("the link is another", () => before.evaluate((it) => !it.isConnected));
  assert(await link.evaluate((it) => it === document.activeElement), "the focus is lost");
});

check("keyboard: an endpoint is created and tested", async (bench) => {
  const page = await bench.open({ screen: "endpoints" });
  await settled(page);
  await press(page, named(page, "button", "Create an endpoint"));
  const path = `/by-keyboard-${Date.now()}`;
  await type(page, page.getByLabel("Path", { exact: true }), path);
  await type(page, page.getByLabel("Target", { exact: true }), `${bench.mock.url}/echo`);
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { level: 1, name: path }).waitFor();
  await settled(page);
  await press(page, named(page, "button", "Send the test"));
  await page.getByText("200", { exact: true }).waitFor();
});

check("keyboard: the playground plans and sends", async (bench) => {
  const page = await bench.open({ screen: "playground" });
  await type(page, page.getByLabel("Key", { exact: true }), bench.key);
  await type(page, page.getByRole("textbox", { name: "Config", exact: true }), "twice");
  await page.keyboard.press("Shift+Tab");
  for (let at = 0; at < 30; at += 1) await page.keyboard.press("Shift+Tab");
  await press(page, named(page, "button", "Dry run"));
  await page.getByRole("list", { name: "The plan" }).waitFor();
  await press(page, named(page, "button", "Send"));
  await page
    .getByRole("region", { name: "Result" })
    .first()
    .getByText("200", { exact: true })
    .waitFor();
});
