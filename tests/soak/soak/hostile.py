"""Small requests that ask for much work: while they are served, a worker still serves its health page, and memory stays
bounded.

Each row of the table is sent several times at once to a gateway with one worker. Every request must get one of the
row's statuses.
"""

import asyncio
import contextlib
import json
import sys
import time
from pathlib import Path
from types import SimpleNamespace

from .processes import read_log, start_gateway
from .watch import Counters
from .wire import CutShort, Line

# Requests of a row at once, and the time in which all must be answered.
AT_ONCE = 4
ANSWERED_SECONDS = 60
# The longest that the health page may take, since nothing on the worker's thread may block it for longer. A debug build
# is 10 to 30 times slower than a release: what takes a release 10 ms takes it up to 300 ms.
PROBE_MILLISECONDS = {"release": 100, "debug": 1000}
# The most resident memory: for each request a body of 24 MiB that is read, joined and edited, and the program itself.
RESIDENT_MIB = 512
SAMPLE_SECONDS = 0.02

KIB = 1024
PIECE = 64 * KIB
LARGE = 24 * KIB * KIB


class Row:
    """One kind of hostile request."""

    def __init__(self, name, statuses, config, body=b"{}", lines="", target="/v1/echo"):
        self.name = name
        self.statuses = statuses
        self.body = body
        config = json.dumps(config, separators=(",", ":"))
        self.head = (f"POST {target} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                     f"x-gateway-config: {config}\r\n{lines}")

    def request(self, number):
        """No two are alike, so that no kept plan spares the work."""
        return (f"{self.head}x-gateway-metadata: {{\"turn\":\"{number}\"}}\r\nContent-Length: {len(self.body)}\r\n\r\n"
                .encode() + self.body)


def conditional(queries, target):
    """A config in which nothing holds but the default."""
    conditions = [{"query": query, "then": "a"} for query in queries]
    return {"strategy": {"mode": "conditional", "conditions": conditions, "default": "a"},
            "targets": [{"name": "a", **target}]}


def table(upstream, slow_patterns):
    """The hostile configs and bodies: what is refused by its budget, and what is the most work within it."""
    to = {"custom_host": upstream}
    answered, refused, too_large = {200}, {400}, {413}

    def patterns(count, pattern, field="params.x"):
        return conditional([{"$or": [{field: {"$regex": pattern}} for _ in range(count)]}], to)

    # 90 KiB once compiled, of which every part may match everywhere.
    slow = "([a-y]{1,30}){1,30}x"
    texts = json.dumps({"x": "a" * (8 * KIB)}).encode()
    numbers = b'{"x":[' + b",".join([b"1"] * 4096) + b"]}"
    many_numbers = b'{"x":[' + b",".join([b"1"] * 150_000) + b"]}"
    deep = ".".join(["0"] * 15_000)
    deep_body = b'{"0":' + b"[" * 15_000 + b"]" * 15_000 + b"}"
    repeated = b"{" + b",".join([b'"a":0'] * 60_000) + b"}"
    wide = b"{" + b",".join(b'"k%d":0' % at for at in range(LARGE // 16)) + b"}"
    long_text = b'{"model":"m","x":"' + b"y" * LARGE + b'"}'
    long_input = b'{"model":"m","input":"' + b"y" * LARGE + b'"}'
    tests = [{f"params.k{at}": {"$gt": at}} for at in range(250)]
    return [
        Row("1 300 patterns", refused, patterns(1300, "^.*(a|b)+$")),
        Row("patterns too large once compiled", refused, patterns(60, r"\w{5}")),
        Row("classes that ignore case", refused, patterns(60, "(?i)[a-\\x{10ffff}]")),
        Row("the most classes that ignore case", answered, patterns(16, "(?i)[b-\\x{10ffff}]{3}")),
        Row("20 slow patterns, header of 50 KB", refused, patterns(20, slow, "headers.x-long"),
            lines="x-long: " + "a" * 50_000 + "\r\n"),
        Row("slow patterns, text of 8 KiB", answered, patterns(slow_patterns, slow), texts),
        Row("slow patterns, header of 8 KB", answered, patterns(slow_patterns, slow, "headers.x-long"),
            lines="x-long: " + "a" * 8000 + "\r\n"),
        Row("slow patterns, header of 50 KB", answered, patterns(2, slow, "headers.x-long"),
            lines="x-long: " + "a" * 50_000 + "\r\n"),
        Row("$in of 15 000", refused, conditional([{"params.x": {"$in": list(range(2, 15_000))}}], to), many_numbers),
        Row("$in of 1 000, list of 4 096", answered,
            conditional([{"params.x": {"$in": list(range(2, 1002))}}], to), numbers),
        Row("250 tests of a list of 4 096", answered,
            conditional([{"params.x": at} for at in range(2, 252)], to), numbers),
        Row("list of 150 000", too_large, conditional([{"params.x": {"$nin": [2]}}], to), many_numbers),
        Row("1 300 tests of the body", refused, conditional([{f"params.k{at}": 1} for at in range(1300)], to), wide),
        Row("250 tests, body of 24 MiB", answered, conditional(tests, to), wide),
        Row("a path of 15 000 parts", refused, conditional([{f"params.{deep}": 1}], to), deep_body),
        Row("a path of 16 parts, deep body", answered,
            conditional([{"params." + ".".join(["0"] * 16): 1}], to), deep_body),
        Row("sticky by all of the body", answered,
            {"strategy": {"mode": "loadbalance", "sticky": {"hash_fields": ["params.x"] * 1000}}, "targets": [to]},
            many_numbers),
        Row("60 KB in the place of 60 000 keys", too_large, {**to, "override_params": {"a": "v" * 55_000}}, repeated),
        Row("an override in 24 MiB", answered, {**to, "override_params": {"model": "other"}}, long_text),
        Row("24 MiB to be cached", answered, to, long_input, lines="x-gateway-cache: true\r\n", target="/v1/responses"),
        Row("6 000 keys to override", refused, {**to, "override_params": {f"{at:x}": 0 for at in range(6000)}}),
        Row("an unknown key of 55 KB", refused, {"x" * 55_000: 1}),
        Row("targets in targets", refused, json.loads('{"targets":[' * 60 + "{}" + "]}" * 60)),
    ]


class Probe:
    """Asks for the health page all the time, in a process of its own; see `probe`. `start` waits for one response."""

    async def start(self, port):
        folder = Path(__file__).resolve().parent.parent
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "soak.probe", str(port), cwd=folder,
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE)
        await asyncio.wait_for(self._process.stdout.readline(), ANSWERED_SECONDS)

    async def stop(self):
        """The longest wait in milliseconds, and what went wrong, if anything did."""
        self._process.stdin.close()
        told, _ = await asyncio.wait_for(self._process.communicate(), ANSWERED_SECONDS)
        told = json.loads(told)
        broken = told["broken"] or (None if told["responses"] else "it was never answered")
        return told["longest"] * 1000, broken


async def _send(request, port):
    """Sends piece by piece, so that this program's own copying does not hold up its probe."""
    line = await Line.open(port)
    try:
        for begin in range(0, len(request), PIECE):
            await line.send(request[begin:begin + PIECE])
        return (await asyncio.wait_for(line.response(keep=False), ANSWERED_SECONDS)).status
    except TimeoutError:
        return "no response in time"
    except CutShort as cut:
        return f"cut short ({cut})"
    finally:
        line.close()


async def _watch_memory(gateway, seen):
    while True:
        with contextlib.suppress(OSError):
            seen.append(gateway.resident_mib())
        await asyncio.sleep(SAMPLE_SECONDS)


async def _play(row, gateway, port):
    """One row: what it was answered, the longest probe in milliseconds, the most memory in MiB."""
    requests = [row.request(number) for number in range(AT_ONCE)]
    probe, memory = Probe(), [gateway.resident_mib()]
    await probe.start(port)
    watcher = asyncio.create_task(_watch_memory(gateway, memory))
    begun = time.monotonic()
    try:
        statuses = await asyncio.gather(*(_send(request, port) for request in requests))
        took = time.monotonic() - begun
        await asyncio.sleep(0.05)
    finally:
        watcher.cancel()
        longest, broken = await probe.stop()
    return SimpleNamespace(row=row, statuses=statuses, took=took, probe=longest, resident=max(memory), broken=broken)


async def _play_all(gateway, port, rows):
    """Plays row after row and prints each, as long as the gateway lives."""
    print(f"{f'hostile requests, {AT_ONCE} at once':<40} {'responses':<18} {'took s':>7} {'probe ms':>9} {'MiB':>6}")
    played = []
    for row in rows:
        if not gateway.alive():
            break
        it = await _play(row, gateway, port)
        responses = ", ".join(sorted({str(status) for status in it.statuses}))
        print(f"  {row.name:<38} {responses:<18} {it.took:>7.2f} {it.probe:>9.1f} {it.resident:>6.0f}", flush=True)
        played.append(it)
    return played


def run(options, directory, mock_port):
    """Plays the table against a gateway of its own; prints it, and gives what did not hold, as sentences."""
    directory = directory / "hostile"
    directory.mkdir(exist_ok=True)
    build = "debug" if "debug" in options.binary.parts else "release"
    alone = SimpleNamespace(**{**vars(options), "workers": 1})
    gateway, port = start_gateway(alone, directory)
    try:
        Counters(port)
        # A search at its worst takes a debug build 10 s.
        rows = table(f"http://127.0.0.1:{mock_port}/v1", 2 if build == "release" else 1)
        played = asyncio.run(_play_all(gateway, port, rows))
    finally:
        alive = gateway.alive()
        exit_code = gateway.stop()
    patience = PROBE_MILLISECONDS[build]
    found = [] if alive else ["hostile: the gateway is dead"]
    if exit_code != 0:
        found.append(f"hostile: the gateway ended with {exit_code} instead of 0")
    found += [f"hostile: the log speaks of a defect: {line[:400]}" for line in read_log(gateway.log)[1][:20]]
    for it in played:
        found += [f"hostile: {it.row.name}: {status}" for status in it.statuses if status not in it.row.statuses]
        if it.broken:
            found.append(f"hostile: {it.row.name}: the health page failed: {it.broken}")
        if it.probe > patience:
            found.append(f"hostile: {it.row.name}: the health page took {it.probe:.0f} ms, {patience} allowed")
        if it.resident > RESIDENT_MIB:
            found.append(f"hostile: {it.row.name}: {it.resident:.0f} MiB resident, {RESIDENT_MIB} allowed")
    return found
