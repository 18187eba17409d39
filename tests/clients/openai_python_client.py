"""The OpenAI client under test, the one to compare with, and how their responses are compared. Contains no check."""

from contextlib import asynccontextmanager

from harness import expect, forget_environment, header_lines, masked

forget_environment()
import openai  # noqa: E402
from openai import AsyncOpenAI, OpenAI  # noqa: E402

ASK = [{"role": "user", "content": "the quick brown fox, naïve ☃ 日本語 🙂"}]
STREAM = {"stream": True, "stream_options": {"include_usage": True}}


def options(bench, root, headers):
    return {"base_url": f"{root}/v1", "api_key": bench.key, "max_retries": 0, "timeout": 30, "default_headers": headers}


def via(bench):
    """The client under test."""
    return OpenAI(**options(bench, bench.base, bench.headers))


def straight(bench):
    """The same client on the upstream itself, for comparison."""
    return OpenAI(**options(bench, bench.upstream, {}))


@asynccontextmanager
async def async_via(bench):
    async with AsyncOpenAI(**options(bench, bench.base, bench.headers)) as client:
        yield client


def same(bench, call, view=lambda response: response):
    """Makes the call through the gateway and straight; returns the view of the response if both are equal."""
    got, wanted = view(call(via(bench))), view(call(straight(bench)))
    expect("response", got, wanted)
    return got


def chat(bench, **more):
    return {"model": bench.model, "messages": ASK, "max_tokens": 16, "temperature": 0, **more}


def told(response):
    """What a chat response says, without ids and times."""
    choice = response.choices[0]
    return response.model, choice.message.content, choice.finish_reason, response.usage.to_dict()


def gather(chunks):
    """The content, finish reason and usage of a stream's chunks."""
    text = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
    finish = [c.choices[0].finish_reason for c in chunks if c.choices and c.choices[0].finish_reason]
    return text, finish, [c.usage.to_dict() for c in chunks if c.usage]


def refusal(call):
    """Class, status, body bytes and header lines of the error that the call raises."""
    try:
        call()
    except openai.APIStatusError as error:
        raw = error.response
        return type(error).__name__, error.status_code, masked(raw.content), header_lines(raw.headers.multi_items())
    raise AssertionError("no error was raised")
