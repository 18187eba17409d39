// A new user's way: start the program as the README says, open the link that it prints, send the
// README's curl, and see it. And how soon there is something to see.

import { execFile } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { settled } from "./bench.mjs";
import { assert, check, expect, until } from "./checks.mjs";
import { freePort, Mock, Program } from "./servers.mjs";

const README = new URL("../../README.md", import.meta.url);

/** The first command of the README's section on curl, at other addresses. */
function printedCurl(gateway, mock) {
  const section = fs.readFileSync(README, "utf8").split("### curl")[1] ?? "";
  const command = /```sh\n(curl[^`]*)```/.exec(section)?.[1] ?? "";
  const addresses = [
    ["http://127.0.0.1:8787", gateway],
    ["http://127.0.0.1:9797", mock],
  ];
  return addresses.reduce((text, [printed, own]) => {
    assert(text.includes(printed), `the command has no ${printed}: ${text}`);
    return text.replaceAll(printed, own);
  }, command);
}

check(
  "start: without settings, the printed link and the README's curl lead to a row",
  async (bench) => {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), "throughway-start-"));
    const url = `http://127.0.0.1:${await freePort()}`;
    const mock = await Mock.start(bench.binary);
    // Other than as printed, the program is built already, and its port and home are free ones. The
    // link is printed on terminals only, and `script` gives it one.
    const command = `${bench.binary} --listen ${url.slice(7)}`;
    const home = { HOME: folder, XDG_DATA_HOME: folder, XDG_CONFIG_HOME: folder };
    const program = new Program("script", ["-qefc", command, "/dev/null"], home);
    try {
      await program.ready(`${url}/gateway/health/ready`);
      const link = await until(
        "a link is printed",
        () => /http:\S+\/gateway\/console\/#link=\S+/.exec(program.output)?.[0],
      );
      const page = await bench.open({ role: "none", gateway: { url } });
      await page.goto(link);
      await page.getByText("No request yet").waitFor();
      await page.getByText("● Live").waitFor();
      const { stdout } = await promisify(execFile)("sh", ["-c", printedCurl(url, mock.url)]);
      assert(stdout.includes("chat.completion"), stdout);
      const row = page.getByRole("row").filter({ hasText: "gpt-4o-mini" });
      await row.getByText("200", { exact: true }).waitFor();
      await row.getByRole("link").first().click();
      await page.getByRole("heading", { name: "Request", level: 1 }).waitFor();
    } finally {
      await program.stop();
      await mock.stop();
      fs.rmSync(folder, { recursive: true, force: true });
    }
  },
);

check("start: how soon the first view is there", async (bench) => {
  const page = await bench.open({});
  await settled(page);
  const times = [];
  for (let at = 0; at < 7; at += 1) {
    await page.reload({ waitUntil: "commit" });
    const ready = await page.waitForFunction(() => {
      const shown = document.querySelector("main h1") && document.querySelector("main table");
      return shown && performance.now();
    });
    times.push(Math.round(await ready.jsonValue()));
  }
  const [least, median] = [0, 3].map((at) => times.toSorted((a, b) => a - b)[at]);
  expect("loads", times.length, 7);
  console.log(
    `     the list of requests after ${median} ms (median of 7 loads, least ${least} ms)`,
  );
});
