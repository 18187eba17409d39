"""Does the OpenAI Python SDK, unchanged, get from the gateway what it gets from the upstream?

Run `python openai_python.py --help`; `tests/clients/run` starts all that is needed. The Anthropic SDK has its own file.
"""

import asyncio
import io
import platform
from contextlib import asynccontextmanager

import harness
from harness import check, expect, header_lines, masked

harness.forget_environment()
import httpx2  # noqa: E402  the SDK's own HTTP client
import openai  # noqa: E402
from openai import AsyncOpenAI, OpenAI  # noqa: E402

ASK = [{"role": "user", "content": "the quick brown fox, naïve ☃ 日本語 🙂"}]
WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Weather of a city",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}
PICTURE = bytes(range(256)) * 20_000  # 5 MB with every byte value: nothing may decode it
STATUSES = [
    (400, openai.BadRequestError),
    (401, openai.AuthenticationError),
    (403, openai.PermissionDeniedError),
    (404, openai.NotFoundError),
    (409, openai.ConflictError),
    (422, openai.UnprocessableEntityError),
    (429, openai.RateLimitError),
    (500, openai.InternalServerError),
    (503, openai.InternalServerError),
]


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


def same(bench, call, view=lambda answer: answer):
    """Makes the call through the gateway and straight; returns the view of the answer if both are equal."""
    got, wanted = view(call(via(bench))), view(call(straight(bench)))
    expect("answer", got, wanted)
    return got


def chat(bench, **more):
    return {"model": bench.model, "messages": ASK, "max_tokens": 16, "temperature": 0, **more}


def told(answer):
    """What a chat answer says, without ids and times."""
    choice = answer.choices[0]
    return answer.model, choice.message.content, choice.finish_reason, answer.usage.to_dict()


def gather(chunks):
    """The content, finish reason and usage of a stream's chunks."""
    text = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
    finish = [c.choices[0].finish_reason for c in chunks if c.choices and c.choices[0].finish_reason]
    return text, finish, [c.usage.to_dict() for c in chunks if c.usage]


STREAM = {"stream": True, "stream_options": {"include_usage": True}}


@check("chat")
def chat_sync(bench):
    _, text, finish, usage = same(bench, lambda c: c.chat.completions.create(**chat(bench)), told)
    assert text and finish and usage["total_tokens"] > 0


@check("chat, async")
async def chat_async(bench):
    wanted = told(straight(bench).chat.completions.create(**chat(bench)))
    async with async_via(bench) as client:
        expect("answer", told(await client.chat.completions.create(**chat(bench))), wanted)


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
        with client.chat.completions.stream(**chat(bench, stream_options=STREAM["stream_options"])) as events:
            return events.get_final_completion()

    assert same(bench, final, told)[1]


@check("stream bytes are the upstream's")
def stream_bytes(bench):
    def raw(client):
        with client.chat.completions.with_streaming_response.create(**chat(bench, **STREAM)) as answer:
            return masked(b"".join(answer.http_response.iter_raw()))

    assert same(bench, raw).endswith(b"data: [DONE]\n\n")


@check("status and header lines are the upstream's")
def head(bench):
    def lines(client):
        answer = client.models.with_raw_response.list().http_response
        return answer.status_code, header_lines(answer.headers.multi_items())

    same(bench, lines)


@check("gateway answers carry a trace id", needs="gateway")
def trace_id(bench):
    answer = via(bench).with_options(default_headers={**bench.headers, "x-gateway-trace-id": "check:1.a-b_c"})
    got = answer.models.with_raw_response.list().headers
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


@check("cancelled mid-stream: the upstream stops within a second")
async def cancel_sync(bench):
    before, client = bench.in_flight(), via(bench)
    with client.chat.completions.create(**chat(bench, stream=True) | bench.slow_stream()) as stream:
        for _ in range(3):
            next(stream)
        assert bench.in_flight() > before, "the stream is not in flight"
    await bench.settled(before)
    assert client.models.list().data, "the client works on after a cancel"


@check("cancelled mid-stream, async task")
async def cancel_async(bench):
    before, three = bench.in_flight(), asyncio.Event()

    async def read(client):
        count = 0
        async with await client.chat.completions.create(**chat(bench, stream=True) | bench.slow_stream()) as stream:
            async for _ in stream:
                count += 1
                if count == 3:
                    three.set()

    async with async_via(bench) as client:
        task = asyncio.create_task(read(client))
        await three.wait()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await bench.settled(before)
        assert (await client.models.list()).data


@check("cancelled while the upstream is silent")
async def cancel_waiting(bench):
    before = await asyncio.to_thread(bench.in_flight)
    slow = chat(bench) | ({"extra_headers": {"x-mock-delay": "20000"}} if bench.target == "mock" else {"max_tokens": 4000})
    async with async_via(bench) as client:
        task = asyncio.create_task(client.chat.completions.create(**slow))
        while await asyncio.to_thread(bench.in_flight) <= before:
            assert not task.done(), "answered before it could be cancelled"
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await bench.settled(before)


@check("client timeout closes the upstream too")
async def client_timeout(bench):
    before = bench.in_flight()
    slow = chat(bench) | ({"extra_headers": {"x-mock-delay": "20000"}} if bench.target == "mock" else {"max_tokens": 4000})
    try:
        via(bench).with_options(timeout=0.5).chat.completions.create(**slow)
    except openai.APITimeoutError:
        return await bench.settled(before)
    raise AssertionError("no timeout")


@check("tool calls")
def tool_calls(bench):
    ask = chat(bench, tools=[WEATHER], tool_choice={"type": "function", "function": {"name": "get_weather"}}, max_tokens=64)

    def call(answer):
        return [(c.function.name, c.function.arguments) for c in answer.choices[0].message.tool_calls]

    expect("name", same(bench, lambda c: c.chat.completions.create(**ask), call)[0][0], "get_weather")


@check("tool calls, streamed")
def tool_calls_stream(bench):
    ask = chat(bench, tools=[WEATHER], tool_choice={"type": "function", "function": {"name": "get_weather"}}, max_tokens=64)

    def calls(client):
        deltas = [c.choices[0].delta.tool_calls for c in client.chat.completions.create(**ask, stream=True) if c.choices]
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
    assert bench.model in same(bench, lambda c: [m.id for m in c.models.list()])


@check("embeddings, float")
def embeddings_float(bench):
    if bench.target == "vllm":  # a generating model has no embeddings: the refusal must be the same
        return same(bench, lambda c: refusal(lambda: c.embeddings.create(model=bench.model, input="a", encoding_format="float")))
    ask = {"model": "e", "input": ["one", "two"], "encoding_format": "float"}
    view = lambda a: [d.embedding for d in a.data]  # noqa: E731
    assert len(same(bench, lambda c: c.embeddings.create(**ask), view)) == 2


@check("embeddings, the SDK's default base64", only="mock")
def embeddings_base64(bench):
    ask = {"model": "e", "input": ["one", "two"]}
    got = same(bench, lambda c: c.embeddings.create(**ask), lambda a: [d.embedding for d in a.data])
    assert len(got) == 2 and isinstance(got[0][0], float)


def refusal(call):
    """Class, status, body bytes and header lines of the error that the call raises."""
    try:
        call()
    except openai.APIStatusError as error:
        raw = error.response
        return type(error).__name__, error.status_code, error.body, raw.content, header_lines(raw.headers.multi_items())
    raise AssertionError("no error was raised")


@check("errors: each status is the SDK's own class, body and headers intact", only="mock")
def errors(bench):
    for status, kind in STATUSES:
        ask = chat(bench, extra_headers={"x-mock-status": str(status)})
        got = same(bench, lambda c, ask=ask: refusal(lambda: c.chat.completions.create(**ask)))
        expect(f"class for {status}", got[:2], (kind.__name__, status))


@check("errors: the upstream's own refusals")
def upstream_refusals(bench):
    cases = [{"max_tokens": -1}, {"messages": "no list"}] + ([{"model": "nope"}] if bench.target == "vllm" else [])
    if bench.target == "mock":
        cases = []
    for wrong in cases:
        got = same(bench, lambda c, w=wrong: refusal(lambda: c.chat.completions.create(**chat(bench) | w)))
        assert got[1] in (400, 404, 422), got
    got = same(bench, lambda c: refusal(lambda: c.post("/no/such/route", body={}, cast_to=object)))
    expect("status", got[1], 404)


@check("errors: in an answer to a stream request", only="mock")
async def stream_error(bench):
    async with async_via(bench) as client:
        try:
            await client.chat.completions.create(**chat(bench, stream=True, extra_headers={"x-mock-status": "429"}))
        except openai.RateLimitError:
            return
    raise AssertionError("no RateLimitError")


@check("a stream cut short is an error, never an end", only="mock")
def cut_stream(bench):
    ask = chat(bench, stream=True, extra_headers={"x-mock-tokens": "20", "x-mock-cut-after": "5"})
    count = 0
    try:
        for _ in via(bench).chat.completions.create(**ask):
            count += 1
    except (openai.APIConnectionError, httpx2.RemoteProtocolError, httpx2.ReadError):
        assert count, "all that came before the cut is delivered"
        return
    raise AssertionError(f"ended cleanly after {count} chunks")


@check("gateway's own refusals are SDK errors", needs="gateway")
def gateway_refusals(bench):
    cases = [
        ("http://169.254.169.254/v1", openai.PermissionDeniedError, "target_denied"),
        ("ftp://127.0.0.1/v1", openai.APIStatusError, None),
        ("http://127.0.0.1:1/v1", openai.InternalServerError, "upstream_unreachable"),
    ]
    for host, kind, code in cases:
        try:
            via(bench).chat.completions.create(**chat(bench), extra_headers={"x-gateway-custom-host": host})
        except kind as error:
            assert error.response.headers.get("x-gateway-error"), host
            expect(f"code for {host}", code and error.code, code)
        else:
            raise AssertionError(f"{host} was accepted")


@check("headers given per request", needs="gateway")
def headers_per_request(bench):
    bare = OpenAI(**options(bench, bench.base, {}))
    wanted = told(straight(bench).chat.completions.create(**chat(bench)))
    expect("answer", told(bare.chat.completions.create(**chat(bench), extra_headers=bench.headers)), wanted)


@check("custom host alone", needs="gateway")
def custom_host_alone(bench):
    only = {"x-gateway-custom-host": bench.headers["x-gateway-custom-host"]}
    client = OpenAI(**options(bench, bench.base, only))
    assert client.chat.completions.create(**chat(bench)).choices


@check("bare SDK: the default target", needs="default_target")
def bare_sdk(bench):
    client = OpenAI(**options(bench, bench.base, {}))
    expect("answer", told(client.chat.completions.create(**chat(bench))), told(straight(bench).chat.completions.create(**chat(bench))))
    assert list(client.chat.completions.create(**chat(bench, **STREAM)))


@check("a base URL that does not end in /v1", only="vllm")
def tokenize(bench):
    """vLLM's own route lies at the root, so the custom host is given without `/v1`."""
    root = bench.base if bench.direct else f"{bench.base}/v1"
    headers = bench.headers and {**bench.headers, "x-gateway-custom-host": bench.upstream}
    client = OpenAI(**{**options(bench, root, headers), "base_url": root})
    answer = client.post("/tokenize", body={"model": bench.model, "prompt": "hello world"}, cast_to=object)
    expect("count", answer["count"], 2)


@check("multipart upload", only="mock")
def upload(bench):
    for name, content in [("small.jsonl", b'{"a":1}\n'), ("every byte naïve ☃.bin", PICTURE)]:
        got = via(bench).files.create(file=(name, content), purpose="batch")
        expect("size and name", (got.bytes, got.filename), (len(content), name))


@check("multipart upload, async, from a file object", only="mock")
async def upload_async(bench):
    file = io.BytesIO(PICTURE)
    file.name = "picture.png"
    async with async_via(bench) as client:
        got = await client.files.create(file=file, purpose="vision")
    expect("size and name", (got.bytes, got.filename), (len(PICTURE), "picture.png"))


@check("binary download", only="mock")
def download(bench):
    query = {"bytes": 3_000_001}
    content = same(bench, lambda c: c.files.content("file-1", extra_query=query).content)
    expect("size", len(content), 3_000_001)


@check("binary download, async, in pieces", only="mock")
async def download_async(bench):
    query = {"bytes": 3_000_001}
    wanted = straight(bench).files.content("file-1", extra_query=query).content
    async with async_via(bench) as client:
        async with client.files.with_streaming_response.content("file-1", extra_query=query) as answer:
            got = b"".join([piece async for piece in answer.iter_bytes()])
    assert got == wanted, "bytes differ"


@check("speech, binary", only="mock")
def speech(bench):
    ask = {"model": "tts", "voice": "alloy", "input": "hello"}
    assert same(bench, lambda c: c.audio.speech.create(**ask).content)


if __name__ == "__main__":
    harness.main(f"openai {openai.__version__}, httpx2 {httpx2.__version__}, Python {platform.python_version()}")
