// Endpoints: made with a preview of their route, tested, switched off and on, and deleted.

import { accessible, go, settled } from "./bench.mjs";
import { assert, check, expect, until } from "./checks.mjs";

async function fillEndpoint(page, path, target) {
  await go(page, "endpoints/new");
  await page.getByLabel("Path", { exact: true }).fill(path);
  await page.getByLabel("Target", { exact: true }).fill(target);
}

check("endpoints: create, preview, test, use, switch off and on, delete", async (bench) => {
  const page = await bench.open({ screen: "endpoints" });
  const path = `/made-${Date.now()}`;
  await fillEndpoint(page, path, `${bench.mock.url}/echo?tenant=7`);
  const preview = page.getByLabel("Route preview");
  await preview.getByText(`${bench.mock.url}/echo/v1/example?tenant=7`).waitFor();
  await page.getByLabel("The path below goes to the target, too").uncheck();
  await until("no path below", async () => !(await preview.innerText()).includes("v1/example"));
  await page.getByLabel("The path below goes to the target, too").check();
  await page.getByRole("button", { name: "Create the endpoint" }).click();
  await page.getByRole("heading", { name: path, level: 1 }).waitFor();
  await settled(page);

  const tests = page.getByRole("region", { name: "Test it" });
  await tests.getByLabel("Path below it").fill("/v1/x?a=1");
  await tests.getByRole("button", { name: "Send the test" }).click();
  await tests.getByText("200", { exact: true }).waitFor();
  await tests.getByText(`GET ${path}/v1/x`).waitFor();
  await tests.getByLabel("Body of the response").getByText("/echo/v1/x?tenant=7&a=1").waitFor();
  await accessible(page, "one endpoint, tested");
  expect("use", (await bench.send(`${path}/v1/x`)).status, 200);

  await page.getByRole("button", { name: "Switch off" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Switch off" }).click();
  await page.getByRole("button", { name: "Switch on" }).waitFor();
  expect("use when off", (await bench.send(`${path}/v1/x`)).status, 404);
  await settled(page);
  await page.getByRole("button", { name: "Switch on" }).click();
  await page.getByRole("button", { name: "Switch off" }).waitFor();
  expect("use when on again", (await bench.send(`${path}/v1/x`)).status, 200);

  await settled(page);
  await page.getByRole("button", { name: "Delete" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
  await page.getByRole("heading", { name: "Endpoints", level: 1 }).waitFor();
  expect("use when deleted", (await bench.send(`${path}/v1/x`)).status, 404);
});

check("endpoints: what the gateway previews is what it sends", async (bench) => {
  const page = await bench.open({ screen: "endpoints/new" });
  const table = [
    ["/echo", "", "/a"],
    ["/echo/", "", "/a/b"],
    ["/echo?x=1", '{"y": ["2", "3 4"]}', "/a?z=5"],
    ["/echo", '{"y": "2"}', "?z=5"],
  ];
  for (const [at, [base, query, below]] of table.entries()) {
    const path = `/previewed-${Date.now()}-${at}`;
    const target = bench.mock.url + base;
    const document = { path, target, query: query === "" ? undefined : JSON.parse(query) };
    const shown = await page.evaluate(
      async ([endpoint, asked]) => {
        const { targetOf } = await import("/gateway/console/objects/preview.js");
        return targetOf(endpoint, asked);
      },
      [document, path + below],
    );
    await bench.gateway.admin("POST", "endpoints", document);
    const response = await bench.send(path + below);
    const echoed = await response.json();
    const got = bench.mock.url + (echoed.target ?? echoed.path ?? echoed.url);
    expect(`${base} ${query} ${below}`, shown, got);
  }
});

/** Makes an endpoint, and opens the form that changes it. */
async function edited(bench, page, document) {
  const made = await bench.gateway.admin("POST", "endpoints", document);
  await go(page, `endpoints/${made.id}`);
  await page.getByRole("button", { name: "Edit" }).click();
  await page.getByRole("button", { name: "Save" }).waitFor();
  return made.id;
}

check("endpoints: switches that were off are turned on in the form", async (bench) => {
  const page = await bench.open({ screen: "endpoints" });
  const off = { auth: false, enabled: false, include_subpath: false };
  const path = `/switched-${Date.now()}`;
  const id = await edited(bench, page, { path, target: `${bench.mock.url}/echo`, ...off });
  await page.getByLabel("Callers need a gateway key").check();
  await page.getByLabel("The path below goes to the target, too").check();
  await page.getByLabel("Enabled").check();
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByText("Saved, and in force.").waitFor();
  const { data } = await bench.gateway.admin("GET", "endpoints?limit=1000");
  const now = data.find((it) => it.id === id);
  for (const name of Object.keys(off)) assert(now[name] !== false, `${name} is still off`);
  expect("use", (await bench.send(`${path}/x`)).status, 200);
  const stranger = await bench.send(path, undefined, { authorization: "" });
  expect("without a key", stranger.status, 401);
});

check("endpoints: what was changed meanwhile is told, and saved the second time", async (bench) => {
  const page = await bench.open({ screen: "endpoints" });
  const path = `/conflict-${Date.now()}`;
  const id = await edited(bench, page, { path, target: `${bench.mock.url}/echo` });
  await bench.gateway.admin("PATCH", `endpoints/${id}`, { methods: ["GET"] });
  await page.getByLabel("Target", { exact: true }).fill(`${bench.mock.url}/echo/new`);
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByRole("alert").filter({ hasText: "changed meanwhile" }).waitFor();
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByText("Saved, and in force.").waitFor();
  const { target, methods } = await bench.gateway.admin("GET", `endpoints/${id}`);
  expect("both", { target, methods }, { target: `${bench.mock.url}/echo/new`, methods: ["GET"] });
});

check("endpoints: those of the settings file are marked, and cannot be changed", async (bench) => {
  const page = await bench.open({ screen: "endpoints" });
  await page.getByRole("link", { name: "/of-the-file" }).click();
  await page.getByRole("heading", { name: "/of-the-file", level: 1 }).waitFor();
  await page
    .getByText(/^settings.yaml:\d+/)
    .first()
    .waitFor();
  for (const name of ["Edit", "Switch off", "Delete"]) {
    expect(name, await page.getByRole("button", { name, exact: true }).count(), 0);
  }
});

check("endpoints: a credential is sealed, and not on the page again", async (bench) => {
  const page = await bench.open({ screen: "endpoints" });
  const path = `/sealed-${Date.now()}`;
  await fillEndpoint(page, path, `${bench.mock.url}/echo`);
  await page.getByLabel("Credential", { exact: true }).fill('{"bearer": "sk-not-to-be-seen"}');
  await page.getByRole("button", { name: "Create the endpoint" }).click();
  await page.getByRole("heading", { name: path, level: 1 }).waitFor();
  await page.getByText("(sealed)").first().waitFor();
  assert(!(await page.content()).includes("sk-not-to-be-seen"), "the secret is on the page");
  const echoed = await (await bench.send(path)).text();
  assert(echoed.includes("Bearer sk-not-to-be-seen"), echoed);

  await settled(page);
  await page.getByRole("button", { name: "Edit" }).click();
  await page.getByLabel("Callers need a gateway key").uncheck();
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByText("no key needed").waitFor();
  const again = await (await bench.send(path)).text();
  assert(
    again.includes("Bearer sk-not-to-be-seen"),
    "the credential stays when another field changes",
  );
});

check("endpoints and providers: no serious issue for axe, and no secret", async (bench) => {
  const page = await bench.open({ screen: "endpoints" });
  await accessible(page, "endpoints");
  await go(page, "endpoints/new");
  await page.getByRole("heading", { level: 1 }).waitFor();
  await accessible(page, "the form");
  await go(page, "providers");
  await page.getByText("acme").first().waitFor();
  await accessible(page, "providers");
  assert(!(await page.content()).includes("sk-never-shown"), "a provider's key is on the page");
});
