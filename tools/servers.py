"""Starts the mock and the gateway for a check, waits until they listen, and ends them by process id.

It knows how the two say where they listen, and nothing of what is checked.
"""

import json
import os
import re
import signal
import subprocess
import threading
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PATIENCE = 20  # seconds for a server to start or to end
# What a developer's shell holds must not change what is checked.
BARE = {name: value for name, value in os.environ.items() if not name.startswith("THROUGHWAY_")}
# A test leaves nothing in the home directory.
BARE["THROUGHWAY_STORE"] = "memory"


def binary() -> str:
    """The program under test: `$THROUGHWAY`, else the debug build."""
    return os.environ.get("THROUGHWAY") or str(ROOT / "target" / "debug" / "throughway")


class Server:
    """A process that tells on stdout or stderr where it listens. Use it with `with`."""

    def __init__(self, command: list[str], environment: dict[str, str] = BARE):
        self._lines: list[str] = []
        self._address = None
        self._told = threading.Event()
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", env=environment
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def address(self) -> str:
        """Where it listens, as `host:port`. Raises RuntimeError, with its output, when it does not."""
        self._told.wait(PATIENCE)
        if self._address is None:
            raise RuntimeError(f"{self.process.args} does not listen:\n{self.output()}")
        return self._address

    def output(self) -> str:
        return "".join(self._lines)

    def _read(self):
        for line in self.process.stdout:
            self._lines.append(line)
            if self._address is None and (address := address_in(line)):
                self._address = address
                self._told.set()
        self._told.set()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        """Ends it: politely, then not. A process that needs the second is a failure."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise RuntimeError(f"{self.process.args} did not end on SIGTERM:\n{self.output()}") from None
        finally:
            self._reader.join(PATIENCE)
            self.process.stdout.close()


def address_in(line: str) -> str | None:
    """The address that a line of the mock's or of the gateway's log tells."""
    if found := re.search(r"mock upstream on http://(\S+?)/v1", line):
        return found[1]
    try:
        event = json.loads(line)
    except ValueError:
        return None
    fields = event.get("fields", event)
    return fields.get("address") if fields.get("message") == "listening" else None


def mock(*arguments: str) -> Server:
    return Server([binary(), "mock", "--listen", "127.0.0.1:0", *arguments])


def gateway(*arguments: str, listen: str = "127.0.0.1:0") -> Server:
    return Server([binary(), "serve", "--listen", listen, *arguments])


def get(url: str) -> str:
    """The body of a page on this machine, whatever proxy the environment names."""
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with direct.open(url, timeout=PATIENCE) as response:
        return response.read().decode()
