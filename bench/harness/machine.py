"""Where, when and of what the figures were taken."""

import os
import platform
import re
import resource
import subprocess
import time
from datetime import datetime, timezone
from pathlib import Path

from .options import REPOSITORY


def describe(options, everyone):
    """Facts for the head of the report, in the order in which they are printed."""
    cores = f"proxy on core {options.proxy_core}, load and upstream on core {options.load_core}"
    facts = {
        "Machine": f"{_cpu_model()}, {os.cpu_count()} cores, Linux {platform.release()}; {cores}",
        "Date": datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
        "Commit": _commit(),
    }
    for one in everyone:
        if not one.direct and one.name != "throughway-default":
            facts[one.name] = _version(one)
    return facts


class Surroundings:
    """What else the machine did during the run, in percent of one core: figures from a busy machine are worthless."""

    def __init__(self):
        self._before = _cpu_seconds()

    def finish(self):
        """Others' use and what the hypervisor withheld; call it when all children have been waited for."""
        elapsed, others, stolen = (after - before for after, before in zip(_cpu_seconds(), self._before))
        return 100 * others / elapsed, 100 * stolen / elapsed


def _cpu_seconds():
    """The clock, CPU time used by anybody but us and our children, time stolen; seconds (proc(5), /proc/stat)."""
    user, nice, system, _idle, _iowait, _irq, _softirq, stolen = map(int, Path("/proc/stat").read_text().split()[1:9])
    tick = os.sysconf("SC_CLK_TCK")
    ours = sum(sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return time.monotonic(), (user + nice + system) / tick - ours, stolen / tick


def _cpu_model():
    found = re.search(r"model name\s*:\s*(.+)", Path("/proc/cpuinfo").read_text())
    return found[1].strip() if found else platform.machine()


def _commit():
    commit = _output(["git", "-C", str(REPOSITORY), "rev-parse", "--short=12", "HEAD"])
    changed = _output(["git", "-C", str(REPOSITORY), "status", "--porcelain", "--untracked-files=no"])
    return f"{commit or 'unknown'}{' with uncommitted changes' if changed else ''}"


def _version(contestant):
    flag = "-v" if "nginx" in contestant.binary().name else "--version"
    return next(iter(_output([str(contestant.binary()), flag]).splitlines()), "version unknown").rpartition(": ")[2]


def _output(command):
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return (done.stdout + done.stderr).strip() if done.returncode == 0 else ""
