"""The bench itself: the load tool built, the upstream running, a scratch folder; all gone at the end."""

import contextlib
import json
import resource
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from .options import BENCH, Refused
from .process import Child, free_port
from .tls import configure

LOADGEN = BENCH / "target/release/loadgen"
#: No single run of the load tool may take longer, seconds.
LOAD_LIMIT = 120
#: Two descriptors per stream in a proxy, and some to spare.
OPEN_FILES = 10000


@dataclass
class Lab:
    options: object
    folder: Path
    upstream_port: int

    def load(self, kind, live, **arguments):
        """One run of the load tool against a live contestant; its JSON line as a dict."""
        command = [LOADGEN, kind, "--target", f"127.0.0.1:{live.port}"]
        for name, value in arguments.items():
            command += [f"--{name.replace('_', '-')}", str(value)]
        for line in live.headers:
            command += ["--header", line]
        if live.child:
            command += ["--pids", ",".join(map(str, live.child.family()))]
        pipe = subprocess.PIPE
        child = Child(command, self.options.load_core, pipe, stdout=pipe, stdin=subprocess.DEVNULL)
        try:
            output, complaint = child.process.communicate(timeout=LOAD_LIMIT)
        finally:
            child.stop()
        if child.process.returncode != 0:
            raise RuntimeError(f"loadgen {kind}: {complaint.decode().strip()}")
        return json.loads(output)


@contextlib.contextmanager
def opened(options):
    """A lab with everything in place; the upstream also ends by itself should the harness be killed."""
    _raise_open_files()
    build = ["cargo", "build", "--release", "--quiet", "--locked", "--manifest-path", BENCH / "Cargo.toml"]
    if subprocess.run(build, check=False).returncode != 0:
        raise Refused("the load tool does not build")
    with tempfile.TemporaryDirectory(prefix="throughway-bench-") as folder:
        # nginx's worker runs as another user when started by root and must be able to enter.
        Path(folder).chmod(0o755)
        upstream = Child([LOADGEN, "upstream", "--listen", "127.0.0.1:0"], options.load_core, None,
                         stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        try:
            port = json.loads(upstream.process.stdout.readline())["port"]
            with _over_tls(options, Path(folder), port) as port:
                yield Lab(options, Path(folder), port)
        finally:
            upstream.stop()


@contextlib.contextmanager
def _over_tls(options, folder, port):
    """The port that a proxy is sent to: with --tls, of a terminator in front of the upstream."""
    if not options.tls:
        yield port
        return
    tls_port = free_port()
    terminator = Child([options.nginx, "-p", folder, "-c", configure(folder, tls_port, port)], options.load_core,
                       None, stdin=subprocess.DEVNULL)
    try:
        yield tls_port
    finally:
        terminator.stop()


def _raise_open_files():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < OPEN_FILES:
        raise Refused(f"the hard limit on open files is {hard}; {OPEN_FILES} are needed (ulimit -Hn)")
    if soft != resource.RLIM_INFINITY and soft < OPEN_FILES:
        resource.setrlimit(resource.RLIMIT_NOFILE, (OPEN_FILES, hard))
