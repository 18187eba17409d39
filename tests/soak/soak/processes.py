"""The two programs under load: started, watched from outside, stopped. Touches only what it started, by process id."""

import collections
import contextlib
import json
import os
import re
import sqlite3
import subprocess
import time
from pathlib import Path

START_SECONDS = 10
STOP_SECONDS = 30

SETTINGS = """\
listen: 127.0.0.1:0
workers: {workers}
log: {{ level: info, format: json, access: all }}
guard: {{ preset: dev }}
drain: {{ delay: 0s, budget: 5s }}
# Short, so that clients that stall are seen off within the run.
timeouts: {{ connect: 2s, head: 10s, idle: 10s }}
# Full within the first minutes: a cache that fills is no leak, and would look like one.
cache: {{ max_bytes: 8MiB }}
downstream: {{ head: 3s, body_idle: 3s, write_stall: 3s, keep_alive: 5s }}
"""


class Program:
    """One started program; what it says goes to a file."""

    def __init__(self, command, log, data=None):
        store = {"THROUGHWAY_DATA_DIR": str(data)} if data else {"THROUGHWAY_STORE": "memory"}
        self.log = log
        with log.open("wb") as sink:
            self.process = subprocess.Popen([str(part) for part in command], stdin=subprocess.DEVNULL,
                                            stdout=subprocess.DEVNULL, stderr=sink, start_new_session=True,
                                            env=os.environ | store)

    def alive(self):
        return self.process.poll() is None

    def await_word(self, pattern):
        """The first group of `pattern`, once the program has said it."""
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self.alive():
            found = re.search(pattern, self.log.read_text(errors="replace"))
            if found:
                return found.group(1)
            time.sleep(0.02)
        raise RuntimeError(f"{self.process.args[:2]} did not start:\n{self.log.read_text(errors='replace')}")

    def resident_mib(self):
        for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) / 1024
        return 0.0

    def descriptors(self):
        return len(list(Path(f"/proc/{self.process.pid}/fd").iterdir()))

    def stop(self):
        """SIGTERM, and after a while SIGKILL; the exit code, negative for a signal."""
        if self.alive():
            self.process.terminate()
        try:
            return self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()


def start_mock(options, directory):
    """The upstream with faults, and the port it got."""
    command = [options.binary, "mock", "--listen", "127.0.0.1:0", "--chaos", options.chaos, "--seed", options.seed,
               "--token-delay", 10]
    mock = Program(command, directory / "mock.log")
    return mock, int(mock.await_word(r"http://127\.0\.0\.1:(\d+)/"))


def start_gateway(options, directory):
    """The gateway, and the port it got."""
    settings = directory / "settings.yaml"
    settings.write_text(SETTINGS.format(workers=options.workers))
    gateway = Program([options.binary, "serve", "--config", settings], directory / "gateway.log", directory / "data")
    return gateway, int(gateway.await_word(r'"address":"127\.0\.0\.1:(\d+)"'))


def read_records(directory):
    """The stored records: how many by outcome, and each by its trace id."""
    uri = f"file:{directory / 'data' / 'records.db'}?mode=ro"
    with contextlib.closing(sqlite3.connect(uri, uri=True)) as database:
        rows = database.execute("SELECT json_extract(document, '$.trace_id'), json_extract(document, '$.outcome') "
                                "FROM throughway_record_documents").fetchall()
    outcomes = collections.Counter(outcome for _, outcome in rows)
    return outcomes, collections.Counter(rows)


def read_log(log):
    """What the gateway's log holds: request lines by outcome, and every line that speaks of a defect."""
    outcomes, defects, ids = {}, [], collections.Counter()
    with log.open(errors="replace") as lines:
        for line in lines:
            if '"message":"request"' in line:
                request = json.loads(line)
                outcome = request["outcome"]
                outcomes[outcome] = outcomes.get(outcome, 0) + 1
                ids[request["trace_id"], outcome] += 1
                if '"error":"internal"' in line:
                    defects.append(line.rstrip())
            elif "panicked" in line or '"level":"ERROR"' in line:
                defects.append(line.rstrip())
    return outcomes, defects, ids
