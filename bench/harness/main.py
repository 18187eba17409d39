"""One run from the command line to the report."""

import signal
import sys

from . import lab, machine, report
from .measures import Errors
from .options import Refused, parse
from .proxies import contestants
from .rounds import measure


def main():
    """0: measured; 1: measured with errors, or something died; 2: refused before measuring; 130: interrupted."""
    # A polite kill takes the same way out as Ctrl-C, so that children are stopped.
    for wish in (signal.SIGINT, signal.SIGTERM):
        signal.signal(wish, _interrupt)
    try:
        return _run(parse())
    except Refused as refusal:
        print(f"bench/run: {refusal}", file=sys.stderr)
        return 2
    except RuntimeError as failure:
        print(f"bench/run: {failure}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("bench/run: interrupted; everything it started is stopped", file=sys.stderr)
        return 130


def _run(options):
    everyone = contestants(options)
    report.check_document(options.markdown)
    errors = Errors()
    with lab.opened(options) as bench:
        facts = machine.describe(options, everyone)
        surroundings = machine.Surroundings()
        rounds = measure(bench, everyone, errors)
    others, stolen = surroundings.finish()
    facts["Meanwhile"] = f"other processes used {others:.0f} % of a core, the hypervisor withheld {stolen:.0f} %"
    names = [one.name for one in everyone]
    summary = report.summarise(options, names, rounds)
    block = report.markdown(options, facts, names, summary, errors.found)
    print(block)
    report.write_json(options.json, options, facts, summary, rounds, errors.found)
    if options.markdown and not errors.found:
        report.write_document(options.markdown, block)
    for error in errors.found:
        print(f"bench/run: ERROR {error}", file=sys.stderr)
    return 1 if errors.found else 0


def _interrupt(_signal, _frame):
    # Stopping the children takes seconds at most; impatience must not leave one behind.
    for wish in (signal.SIGINT, signal.SIGTERM):
        signal.signal(wish, signal.SIG_IGN)
    raise KeyboardInterrupt
