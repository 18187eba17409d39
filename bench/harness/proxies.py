"""The contestants: what each one's command and settings are, and how one is brought up and down."""

import contextlib
import shlex
import shutil
import socket
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

from . import accounts, endpoints, keys
from .options import Refused
from .process import Child, free_port

READY_SECONDS = 10
PROBE_BODY = b'{"model":"bench-model","messages":[]}'

NGINX = """
daemon off;
worker_processes 1;
worker_rlimit_nofile 20000;
pid {folder}/nginx.pid;
error_log {folder}/nginx-error.log warn;
events {{ worker_connections 16384; }}
http {{
  access_log {access_log};
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  keepalive_requests 1000000000;
  client_max_body_size 0;
  upstream provider {{ server 127.0.0.1:{upstream}; keepalive 4096; keepalive_requests 1000000000; }}
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    location / {{
      proxy_pass {scheme}://provider;
      proxy_ssl_name localhost;
      proxy_ssl_server_name on;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_buffering {buffering};
      proxy_request_buffering off;
      proxy_max_temp_file_size 0;
      proxy_read_timeout 60s;
    }}
  }}
}}
"""

TRUSTED = 'upstream: {{tls: [{{host: localhost, ca_file: "{folder}/tls.crt"}}]}}\n'

SETTINGS = """listen: 127.0.0.1:{port}
workers: 1
guard: {{preset: dev}}
{target}{tls}log: {{access: {log}}}
"""


#: Settings with gateway keys, by the end of the contestant's name.
KEYED = {"key": keys.one, "team": keys.in_team, "models": keys.in_team_with_models, "100k": lambda: keys.many(100_000)}
#: The same with endpoints, for the upstream's port.
ENDPOINTS = {"endpoint": endpoints.one, "10k-endpoints": lambda upstream: endpoints.many(upstream, 10_000)}

#: The same with what is kept of each request, for the folder and the port.
ACCOUNTED = {"records": accounts.records, "accounted": accounts.all_of_it}


@dataclass
class Contestant:
    """A proxy, or with no command the direct way."""

    name: str
    command: str = ""
    port: str = "auto"
    headers: list = field(default_factory=list)

    @property
    def direct(self):
        return not self.command

    def binary(self):
        """The program itself, links followed."""
        program = shlex.split(self.command)[0]
        return Path(shutil.which(program) or program).resolve()


def contestants(options):
    """Everyone in this run, direct first; missing programs are refused now and not in the last round."""
    gateway = ["x-gateway-provider: passthrough", f"x-gateway-custom-host: {_base(options)}"]
    throughway = shlex.quote(str(options.throughway))
    everyone = [
        Contestant("direct"),
        Contestant("nginx", f"{shlex.quote(options.nginx)} -p {{folder}} -c {{nginx}}"),
        Contestant("throughway", f"{throughway} serve --config {{settings}}", headers=gateway),
        Contestant("throughway-default", f"{throughway} serve --config {{settings-default}}"),
    ]
    if options.keys or options.accounts:
        # What the key takes the place of.
        everyone.append(Contestant("throughway-own", f"{throughway} serve --config {{settings}}",
                                   headers=[*gateway, f"Authorization: Bearer {keys.secret(0).replace('tw-', 'sk-')}"]))
    if options.keys:
        with_key = [*gateway, f"Authorization: Bearer {keys.secret(0)}"]
        everyone += [
            Contestant(f"throughway-{name}", f"{throughway} serve --config {{settings-{name}}}", headers=with_key)
            for name in KEYED
        ]
    if options.accounts:
        own = [*gateway, f"Authorization: Bearer {keys.secret(0).replace('tw-', 'sk-')}"]
        with_key = [*gateway, f"Authorization: Bearer {keys.secret(0)}"]
        serve = f"{throughway} serve --config"
        everyone.append(Contestant("throughway-records", f"{serve} {{settings-records}}", headers=own))
        everyone.append(Contestant("throughway-accounted", f"{serve} {{settings-accounted}}", headers=with_key))
    if options.endpoints:
        everyone += [
            Contestant(f"throughway-{name}", f"{throughway} serve --config {{settings-{name}}}",
                       headers=[f"Authorization: Bearer {keys.secret(0)}"])
            for name in ENDPOINTS
        ]
    absent = [*options.skip, "direct"] if options.tls else options.skip
    everyone = [one for one in everyone if one.name not in absent or (one.direct and not options.tls)]
    everyone += [_extra(text, options.header, gateway) for text in options.proxy]
    names = [one.name for one in everyone]
    if options.baseline not in names or len(set(names)) < len(names):
        raise Refused(f"names must differ and include the baseline {options.baseline}: {', '.join(names)}")
    for one in everyone:
        if not one.direct and not one.binary().is_file():
            raise Refused(f"{one.name}: no program {one.binary()}; build or install it, or --skip {one.name}")
    return everyone


def _base(options):
    """The upstream's base URL, its port to be filled in."""
    return "https://localhost:{upstream}/v1" if options.tls else "http://127.0.0.1:{upstream}/v1"


def _extra(text, headers, gateway):
    name, _, rest = text.partition("=")
    command, _, port = rest.rpartition(":")
    if not name or not command or not (port == "auto" or port.isdigit()):
        raise Refused(f"--proxy: expected NAME=COMMAND:PORT, got {text}")
    own = [line for owner, _, line in (header.partition("=") for header in headers) if owner == name]
    return Contestant(name, command, port, (gateway if "{settings}" in command else []) + own)


@dataclass
class Live:
    """A contestant that responds."""

    port: int
    headers: list
    child: Child | None = None
    #: From just before the program was started to its first 200 on the proxied route, milliseconds.
    start_ms: float = 0.0
    #: Memory after that first response, before any load.
    idle: dict = field(default_factory=dict)


@contextlib.contextmanager
def running(contestant, lab, buffering="on"):
    """Brings a contestant up on the proxy's core, waits for its first response, and takes it down again."""
    headers = [line.replace("{upstream}", str(lab.upstream_port)) for line in contestant.headers]
    if contestant.direct:
        yield Live(lab.upstream_port, headers)
        return
    port = free_port() if contestant.port == "auto" else int(contestant.port)
    command = _filled(contestant.command, port, lab, buffering)
    log = lab.folder / f"{contestant.name}.log"
    with log.open("wb") as log_file:
        started = time.monotonic()
        child = Child(command, lab.options.proxy_core, log_file, stdin=subprocess.DEVNULL, stdout=log_file)
    try:
        _wait_for_response(contestant.name, child, port, headers, log)
        live = Live(port, headers, child, (time.monotonic() - started) * 1000)
        time.sleep(0.2)
        live.idle = child.memory()
        child.reset_peak()
        yield live
    except (OSError, RuntimeError) as failure:
        # Whatever went wrong then, this is why.
        if not child.alive():
            raise RuntimeError(f"{contestant.name} ended under load: {_tail(log)}") from failure
        raise
    finally:
        child.stop()


def _filled(command, port, lab, buffering):
    """The command as words, its files written."""
    options = lab.options
    values = {"port": port, "upstream": lab.upstream_port, "folder": lab.folder, "buffering": buffering,
              "scheme": "https" if options.tls else "http", "log": "all" if options.access_log else "off",
              "access_log": f"{lab.folder}/access-{port}.log combined buffer=64k" if options.access_log else "off",
              "tls": TRUSTED.format(folder=lab.folder) if options.tls else ""}
    target = f'default_target: "{_base(options).format(upstream=lab.upstream_port)}"\n'
    files = {"nginx": NGINX.format(**values), "settings": SETTINGS.format(**values, target=""),
             "settings-default": SETTINGS.format(**values, target=target)}
    for name, text in KEYED.items():
        if f"{{settings-{name}}}" in command:
            files[f"settings-{name}"] = SETTINGS.format(**values, target="") + text()
    for name, text in ENDPOINTS.items():
        if f"{{settings-{name}}}" in command:
            files[f"settings-{name}"] = SETTINGS.format(**values, target="") + text(lab.upstream_port)
    for name, text in ACCOUNTED.items():
        if f"{{settings-{name}}}" in command:
            files[f"settings-{name}"] = SETTINGS.format(**values, target="") + text(lab.folder, port)
    for name, text in files.items():
        if f"{{{name}}}" in command:
            path = lab.folder / f"{name}-{port}.{'conf' if name == 'nginx' else 'yaml'}"
            path.write_text(text)
            values[name] = path
    words = shlex.split(command)
    for name, value in values.items():
        words = [word.replace(f"{{{name}}}", str(value)) for word in words]
    return words


def _wait_for_response(name, child, port, headers, log):
    """Asks the proxied route over and over, without a pause worth naming, until it responds with 200."""
    deadline = time.monotonic() + READY_SECONDS
    response = "nothing"
    while time.monotonic() < deadline:
        if not child.alive():
            raise RuntimeError(f"{name} ended instead of serving: {_tail(log)}")
        with contextlib.suppress(OSError):
            response = _ask(port, headers)
            if response.startswith("HTTP/1.1 200"):
                return
        time.sleep(0.0002)
    raise RuntimeError(f"{name} gave no 200 within {READY_SECONDS} s, last: {response!r}; log: {_tail(log)}")


def _ask(port, headers):
    head = ["POST /v1/chat/completions HTTP/1.1", f"Host: 127.0.0.1:{port}", "Content-Type: application/json",
            f"Content-Length: {len(PROBE_BODY)}", "Connection: close", *headers]
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        connection.sendall("\r\n".join(head).encode() + b"\r\n\r\n" + PROBE_BODY)
        return connection.recv(200).decode(errors="replace")


def _tail(log):
    return log.read_text(errors="replace")[-2000:].strip() or "(its log is empty)"
