"""Does Portkey's own Python SDK, unchanged, get retries and fallbacks from a gateway in Portkey mode?

Run `python portkey_python.py --help`; `tests/clients/run` starts all that is needed: two mocks, and a gateway with
`--portkey`.
"""

import json
import platform
import urllib.request
import uuid
from importlib.metadata import version

import harness
from harness import check, expect

harness.forget_environment()
from portkey_ai import AsyncPortkey, Portkey  # noqa: E402

ASK = {"model": "tiny", "messages": [{"role": "user", "content": "the quick brown fox"}]}


def target(root, **more):
    """A target as Portkey's configs write it."""
    return {"provider": "openai", "api_key": "sk-of-the-target", "custom_host": f"{root}/v1"} | more


def failing(bench, **faults):
    """The first mock, asked to fail."""
    headers = {f"x-mock-{name.replace('_', '-')}": str(value) for name, value in faults.items()}
    return target(bench.upstream, headers=headers)


def fallback(bench, first, **strategy):
    return {"strategy": {"mode": "fallback"} | strategy, "targets": [first, target(bench.second)]}


def client(bench, config):
    return Portkey(api_key="pk-of-the-caller", base_url=f"{bench.base}/v1", config=config)


def asked(root):
    with urllib.request.urlopen(f"{root}/mock/stats", timeout=5) as page:
        return json.load(page)["requests"]


class Counted:
    """How often both mocks were asked meanwhile."""

    def __init__(self, bench):
        self.roots = (bench.upstream, bench.second)

    def __enter__(self):
        self.before = [asked(root) for root in self.roots]
        return self

    def __exit__(self, *_):
        self.times = tuple(asked(root) - before for root, before in zip(self.roots, self.before))


@check("a fallback responds when the first target fails, and the reply says which did")
def falls_back(bench):
    with Counted(bench) as counted:
        response = client(bench, fallback(bench, failing(bench, status=503))).chat.completions.create(**ASK)
    assert response.choices[0].message.content
    headers = {name.lower(): value for name, value in response.get_headers().items()}
    expect("option index", headers.get("last-used-option-index"), "config.targets[1]")
    expect("retries", headers.get("retry-attempt-count"), "0")
    expect("provider", headers.get("provider"), "openai")
    expect("cache", headers.get("cache-status"), "DISABLED")
    assert headers.get("trace-id"), headers
    expect("asked", counted.times, (1, 1))


@check("a stream falls back before its first token")
def stream_falls_back(bench):
    config = fallback(bench, failing(bench, error_first=1))
    with Counted(bench) as counted:
        chunks = list(client(bench, config).chat.completions.create(stream=True, **ASK))
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text and chunks[-1].choices[0].finish_reason == "stop", chunks[-1]
    expect("asked", counted.times, (1, 1))


@check("statuses that are not listed are relayed")
def listed_only(bench):
    config = fallback(bench, failing(bench, status=500), on_status_codes=[429])
    with Counted(bench) as counted:
        try:
            client(bench, config).with_options(max_retries=0).chat.completions.create(**ASK)
        except Exception as error:
            expect("status", error.status_code, 500)
        else:
            raise AssertionError("a 500 is no response")
    expect("asked", counted.times, (1, 0))


@check("a retry is counted in the reply")
def retries(bench):
    faulty = failing(bench, status=429, fail_first=1, key=uuid.uuid4(), retry_after="0")
    config = {"retry": {"attempts": 2, "use_retry_after_header": True}} | faulty
    with Counted(bench) as counted:
        response = client(bench, config).chat.completions.create(**ASK)
    headers = {name.lower(): value for name, value in response.get_headers().items()}
    expect("retries", headers.get("retry-attempt-count"), "1")
    expect("option index", headers.get("last-used-option-index"), "config")
    expect("asked", counted.times, (2, 0))


@check("a load balance leaves out weight 0")
def balances(bench):
    targets = [target(bench.upstream, weight=0), target(bench.second, weight=1)]
    with Counted(bench) as counted:
        for _ in range(5):
            client(bench, {"strategy": {"mode": "loadbalance"}, "targets": targets}).chat.completions.create(**ASK)
    expect("asked", counted.times, (0, 5))


@check("the async client falls back")
async def async_falls_back(bench):
    config = fallback(bench, failing(bench, status=500))
    portkey = AsyncPortkey(api_key="pk-of-the-caller", base_url=f"{bench.base}/v1", config=config)
    response = await portkey.chat.completions.create(**ASK)
    assert response.choices[0].message.content


@check("the target gets its own key, and nothing of Portkey's")
def keys(bench):
    portkey = client(bench, target(bench.upstream))
    seen = json.dumps(portkey.post("/echo", **ASK).model_dump())
    assert "sk-of-the-target" in seen, seen
    for secret in ["pk-of-the-caller", "x-portkey", "OPENAI_API_KEY"]:
        assert secret not in seen, f"{secret} in {seen}"


if __name__ == "__main__":
    harness.main(f"portkey-ai {version('portkey-ai')}, Python {platform.python_version()}")
