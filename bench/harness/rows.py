"""The rows of the report: which figure, in which words, and what the project promises of it. One table."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Promise:
    """A bound on a figure, or on its ratio to nginx's in the same run."""

    bound: float
    #: "least" or "most".
    sense: str
    relative: bool
    unit: str = ""

    def kept(self, value):
        return value >= self.bound if self.sense == "least" else value <= self.bound

    def __str__(self):
        sign = "≥" if self.sense == "least" else "≤"
        return f"{sign} {self.bound:g}{'× nginx' if self.relative else self.unit}"


@dataclass(frozen=True)
class Row:
    key: str
    label: str
    digits: int = 0
    promise: Promise | None = None
    #: Whether a ratio to nginx says anything.
    compare: bool = True


def rows(options):
    """All rows in their order; those without figures are left out by the report."""
    at_most, at_least = Promise(1.0, "most", True), Promise(1.0, "least", True)
    table = [
        Row("throughput.rps", f"requests/s, {options.connections} connections", 0, at_least),
        Row("throughput.cpu_us", "proxy CPU per request at full load, µs", 1, at_most),
        Row("throughput.busy_percent", "proxy core busy meanwhile, %", 0, compare=False),
        Row("latency.p50_us", f"p50 at {options.rate} requests/s, µs", 0, compare=False),
        Row("latency.p99_us", f"p99 at {options.rate} requests/s, µs", 0, compare=False),
        Row("added.latency.p50_us", "p50 added to direct, µs", 0, at_most),
        Row("added.latency.p99_us", "p99 added to direct, µs", 0, Promise(1.2, "most", True)),
        Row("latency.cpu_us", f"proxy CPU per request at {options.rate} requests/s, µs", 1),
    ]
    for count in options.more_connections:
        table += [
            Row(f"connections{count}.rps", f"requests/s, {count} connections", 0),
            Row(f"connections{count}.cpu_us", f"proxy CPU per request, {count} connections, µs", 1),
        ]
    table += [
        Row("pause.first_us", "a process's first request but one, µs", 0),
        Row("pause.after_us", f"a request after {options.pause:g} idle seconds, µs", 0),
    ]
    for load in options.streams:
        table += _stream_rows(load)
    for way in ("upload", "download"):
        table += [
            Row(f"{way}.mb_per_s", f"{options.megabytes} MB {way}, MB/s", 0),
            Row(f"{way}.peak_mib", f"{options.megabytes} MB {way}, peak RSS, MiB", 1, compare=False),
            Row(f"{way}.grown_mib", f"{options.megabytes} MB {way}, RSS grown, MiB", 1, compare=False),
        ]
    return table + [
        Row("startup.ms", "start to first response, ms", 1, Promise(50, "most", False, " ms")),
        Row("startup.idle_mib", "idle RSS, MiB", 1, Promise(15, "most", False, " MiB"), compare=False),
        Row("startup.idle_pss_mib", "idle PSS, MiB", 1, compare=False),
        Row("startup.binary_mib", "binary, MiB", 1, Promise(20, "most", False, " MiB"), compare=False),
    ]


def _stream_rows(load):
    what = f"{load.streams} streams, 1 event/{load.interval_ms} ms"
    return [
        Row(f"{load.key}.head_p50_us", f"{what}: head p50, µs", 0, Promise(1.0, "most", True)),
        Row(f"{load.key}.head_p99_us", f"{what}: head p99, µs"),
        Row(f"{load.key}.first_p50_us", f"{what}: first event p50, µs", 0, Promise(1.0, "most", True)),
        Row(f"{load.key}.first_p99_us", f"{what}: first event p99, µs"),
        Row(f"{load.key}.later_p50_us", f"{what}: later events p50, µs"),
        Row(f"{load.key}.later_p99_us", f"{what}: later events p99, µs"),
        Row(f"{load.key}.coalesced", f"{what}: chunks with several events", compare=False),
        Row(f"{load.key}.cpu_us_per_chunk", f"{what}: proxy CPU per event, set-up included, µs", 1),
        Row(f"{load.key}.kib_per_stream", f"{what}: peak RSS per stream, KiB", 1, Promise(20, "most", False, " KiB")),
    ]
