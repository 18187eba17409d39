"""Does the OpenAI Python SDK, unchanged, get from the gateway what it gets from the upstream?

Run `python openai_python.py --help`; `tests/clients/run` starts all that is needed. Here are the responses and the ways
to name
a target; cancelling, errors and files have files of their own.
"""

import asyncio
import platform

import harness
from harness import check, expect, header_lines, masked
from openai_python_client import STREAM, async_via, chat, gather, options, refusal, same, straight, told, via

import httpx2  # the SDK's own HTTP client
import openai
import openai_python_files  # noqa: F401  adds its checks
import openai_python_trouble  # noqa: F401  adds its checks
from openai import OpenAI

WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Weather of a city",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}


@check("chat")
def chat_sync(bench):
    _, text, finish, usage = same(bench, lambda c: c.chat.completions.create(**chat(bench)), told)
    assert text and finish and usage["total_tokens"] > 0


@check("chat, async")
async def chat_async(bench):
    wanted = told(straight(bench).chat.completions.create(**chat(bench)))
    async with async_via(bench) as client:
        expect("response", told(await client.chat.completions.create(**chat(bench))), wanted)


@check("chat stream: chunks, finish and usage")
def chat_stream(bench):
    text, finish, usage = same(bench, lambda c: gather(list(c.chat.completions.create(**chat(bench, **STREAM)))))
    assert text and len(finish) == 1 and len(usage) == 1, (text, finish, usage)


@check("chat stream, async")
async def chat_stream_async(bench):
    wanted = gather(list(straight(bench).chat.completions.create(**chat(bench, **STREAM))))
    async with async_via(bench) as client:
        chunks = [chunk async for chunk in await client.chat.completions.create(**chat(bench, **STREAM))]
    assert len(chunks) > 2
    expect("stream", gather(chunks), wanted)


@check("chat stream, the SDK's own accumulator")
def chat_stream_helper(bench):
    def final(client):
        try:
            with client.chat.completions.stream(**chat(bench, stream_options=STREAM["stream_options"])) as events:
                return events.get_final_completion()
        except openai.LengthFinishReasonError as full:  # cut by max_tokens, which this call takes for an error
            return full.completion

    assert same(bench, final, told)[1]


@check("stream bytes are the upstream's")
def stream_bytes(bench):
    def raw(client):
        with client.chat.completions.with_streaming_response.create(**chat(bench, **STREAM)) as response:
            return masked(b"".join(response.http_response.iter_raw()))

    assert same(bench, raw).endswith(b"data: [DONE]\n\n")


@check("the upstream sees the SDK's own request", only="mock")
def request_as_sent(bench):
    def seen(client):
        body = {"text": "naïve ☃", "numbers": [1.0, 1e-7, 12345678901234567890]}
        query = {"a": ["1", "2"], "empty": "", "plus": "a+b c", "slash": "%2F"}
        headers = {"x-own": "value", "openai-organization": "org-1"}
        got = client.post("/echo/a%2Fb//c", body=body, options={"params": query, "headers": headers}, cast_to=object)
        return got["method"], got["target"], got["framing"], got["body_base64"], header_lines(got["headers"])

    assert ("x-own", "value") in same(bench, seen)[4]


@check("status and header lines are the upstream's")
def head(bench):
    def lines(client):
        response = client.models.with_raw_response.list().http_response
        return response.status_code, header_lines(response.headers.multi_items())

    same(bench, lines)


@check("gateway responses carry a trace id", needs="gateway")
def trace_id(bench):
    traced = via(bench).with_options(default_headers={**bench.headers, "x-gateway-trace-id": "check:1.a-b_c"})
    got = traced.models.with_raw_response.list().headers
    expect("trace id", got.get("x-gateway-trace-id"), "check:1.a-b_c")
    expect("error header", got.get("x-gateway-error"), None)


@check("twelve streams at once do not mix")
async def streams_at_once(bench):
    asks = [[{"role": "user", "content": f"{word} " * 3}] for word in "one two three four five six".split()] * 2
    wanted = [gather(list(straight(bench).chat.completions.create(**chat(bench, **STREAM, messages=m)))) for m in asks]

    async def one(client, messages):
        stream = await client.chat.completions.create(**chat(bench, **STREAM, messages=messages))
        return gather([chunk async for chunk in stream])

    async with async_via(bench) as client:
        got = await asyncio.gather(*(one(client, messages) for messages in asks))
    expect("streams", list(got), wanted)


def tool_ask(bench):
    choice = {"type": "function", "function": {"name": "get_weather"}}
    return chat(bench, tools=[WEATHER], tool_choice=choice, max_tokens=64, **bench.fault(tool_call=1))


@check("tool calls")
def tool_calls(bench):
    ask = tool_ask(bench)

    def said(response):
        message = response.choices[0].message
        return message.content, [(c.function.name, c.function.arguments) for c in message.tool_calls or []]

    _, calls = same(bench, lambda c: c.chat.completions.create(**ask), said)
    if bench.target == "mock":  # a random model may not come to the end of its arguments
        expect("name", calls[0][0], "get_weather")


@check("tool calls, streamed")
def tool_calls_stream(bench):
    ask = tool_ask(bench)

    def calls(client):
        deltas = [
            c.choices[0].delta.tool_calls for c in client.chat.completions.create(**ask, stream=True) if c.choices
        ]
        parts = [part for delta in deltas if delta for part in delta]
        return "".join(p.function.name or "" for p in parts), "".join(p.function.arguments or "" for p in parts)

    expect("name", same(bench, calls)[0], "get_weather")


@check("completions")
def completions(bench):
    ask = {"model": bench.model, "prompt": "the quick", "max_tokens": 8, "temperature": 0}
    assert same(bench, lambda c: c.completions.create(**ask), lambda a: a.choices[0].text)


@check("completions stream")
def completions_stream(bench):
    ask = {"model": bench.model, "prompt": "the quick", "max_tokens": 8, "temperature": 0, "stream": True}
    assert same(bench, lambda c: "".join(p.choices[0].text for p in c.completions.create(**ask) if p.choices))


@check("responses")
def responses(bench):
    ask = {"model": bench.model, "input": "hello", "max_output_tokens": 8, "temperature": 0}
    view = lambda a: (a.status, a.output_text, a.usage.output_tokens)  # noqa: E731
    assert same(bench, lambda c: c.responses.create(**ask), view)[1]


@check("responses stream")
def responses_stream(bench):
    ask = {"model": bench.model, "input": "hello", "max_output_tokens": 8, "temperature": 0, "stream": True}

    def events(client):
        seen = list(client.responses.create(**ask))
        return "".join(e.delta for e in seen if e.type == "response.output_text.delta"), seen[0].type, seen[-1].type

    text, first, last = same(bench, events)
    assert text and first == "response.created" and last in ("response.completed", "response.incomplete"), (first, last)


@check("models")
def models(bench):
    names = same(bench, lambda c: [m.id for m in c.models.list()])
    assert bench.target == "mock" or bench.model in names, names


@check("embeddings, float")
def embeddings_float(bench):
    if bench.target == "vllm":  # a generating model has no embeddings: the refusal must be the same
        return same(
            bench, lambda c: refusal(lambda: c.embeddings.create(model=bench.model, input="a", encoding_format="float"))
        )
    ask = {"model": "e", "input": ["one", "two"], "encoding_format": "float"}
    view = lambda a: [d.embedding for d in a.data]  # noqa: E731
    assert len(same(bench, lambda c: c.embeddings.create(**ask), view)) == 2


@check("embeddings, the SDK's default base64", only="mock")
def embeddings_base64(bench):
    ask = {"model": "e", "input": ["one", "two"]}
    got = same(bench, lambda c: c.embeddings.create(**ask), lambda a: [d.embedding for d in a.data])
    assert len(got) == 2 and isinstance(got[0][0], float)


@check("headers given per request", needs="gateway")
def headers_per_request(bench):
    bare = OpenAI(**options(bench, bench.base, {}))
    wanted = told(straight(bench).chat.completions.create(**chat(bench)))
    expect("response", told(bare.chat.completions.create(**chat(bench), extra_headers=bench.headers)), wanted)


@check("custom host alone", needs="gateway")
def custom_host_alone(bench):
    only = {"x-gateway-custom-host": bench.headers["x-gateway-custom-host"]}
    client = OpenAI(**options(bench, bench.base, only))
    assert client.chat.completions.create(**chat(bench)).choices


@check("bare SDK: the default target", needs="default_target")
def bare_sdk(bench):
    client = OpenAI(**options(bench, bench.base, {}))
    expect(
        "response",
        told(client.chat.completions.create(**chat(bench))),
        told(straight(bench).chat.completions.create(**chat(bench))),
    )
    assert list(client.chat.completions.create(**chat(bench, **STREAM)))


@check("a base URL that does not end in /v1", only="vllm")
def tokenize(bench):
    """vLLM's own route lies at the root, so the custom host is given without `/v1`."""
    root = bench.base if bench.direct else f"{bench.base}/v1"
    headers = bench.headers and {**bench.headers, "x-gateway-custom-host": bench.upstream}
    client = OpenAI(**{**options(bench, root, headers), "base_url": root})
    response = client.post("/tokenize", body={"model": bench.model, "prompt": "hello world"}, cast_to=object)
    expect("count", response["count"], 2)


if __name__ == "__main__":
    harness.main(f"openai {openai.__version__}, httpx2 {httpx2.__version__}, Python {platform.python_version()}")
