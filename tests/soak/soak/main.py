"""One soak from the command line to the verdict."""

import asyncio
import contextlib
import logging
import signal
import sys
import tempfile
from pathlib import Path
from types import SimpleNamespace

from . import hostile
from .load import Load
from .options import parse
from .processes import read_log, read_records, start_gateway, start_mock
from .verdict import DESCRIPTOR_SLACK, breaches, table
from .watch import Counters, Samples, wait_for_rest


def main():
    """0: all held; 1: something did not; 130: interrupted."""
    options = parse()
    # Writes to connections that the gateway has closed are the point, not worth a warning each.
    logging.getLogger("asyncio").setLevel(logging.ERROR)
    # A polite kill takes the same way out as Ctrl-C, so that what was started is stopped.
    for wish in (signal.SIGINT, signal.SIGTERM):
        signal.signal(wish, _interrupt)
    with contextlib.ExitStack() as stack:
        directory = options.keep or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="soak-")))
        directory.mkdir(parents=True, exist_ok=True)
        try:
            if options.only_hostile:
                return _end(_hostile(options, directory))
            facts = _soak(options, directory)
        except KeyboardInterrupt:
            print("tests/soak/run: interrupted; everything it started is stopped", file=sys.stderr)
            return 130
        except RuntimeError as failure:
            print(f"tests/soak/run: {failure}", file=sys.stderr)
            return 1
    print(table(options, facts))
    return _end(breaches(options, facts) + facts["hostile"])


def _end(found):
    for breach in found:
        print(f"BREACH: {breach}")
    print("all held" if not found else f"{len(found)} breaches")
    return 1 if found else 0


def _interrupt(*_):
    raise KeyboardInterrupt


def _soak(options, directory):
    mock, mock_port = start_mock(options, directory)
    try:
        gateway, port = start_gateway(options, directory)
    except BaseException:
        mock.stop()
        raise
    try:
        facts = _under_load(options, gateway, port, mock_port)
        facts["alive"] = gateway.alive() or options.stop_under_load
        facts["mock_alive"] = mock.alive()
    finally:
        exit_code = gateway.stop()
        mock.stop()
    facts["exit_code"] = exit_code
    facts["hostile"] = [] if options.no_hostile else _hostile(options, directory)
    facts["logged"], facts["defects"], facts["log_ids"] = read_log(gateway.log)
    facts["recorded"], facts["record_ids"] = read_records(directory)
    return facts


def _hostile(options, directory):
    """The hostile requests go to an upstream without faults: what they are answered is the gateway's own doing."""
    (directory / "hostile").mkdir(exist_ok=True)
    mock, mock_port = start_mock(SimpleNamespace(**{**vars(options), "chaos": 0}), directory / "hostile")
    try:
        return hostile.run(options, directory, mock_port)
    finally:
        mock.stop()


def _under_load(options, gateway, port, mock_port):
    Counters(port)  # The first request opens what the program keeps open.
    facts = {"descriptors_before": gateway.descriptors(), "resident_before": gateway.resident_mib()}
    load, samples = Load(options, port, mock_port), Samples(gateway)
    asyncio.run(_drive(load, samples, options, gateway))
    facts["tally"], facts["wrong"] = load.tally, load.wrong
    facts["counters"], facts["descriptors_after"], facts["resident_after"] = None, 0, 0
    # A dead one has no such facts, which is a breach of its own.
    with contextlib.suppress(OSError):
        if options.stop_under_load:
            return facts | {"descriptors_most": 0, "resident_most": 0, "resident_warm": 0, "resident_late": 0}
        facts["counters"] = wait_for_rest(gateway, port, facts["descriptors_before"], DESCRIPTOR_SLACK)
        facts["descriptors_after"], facts["resident_after"] = gateway.descriptors(), gateway.resident_mib()
    facts["descriptors_most"], facts["resident_most"] = samples.most_descriptors(), samples.most_resident()
    # The load is mixed by dice: medians over a sixth of the run each.
    facts["resident_warm"] = samples.resident_between(2 / 6, 3 / 6)
    facts["resident_late"] = samples.resident_between(5 / 6, 1)
    return facts


async def _drive(load, samples, options, gateway):
    seconds = options.minutes * 60
    sampling = asyncio.create_task(samples.collect())
    stopping = asyncio.create_task(_stop_within(gateway, seconds / 2)) if options.stop_under_load else None
    try:
        await load.run(seconds)
    finally:
        sampling.cancel()
        if stopping:
            await stopping


async def _stop_within(gateway, seconds):
    await asyncio.sleep(seconds)
    gateway.process.terminate()
