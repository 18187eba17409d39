"""Kills and restarts the first target of a fallback under load; README.md says what must hold."""

import argparse
import asyncio
import collections
import json
import os
import re
import sys
import time
import urllib.request
from pathlib import Path

for name in list(os.environ):
    if name.upper().startswith("OPENAI_") or name.upper().endswith("_PROXY"):
        del os.environ[name]
import httpx2  # noqa: E402  the SDK's own HTTP client
import openai  # noqa: E402

sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent / "tools"))
import servers  # noqa: E402

TOKENS = 40
COOLDOWN_MS = 800
CHECKS = []


class Target:
    """A mock that can be killed and started again on the same port."""

    def __init__(self, binary):
        self.command = [binary, "mock", "--model", "tiny", "--listen"]
        self.server = servers.Server([*self.command, "127.0.0.1:0"])
        self.address = self.server.address

    def kill(self):
        self.server.process.kill()
        self.server.process.wait()

    def restart(self):
        """Returns when the new process itself has said that it listens: another program may have taken the port."""
        end = time.monotonic() + servers.PATIENCE
        while True:
            self.server = servers.Server([*self.command, self.address])
            try:
                assert self.server.address == self.address
                return
            except RuntimeError:
                if time.monotonic() > end:
                    raise
                time.sleep(0.1)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.server.__exit__(*error)


class Load:
    """Requests by the SDK, and what became of them."""

    def __init__(self, gateway, config):
        self.outcomes = collections.Counter()
        self.targets = collections.Counter()
        self.wrong = []
        self.until = 0.0
        # Not the SDK's pool of 1000 idle connections: every request may be the first on its own.
        http = httpx2.AsyncClient(limits=httpx2.Limits(max_connections=200), timeout=30)
        self.client = openai.AsyncOpenAI(
            base_url=f"{gateway}/v1",
            api_key="sk-resilience",
            max_retries=0,
            http_client=http,
            default_headers={"x-gateway-config": json.dumps(config), "x-mock-token-delay": "15"},
        )

    async def run(self, clients):
        await asyncio.gather(*(self.one_client(number) for number in range(clients)))

    async def one_client(self, number):
        turn = number
        while time.monotonic() < self.until:
            turn += 1
            try:
                await (self.stream() if turn % 2 else self.plain())
            except Exception as error:  # nothing may fail before it has begun
                self.outcomes["failed before anything was sent"] += 1
                self.wrong.append(f"{type(error).__name__}: {' '.join(str(error).split())[:200]}")

    def ask(self, **more):
        return {"model": "tiny", "max_tokens": TOKENS, "messages": [{"role": "user", "content": "go on"}]} | more

    async def plain(self):
        raw = await self.client.chat.completions.with_raw_response.create(
            **self.ask(), extra_headers={"x-mock-tokens": str(TOKENS)}
        )
        completion = raw.parse()
        assert completion.choices[0].finish_reason, "the response is not whole"
        self.outcomes["plain: whole"] += 1
        self.targets[raw.headers["x-gateway-last-used-option-index"]] += 1

    async def stream(self):
        raw = await self.client.chat.completions.with_raw_response.create(
            **self.ask(stream=True), extra_headers={"x-mock-tokens": str(TOKENS)}
        )
        finished = False
        try:
            async for chunk in raw.parse():
                finished = finished or bool(chunk.choices and chunk.choices[0].finish_reason)
        except (httpx2.RemoteProtocolError, httpx2.ReadError, openai.APIConnectionError):
            self.outcomes["stream: begun, ended as an aborted transfer"] += 1
            return
        if finished:
            self.outcomes["stream: whole"] += 1
            self.targets[raw.headers["x-gateway-last-used-option-index"]] += 1
        else:
            self.outcomes["stream: cut, and ended as if it were whole"] += 1
            self.wrong.append("a cut stream looked complete")


def transitions(gateway):
    page = urllib.request.urlopen(f"{gateway}/gateway/metrics", timeout=5).read().decode()
    return {to: int(count) for to, count in re.findall(r'breaker_transitions_total\{to="(\w+)"\} (\d+)', page)}


async def kill_and_restart(first, until, kills):
    """Down for 1.5 s, up for 2.5 s, until shortly before the end."""
    while time.monotonic() < until - 5:
        await asyncio.sleep(2.5)
        first.kill()
        kills.append(time.monotonic())
        await asyncio.sleep(1.5)
        await asyncio.to_thread(first.restart)


def check(what, held):
    CHECKS.append(held)
    print(f"{'ok' if held else 'FAIL'} {what}", flush=True)


async def play(args, first, second, gateway):
    config = {
        "strategy": {
            "mode": "fallback",
            "cb_config": {"failure_threshold": 3, "cooldown_interval": COOLDOWN_MS},
        },
        "targets": [{"custom_host": f"http://{target.address}/v1"} for target in (first, second)],
    }
    url = f"http://{gateway.address}"
    load, kills = Load(url, config), []
    load.until = time.monotonic() + args.seconds
    await asyncio.gather(load.run(args.clients), kill_and_restart(first, load.until, kills))
    raw = await load.client.chat.completions.with_raw_response.create(**load.ask())
    last = raw.headers["x-gateway-last-used-option-index"]
    await load.client.close()

    total = sum(load.outcomes.values())
    print(f"{total} requests in {args.seconds} s, first target killed {len(kills)} times")
    for outcome, count in sorted(load.outcomes.items()):
        print(f"  {count:6} {outcome}")
    for target, count in sorted(load.targets.items()):
        print(f"  {count:6} whole responses by {target}")
    seen = transitions(url)
    print(f"  breaker: {seen}")
    for complaint in load.wrong[:10]:
        print(f"  wrong: {complaint}")
    check("no request failed of which nothing had been sent", load.outcomes["failed before anything was sent"] == 0)
    check("no cut stream looked whole", load.outcomes["stream: cut, and ended as if it were whole"] == 0)
    check(
        "streams were cut by the kills, and said so", load.outcomes["stream: begun, ended as an aborted transfer"] > 0
    )
    check("both targets were used", load.targets["config.targets[0]"] > 0 and load.targets["config.targets[1]"] > 0)
    check("the breaker opened, probed and closed", all(seen.get(to, 0) > 0 for to in ("open", "half_open", "closed")))
    check("the first target is used again", last == "config.targets[0]")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("binary", help="the throughway binary")
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--clients", type=int, default=16)
    args = parser.parse_args()
    serve = [args.binary, "serve", "--listen", "127.0.0.1:0", "--workers", "2"]
    with Target(args.binary) as first, Target(args.binary) as second, servers.Server(serve) as gateway:
        asyncio.run(play(args, first, second, gateway))
    print(f"{sum(CHECKS)} passed, {CHECKS.count(False)} failed")
    sys.exit(0 if all(CHECKS) else 1)


main()
