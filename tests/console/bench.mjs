// The bench of one run: a gateway, two mocks, a browser, and pages that are watched for errors,
// violations of the content security policy, and requests to any other origin.

import { randomBytes } from "node:crypto";
import fs from "node:fs";
import path from "node:path";
import { assert } from "./checks.mjs";
import { axeFile, chromium } from "./modules.mjs";
import { Gateway, Line, Mock } from "./servers.mjs";

const BROWSER = process.env.CHROMIUM ?? "chromium";
/** What Chromium itself writes for a response with an error status, which pages cannot prevent. */
const STATUS_LINE = /^Failed to load resource: the server responded with a status of [45]\d\d/;

export class Bench {
  static async start(binary, pictures) {
    const bench = new Bench();
    bench.binary = binary;
    bench.pictures = pictures;
    bench.opened = [];
    bench.started = [];
    bench.secret = randomBytes(32).toString("base64");
    bench.mock = await Mock.start(binary, "--model", "tiny", "--model", "gpt-4o-mini");
    bench.other = await Mock.start(binary, "--model", "tiny");
    bench.gateway = await Gateway.start(binary, bench.settings());
    const made = await bench.gateway.admin("POST", "keys", { name: "tests", role: "admin" });
    bench.key = made.key;
    bench.browser = await chromium.launch({
      executablePath: BROWSER,
      args: ["--no-sandbox", "--disable-background-networking", "--force-color-profile=srgb"],
    });
    return bench;
  }

  /** A gateway of one check alone. It is stopped after the check's pages are closed. */
  async startGateway(settings) {
    const gateway = await Gateway.start(this.binary, settings);
    this.started.push(gateway);
    return gateway;
  }

  /** A connection to a gateway that can be taken down. */
  async startLine(gateway) {
    const line = await Line.start(gateway);
    this.started.push(line);
    return line;
  }

  /** The settings of the shared gateway. */
  settings() {
    return `
default_target: "${this.mock.url}/v1"
secret_key: "${this.secret}"
providers:
  acme: { custom_host: "${this.mock.url}/v1", api_key: "sk-never-shown" }
configs:
  twice:
    strategy: { mode: fallback }
    targets: [{ custom_host: "${this.other.url}/v1" }, { custom_host: "${this.mock.url}/v1" }]
teams:
  of-the-file: { limits: [{ requests: 600, window: 1m }] }
endpoints:
  - { path: /of-the-file, target: "${this.mock.url}/echo" }
`;
  }

  /**
   * A watched page, signed in as `role` ("none" stays outside), at `#/screen`.
   * @param {{role?: string, width?: number, height?: number, scheme?: string, screen?: string,
   *   gateway?: Gateway, permissions?: string[]}} how
   */
  async open(how = {}) {
    const { role = "admin", width = 1280, height = 800, scheme = "light" } = how;
    const gateway = how.gateway ?? this.gateway;
    const context = await this.browser.newContext({
      viewport: { width, height },
      colorScheme: scheme,
      permissions: how.permissions ?? [],
      reducedMotion: "reduce",
    });
    context.setDefaultTimeout(10_000);
    const page = await context.newPage();
    const watched = { page, context, problems: [] };
    this.opened.push(watched);
    await watch(watched, gateway.url);
    await page.goto(await startOf(gateway, role));
    if (role !== "none") await page.getByRole("navigation").first().waitFor();
    if (how.screen) await go(page, how.screen);
    return page;
  }

  problems = () => this.opened.flatMap((it) => it.problems);

  /** Takes out problems that a check has caused on purpose. */
  forgive(pattern) {
    for (const it of this.opened) it.problems = it.problems.filter((text) => !pattern.test(text));
  }

  /** Ends what a check has opened and started: pages first, which read from the gateways. */
  async endCheck() {
    await Promise.all(this.opened.map((it) => it.context.close().catch(() => {})));
    await Promise.all(this.started.map((it) => it.stop()));
    this.opened = [];
    this.started = [];
  }

  /** A picture of the last page, for whoever reads a failure. */
  async keepPicture() {
    const last = this.opened.at(-1);
    const file = path.join(process.env.CONSOLE_DIR ?? "target/console", "failure.png");
    if (last) await last.page.screenshot({ path: file }).catch(() => {});
  }

  async stop() {
    await this.browser.close();
    await Promise.all([this.gateway.stop(), this.mock.stop(), this.other.stop()]);
  }

  /** A request with the key of the tests, through the gateway. */
  send(route, body, headers = {}) {
    return fetch(this.gateway.url + route, {
      method: body === undefined ? "GET" : "POST",
      headers: {
        authorization: `Bearer ${this.key}`,
        "content-type": "application/json",
        ...headers,
      },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
  }
}

async function startOf(gateway, role) {
  if (role === "none") return `${gateway.url}/gateway/console/`;
  if (role === "admin") return gateway.link();
  const key = await gateway.admin("POST", "keys", { name: `${role}-${Date.now()}`, role });
  return `${gateway.url}/gateway/console/#link=${key.key}`;
}

/**
 * Goes to another screen as a link does, and waits for it: the event comes later than the new
 * address, and until then the screen from before is on the page.
 */
export async function go(page, screen) {
  await page.evaluate(
    (to) =>
      new Promise((done) => {
        const before = location.hash;
        location.hash = `#/${to}`;
        if (location.hash === before) done();
        else addEventListener("hashchange", () => done(), { once: true });
      }),
    screen,
  );
  await settled(page);
}

/** Waits until nothing on the page says that it is loading. */
export async function settled(page) {
  await page.waitForFunction(() => !document.querySelector("[aria-busy=true]"));
}

async function watch(watched, origin) {
  const { page } = watched;
  const problems = { push: (text) => watched.problems.push(text) };
  page.on("console", (message) => {
    const text = message.text();
    if (["error", "warning"].includes(message.type()) && !STATUS_LINE.test(text)) {
      problems.push(`console: ${text}`);
    }
  });
  page.on("pageerror", (error) => problems.push(`error: ${error.stack ?? error.message}`));
  page.on("dialog", (dialog) => {
    problems.push(`dialog: ${dialog.message()}`);
    dialog.dismiss().catch(() => {});
  });
  page.on("request", (request) => {
    const url = request.url();
    if (!url.startsWith(`${origin}/`) && !/^(data|blob|about):/.test(url)) {
      problems.push(`a request to another origin: ${url}`);
    }
  });
  page.on("response", (response) => {
    const path = new URL(response.url()).pathname;
    const most = path.startsWith("/gateway/console")
      ? 399
      : path.startsWith("/gateway/")
        ? 499
        : 999;
    if (response.status() > most) problems.push(`${response.status()} ${response.url()}`);
  });
  await page.exposeFunction("reportViolation", (text) => problems.push(`policy: ${text}`));
  await page.addInitScript(() => {
    addEventListener("securitypolicyviolation", (event) => {
      window.reportViolation(`${event.effectiveDirective} ${event.blockedURI} ${event.sample}`);
    });
  });
}

/** What axe-core finds on the page: nothing serious, nothing critical. */
export async function accessible(page, where) {
  const loaded = await page.evaluate(() => "axe" in window);
  if (!loaded) await page.evaluate(fs.readFileSync(axeFile, "utf8"));
  const found = await page.evaluate(async () => {
    const report = await window.axe.run(document, { resultTypes: ["violations"] });
    return report.violations
      .filter((it) => ["serious", "critical"].includes(it.impact ?? ""))
      .map(
        (it) =>
          `${it.id}: ${it.nodes
            .map((node) => node.html)
            .slice(0, 3)
            .join(" | ")}`,
      );
  });
  assert(found.length === 0, `${where}: ${found.join("\n")}`);
}
