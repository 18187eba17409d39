"""Trouble with the OpenAI Python SDK: cancelled requests, errors, streams that break. Run by `openai_python.py`."""

import asyncio

from harness import check, expect
from openai_python_client import STREAM, async_via, chat, gather, refusal, same, told, via

import httpx2  # the SDK's own HTTP client
import openai

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


@check("errors: in a response to a stream request", only="mock")
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


@check("a stream written byte by byte", only="mock")
def pieces(bench):
    ask = chat(bench, **STREAM, **bench.fault(pieces=1, tokens=40)) | {"max_tokens": 40}
    text, _, _ = same(bench, lambda c: gather(list(c.chat.completions.create(**ask))))
    assert "naïve" in text and "🙂" in text, text


@check("103 before the response", only="mock")
def interim(bench):
    same(bench, lambda c: c.chat.completions.create(**chat(bench, **bench.fault(interim=103))), told)


@check("an upstream that hangs up after each response", only="mock", needs="gateway")
def hang_up(bench):
    # straight, the client itself now and then meets the closed connection; the key lets the gateway send again
    client, asked = via(bench), bench.fault(hang_up=1)
    for turn in range(20):
        asked["extra_headers"]["idempotency-key"] = f"turn-{turn}"
        assert client.chat.completions.create(**chat(bench, **asked)).choices


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
