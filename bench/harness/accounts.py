"""What is kept of each request: records alone, and records with prices, a key and a budget that never runs out."""

from . import keys

RECORDS = "records: {{store: sqlite}}\ndata_dir: {folder}/data-{port}\n"
PRICES = 'prices: {overrides: [{model: "*", input: 1, output: 4}]}\n'
BUDGET = ", budgets: [{usd: 1000000, window: day}]"


def records(folder, port):
    """Settings of a gateway that stores records."""
    return RECORDS.format(folder=folder, port=port)


def all_of_it(folder, port):
    """The same with a price for every model, and a key with a budget."""
    return records(folder, port) + PRICES + keys.one(BUDGET)
