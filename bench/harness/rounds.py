"""Who is measured when: in every round all contestants take turns at each measure, and the order rotates.

What the machine does meanwhile thus hits everybody alike, and ratios are taken within one round.
"""

import sys
import time

from .measures import GROUPS

#: Figures also given as what the proxy adds to the direct way in the same round.
ADDED = {"latency.p50_us", "latency.p99_us", "latency.p999_us"}


def measure(lab, everyone, errors):
    """One dict per round: contestant name to figures."""
    rounds = []
    for number in range(lab.options.rounds):
        turn = number % len(everyone)
        figures = {one.name: {} for one in everyone}
        for group in lab.options.only:
            for one in everyone[turn:] + everyone[:turn]:
                _say(f"round {number + 1}/{lab.options.rounds}  {group:<10}  {one.name}")
                figures[one.name] |= GROUPS[group](lab, one, errors)
        _add_differences(figures)
        rounds.append(figures)
    _say("")
    return rounds


def _add_differences(figures):
    direct = figures["direct"]
    for name, own in figures.items():
        for key in ADDED & own.keys():
            if name != "direct":
                own[f"added.{key}"] = own[key] - direct[key]


def _say(text):
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)
    elif text:
        print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)
