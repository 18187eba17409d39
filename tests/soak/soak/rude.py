"""Scenes of clients that break rules, are refused, or speak WebSocket."""

import asyncio
import os
import struct

from .scenes import Wrong
from .wire import CutShort, Line

GOOD = "Host: localhost\r\nx-gateway-custom-host: http://127.0.0.1:{mock}/v1\r\n"

# What is sent, and the statuses it may get; none at all where the gateway may just close.
BAD = [
    ("GET /v1/models HTTP/1.1\r\nHost: evil.example\r\n\r\n", {421}),
    ("GET /v1/models HTTP/1.1\r\nHost: localhost\r\n\r\n", {400}),
    ("GET /nowhere HTTP/1.1\r\nHost: localhost\r\n\r\n", {404}),
    ("GET /%67ateway/metrics HTTP/1.1\r\nHost: localhost\r\n\r\n", {404}),
    ("TRACE /v1/models HTTP/1.1\r\n" + GOOD + "\r\n", {405}),
    ("CONNECT 127.0.0.1:{mock} HTTP/1.1\r\nHost: localhost\r\n\r\n", {400, 405}),
    ("GET /v1/../admin HTTP/1.1\r\n" + GOOD + "\r\n", {400}),
    ("GET /v1/%2e%2e/admin HTTP/1.1\r\n" + GOOD + "\r\n", {400}),
    ("GET /v1/models HTTP/1.1\r\nOrigin: https://evil.example\r\n" + GOOD + "\r\n", {403}),
    ("GET /v1/models HTTP/1.1\r\nHost: localhost\r\nx-gateway-custom-host: http://169.254.169.254/\r\n\r\n", {403}),
    ("GET /v1/models HTTP/1.1\r\nHost: localhost\r\nx-gateway-custom-host: http://0:{mock}/\r\n\r\n", {403}),
    (
        "GET /v1/models HTTP/1.1\r\nHost: localhost\r\nx-gateway-custom-host: http://127.0.0.1:{gateway}/v1\r\n\r\n",
        {508},
    ),
    ("GET /v1/models HTTP/1.1\r\nHost: localhost\r\nx-gateway-custom-host: http://127.0.0.1:1/v1\r\n\r\n", {502}),
    ("GET /v1/models HTTP/1.1\r\nHost: localhost\r\nx-gateway-custom-host: nonsense\r\n\r\n", {400}),
    ("GET /v1/models HTTP/1.1\r\nx-gateway-request-timeout: soon\r\n" + GOOD + "\r\n", {400}),
    ("POST /v1/echo HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n" + GOOD + "\r\n0\r\n\r\n", {400}),
    ("POST /v1/echo HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n" + GOOD + "\r\nab", {400}),
    ("POST /v1/echo HTTP/1.1\r\nTransfer-Encoding: chunked\r\n" + GOOD + "\r\nzz\r\n\r\n", {400}),
    ("GET /v1/models HTTP/1.1\r\nBad Header: x\r\n" + GOOD + "\r\n", {400}),
    ("GET /v1/models HTTP/1.1\r\n" + "X-Many: y\r\n" * 300 + GOOD + "\r\n", {400, 431}),
    ("GET /v1/models HTTP/1.1\r\nX-Long: " + "y" * 200_000 + "\r\n" + GOOD + "\r\n", {400, 431}),
    ("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", {400}),
    ("GET / HTTP/9.9\r\n\r\n", {400, 404, 421, 505}),
    ("\r\n\r\n\r\n", set()),
]


async def break_rules(stage):
    text, statuses = stage.dice.choice(BAD)
    text = text.replace("{mock}", stage.upstream.split(":")[2].split("/")[0]).replace("{gateway}", str(stage.port))
    stage.tally["requests begun"] += 1
    line = await Line.open(stage.port)
    await line.send(text.encode("latin-1"))
    try:
        response = await asyncio.wait_for(line.response(), 30)
        stage.tally[f"responses {response.status // 100}xx"] += 1
    except (CutShort, KeyError, ValueError):
        stage.tally["refused by closing"] += 1
    else:
        if statuses and response.status not in statuses:
            raise Wrong(f"{response.status} for {text[:120]!r}")
    finally:
        line.leave(stage.dice)


async def say_nothing(stage):
    """Connects and waits, or dribbles half a head, until it goes or is shown the door."""
    line = await Line.open(stage.port)
    if stage.dice.random() < 0.5:
        stage.tally["requests begun"] += 1
        await line.send(b"GET /v1/models HTTP/1.1\r\nHost: local")
    if stage.dice.random() < 0.3:
        await asyncio.wait_for(line.read_to_end(), 30)
    else:
        await asyncio.sleep(stage.dice.random())
    line.leave(stage.dice)


def frame(opcode, payload):
    """One masked frame, as clients send them (RFC 6455 section 5.2)."""
    mask = os.urandom(4)
    size = len(payload)
    if size < 126:
        head = struct.pack("!BB", 0x80 | opcode, 0x80 | size)
    else:
        head = struct.pack("!BBH", 0x80 | opcode, 0x80 | 126, size)
    return head + mask + bytes(byte ^ mask[at % 4] for at, byte in enumerate(payload))


async def read_frame(line):
    first, second = await line.reader.readexactly(2)
    size = second & 0x7F
    if size == 126:
        (size,) = struct.unpack("!H", await line.reader.readexactly(2))
    return first & 0x0F, await line.reader.readexactly(size)


async def websocket(stage):
    """A few messages there and back, then a close in order, or none."""
    line = await Line.open(stage.port)
    await line.send(stage.request("GET", "/realtime", lines=(
        "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n")))
    try:
        response = await line.head()
        stage.tally[f"responses {response.status // 100}xx"] += 1
        if response.status != 101:
            return
        for _ in range(stage.dice.randint(0, 10)):
            sent = stage.dice.randbytes(stage.dice.choice([0, 5, 125, 126, 3000]))
            await line.send(frame(2, sent))
            kind, came = await read_frame(line)
            if (kind, came) not in ((2, sent), (8, came)):
                raise Wrong("a WebSocket's echo is not what was sent")
            if kind == 8:
                return
            await asyncio.sleep(stage.dice.random() * 0.05)
        if stage.dice.random() < 0.5:
            await line.send(frame(8, struct.pack("!H", 1000)))
            await read_frame(line)
    except (CutShort, asyncio.IncompleteReadError, OSError):
        stage.tally["WebSockets cut short"] += 1
    finally:
        line.leave(stage.dice)
