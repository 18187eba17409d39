// Keys and teams: made, used, blocked and deleted in the browser, and in force at the gateway.

import { accessible, go, settled } from "./bench.mjs";
import { assert, check, expect, until } from "./checks.mjs";

const CHAT = { model: "gpt-4o-mini", messages: [{ role: "user", content: "hi" }] };

/** Makes a key by the form, and gives its secret as the dialog shows it. */
export async function createKey(page, name, fill = async () => {}) {
  await go(page, "keys/new");
  await page.getByLabel("Name", { exact: true }).first().fill(name);
  await fill();
  await page.getByRole("button", { name: "Create the key" }).click();
  const secret = await page.getByLabel("The key", { exact: true }).innerText();
  await page.getByRole("button", { name: "Done" }).click();
  await page.getByRole("heading", { name, level: 1 }).waitFor();
  return secret;
}

const statusWith = async (bench, key, route = "/v1/chat/completions", body = CHAT) =>
  (await bench.send(route, body ?? undefined, { authorization: `Bearer ${key}` })).status;

check("keys: create, use, block, unblock, rotate, delete", async (bench) => {
  const page = await bench.open({ screen: "keys" });
  const name = `made-${Date.now()}`;
  const secret = await createKey(page, name);
  assert(/^tw-[0-9A-Za-z]{38}$/.test(secret), secret);
  assert(!(await page.content()).includes(secret), "the secret is still on the page");
  expect("use", await statusWith(bench, secret), 200);

  await page.getByRole("button", { name: "Block", exact: true }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Block" }).click();
  await page.getByText("blocked", { exact: true }).first().waitFor();
  expect("use when blocked", await statusWith(bench, secret), 401);
  await page.getByRole("button", { name: "Unblock" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Unblock" }).click();
  await page.getByRole("button", { name: "Block", exact: true }).waitFor();
  expect("use when unblocked", await statusWith(bench, secret), 200);

  await page.getByRole("button", { name: "Rotate" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Rotate" }).click();
  const next = await page.getByLabel("The key", { exact: true }).innerText();
  await page.getByRole("button", { name: "Done" }).click();
  expect("the old secret", await statusWith(bench, secret), 401);
  expect("the new secret", await statusWith(bench, next), 200);

  await settled(page);
  await page.getByRole("button", { name: "Delete" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
  await page.getByRole("heading", { name: "Keys", level: 1 }).waitFor();
  await settled(page);
  expect("rows of it", await page.getByRole("row").filter({ hasText: name }).count(), 0);
  expect("use when deleted", await statusWith(bench, next), 401);
});

check(
  "keys: rules and limits of the form are in force, and can be cleared again",
  async (bench) => {
    const page = await bench.open({ screen: "keys" });
    const secret = await createKey(page, `ruled-${Date.now()}`, async () => {
      await page.getByLabel("Allowed: models").fill("gpt-*\nclaude-*");
      await page.getByRole("button", { name: "Add a limit" }).click();
      await page.getByLabel("Requests", { exact: true }).fill("3");
      await page.getByLabel("Metadata").fill("cost-center: 7");
    });
    expect("an allowed model", await statusWith(bench, secret), 200);
    const other = { ...CHAT, model: "tiny" };
    expect("another model", await statusWith(bench, secret, "/v1/chat/completions", other), 403);
    await page.getByText("3 requests per 1m").first().waitFor();
    await page.getByText("claude-*").first().waitFor();

    await page.getByRole("button", { name: "Edit" }).click();
    await page.getByLabel("Allowed: models").fill("");
    await page.getByRole("button", { name: "Remove" }).click();
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByText("Everything: there is no list").waitFor();
    expect("any model", await statusWith(bench, secret, "/v1/chat/completions", other), 200);
  },
);

check("keys: a refusal of the gateway is shown at its field", async (bench) => {
  const page = await bench.open({ screen: "keys/new" });
  const name = page.getByLabel("Name", { exact: true }).first();
  await name.fill("tests");
  await page.getByRole("button", { name: "Create the key" }).click();
  await until(
    "the field is marked",
    async () => (await name.getAttribute("aria-invalid")) === "true",
  );
  await name.fill("fits");
  const models = page.getByLabel("Allowed: models");
  await models.fill("m".repeat(300));
  await page.getByRole("button", { name: "Create the key" }).click();
  await until("the other is", async () => (await models.getAttribute("aria-invalid")) === "true");
  expect("name", await name.getAttribute("aria-invalid"), null);
});

check("keys: may this key call that, with the rule that says so", async (bench) => {
  const page = await bench.open({ screen: "keys" });
  await createKey(page, `asked-${Date.now()}`, async () => {
    await page.getByLabel("Allowed: models").fill("gpt-*");
  });
  const panel = page.getByRole("region", { name: "May this key call that?" });
  await panel.getByLabel("Model").fill("gpt-4o-mini");
  await panel.getByRole("button", { name: "Ask" }).click();
  await panel.getByText("it may").waitFor();
  await panel.getByLabel("Model").fill("tiny");
  await panel.getByRole("button", { name: "Ask" }).click();
  await panel.getByText("allow.models").first().waitFor();
  await panel.getByText("No", { exact: true }).waitFor();
});

check("keys: what nobody touched in the form stays as it is", async (bench) => {
  const page = await bench.open({ screen: "keys" });
  const metadata = { a: "null", b: " sp ", c: "7" };
  const name = `untouched-${Date.now()}`;
  const made = await bench.gateway.admin("POST", "keys", { name, metadata });
  await go(page, `keys/${made.id}`);
  await page.getByRole("button", { name: "Edit" }).click();
  const field = page.getByLabel("Metadata");
  await field.fill((await field.inputValue()).replace("c: 7", "c: 8"));
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByText("Saved, and in force.").waitFor();
  const now = await bench.gateway.admin("GET", `keys/${made.id}`);
  expect("metadata", now.metadata, { ...metadata, c: "8" });
});

check("teams: create, join, see its rules, and delete", async (bench) => {
  const page = await bench.open({ screen: "teams/new" });
  const name = `team-${Date.now()}`;
  await page.getByLabel("Name", { exact: true }).first().fill(name);
  await page.getByLabel("Allowed: methods").fill("POST");
  await page.getByRole("button", { name: "Create the team" }).click();
  await page.getByRole("heading", { name, level: 1 }).waitFor();
  const team = page.url();
  const secret = await createKey(page, `member-of-${name}`, async () => {
    await page.getByLabel("Team").selectOption(name);
  });
  expect("a method of the team", await statusWith(bench, secret), 200);
  expect("another", await statusWith(bench, secret, "/v1/models", null), 403);
  await page.goto(team);
  await page.getByRole("link", { name: `member-of-${name}` }).waitFor();
  await page.getByRole("button", { name: "Delete" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("button", { name: "Delete" }).click();
  await dialog.getByRole("alert").waitFor();
  await dialog.getByRole("button", { name: "Cancel" }).click();
});

check("keys and teams: no serious issue for axe", async (bench) => {
  const page = await bench.open({ screen: "keys" });
  await accessible(page, "keys");
  await page.getByRole("link", { name: /tests/ }).first().click();
  await page.getByText("May this key call that?").waitFor();
  await settled(page);
  await accessible(page, "one key");
  await page.getByRole("button", { name: "Rotate" }).click();
  await accessible(page, "rotate");
  await page.keyboard.press("Escape");
  for (const screen of ["keys/new", "teams", "teams/new"]) {
    await go(page, screen);
    await page.getByRole("heading", { level: 1 }).waitFor();
    await accessible(page, screen);
  }
});
