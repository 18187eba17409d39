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

# The upstream must be seen to end a cancelled stream within this many seconds (contract: client gone).
CANCEL_SECONDS = 1.0
# Hop-by-hop names belong to one connection, so the two sides may differ in them.
HOP_BY_HOP = {"connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"}
# These must cross, but differ from one request to the next.
VOLATILE = {"date", "request-id", "x-request-id", "openai-processing-ms"}
# JSON members whose values differ from one answer to the next.
CHANGING = re.compile(rb'"(id|item_id|call_id|created|created_at|completed_at)":\s*("[^"]*"|[0-9.]+)')


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
    key: str = "sk-client-check"
    headers: dict = field(default_factory=dict)
    """What sends a request through the gateway to the upstream; empty in a direct run."""

    def slow_stream(self, long_tokens=4000):
        """Arguments of a stream that lasts long enough (10 s or more) to be cancelled on its way."""
        if self.target == "mock":
            return {"extra_headers": {"x-mock-tokens": "500", "x-mock-token-delay": "30"}}
        return {"max_tokens": long_tokens}

    def in_flight(self):
        """How many requests the upstream is working on now."""
        with urllib.request.urlopen(self.stats_url, timeout=5) as answer:
            text = answer.read().decode()
        if self.target == "mock":
            return json.loads(text)["in_flight"]
        rows = re.findall(r"^vllm:num_requests_(?:running|waiting)\{.*\} ([0-9.]+)$", text, re.M)
        return int(sum(float(row) for row in rows))

    async def settled(self, before):
        """Fails unless the upstream is back to `before` requests in flight within a second."""
        end = time.monotonic() + CANCEL_SECONDS
        while (now := await asyncio.to_thread(self.in_flight)) > before:
            if time.monotonic() > end:
                raise AssertionError(f"upstream still works on {now - before} request(s) {CANCEL_SECONDS} s after the cancel")
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
    """An answer's bytes without the values that change from one answer to the next."""
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
    for name in list(os.environ):
        if name.upper().startswith(("OPENAI_", "ANTHROPIC_")) or name.upper().endswith("_PROXY"):
            del os.environ[name]
