"""Does a gateway key open the gateway where the Python SDKs of OpenAI, Anthropic and Google put their own keys?

Run `tests/clients/run`, which starts all that is needed: a recording upstream, and a gateway whose one key is in the
environment variable GATEWAY_KEY.
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
