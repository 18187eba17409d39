"""The endpoints of a run: the proxied route as one, with a gateway key and a credential, alone or among many."""

from . import keys


def one(upstream):
    """Settings of a gateway with one endpoint and one key."""
    return keys.one() + "endpoints:\n" + _measured(upstream)


def many(upstream, count):
    """The same endpoint among others, which lead elsewhere."""
    other = '  - {{path: /v1/e{0}/x, target: "http://127.0.0.1:9/{0}"}}\n'
    others = "".join(other.format(number) for number in range(count))
    return keys.one() + "endpoints:\n" + others + _measured(upstream)


def _measured(upstream):
    target = f"http://127.0.0.1:{upstream}/v1/chat/completions"
    return f'  - {{path: /v1/chat/completions, target: "{target}", credential: {{bearer: sk-bench}}}}\n'
