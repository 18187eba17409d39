"""The parts of bench/run: what to measure, against which proxies, how often, and how to tell it."""
