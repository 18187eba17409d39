"""What clients do: one coroutine for each scene. A scene raises `Wrong` when a response is not what it may be."""

import asyncio
import base64
import json
import re
import time

from .wire import CutShort, Line

LARGE = 5 * 1024 * 1024


class Wrong(Exception):
    """A response that no fault explains."""


class Stage:
    """What a scene has at hand: where to go, its dice, the counts, and a connection it may go on with."""

    def __init__(self, port, mock_port, dice, tally):
        self.port = port
        self.upstream = f"http://127.0.0.1:{mock_port}/v1"
        self.dice = dice
        self.tally = tally
        self.kept = None
        self.turn = 0

    async def line(self):
        """The connection kept from before, or a new one."""
        line, self.kept = self.kept, None
        return line or await Line.open(self.port)

    def keep(self, line, response):
        """Leaves the connection to the next scene, mostly."""
        if response.keeps_open and self.dice.random() < 0.8:
            self.kept = line
        else:
            line.close()

    def request(self, method, path, body=None, lines=""):
        """A request for the upstream; `body` with its length, unless `lines` frames it."""
        self.tally["requests begun"] += 1
        length = f"Content-Length: {len(body)}\r\n" if body is not None and "Transfer-Encoding" not in lines else ""
        head = (f"{method} /v1{path} HTTP/1.1\r\nHost: localhost\r\nx-gateway-custom-host: {self.upstream}\r\n"
                f"{lines}{length}\r\n")
        return head.encode() + (body or b"")

    def chat(self, stream, tokens=None):
        asked = {"model": "gpt-4o-mini", "stream": stream, "messages": [{"role": "user", "content": "soak"}]}
        path = "/chat/completions" + (f"?mock_tokens={tokens}" if tokens else "")
        return self.request("POST", path, json.dumps(asked).encode(), "Content-Type: application/json\r\n")

    def marker(self):
        self.turn += 1
        return f"{id(self):x}-{self.turn}"

    async def finish(self, line, to_head=False, keep=True):
        """Reads the response; counts it, and hands the connection on. A response cut short is a fault passed on."""
        try:
            response = await line.response(to_head, keep)
        except CutShort as cut:
            self.tally[f"responses cut short ({cut})"] += 1
            line.close()
            return None
        self.tally[f"responses {response.status // 100}xx"] += 1
        if "x-gateway-trace-id" not in response.headers and response.status < 400:
            raise Wrong(f"{response.status} without a trace id")
        if response.headers.get("x-gateway-error") == "internal":
            raise Wrong(f"500 internal: {response.body!r}")
        self.keep(line, response)
        return response


async def json_post(stage):
    line = await stage.line()
    await line.send(stage.chat(stream=False))
    await stage.finish(line)


async def stream(stage):
    line = await stage.line()
    await line.send(stage.chat(stream=True, tokens=stage.dice.randint(1, 60)))
    await stage.finish(line)


async def leave_somewhere(stage):
    """Goes at any moment: with half a head, before the response, amid the stream."""
    line = await stage.line()
    request = stage.chat(stream=True, tokens=200)
    phase = stage.dice.choice(["head", "body", "waiting", "stream"])
    if phase in ("head", "body"):
        whole = len(request) if phase == "body" else request.index(b"\r\n\r\n")
        await line.send(request[:stage.dice.randrange(1, whole)])
        await asyncio.sleep(stage.dice.random() * 0.05)
    else:
        await line.send(request)
        await asyncio.sleep(stage.dice.random() * 0.02)
    if phase == "stream":
        try:
            response = await line.head()
            chunks = stage.dice.randint(0, 20)
            async for _ in line.pieces(response):
                chunks -= 1
                if chunks < 0:
                    break
        except CutShort:
            pass
    line.leave(stage.dice)


async def ask_the_same(stage):
    """What many ask at once, with the cache on: one response for all, whole or cut, whoever leaves."""
    tokens = stage.dice.randint(20, 27)
    # A new question each half second; until then it is joined, and afterwards given again.
    question = f"soak {int(time.monotonic() * 2)}"
    asked = {"model": "m", "stream": True, "messages": [{"role": "user", "content": question}]}
    lines = "Content-Type: application/json\r\nx-gateway-cache: true\r\n"
    line = await stage.line()
    await line.send(stage.request("POST", f"/chat/completions?mock_tokens={tokens}", json.dumps(asked).encode(), lines))
    if stage.dice.random() < 0.2:
        await asyncio.sleep(stage.dice.random() * 0.2)
        line.leave(stage.dice)
        return
    response = await stage.finish(line)
    if not response or response.status != 200:
        return
    stage.tally[f"the same: {response.headers['x-gateway-cache-status']}"] += 1
    if b"[DONE]" not in response.body or b'"error"' in response.body:
        return
    calls = set(re.findall(rb'"id":"([^"]+)"', response.body))
    if len(calls) != 1 or response.body.count(b'"delta":{"content"') != tokens:
        raise Wrong(f"not one response of {tokens} tokens: {len(calls)} calls, {response.body!r}")


async def leave_a_silent_upstream(stage):
    line = await stage.line()
    place = stage.dice.choice(["mock_silence", "mock_silence-after=head", "mock_silence-after=3"])
    await line.send(stage.request("POST", f"/chat/completions?{place}", b'{"model":"m","stream":true,"messages":[]}'))
    await asyncio.sleep(stage.dice.random())
    line.leave(stage.dice)


async def lose_patience(stage):
    line = await stage.line()
    await line.send(stage.request("POST", "/chat/completions?mock_silence&mock_chaos=0", b'{"model":"m","messages":[]}',
                                  f"x-gateway-request-timeout: {stage.dice.randint(50, 500)}\r\n"))
    response = await stage.finish(line)
    if response and response.status != 408:
        raise Wrong(f"{response.status} instead of 408")


async def echo(stage):
    """A body of its own comes back to each: nobody gets another's response."""
    large = stage.dice.random() < 0.02
    size = LARGE if large else int(stage.dice.paretovariate(0.7) * 40) % 200_000
    body = stage.dice.randbytes(size)
    marker = stage.marker()
    line = await stage.line()
    if stage.dice.random() < 0.5:
        await line.send(stage.request("POST", f"/echo?{marker}", body))
    else:
        await line.send(stage.request("POST", f"/echo?{marker}", b"", "Transfer-Encoding: chunked\r\n"))
        while body:
            piece, body = body[:65_000], body[65_000:]
            await line.send(b"%x\r\n%b\r\n" % (len(piece), piece))
        await line.send(b"0\r\n\r\n")
        body = None
    response = await stage.finish(line)
    if response is None or b'"body_base64"' not in response.body:
        return  # A fault by lot took the echo's place.
    told = json.loads(response.body)
    if marker not in told["target"] or told["body_length"] != size:
        raise Wrong(f"somebody else's echo: {told['target']}, {told['body_length']} bytes instead of {size}")
    if body is not None and base64.b64decode(told["body_base64"]) != body[: told["body_shown"]]:
        raise Wrong("the echo is not what was sent")


async def abandon_an_upload(stage):
    line = await stage.line()
    await line.send(stage.request("POST", "/echo", b"", "Transfer-Encoding: chunked\r\n"))
    for _ in range(stage.dice.randint(0, 8)):
        await line.send(b"4000\r\n" + bytes(0x4000) + b"\r\n")
    match stage.dice.choice(["leave", "half-close", "stall"]):
        case "leave":
            pass
        case "half-close":
            try:
                line.writer.write_eof()
            except OSError:
                return  # A fault by lot has closed the connection before the client could.
            await asyncio.wait_for(line.read_to_end(), 30)
        case "stall":
            await asyncio.wait_for(line.read_to_end(), 30)
    line.leave(stage.dice)


async def read_slowly(stage):
    line = await Line.open(stage.port, small_window=True)
    await line.send(stage.request("GET", f"/models?mock_big={stage.dice.choice([100_000, 1_000_000, LARGE])}"))
    try:
        response = await line.head()
        pauses = stage.dice.randint(1, 30)
        async for _ in line.pieces(response):
            if pauses := max(0, pauses - 1):
                await asyncio.sleep(0.02)
    except CutShort:
        stage.tally["slow responses cut short"] += 1
    line.close()


async def stop_reading(stage):
    """Reads a little and no more, until the gateway's patience is over or its own."""
    line = await Line.open(stage.port, small_window=True)
    await line.send(stage.request("GET", f"/models?mock_big={LARGE}"))
    await asyncio.sleep(stage.dice.choice([0.5, 1, 8]))
    line.leave(stage.dice)


async def get_or_head(stage):
    line = await stage.line()
    method = stage.dice.choice(["GET", "HEAD", "OPTIONS", "DELETE"])
    path = stage.dice.choice(["/models", "/models/gpt-4o", "/files", "/files/file-1", "/nothing", "/a%2Fb/c;d?e=f&&"])
    await line.send(stage.request(method, path))
    await stage.finish(line, to_head=method == "HEAD")


async def pipeline(stage):
    line = await stage.line()
    count = stage.dice.randint(2, 4)
    await line.send(b"".join(stage.request("GET", "/models") for _ in range(count)))
    for _ in range(count):
        response = await stage.finish(line)
        if response is None or not response.keeps_open or stage.kept is None:
            return
        line, stage.kept = stage.kept, None
    line.close()


async def own_page(stage):
    line = await stage.line()
    page = stage.dice.choice(["health/live", "health/ready", "metrics", "nothing"])
    await line.send(f"GET /gateway/{page} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    response = await line.response()
    stage.tally["own pages"] += 1
    stage.keep(line, response)


async def expect_continue(stage):
    line = await stage.line()
    lines = "Expect: 100-continue\r\nTransfer-Encoding: chunked\r\n"
    await line.send(stage.request("POST", "/echo", b"", lines))
    await asyncio.sleep(stage.dice.random() * 0.02)
    await line.send(b"3\r\nabc\r\n0\r\n\r\n")
    await stage.finish(line)
