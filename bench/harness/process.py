"""Starting, watching and stopping child processes. Touches only what it started, by process id."""

import contextlib
import os
import signal
import socket
import subprocess
from pathlib import Path

STOP_SECONDS = 5


@contextlib.contextmanager
def on_core(core):
    """What is started inside inherits this one core; the harness itself goes back to where it was."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


class Child:
    """One started process. In a session of its own, so that Ctrl-C reaches the harness alone."""

    def __init__(self, command, core, log, **pipes):
        with on_core(core):
            # A run leaves nothing behind in the home folder.
            environment = os.environ | {"THROUGHWAY_STORE": "off"}
            self.process = subprocess.Popen(command, stderr=log, start_new_session=True, env=environment, **pipes)
        self.command = command

    def alive(self):
        return self.process.poll() is None

    def stop(self):
        """SIGTERM, then SIGKILL to whatever of its family is left after a while."""
        family = self.family() if self.alive() else []
        if self.alive():
            self.process.terminate()
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            for pid in family:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            self.process.wait(STOP_SECONDS)

    def family(self):
        """This process and all its descendants (nginx: the master and its worker)."""
        return [self.process.pid, *_descendants(self.process.pid)]

    def reset_peak(self):
        """Makes the present resident size the peak (proc(5), clear_refs), so that start-up does not count."""
        for pid in self.family():
            Path(f"/proc/{pid}/clear_refs").write_text("5")

    def memory(self):
        """Present and peak resident and present proportional size of the family, in KiB.

        Resident sizes count pages shared by two processes twice; differences between two readings do not suffer.
        """
        sizes = {"VmRSS": 0, "VmHWM": 0, "Pss": 0}
        for pid in self.family():
            for line in [*_lines(pid, "status"), *_lines(pid, "smaps_rollup")]:
                name, _, rest = line.partition(":")
                if name in sizes:
                    sizes[name] += int(rest.split()[0])
        return sizes


def _descendants(pid):
    found = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            found += [int(child), *_descendants(int(child))]
    return found


def _lines(pid, name):
    return Path(f"/proc/{pid}/{name}").read_text().splitlines()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
