"""Does a gateway key open the gateway where the Python SDKs of OpenAI, Anthropic and Google put their own keys?

Run `tests/clients/run`, which starts all that is needed: a recording upstream, and a gateway whose keys are in the
environment variables GATEWAY_KEY and SPENT_KEY.
"""

import json
import os
import platform
import urllib.request
from importlib.metadata import version

import gateway_key
import harness
from harness import check, expect

harness.forget_environment()
import anthropic  # noqa: E402
import openai  # noqa: E402
from google import genai  # noqa: E402
from google.genai import errors  # noqa: E402

KEY = os.environ["GATEWAY_KEY"]
# Its budget is exhausted.
SPENT_KEY = os.environ["SPENT_KEY"]
ASK = [{"role": "user", "content": "hello"}]


def recorded(bench):
    with urllib.request.urlopen(f"{bench.upstream}/recorded", timeout=5) as page:
        return json.load(page)


def by_openai(bench, key, **more):
    client = openai.OpenAI(base_url=f"{bench.base}/v1", api_key=key, max_retries=0, **more)
    return client.chat.completions.create(model="tiny", messages=ASK).choices[0].message.content


def by_anthropic(bench, key, **more):
    client = anthropic.Anthropic(base_url=bench.base, api_key=key, max_retries=0, **more)
    return client.messages.create(model="tiny", max_tokens=9, messages=ASK).content[0].text


def by_anthropic_token(bench, key, **more):
    client = anthropic.Anthropic(base_url=bench.base, auth_token=key, max_retries=0, **more)
    return client.messages.create(model="tiny", max_tokens=9, messages=ASK).content[0].text


def by_google(bench, key):
    options = {"base_url": bench.base, "api_version": "v1"}
    client = genai.Client(api_key=key, http_options=options)
    return client.models.generate_content(model="tiny", contents="hello").text


def opens(bench, send):
    """The request comes, and nothing of the key with it."""
    before = len(recorded(bench))
    expect("text", send(bench, KEY), "recorded")
    came = recorded(bench)[before:]
    expect("requests", len(came), 1)
    assert KEY[3:35] not in came[0], "the key left the gateway"
    return came[0].lower()


def is_refused(bench, send, error, status):
    """An unknown key and a mistyped one are refused by the SDK's own error."""
    before = len(recorded(bench))
    for key in (gateway_key.make(), KEY[:-1] + ("0" if KEY[-1] != "0" else "1")):
        try:
            send(bench, key)
        except error as refused:
            expect("status", status(refused), 401)
            assert key not in str(refused), "the error repeats the key"
        else:
            raise AssertionError("no error was raised")
    expect("requests", len(recorded(bench)), before)


def refusals(bench):
    with urllib.request.urlopen(f"{bench.base}/gateway/metrics", timeout=5) as page:
        lines = page.read().decode().splitlines()
    name = "throughway_budget_refusals_total "
    return sum(int(line.removeprefix(name)) for line in lines if line.startswith(name))


def is_not_retried(bench, client, send):
    """An exhausted budget is a 402, and the SDK sends it once, whatever it retries otherwise."""
    before = refusals(bench)
    try:
        send(client(base_url=bench.base, api_key=SPENT_KEY, max_retries=3))
    except (openai.APIStatusError, anthropic.APIStatusError) as refused:
        expect("status", refused.status_code, 402)
        expect("code", refused.response.headers["x-gateway-error"], "budget_exceeded")
        assert "0 USD of 0 USD are spent" in str(refused), refused
    else:
        raise AssertionError("no error was raised")
    expect("requests", refusals(bench) - before, 1)


def of_status(error):
    return error.status_code


@check("openai: the key opens the gateway and stays there")
def openai_key(bench):
    assert "authorization:" not in opens(bench, by_openai)


@check("openai: another key is an AuthenticationError")
def openai_refused(bench):
    is_refused(bench, by_openai, openai.AuthenticationError, of_status)


@check("openai: the provider's own key crosses beside ours")
def openai_both(bench):
    ours = {"default_headers": {"x-gateway-api-key": KEY}}
    came = opens(bench, lambda bench, _: by_openai(bench, "sk-own", **ours))
    assert "authorization: bearer sk-own" in came, came


@check("openai: an exhausted budget is an error that is not retried")
def openai_budget(bench):
    def ask(client):
        client.with_options(base_url=f"{bench.base}/v1").chat.completions.create(model="tiny", messages=ASK)

    is_not_retried(bench, openai.OpenAI, ask)


@check("anthropic: an exhausted budget is an error that is not retried")
def anthropic_budget(bench):
    is_not_retried(
        bench,
        anthropic.Anthropic,
        lambda client: client.messages.create(model="tiny", max_tokens=9, messages=ASK),
    )


@check("anthropic: the key opens the gateway and stays there")
def anthropic_key(bench):
    assert "x-api-key:" not in opens(bench, by_anthropic)


@check("anthropic: a key as auth_token opens it too")
def anthropic_token(bench):
    assert "authorization:" not in opens(bench, by_anthropic_token)


@check("anthropic: another key is an AuthenticationError")
def anthropic_refused(bench):
    is_refused(bench, by_anthropic, anthropic.AuthenticationError, of_status)


@check("google: the key opens the gateway and stays there")
def google_key(bench):
    came = opens(bench, by_google)
    assert "x-goog-api-key:" not in came and "post /v1/models/tiny:generatecontent" in came, came


@check("google: another key is a ClientError")
def google_refused(bench):
    is_refused(bench, by_google, errors.ClientError, lambda error: error.code)


if __name__ == "__main__":
    versions = ", ".join(f"{name} {version(name)}" for name in ("openai", "anthropic", "google-genai"))
    harness.main(f"gateway keys: {versions}, Python {platform.python_version()}")
