"""Samples of the gateway's memory and descriptors, its own counters, and the wait until it rests."""

import asyncio
import contextlib
import statistics
import time
import urllib.request

SAMPLE_SECONDS = 2
REST_SECONDS = 40


class Samples:
    """Resident memory and descriptors over time."""

    def __init__(self, program):
        self._program = program
        self._started = time.monotonic()
        self.rows = []

    async def collect(self):
        """Until cancelled or the program is gone."""
        while self._program.alive():
            now = time.monotonic() - self._started
            with contextlib.suppress(OSError):  # It may end between the question and the look.
                self.rows.append((now, self._program.resident_mib(), self._program.descriptors()))
            await asyncio.sleep(min(SAMPLE_SECONDS, 0.5 + now / 20))

    def resident_between(self, first, last):
        """Median resident MiB between these shares of the run."""
        end = self.rows[-1][0]
        picked = [mib for at, mib, _ in self.rows if first * end <= at <= last * end]
        return statistics.median(picked or [self.rows[-1][1]])

    def most_resident(self):
        return max(mib for _, mib, _ in self.rows)

    def most_descriptors(self):
        return max(count for _, _, count in self.rows)


class Counters:
    """One reading of the gateway's metrics."""

    def __init__(self, port):
        address = f"http://127.0.0.1:{port}/gateway/metrics"
        with urllib.request.urlopen(address, timeout=10) as page:
            text = page.read().decode()
        pairs = (line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
        self._values = {name: float(value) for name, value in pairs}
        self.received = self._get("throughway_requests_received_total")
        self.in_flight = self._get("throughway_requests_in_flight")
        prefix = 'throughway_requests_total{outcome="'
        self.outcomes = {name[len(prefix):-2]: int(count) for name, count in self._values.items()
                         if name.startswith(prefix)}
        self.internal_errors = self._get('throughway_errors_total{code="internal"}')
        self.stale_retries = self._get("throughway_upstream_stale_retries_total")

    def _get(self, name):
        return int(self._values.get(name, 0))


def wait_for_rest(program, port, idle_descriptors, slack):
    """Waits until nothing is in flight and the descriptors are back, or patience is over; the last counters."""
    deadline = time.monotonic() + REST_SECONDS
    counters = Counters(port)
    while time.monotonic() < deadline:
        # The reading itself may count as one that is being served.
        if counters.in_flight <= 1 and program.descriptors() <= idle_descriptors + slack:
            break
        time.sleep(0.5)
        counters = Counters(port)
    return counters
