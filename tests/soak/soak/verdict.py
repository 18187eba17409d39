"""What must hold in the end, and the table that is printed."""

DESCRIPTOR_SLACK = 8


def breaches(options, facts):
    """Every promise that was broken, as sentences."""
    found = [f"a client saw something wrong: {wrong}" for wrong in facts["wrong"]]
    found += [f"the log speaks of a defect: {line[:400]}" for line in facts["defects"][:20]]

    def must(holds, sentence):
        if not holds:
            found.append(sentence)

    counters, logged, tally = facts["counters"], facts["logged"], facts["tally"]
    must(facts["alive"], "the gateway is dead")
    must(facts["mock_alive"], "the mock upstream is dead")
    must(facts["exit_code"] == 0, f"the gateway ended with {facts['exit_code']} instead of 0")
    if counters is not None:
        ended = sum(counters.outcomes.values())
        must(counters.in_flight == 0, f"{counters.in_flight} requests are still in flight")
        must(counters.received == ended, f"{counters.received} requests received, {ended} ended")
        must(counters.received == sum(logged.values()),
             f"{counters.received} requests received, {sum(logged.values())} logged")
        for outcome in sorted(set(logged) | set(counters.outcomes)):
            counted, written = counters.outcomes.get(outcome, 0), logged.get(outcome, 0)
            must(counted == written, f"outcome {outcome}: {counted} counted, {written} logged")
        must(counters.internal_errors == 0, f"{counters.internal_errors} internal errors")
        must(0 < counters.received <= tally["requests begun"],
             f"{counters.received} requests received, {tally['requests begun']} begun by clients")
    must(facts["recorded"] == logged, f"recorded {dict(facts['recorded'])}, logged {logged}")
    lost, twice = facts["log_ids"] - facts["record_ids"], facts["record_ids"] - facts["log_ids"]
    must(not lost, f"{lost.total()} requests are logged and not recorded: {lost.most_common(3)}")
    must(not twice, f"{twice.total()} requests are recorded and not logged: {twice.most_common(3)}")
    must(facts["descriptors_after"] <= facts["descriptors_before"] + DESCRIPTOR_SLACK,
         f"{facts['descriptors_after']} descriptors at rest, {facts['descriptors_before']} before the load")
    growth, allowed = growth_of(options, facts)
    must(growth <= allowed, f"resident memory grew by {growth:.1f} MiB after the warm-up, {allowed:.1f} MiB allowed")
    return found


def growth_of(options, facts):
    """Growth from after the warm-up third to the end, and what is allowed, in MiB."""
    warm, late = facts["resident_warm"], facts["resident_late"]
    return late - warm, options.growth_mib + warm * options.growth_percent / 100


def table(options, facts):
    """The summary, one fact to a line."""
    counters, tally = facts["counters"], facts["tally"]
    growth, allowed = growth_of(options, facts)
    rows = [
        ("load", f"{options.minutes:g} min, {options.clients} clients, {options.rate:g} scenes/s, "
                 f"chaos {options.chaos:g}, seed {options.seed}"),
        ("requests begun by clients", tally["requests begun"]),
        ("records", facts["recorded"].total()),
    ]
    if counters is not None:
        rows += [("requests received", counters.received)]
        rows += [(f"  {outcome}", f"{count} (logged {facts['logged'].get(outcome, 0)})")
                 for outcome, count in sorted(counters.outcomes.items())]
        rows += [("in flight at rest", counters.in_flight), ("stale retries", counters.stale_retries)]
    rows += [
        ("descriptors", f"{facts['descriptors_before']} before, {facts['descriptors_most']} at most, "
                        f"{facts['descriptors_after']} at rest"),
        ("resident MiB", f"{facts['resident_before']:.1f} before, {facts['resident_warm']:.1f} after warm-up, "
                         f"{facts['resident_late']:.1f} at the end, {facts['resident_most']:.1f} at most, "
                         f"{facts['resident_after']:.1f} at rest"),
        ("growth MiB", f"{growth:.1f} ({allowed:.1f} allowed)"),
        ("exit code", facts["exit_code"]),
    ]
    rows += sorted((name, count) for name, count in tally.items() if name != "requests begun")
    width = max(len(name) for name, _ in rows)
    return "\n".join(f"{name:<{width}}  {value}" for name, value in rows)
