"""What the Python client checks share: arguments, the list of checks, comparisons, the report.

Knows no SDK. A check is a function (or coroutine function) of one `Bench` that raises when it is not satisfied.
"""

import argparse
import asyncio
import inspect
import json
import os
import re
import time
import traceback
import urllib.request
from dataclasses import dataclass, field

# The upstream must be seen to end a cancelled stream within this many seconds.
CANCEL_SECONDS = 1.0
# Hop-by-hop names belong to one connection, so the two sides may differ in them.
HOP_BY_HOP = {"connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"}
# These must cross, but differ from one request to the next.
VOLATILE = {"date", "request-id", "x-request-id", "openai-processing-ms"}
# JSON members whose values differ from one response to the next.
CHANGING = re.compile(rb'"(id|item_id|call_id|request_id|created|created_at|completed_at)":\s*("[^"]*"|[0-9.]+)')


@dataclass
class Bench:
    """Where the clients send, and what the checks may ask of the other end."""

    base: str
    """Root that the clients under test are pointed at: the gateway's, or the upstream's in a direct run."""
    upstream: str
    """Root of the upstream, without `/v1`."""
    model: str
    target: str
    direct: bool
    default_target: bool
    stats_url: str
    second: str = ""
    """Root of a second mock, for checks that fall back to it."""
    key: str = "sk-client-check"
    headers: dict = field(default_factory=dict)
    """What sends a request through the gateway to the upstream; empty in a direct run."""

    def fault(self, **faults):
        """Request arguments that ask the mock for faults, such as `token_delay=30`; nothing for another target."""
        if self.target != "mock":
            return {}
        return {"extra_headers": {f"x-mock-{name.replace('_', '-')}": str(value) for name, value in faults.items()}}

    def slow_stream(self):
        """Arguments of a stream that lasts long enough (10 s or more) to be cancelled on its way."""
        return {"max_tokens": 4000, **self.fault(tokens=4000, token_delay=30)}

    def silent(self):
        """Arguments of an unstreamed request that keeps the client waiting for 10 s or more."""
        return {"max_tokens": 4000, **self.fault(silence=1)}

    def watch(self):
        """Starts to watch what becomes of the next request."""
        return Watch(self)

    def stats(self):
        """The upstream's own page about what it is doing."""
        with urllib.request.urlopen(self.stats_url, timeout=5) as response:
            return response.read().decode()


class Watch:
    """What the upstream itself says of one request made since the watch began: that it came, that it was given up."""

    def __init__(self, bench):
        self.bench = bench
        self.requests, self.cancels = self.counts()

    def counts(self):
        """Requests the upstream has seen, and those it gave up. vLLM tells only how many it works on now."""
        text = self.bench.stats()
        if self.bench.target == "mock":
            page = json.loads(text)
            return page["requests"], page["client_gone"] + page["aborted_writes"]
        rows = re.findall(r"^vllm:num_requests_(?:running|waiting)\{.*\} ([0-9.]+)$", text, re.M)
        working = int(sum(float(row) for row in rows))
        return working, -working

    async def came(self, seconds=10):
        """Fails unless the request reaches the upstream."""
        await self.until(lambda requests, _: requests > self.requests, seconds, "the upstream has seen no request")

    async def given_up(self, seconds=CANCEL_SECONDS):
        """Fails unless the upstream gives the request up in time."""
        # vLLM: no more at work than before it came, so the negative count is back where it was
        wanted = self.cancels + (1 if self.bench.target == "mock" else 0)
        await self.until(
            lambda _, cancels: cancels >= wanted, seconds, f"the upstream works on {seconds} s after the cancel"
        )

    async def until(self, met, seconds, complaint):
        end = time.monotonic() + seconds
        while not met(*await asyncio.to_thread(self.counts)):
            if time.monotonic() > end:
                raise AssertionError(complaint)
            await asyncio.sleep(0.02)


CHECKS = []


def check(name, only=None, needs=None):
    """Adds the decorated function to the checks.

    `only`: the one target kind that offers this. `needs`: "gateway" (meaningless in a direct run) or
    "default_target" (the gateway was started with the upstream as its default target).
    """

    def add(run):
        CHECKS.append((name, only, needs, run))
        return run

    return add


def expect(what, got, wanted):
    """Raises unless both are equal, showing the start of each."""
    if got != wanted:
        raise AssertionError(f"{what}: got {shorten(got)}, wanted {shorten(wanted)}")


def shorten(value, limit=300):
    text = repr(value)
    return text if len(text) <= limit else f"{text[:limit]}... ({len(text)} characters)"


def masked(raw):
    """A response's bytes without the values that change from one response to the next."""
    return CHANGING.sub(rb'"\1":_', raw)


def header_lines(headers):
    """Every end-to-end header line, sorted, changing values blanked and the gateway's own left out.

    Takes (name, value) pairs; repeated names stay repeated.
    """
    kept = [(name.lower(), value) for name, value in headers if name.lower() not in HOP_BY_HOP]
    return sorted((n, "_" if n in VOLATILE else v) for n, v in kept if not n.startswith("x-gateway-"))


def why_skipped(bench, only, needs):
    if only and only != bench.target:
        return f"only with {only}"
    if needs == "gateway" and bench.direct:
        return "needs the gateway"
    if needs == "default_target" and not bench.default_target:
        return "needs a gateway with a default target"
    return None


def run_one(bench, run):
    """None when satisfied, else why not, in one line."""
    try:
        outcome = run(bench)
        if inspect.iscoroutine(outcome):
            asyncio.run(asyncio.wait_for(outcome, 90))
    except Exception as error:
        place = traceback.extract_tb(error.__traceback__)
        lines = [frame.lineno for frame in place if frame.name == run.__name__]
        return f"{type(error).__name__} (line {lines[-1] if lines else '?'}): {' '.join(str(error).split())[:500]}"
    return None


def parse():
    parser = argparse.ArgumentParser(description="Runs a real SDK against the gateway and reports.")
    parser.add_argument("--gateway", help="root of the gateway, such as http://127.0.0.1:8787")
    parser.add_argument("--upstream", required=True, help="root of the upstream, without /v1")
    parser.add_argument("--model", default="tiny")
    parser.add_argument("--target", choices=["mock", "vllm"], required=True, help="what the upstream is")
    parser.add_argument("--direct", action="store_true", help="no gateway: send straight to the upstream")
    parser.add_argument("--default-target", action="store_true", help="the gateway's default target is the upstream")
    parser.add_argument("--stats-url", help="where to ask for requests in flight; default: the upstream's own page")
    parser.add_argument("--second", default="", help="root of a second mock, without /v1")
    parser.add_argument("--only", default="", help="run the checks whose name contains this")
    args = parser.parse_args()
    if not args.direct and not args.gateway:
        parser.error("--gateway is needed, or --direct")
    return args


def bench_from(args):
    upstream = args.upstream.rstrip("/")
    page = {"mock": "/mock/stats", "vllm": "/metrics"}[args.target]
    routing = {"x-gateway-provider": "passthrough", "x-gateway-custom-host": f"{upstream}/v1"}
    return Bench(
        base=upstream if args.direct else args.gateway.rstrip("/"),
        upstream=upstream,
        model=args.model,
        target=args.target,
        direct=args.direct,
        default_target=args.default_target,
        second=args.second.rstrip("/"),
        stats_url=args.stats_url or upstream + page,
        headers={} if args.direct else routing,
    )


def main(versions):
    """Runs all checks; the exit status is 1 when one failed. `versions` goes into the first line."""
    args = parse()
    bench = bench_from(args)
    print(f"# {versions}, {'direct' if bench.direct else 'gateway'}, target {bench.target}", flush=True)
    passed = failed = skipped = 0
    for name, only, needs, run in CHECKS:
        if args.only not in name:
            continue
        if why := why_skipped(bench, only, needs):
            skipped += 1
            print(f"skip {name} ({why})", flush=True)
        elif why := run_one(bench, run):
            failed += 1
            print(f"FAIL {name} {why}", flush=True)
        else:
            passed += 1
            print(f"ok {name}", flush=True)
    print(f"{passed} passed, {failed} failed, {skipped} skipped", flush=True)
    raise SystemExit(1 if failed else 0)


def forget_environment():
    """Keeps the caller's own keys, base URLs and proxies out of the SDKs."""
    own = ("OPENAI_", "ANTHROPIC_", "PORTKEY_", "GEMINI_", "GOOGLE_", "CO_", "MISTRAL_", "GROQ_", "AWS_", "LANGFUSE_")
    for name in list(os.environ):
        if name.upper().startswith(own) or name.upper().endswith("_PROXY"):
            del os.environ[name]
