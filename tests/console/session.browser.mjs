// Who gets in, and what may they do there?

import { accessible, go, settled } from "./bench.mjs";
import { assert, check, expect, until } from "./checks.mjs";
import { ADMIN_TOKEN } from "./servers.mjs";

check("session: a link signs in once, and leaves no code in the address", async (bench) => {
  const link = await bench.gateway.link();
  const page = await bench.open({ role: "none" });
  await page.goto(link);
  await page.getByRole("navigation").first().waitFor();
  await page.reload();
  await page.getByRole("navigation").first().waitFor();
  assert(!page.url().includes("link="), page.url());
  const other = await bench.open({ role: "none" });
  await other.goto(link);
  await other.getByRole("alert").first().waitFor();
  expect("navigation", await other.getByRole("navigation").count(), 0);
});

check(
  "session: a wrong token is refused, the right one lets in, signing out ends it",
  async (bench) => {
    const page = await bench.open({ role: "none" });
    const field = page.locator("input").first();
    await field.fill("wrong");
    await page.keyboard.press("Enter");
    await page.getByRole("alert").first().waitFor();
    await accessible(page, "sign-in");
    await field.fill(ADMIN_TOKEN);
    await page.keyboard.press("Enter");
    await page.getByRole("navigation").first().waitFor();
    await page.getByRole("button", { name: "Sign out" }).click();
    await page.locator("input").first().waitFor();
    await page.reload();
    await page.locator("input").first().waitFor();
    expect("navigation", await page.getByRole("navigation").count(), 0);
  },
);

check("session: a viewer sees everything and can change nothing", async (bench) => {
  const page = await bench.open({ role: "viewer" });
  for (const screen of ["keys", "teams", "endpoints"]) {
    await go(page, screen);
    const create = page.getByRole("button", { name: /^Create/ });
    await create.first().waitFor();
    assert(await create.first().isDisabled(), `${screen}: ${await create.first().innerText()}`);
  }
  const { data } = await bench.gateway.admin("GET", "keys");
  await go(page, `keys/${data.find((it) => it.name === "tests").id}`);
  await page.getByText("May this key call that?").waitFor();
  for (const name of ["Edit", "Rotate", "Block", "Delete"]) {
    expect(name, await page.getByRole("button", { name, exact: true }).count(), 0);
  }
  const status = await page.evaluate(async () => {
    const body = JSON.stringify({ name: "by a viewer" });
    const headers = { "content-type": "application/json" };
    return (await fetch("/gateway/admin/v1/keys", { method: "POST", headers, body })).status;
  });
  expect("a change by hand", status, 403);
});

check("session: when it ends elsewhere, the next action leads to the sign-in", async (bench) => {
  const page = await bench.open({ screen: "keys" });
  await settled(page);
  await page.evaluate(() =>
    fetch("/gateway/admin/v1/session", {
      method: "DELETE",
      headers: { "content-type": "application/json" },
    }),
  );
  await page.evaluate(() => (location.hash = "#/teams"));
  await until("sign-in", async () => (await page.getByRole("navigation").count()) === 0);
  await page.locator("input").first().waitFor();
});
