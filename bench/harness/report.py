"""Medians, ratios to the baseline, and the two ways of telling them: a Markdown block and a JSON file."""

import json
from statistics import median

from .options import Refused
from .rows import rows

BEGIN, END = "<!-- bench:begin -->", "<!-- bench:end -->"
#: Below this share of its core, in percent, a proxy was not what limited its throughput.
BUSY = 90
#: A direct response takes a tenth of this on a quiet machine, microseconds.
LATE_US = 1000


def cell(row, name, baseline, rounds):
    """Median, its range over the rounds, and the median and range of the ratios within each round."""
    values = [figures[name][row.key] for figures in rounds if figures[name].get(row.key) is not None]
    if not values:
        return None
    found = {"median": median(values), "least": min(values), "most": max(values)}
    if row.compare and name not in (baseline, "direct"):
        pairs = [(figures[name].get(row.key), figures[baseline].get(row.key)) for figures in rounds]
        # A base of nothing or less (an added latency lost in the noise) gives no ratio.
        ratios = [own / base for own, base in pairs if own is not None and base is not None and base > 0]
        if ratios:
            found["ratio"] = {"median": median(ratios), "least": min(ratios), "most": max(ratios)}
    return found


def summarise(options, names, rounds):
    """Row key to contestant name to cell."""
    def cells(row):
        found = {name: cell(row, name, options.baseline, rounds) for name in names}
        return {name: one for name, one in found.items() if one}

    return {row.key: cells(row) for row in rows(options)}


def markdown(options, facts, names, summary, errors):
    """The whole block, markers included."""
    lines = [BEGIN, "", *(f"- {name}: {value}" for name, value in facts.items()), f"- {_method(options)}", ""]
    if errors:
        lines += ["**This run had errors; its figures mean nothing.**", "", *(f"- {error}" for error in errors), ""]
    lines += _doubts(summary)
    lines += ["| | " + " | ".join(names) + " | promised |", "|---|" + "---:|" * len(names) + "---|"]
    for row in rows(options):
        cells = summary[row.key]
        if cells:
            shown = [_shown(row, cells.get(name)) for name in names]
            lines.append(f"| {row.label} | " + " | ".join(shown) + f" | {_promise(row, cells, options.baseline)} |")
    return "\n".join([*lines, "", END, ""])


def _doubts(summary):
    """Reasons to distrust the figures that the figures themselves give."""
    shares = {name: found["median"] for name, found in summary["throughput.busy_percent"].items()}
    idle = ", ".join(f"{name} {share:.0f} %" for name, share in shares.items() if share < BUSY)
    doubts = []
    if idle:
        doubts.append(f"At full load a core was not filled ({idle}): the machine was busy, or the load too light.")
    late = summary["latency.p50_us"].get("direct", {}).get("most", 0)
    if late > LATE_US:
        doubts.append(f"direct responses had a median of up to {late:,.0f} µs: the added latencies mean nothing.")
    return [line for doubt in doubts for line in (f"**{doubt}**", "")]


def _method(options):
    rounds = "1 round" if options.rounds == 1 else f"{options.rounds} interleaved rounds"
    return (f"Medians of {rounds}; × is the median of the per-round ratios to {options.baseline}, in brackets "
            f"their range. 1 KiB JSON POST, loopback, one worker each, {_variant(options)}. nginx: keep-alive, "
            "request buffering off, response buffering on for throughput and latency, off for streams and bulk, "
            "no temporary files.")


def _variant(options):
    log = "a line for each request in a buffered log" if options.access_log else "access logs off"
    return f"{log}, TLS to the upstream" if options.tls else log


def _shown(row, found):
    if not found:
        return ""
    text = f"{found['median']:,.{row.digits}f}".replace(",", " ")
    if ratio := found.get("ratio"):
        text += f" ({ratio['median']:.2f}× [{ratio['least']:.2f}–{ratio['most']:.2f}])"
    return text


def _promise(row, cells, baseline):
    """The promise and, where Throughway was measured, whether it was kept."""
    if not row.promise:
        return ""
    found = cells.get("throughway", {})
    value = found.get("ratio", {}).get("median") if row.promise.relative else found.get("median")
    if value is None or (row.promise.relative and baseline != "nginx"):
        return str(row.promise)
    return f"{row.promise} {'✓' if row.promise.kept(value) else '✗'}"


def check_document(path):
    """Refuses early a document that exists without exactly one pair of markers."""
    if path and path.exists():
        text = path.read_text()
        if text.count(BEGIN) != 1 or text.count(END) != 1 or text.index(BEGIN) > text.index(END):
            raise Refused(f"{path} has no single pair of {BEGIN} and {END}")


def write_document(path, block):
    """Replaces the block between the markers; a new document is the block alone."""
    before, after = "", ""
    if path.exists():
        before, rest = path.read_text().split(BEGIN)
        after = rest.split(END)[1].removeprefix("\n")
    path.write_text(before + block + after)


def write_json(path, options, facts, summary, rounds, errors):
    """Everything, every round included."""
    path.parent.mkdir(parents=True, exist_ok=True)
    content = {"facts": facts, "options": vars(options), "errors": errors, "summary": summary, "rounds": rounds}
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False, default=str) + "\n")
