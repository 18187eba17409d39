"""The command line as one checked value. Decides nothing about how things are measured."""

import argparse
from dataclasses import dataclass
from pathlib import Path

BENCH = Path(__file__).resolve().parent.parent
REPOSITORY = BENCH.parent
ABOUT = "Measures Throughway, nginx and the direct way in turns, on fixed cores; bench/README.md explains the figures."
GROUPS = ["throughput", "connections", "latency", "streams", "bulk", "startup", "pause"]
#: What is measured over TLS: the rest says nothing of it.
OVER_TLS = ["throughput", "connections", "pause"]


@dataclass(frozen=True)
class StreamLoad:
    """So many streams at once, each with one event per interval (milliseconds)."""

    streams: int
    interval_ms: int

    @property
    def key(self):
        return f"streams{self.streams}"


class Refused(Exception):
    """Something asked for on the command line, or needed from the machine, that cannot be."""


def parse(arguments=None):
    """The checked options; --quick only changes what is not given explicitly."""
    parser = argparse.ArgumentParser(
        prog="bench/run", description=ABOUT, formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    add = parser.add_argument
    add("--rounds", type=int, default=5, help="how often everything is measured, proxies taking turns")
    add("--quick", action="store_true", help="2 short rounds: proves that it works, no figures to quote")
    add("--only", default="", help=f"comma list of what to measure: {', '.join(GROUPS)}; all but pause if empty")
    add("--access-log", action="store_true", help="nginx and throughway write a line for each request, buffered")
    add("--keys", action="store_true", help="throughway with a gateway key, with a team and lists, among 100 000")
    add("--endpoints", action="store_true", help="an endpoint with key and credential, alone and among 10 000")
    add("--accounts", action="store_true", help="records of each request, alone and with prices, key and budget")
    add("--tls", action="store_true", help="TLS from the proxy to the upstream; without the direct way")
    add("--skip", default="", help="comma list of proxies to leave out (nginx, throughway, throughway-default)")
    add("--proxy", action="append", default=[], metavar="NAME=COMMAND:PORT",
        help="one more proxy, PORT may be 'auto'; in COMMAND {port}, {upstream}, {folder}, "
             "{nginx}, {settings} and {settings-default} are filled in")
    add("--header", action="append", default=[], metavar="NAME=LINE",
        help="a request header line for one --proxy, {upstream} filled in; adds to the gateway headers")
    add("--baseline", default="nginx", help="the contestant to which ratios are taken")
    add("--throughway", type=Path, default=REPOSITORY / "target/release/throughway", help="the binary to measure")
    add("--nginx", default="nginx", help="the nginx to compare with")
    add("--seconds", type=float, default=4.0, help="length of a throughput or latency window")
    add("--warmup", type=float, default=1.0, help="load before each window, not counted")
    add("--connections", type=int, default=64, help="keep-alive connections")
    add("--more-connections", default="1000,4000", help="comma list: throughput over so many connections, too")
    add("--pause", type=float, default=10.0, help="seconds between two requests of the pause measure")
    add("--rate", type=int, default=2000, help="requests per second of the latency measure")
    add("--streams", default="500:20,2000:200", help="comma list of STREAMS:INTERVAL_MS")
    add("--stream-seconds", type=float, default=4.0, help="length of every stream, rounded to whole intervals")
    add("--megabytes", type=int, default=200, help="size of a bulk transfer")
    add("--starts", type=int, default=5, help="starts per proxy and round")
    add("--proxy-core", type=int, default=1, help="core for the proxy alone")
    add("--load-core", type=int, default=0, help="core for load generator and upstream")
    add("--json", type=Path, default=BENCH / "results/latest.json", help="where every single figure goes")
    add("--markdown", type=Path, help="a document whose block between the bench markers is replaced")
    if parser.parse_known_args(arguments)[0].quick:
        parser.set_defaults(rounds=2, seconds=1.0, warmup=0.3, stream_seconds=2.0, starts=2)
    return _checked(parser.parse_args(arguments))


def _checked(options):
    everything = OVER_TLS if options.tls else [group for group in GROUPS if group != "pause"]
    options.only = options.only.split(",") if options.only else everything
    if unknown := set(options.only) - set(GROUPS):
        raise Refused(f"--only: unknown {', '.join(sorted(unknown))}; known are {', '.join(GROUPS)}")
    if options.tls and (plain := set(options.only) - set(OVER_TLS)):
        raise Refused(f"--tls: {', '.join(sorted(plain))} is not measured over TLS")
    try:
        options.more_connections = [int(count) for count in options.more_connections.split(",") if count]
    except ValueError:
        raise Refused(f"--more-connections: expected numbers, got {options.more_connections}") from None
    options.skip = [name for name in options.skip.split(",") if name]
    try:
        pairs = [tuple(map(int, load.split(":"))) for load in options.streams.split(",")]
        options.streams = [StreamLoad(streams, interval) for streams, interval in pairs]
    except (TypeError, ValueError):
        raise Refused(f"--streams: expected STREAMS:INTERVAL_MS, got {options.streams}") from None
    if options.rounds < 1 or options.proxy_core == options.load_core:
        raise Refused("at least one round and two different cores are needed")
    return options
