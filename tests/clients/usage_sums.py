"""Are the tokens that the gateway's records sum up those that the upstream itself has counted?

Run `tests/clients/run`, which starts all that is needed: the upstream, and a gateway whose admin token is in
ADMIN_TOKEN.
"""

import json
import os
import platform
import re
import time
import urllib.request
from importlib.metadata import version

import harness
from harness import check, expect

harness.forget_environment()
import anthropic  # noqa: E402
import openai  # noqa: E402

ASK = [{"role": "user", "content": "Count to five, in words, and stop there."}]


def recorded(bench):
    """Requests, input and output tokens, by the gateway's records."""
    address = f"{bench.base}/gateway/admin/v1/usage?group=outcome"
    request = urllib.request.Request(address, headers={"authorization": f"Bearer {os.environ['ADMIN_TOKEN']}"})
    with urllib.request.urlopen(request, timeout=5) as page:
        rows = json.load(page)["data"]
    return tuple(sum(row[name] for row in rows) for name in ("requests", "input", "output"))


def counted(bench):
    """Input and output tokens, by the upstream."""
    text = bench.stats()
    if bench.target == "mock":
        tokens = json.loads(text)["tokens"]
        return tokens["input"], tokens["output"]
    names = ("prompt_tokens_total", "generation_tokens_total")
    return tuple(int(float(re.search(rf"^vllm:{name}{{[^}}]*}} (\S+)$", text, re.MULTILINE)[1])) for name in names)


def sends(bench):
    """What is sent: each call is one request."""
    client = openai.OpenAI(base_url=f"{bench.base}/v1", api_key="sk-test", max_retries=0)
    other = anthropic.Anthropic(base_url=bench.base, api_key="sk-test", max_retries=0)
    told = {"include_usage": True}
    most = {"model": bench.model, "max_tokens": 12}
    yield lambda: client.chat.completions.create(messages=ASK, **most)
    yield lambda: list(client.chat.completions.create(messages=ASK, stream=True, stream_options=told, **most))
    yield lambda: client.completions.create(prompt="one two three", **most)
    yield lambda: list(client.completions.create(prompt="one two", stream=True, stream_options=told, **most))
    yield lambda: client.responses.create(model=bench.model, input="one two three", max_output_tokens=16)
    yield lambda: list(client.responses.create(model=bench.model, input="one", max_output_tokens=16, stream=True))
    yield lambda: other.messages.create(messages=ASK, **most)
    yield lambda: list(other.messages.create(messages=ASK, stream=True, **most))


@check("sums of records are what the upstream has counted")
def sums_are_the_upstreams(bench):
    before, of_upstream = recorded(bench), counted(bench)
    expected = 0
    for send in [*sends(bench), *sends(bench)]:
        send()
        expected += 1
    deadline = time.monotonic() + 10
    while recorded(bench)[0] - before[0] < expected and time.monotonic() < deadline:
        time.sleep(0.1)
    after, by_upstream = recorded(bench), counted(bench)
    expect("requests", after[0] - before[0], expected)
    tokens = tuple(new - old for new, old in zip(by_upstream, of_upstream, strict=True))
    expect("input and output tokens", (after[1] - before[1], after[2] - before[2]), tokens)
    print(f"  {expected} requests, {tokens[0]} input and {tokens[1]} output tokens, as the upstream counts them")



if __name__ == "__main__":
    versions = ", ".join(f"{name} {version(name)}" for name in ("openai", "anthropic"))
    harness.main(f"usage: {versions}, Python {platform.python_version()}")
