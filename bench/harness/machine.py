"""Where, when and of what the figures were taken."""

import os
import platform
import re
import subprocess
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
        "Load average before": " ".join(f"{value:.2f}" for value in os.getloadavg()),
    }
    for one in everyone:
        if not one.direct and one.name != "throughway-default":
            facts[one.name] = _version(one)
    return facts


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
