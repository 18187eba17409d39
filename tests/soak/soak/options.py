"""The command line."""

import argparse
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]


def parse():
    """The options, checked; argparse ends the process with 2 when they make no sense."""
    parser = argparse.ArgumentParser(prog="tests/soak/run", description=__doc__)
    parser.add_argument("binary", nargs="?", type=Path, default=ROOT / "target/release/throughway",
                        help="the program to test (default: %(default)s)")
    parser.add_argument("--minutes", type=float, default=10, help="how long the load lasts (default: %(default)s)")
    parser.add_argument("--clients", type=int, default=150, help="how many work at once (default: %(default)s)")
    parser.add_argument("--rate", type=float, default=300,
                        help="how many scenes begin each second, all clients together (default: %(default)s)")
    parser.add_argument("--chaos", type=float, default=0.15,
                        help="share of requests that get a fault by lot upstream (default: %(default)s)")
    parser.add_argument("--workers", type=int, default=2, help="of the gateway (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="of the clients' dice (default: %(default)s)")
    parser.add_argument("--growth-mib", type=float, default=8,
                        help="resident memory may grow by this much after the warm-up third (default: %(default)s) ...")
    parser.add_argument("--growth-percent", type=float, default=10, help="... and this much (default: %(default)s)")
    parser.add_argument("--requests", type=int, default=0,
                        help="stop the load after so many requests were begun (default: no such end)")
    parser.add_argument("--stop-under-load", action="store_true",
                        help="stop the gateway by SIGTERM in the middle of the load: nothing may be lost then either")
    parser.add_argument("--no-hostile", action="store_true", help="leave out the table of hostile requests")
    parser.add_argument("--only-hostile", action="store_true", help="only the table of hostile requests, no load")
    parser.add_argument("--keep", type=Path, help="keep settings and logs in this directory")
    options = parser.parse_args()
    if not options.binary.is_file():
        parser.error(f"{options.binary} is not there: cargo build --release")
    if options.minutes <= 0 or options.clients < 1 or options.rate <= 0:
        parser.error("--minutes, --clients and --rate must be more than nothing")
    return options
