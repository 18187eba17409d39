"""What is measured: each function takes a fresh contestant through one load and returns plain figures.

Memory is the peak (VmHWM) less what the process had when idle after its first response, which is why every
measure starts its own process.
"""

import http.client
import time
from statistics import median

from .proxies import PROBE_BODY, running

#: Pauses of the pause measure.
PAUSES = 2


class Errors:
    """Every wrong response of the run; one is enough to make the run fail."""

    def __init__(self):
        self.found = []

    def check(self, result, what):
        if result["errors"]:
            self.found.append(f"{what}: {result['errors']:.0f} errors, first: {result['first_error']}")


def throughput(lab, contestant, errors):
    return _full_load(lab, contestant, errors, "throughput", lab.options.connections)


def connections(lab, contestant, errors):
    figures = {}
    for count in lab.options.more_connections:
        figures |= _full_load(lab, contestant, errors, f"connections{count}", count)
    return figures


def _full_load(lab, contestant, errors, key, count):
    options = lab.options
    with running(contestant, lab) as live:
        result = lab.load("closed", live, connections=count, seconds=options.seconds, warmup=options.warmup)
    errors.check(result, f"{contestant.name} throughput over {count} connections")
    figures = {f"{key}.rps": result["rps"], f"{key}.p50_us": result["latency_us"]["p50"],
               f"{key}.p99_us": result["latency_us"]["p99"]}
    if live.child:
        figures[f"{key}.cpu_us"] = _ratio(result["cpu_us"], result["requests"])
        figures[f"{key}.busy_percent"] = _ratio(result["cpu_us"], result["seconds"] * 1e4)
    return figures


def pause(lab, contestant, _errors):
    """One client that asks, waits and asks again: what the second request takes."""
    with running(contestant, lab) as live:
        client = http.client.HTTPConnection("127.0.0.1", live.port, timeout=30)
        took = []
        for number in range(PAUSES + 1):
            if number:
                time.sleep(lab.options.pause)
            took.append(_one_request(client, live))
        client.close()
    return {"pause.first_us": took[0], "pause.after_us": median(took[1:])}


def _one_request(client, live):
    headers = dict(line.split(": ", 1) for line in live.headers) | {"Content-Type": "application/json"}
    started = time.monotonic()
    client.request("POST", "/v1/chat/completions", PROBE_BODY, headers)
    response = client.getresponse()
    response.read()
    if response.status != 200:
        raise RuntimeError(f"the response to a request was {response.status}")
    return (time.monotonic() - started) * 1e6


def latency(lab, contestant, errors):
    options = lab.options
    with running(contestant, lab) as live:
        result = lab.load("open", live, connections=options.connections, rate=options.rate,
                          seconds=options.seconds, warmup=options.warmup)
    errors.check(result, f"{contestant.name} latency")
    figures = {f"latency.{rank}_us": result["latency_us"][rank] for rank in ("p50", "p99", "p999")}
    figures["latency.sent_late_p99_us"] = result["send_lateness_us"]["p99"]
    if live.child:
        figures["latency.cpu_us"] = _ratio(result["cpu_us"], result["requests"])
    return figures


def streams(lab, contestant, errors):
    figures = {}
    for load in lab.options.streams:
        figures |= _one_stream_load(lab, contestant, errors, load)
    return figures


def _one_stream_load(lab, contestant, errors, load):
    chunks = max(2, round(lab.options.stream_seconds * 1000 / load.interval_ms))
    # All streams open while the first still has half of its life before it.
    ramp = chunks * load.interval_ms / 1000 / 2
    with running(contestant, lab, buffering="off") as live:
        result = lab.load("streams", live, streams=load.streams, chunks=chunks, interval_ms=load.interval_ms, ramp=ramp)
        memory = live.child.memory() if live.child else None
    what = f"{contestant.name} {load.streams} streams"
    errors.check(result, what)
    if result["most_open"] < load.streams:
        errors.found.append(f"{what}: only {result['most_open']:.0f} were open at once")
    figures = {f"{load.key}.{name}": result[source][rank] for name, source, rank in (
        ("head_p50_us", "head_us", "p50"), ("head_p99_us", "head_us", "p99"),
        ("first_p50_us", "first_event_us", "p50"), ("first_p99_us", "first_event_us", "p99"),
        ("later_p50_us", "later_event_us", "p50"), ("later_p99_us", "later_event_us", "p99"))}
    # Without the chunked coding nobody can tell.
    figures[f"{load.key}.coalesced"] = result["coalesced_chunks"] if result["chunks"] else None
    if memory:
        figures[f"{load.key}.kib_per_stream"] = (memory["VmHWM"] - live.idle["VmRSS"]) / load.streams
        figures[f"{load.key}.cpu_us_per_chunk"] = _ratio(result["cpu_us"], result["chunks"])
    return figures


def bulk(lab, contestant, errors):
    figures = {}
    for way in ("upload", "download"):
        with running(contestant, lab, buffering="off") as live:
            result = lab.load(way, live, bytes=lab.options.megabytes * 1_000_000)
            memory = live.child.memory() if live.child else None
        errors.check(result, f"{contestant.name} {way}")
        figures[f"{way}.mb_per_s"] = result["mb_per_s"]
        if memory:
            figures[f"{way}.peak_mib"] = memory["VmHWM"] / 1024
            figures[f"{way}.grown_mib"] = (memory["VmHWM"] - live.idle["VmRSS"]) / 1024
    return figures


def startup(lab, contestant, _errors):
    """The best of a few starts: a start can only be slowed down by what else the machine does."""
    if contestant.direct:
        return {}
    starts = []
    for _ in range(lab.options.starts):
        with running(contestant, lab) as live:
            starts.append(live.start_ms)
    return {"startup.ms": min(starts), "startup.idle_mib": live.idle["VmRSS"] / 1024,
            "startup.idle_pss_mib": live.idle["Pss"] / 1024,
            "startup.binary_mib": contestant.binary().stat().st_size / 1024 / 1024}


def _ratio(part, whole):
    return part / whole if part is not None and whole else None


GROUPS = {"throughput": throughput, "connections": connections, "latency": latency, "streams": streams, "bulk": bulk,
          "startup": startup, "pause": pause}
