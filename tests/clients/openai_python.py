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
        try:
            with client.chat.completions.stream(**chat(bench, stream_options=STREAM["stream_options"])) as events:
                return events.get_final_completion()
        except openai.LengthFinishReasonError as full:  # cut by max_tokens, which this call takes for an error
            return full.completion

    assert same(bench, final, told)[1]


@check("stream bytes are the upstream's")
def stream_bytes(bench):
    def raw(client):
        with client.chat.completions.with_streaming_response.create(**chat(bench, **STREAM)) as answer:
            return masked(b"".join(answer.http_response.iter_raw()))

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
    watch, client = bench.watch(), via(bench)
    with client.chat.completions.create(**chat(bench, stream=True) | bench.slow_stream()) as stream:
        for _ in range(3):
            next(stream)
        await watch.came()
    await watch.given_up()
    assert client.models.list().data, "the client works on after a cancel"


@check("cancelled mid-stream, async task")
async def cancel_async(bench):
    watch, three = bench.watch(), asyncio.Event()

    async def read(client):
        count = 0
        async with await client.chat.completions.create(**chat(bench, stream=True) | bench.slow_stream()) as stream:
            async for _ in stream:
                count += 1
                if count == 3:
                    three.set()

    async with async_via(bench) as client:
        task = asyncio.create_task(read(client))
        await asyncio.wait_for(three.wait(), 10)
        await cancelled(task)
        await watch.given_up()
        assert (await client.models.list()).data


async def cancelled(task):
    """Cancels and waits for the end; fails when the task had already ended by itself."""
    assert not task.done(), "ended before it could be cancelled"
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


@check("cancelled while the upstream is silent")
async def cancel_waiting(bench):
    watch = bench.watch()
    async with async_via(bench) as client:
        task = asyncio.create_task(client.chat.completions.create(**chat(bench) | bench.silent()))
        await watch.came()
        await cancelled(task)
        await watch.given_up()


@check("the client's own timeout closes the upstream too")
async def client_timeout(bench):
    watch = bench.watch()
    try:
        via(bench).with_options(timeout=0.5).chat.completions.create(**chat(bench) | bench.silent())
    except openai.APITimeoutError:
        return await watch.given_up()
    raise AssertionError("no timeout")


def tool_ask(bench):
    choice = {"type": "function", "function": {"name": "get_weather"}}
    return chat(bench, tools=[WEATHER], tool_choice=choice, max_tokens=64, **bench.fault(tool_call=1))


@check("tool calls")
def tool_calls(bench):
    ask = tool_ask(bench)

    def said(answer):
        message = answer.choices[0].message
        return message.content, [(c.function.name, c.function.arguments) for c in message.tool_calls or []]

    _, calls = same(bench, lambda c: c.chat.completions.create(**ask), said)
    if bench.target == "mock":  # a random model may not come to the end of its arguments
        expect("name", calls[0][0], "get_weather")


@check("tool calls, streamed")
def tool_calls_stream(bench):
    ask = tool_ask(bench)

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
    names = same(bench, lambda c: [m.id for m in c.models.list()])
    assert bench.target == "mock" or bench.model in names, names


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
        return type(error).__name__, error.status_code, masked(raw.content), header_lines(raw.headers.multi_items())
    raise AssertionError("no error was raised")


@check("errors: each status is the SDK's own class, body and headers intact", only="mock")
def errors(bench):
    for status, kind in STATUSES:
        ask = chat(bench, **bench.fault(status=status, retry_after=7, header="set-cookie: a=1"))
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
            await client.chat.completions.create(**chat(bench, stream=True, **bench.fault(status=429)))
        except openai.RateLimitError:
            return
    raise AssertionError("no RateLimitError")


@check("an error event in a stream", only="mock")
def error_event(bench):
    def outcome(client):
        text = []
        try:
            for chunk in client.chat.completions.create(**chat(bench, stream=True, **bench.fault(error_after=5))):
                text.append(chunk.choices[0].delta.content or "")
        except openai.APIError as error:
            return "".join(text), error.message, error.body
        raise AssertionError("ended cleanly")

    assert same(bench, outcome)[0]


@check("a stream cut short is an error, never an end", only="mock")
def cut_stream(bench):
    for fault in [{"cut": 5}, {"reset": 5}]:
        text = []
        try:
            for chunk in via(bench).chat.completions.create(**chat(bench, stream=True, **bench.fault(**fault))):
                text += [choice.delta.content for choice in chunk.choices if choice.delta.content]
        except (openai.APIConnectionError, httpx2.RemoteProtocolError, httpx2.ReadError):
            # a reset may overtake what came before it; a plain end may not
            assert "reset" in fault or len(text) == 5, f"{fault}: {len(text)} of 5 tokens delivered"
        else:
            raise AssertionError(f"{fault}: ended cleanly after {len(text)} tokens")


@check("a download cut short is an error, never a file", only="mock")
def cut_download(bench):
    try:
        got = via(bench).files.content("file-1", extra_query={"bytes": 100_000}, **bench.fault(cut=50_000))
    except (openai.APIConnectionError, httpx2.RemoteProtocolError, httpx2.ReadError):
        return
    raise AssertionError(f"{len(got.content)} bytes taken for the whole")


@check("a stream written byte by byte", only="mock")
def pieces(bench):
    ask = chat(bench, **STREAM, **bench.fault(pieces=1, tokens=40)) | {"max_tokens": 40}
    text, _, _ = same(bench, lambda c: gather(list(c.chat.completions.create(**ask))))
    assert "naïve" in text and "🙂" in text, text


@check("103 before the answer", only="mock")
def interim(bench):
    same(bench, lambda c: c.chat.completions.create(**chat(bench, **bench.fault(interim=103))), told)


@check("an upstream that hangs up after each answer", only="mock")
def hang_up(bench):
    client = via(bench)
    for _ in range(20):
        assert client.chat.completions.create(**chat(bench, **bench.fault(hang_up=1))).choices


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


@check("transcription, multipart with fields", only="mock")
def transcription(bench):
    ask = {"model": "whisper-1", "response_format": "verbose_json", "prompt": "naïve"}
    assert same(bench, lambda c: c.audio.transcriptions.create(file=("a.mp3", PICTURE[:70_000]), **ask).text)


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
