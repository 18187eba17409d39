"""Who is measured when: in every round all contestants take turns at each measure, and the order rotates.

What the machine does meanwhile thus hits everybody alike, and ratios are taken within one round.
"""

import re
import sys
import time
from pathlib import Path

from .measures import GROUPS
from .proxies import running

#: Figures also given as what the proxy adds to the direct way in the same round.
ADDED = {"latency.p50_us", "latency.p99_us", "latency.p999_us"}


#: Closed connections keep their port for a minute; Linux has 28 000 ports by default, and connecting stalls when few
#: are left. A proxy that opens a connection per request would thereby slow down whoever comes after it.
PORTS_IN_WAIT = 20_000
WAIT_SECONDS = 90


def measure(lab, everyone, errors):
    """One dict per round: contestant name to figures."""
    _try_out(lab, everyone)
    rounds = []
    for number in range(lab.options.rounds):
        turn = number % len(everyone)
        figures = {one.name: {} for one in everyone}
        for group in lab.options.only:
            for one in everyone[turn:] + everyone[:turn]:
                _say(f"round {number + 1}/{lab.options.rounds}  {group:<10}  {one.name}")
                _wait_for_ports()
                figures[one.name] |= GROUPS[group](lab, one, errors)
        _add_differences(figures)
        rounds.append(figures)
    _say("")
    return rounds


def _try_out(lab, everyone):
    """Brings everyone up once: what cannot serve is known before the first figure, and no start is a cold one."""
    for one in everyone:
        _say(f"trying out {one.name}")
        with running(one, lab):
            pass


def _wait_for_ports():
    deadline = time.monotonic() + WAIT_SECONDS
    while (waiting := _ports_in_wait()) > PORTS_IN_WAIT:
        if time.monotonic() > deadline:
            raise RuntimeError(f"{waiting} connections in TIME_WAIT after {WAIT_SECONDS} s; something else opens many")
        time.sleep(0.5)


def _ports_in_wait():
    return int(re.search(r"^TCP:.* tw (\d+)", Path("/proc/net/sockstat").read_text(), re.MULTILINE)[1])


def _add_differences(figures):
    direct = figures.get("direct")
    if direct is None:
        return
    for name, own in figures.items():
        for key in ADDED & own.keys():
            if name != "direct":
                own[f"added.{key}"] = own[key] - direct[key]


def _say(text):
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)
    elif text:
        print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)
