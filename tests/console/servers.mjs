// Gateways and mocks as processes: started on free ports, ended by their process id.

import { execFile, spawn } from "node:child_process";
import fs from "node:fs";
import net from "node:net";
import os from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { assert, until } from "./checks.mjs";

/** The admin token of every gateway that is started here. */
export const ADMIN_TOKEN = "the-admin-token-of-the-tests";

export async function freePort() {
  const server = net.createServer().listen(0, "127.0.0.1");
  await new Promise((done) => server.once("listening", done));
  const { port } = server.address();
  await new Promise((done) => server.close(done));
  return port;
}

/** One process; its output is shown when it does not become ready. */
export class Program {
  constructor(binary, args, more = {}) {
    this.output = "";
    const own = Object.entries(process.env).filter(([name]) => !name.startsWith("THROUGHWAY_"));
    this.process = spawn(binary, args, { env: { ...Object.fromEntries(own), ...more } });
    // Nothing outlives the tests, however they end.
    const kill = () => this.process.kill("SIGKILL");
    process.once("exit", kill);
    this.process.once("exit", () => process.off("exit", kill));
    const keep = (chunk) => (this.output = (this.output + chunk).slice(-20_000));
    this.process.stdout.on("data", keep);
    this.process.stderr.on("data", keep);
  }

  async ready(url) {
    await until(`${url} responds`, async () => {
      assert(this.process.exitCode === null, `it ended: ${this.output}`);
      return fetch(url).then(
        (it) => it.ok,
        () => false,
      );
    });
  }

  async stop() {
    if (this.process.exitCode !== null || this.process.signalCode !== null) return;
    const ended = new Promise((done) => this.process.once("exit", done));
    this.process.kill("SIGTERM");
    const slow = setTimeout(() => this.process.kill("SIGKILL"), 5_000);
    await ended;
    clearTimeout(slow);
  }
}

export class Mock {
  static async start(binary, ...args) {
    const mock = new Mock();
    mock.url = `http://127.0.0.1:${await freePort()}`;
    mock.program = new Program(binary, ["mock", "--listen", mock.url.slice(7), ...args]);
    await mock.program.ready(`${mock.url}/health`);
    return mock;
  }

  stop = () => this.program.stop();
}

export class Gateway {
  /** `settings`: YAML besides the address and the admin token. */
  static async start(binary, settings) {
    const gateway = new Gateway();
    gateway.binary = binary;
    gateway.folder = fs.mkdtempSync(path.join(os.tmpdir(), "throughway-console-"));
    gateway.data = path.join(gateway.folder, "data");
    fs.mkdirSync(gateway.data);
    gateway.url = `http://127.0.0.1:${await freePort()}`;
    gateway.write(settings);
    const args = ["serve", "--config", gateway.file, "--data-dir", gateway.data];
    gateway.program = new Program(binary, args);
    await gateway.program.ready(`${gateway.url}/gateway/health/ready`);
    return gateway;
  }

  get file() {
    return path.join(this.folder, "settings.yaml");
  }

  /** Writes the settings file; a running gateway reads it again. */
  write(settings) {
    const opening = `listen: "${this.url.slice(7)}"\nadmin_token: "${ADMIN_TOKEN}"\n`;
    fs.writeFileSync(this.file, opening + settings);
  }

  /** A link that signs in once. */
  async link() {
    const args = ["console", "--data-dir", this.data];
    const { stdout } = await promisify(execFile)(this.binary, args);
    return stdout.trim();
  }

  /** One call of the admin API as its holder of the token. */
  async admin(method, route, body) {
    const response = await fetch(`${this.url}/gateway/admin/v1/${route}`, {
      method,
      headers: { authorization: `Bearer ${ADMIN_TOKEN}`, "content-type": "application/json" },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    const text = await response.text();
    assert(response.ok, `${method} ${route}: ${response.status} ${text}`);
    return text ? JSON.parse(text) : null;
  }

  async stop() {
    await this.program.stop();
    fs.rmSync(this.folder, { recursive: true, force: true });
  }
}

/** What stands between a browser and a gateway, and fails when a test says so. */
export class Line {
  static async start(gateway) {
    const line = new Line();
    line.gateway = gateway;
    line.port = await freePort();
    line.url = `http://127.0.0.1:${line.port}`;
    line.sockets = new Set();
    await line.putUp();
    return line;
  }

  link = async () => (await this.gateway.link()).replace(this.gateway.url, this.url);

  async putUp() {
    this.server = net.createServer((client) => {
      const upstream = net.connect(Number(new URL(this.gateway.url).port), "127.0.0.1");
      client.pipe(upstream).pipe(client);
      for (const socket of [client, upstream]) {
        this.sockets.add(socket);
        socket.on("error", () => {});
        socket.on("close", () => {
          this.sockets.delete(socket);
          client.destroy();
          upstream.destroy();
        });
      }
    });
    this.server.listen(this.port, "127.0.0.1");
    await new Promise((done) => this.server.once("listening", done));
  }

  async takeDown() {
    this.server.close();
    for (const socket of this.sockets) socket.destroy();
  }

  stop = () => this.takeDown();
}
