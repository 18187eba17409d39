"""Does the Anthropic Python SDK, unchanged, get from the gateway what it gets from the upstream?

Run `python anthropic_python.py --help`; `tests/clients/run` starts all that is needed. The OpenAI SDK has its own file.
"""

import asyncio
import platform
from contextlib import asynccontextmanager

import harness
from harness import check, expect, header_lines, masked

harness.forget_environment()
import anthropic  # noqa: E402
import httpx2  # noqa: E402  the SDK's own HTTP client
from anthropic import Anthropic, AsyncAnthropic  # noqa: E402

ASK = [{"role": "user", "content": "the quick brown fox, naïve ☃ 日本語 🙂"}]
WEATHER = {
    "name": "get_weather",
    "description": "Weather of a city",
    "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}
STATUSES = [
    (400, anthropic.BadRequestError),
    (401, anthropic.AuthenticationError),
    (403, anthropic.PermissionDeniedError),
    (404, anthropic.NotFoundError),
    (413, anthropic.RequestTooLargeError),
    (429, anthropic.RateLimitError),
    (500, anthropic.InternalServerError),
    (529, anthropic.OverloadedError),
]


def options(bench, root, headers):
    return {"base_url": root, "api_key": bench.key, "max_retries": 0, "timeout": 30, "default_headers": headers}


def via(bench):
    """The client under test."""
    return Anthropic(**options(bench, bench.base, bench.headers))


def straight(bench):
    """The same client on the upstream itself, for comparison."""
    return Anthropic(**options(bench, bench.upstream, {}))


@asynccontextmanager
async def async_via(bench):
    async with AsyncAnthropic(**options(bench, bench.base, bench.headers)) as client:
        yield client


def same(bench, call, view=lambda response: response):
    """Makes the call through the gateway and straight; returns the view of the response if both are equal."""
    got, wanted = view(call(via(bench))), view(call(straight(bench)))
    expect("response", got, wanted)
    return got


def ask(bench, **more):
    # the SDK itself no longer knows the temperature; vLLM needs it to repeat itself
    return {"model": bench.model, "messages": ASK, "max_tokens": 16, "extra_body": {"temperature": 0}, **more}


def told(message):
    """What a message says, without its id."""
    blocks = [block.to_dict() for block in message.content]
    for block in blocks:
        block.pop("id", None)
    return message.model, message.role, blocks, message.stop_reason, message.usage.to_dict()


def gather(events):
    """The text, kinds of events (repeats in a row once) and stop reason of a stream."""
    text = "".join(e.delta.text for e in events if e.type == "content_block_delta" and e.delta.type == "text_delta")
    kinds = [e.type for e in events if e.type != "ping"]
    kinds = [kind for kind, before in zip(kinds, [None, *kinds]) if kind != before]
    return text, kinds, [e.delta.stop_reason for e in events if e.type == "message_delta"]


@check("messages")
def messages(bench):
    assert same(bench, lambda c: c.messages.create(**ask(bench)), told)[2][0]["text"]


@check("messages, async")
async def messages_async(bench):
    wanted = told(straight(bench).messages.create(**ask(bench)))
    async with async_via(bench) as client:
        expect("response", told(await client.messages.create(**ask(bench))), wanted)


@check("messages stream: events and stop reason")
def stream(bench):
    text, kinds, stop = same(bench, lambda c: gather(list(c.messages.create(**ask(bench), stream=True))))
    assert text and stop and (kinds[0], kinds[-1]) == ("message_start", "message_stop"), kinds


@check("messages stream, async")
async def stream_async(bench):
    wanted = gather(list(straight(bench).messages.create(**ask(bench), stream=True)))
    async with async_via(bench) as client:
        events = [event async for event in await client.messages.create(**ask(bench), stream=True)]
    assert len(events) > 5
    expect("stream", gather(events), wanted)


@check("messages stream, the SDK's own accumulator")
def stream_helper(bench):
    def final(client):
        with client.messages.stream(**ask(bench)) as events:
            said = "".join(events.text_stream)
            return said, told(events.get_final_message())

    said, (_, _, blocks, _, _) = same(bench, final)
    expect("text", said, blocks[0]["text"])


@check("messages stream, the accumulator, async")
async def stream_helper_async(bench):
    wanted = told(straight(bench).messages.create(**ask(bench)))
    async with async_via(bench) as client:
        async with client.messages.stream(**ask(bench)) as events:
            expect("text", (await events.get_final_message()).content[0].text, wanted[2][0]["text"])


@check("stream bytes are the upstream's")
def stream_bytes(bench):
    def raw(client):
        with client.messages.with_streaming_response.create(**ask(bench), stream=True) as response:
            return masked(b"".join(response.http_response.iter_raw()))

    assert b"message_stop" in same(bench, raw)


@check("the upstream sees the SDK's own request", only="mock")
def request_as_sent(bench):
    def seen(client):
        # by itself the SDK puts an API key into Authorization; older ones used x-api-key
        headers = {"anthropic-beta": "one-2025-01-01,two-2025-02-02", "x-api-key": bench.key}
        options = {"headers": headers, "params": {"beta": "true"}}
        got = client.post("/v1/echo/messages", body={"text": "naïve ☃"}, options=options, cast_to=object)
        return got["method"], got["target"], got["framing"], got["body_base64"], header_lines(got["headers"])

    names = [name for name, _ in same(bench, seen)[4]]
    assert {"authorization", "x-api-key", "anthropic-version", "anthropic-beta"} <= set(names), names


@check("status and header lines are the upstream's")
def head(bench):
    def lines(client):
        response = client.messages.with_raw_response.count_tokens(model=bench.model, messages=ASK).http_response
        return response.status_code, header_lines(response.headers.multi_items())

    same(bench, lines)


@check("twelve streams at once do not mix")
async def streams_at_once(bench):
    asks = [[{"role": "user", "content": f"{word} " * 3}] for word in "one two three four five six".split()] * 2
    wanted = [gather(list(straight(bench).messages.create(**ask(bench, messages=m), stream=True))) for m in asks]

    async def one(client, said):
        events = await client.messages.create(**ask(bench, messages=said), stream=True)
        return gather([event async for event in events])

    async with async_via(bench) as client:
        got = await asyncio.gather(*(one(client, said) for said in asks))
    expect("streams", list(got), wanted)


@check("cancelled mid-stream: the upstream stops within a second")
async def cancel_sync(bench):
    watch, client = bench.watch(), via(bench)
    with client.messages.create(**ask(bench, stream=True) | bench.slow_stream()) as events:
        for _ in range(3):
            next(events)
        await watch.came()
    await watch.given_up()
    assert client.messages.create(**ask(bench)).content, "the client works on after a cancel"


@check("cancelled mid-stream, async task")
async def cancel_async(bench):
    watch, three = bench.watch(), asyncio.Event()

    async def read(client):
        count = 0
        async with await client.messages.create(**ask(bench, stream=True) | bench.slow_stream()) as events:
            async for _ in events:
                count += 1
                if count == 3:
                    three.set()

    async with async_via(bench) as client:
        task = asyncio.create_task(read(client))
        await asyncio.wait_for(three.wait(), 10)
        await cancelled(task)
        await watch.given_up()


async def cancelled(task):
    """Cancels and waits for the end; fails when the task had already ended by itself."""
    assert not task.done(), "ended before it could be cancelled"
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


@check("cancelled while the upstream is silent")
async def cancel_waiting(bench):
    watch = bench.watch()
    async with async_via(bench) as client:
        task = asyncio.create_task(client.messages.create(**ask(bench) | bench.silent()))
        await watch.came()
        await cancelled(task)
        await watch.given_up()


@check("count_tokens")
def count_tokens(bench):
    call = lambda c: c.messages.count_tokens(model=bench.model, messages=ASK).input_tokens  # noqa: E731
    assert same(bench, call) > 0


@check("tool use")
def tool_use(bench):
    # made to use the tool, a random model writes arguments that are no object, and vLLM refuses its own response
    choice = {"type": "tool", "name": "get_weather"} if bench.target == "mock" else {"type": "auto"}
    request = ask(bench, tools=[WEATHER], tool_choice=choice, **bench.fault(tool_call=1))
    blocks = same(bench, lambda c: c.messages.create(**request), told)[2]
    if bench.target == "mock":
        assert any(block["type"] == "tool_use" and block["name"] == "get_weather" for block in blocks), blocks


def refusal(call):
    """Class, status, body bytes and header lines of the error that the call raises."""
    try:
        call()
    except anthropic.APIStatusError as error:
        raw = error.response
        return type(error).__name__, error.status_code, masked(raw.content), header_lines(raw.headers.multi_items())
    raise AssertionError("no error was raised")


@check("errors: each status is the SDK's own class, body and headers intact", only="mock")
def errors(bench):
    for status, kind in STATUSES:
        request = ask(bench, **bench.fault(status=status, retry_after=7))
        got = same(bench, lambda c, request=request: refusal(lambda: c.messages.create(**request)))
        expect(f"class for {status}", got[:2], (kind.__name__, status))


@check("errors: the upstream's own refusals", only="vllm")
def upstream_refusals(bench):
    for wrong in [{"model": "nope"}, {"max_tokens": -1}, {"messages": "no list"}]:
        got = same(bench, lambda c, w=wrong: refusal(lambda: c.messages.create(**ask(bench) | w)))
        assert 400 <= got[1] < 500, got


@check("errors: in a response to a stream request", only="mock")
async def stream_error(bench):
    async with async_via(bench) as client:
        try:
            await client.messages.create(**ask(bench, stream=True, **bench.fault(status=529)))
        except anthropic.OverloadedError:
            return
    raise AssertionError("no OverloadedError")


@check("an error event in a stream", only="mock")
def error_event(bench):
    def outcome(client):
        events = []
        try:
            for event in client.messages.create(**ask(bench, stream=True, **bench.fault(error_after=5))):
                events.append(event)
        except anthropic.APIStatusError as error:
            return gather(events), type(error).__name__, error.body["error"]
        raise AssertionError("ended cleanly")

    assert same(bench, outcome)[0][0]


@check("a stream cut short is an error, never an end", only="mock")
def cut_stream(bench):
    events = []
    try:
        for event in via(bench).messages.create(**ask(bench, stream=True, **bench.fault(cut=5))):
            events.append(event)
    except (anthropic.APIConnectionError, httpx2.RemoteProtocolError, httpx2.ReadError):
        expect("tokens delivered", sum(e.type == "content_block_delta" for e in events), 5)
        return
    raise AssertionError(f"ended cleanly after {len(events)} events")


@check("gateway's own refusals are SDK errors", needs="gateway")
def gateway_refusals(bench):
    cases = [
        ("http://169.254.169.254/v1", anthropic.PermissionDeniedError, "target_denied"),
        ("http://127.0.0.1:1/v1", anthropic.InternalServerError, "upstream_unreachable"),
    ]
    for host, kind, code in cases:
        try:
            via(bench).messages.create(**ask(bench), extra_headers={"x-gateway-custom-host": host})
        except kind as error:
            expect(f"code for {host}", error.response.headers.get("x-gateway-error"), code)
            expect(f"body for {host}", error.body["error"]["code"], code)
        else:
            raise AssertionError(f"{host} was accepted")


@check("headers given per request", needs="gateway")
def headers_per_request(bench):
    bare = Anthropic(**options(bench, bench.base, {}))
    wanted = told(straight(bench).messages.create(**ask(bench)))
    expect("response", told(bare.messages.create(**ask(bench), extra_headers=bench.headers)), wanted)


@check("custom host alone, auth token in place of an API key", needs="gateway")
def custom_host_alone(bench):
    only = {"x-gateway-custom-host": bench.headers["x-gateway-custom-host"]}
    given = options(bench, bench.base, only) | {"api_key": None, "auth_token": bench.key}
    assert Anthropic(**given).messages.create(**ask(bench)).content


@check("bare SDK: the default target", needs="default_target")
def bare_sdk(bench):
    client = Anthropic(**options(bench, bench.base, {}))
    expect("response", told(client.messages.create(**ask(bench))), told(straight(bench).messages.create(**ask(bench))))
    assert list(client.messages.create(**ask(bench), stream=True))


if __name__ == "__main__":
    harness.main(f"anthropic {anthropic.__version__}, httpx2 {httpx2.__version__}, Python {platform.python_version()}")
