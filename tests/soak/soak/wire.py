"""A client's side of HTTP/1.1 over a socket it may treat badly: half requests, resets, pauses."""

import asyncio
import socket
import struct

READ_LIMIT = 64 * 1024


class CutShort(Exception):
    """The response ended before its announced end; or there was none."""


class Response:
    def __init__(self, status, headers):
        self.status = status
        self.headers = headers
        self.body = b""

    @property
    def keeps_open(self):
        return self.headers.get("connection", "").lower() != "close"


class Line:
    """One connection to the gateway."""

    def __init__(self, reader, writer):
        self.reader = reader
        self.writer = writer

    @classmethod
    async def open(cls, port, small_window=False):
        """Connects; with a small window the kernel takes little of what the client does not read."""
        sock = socket.socket()
        sock.setblocking(False)
        if small_window:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
        try:
            await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", port))
        except BaseException:
            sock.close()
            raise
        return cls(*await asyncio.open_connection(sock=sock, limit=READ_LIMIT))

    async def send(self, data):
        try:
            self.writer.write(data)
            await self.writer.drain()
        except OSError:
            pass  # The gateway may have answered and closed already; reading tells.

    async def response(self, to_head=False, keep=True):
        """The whole response; its body is not kept if `keep` is false."""
        response = await self.head()
        if to_head or response.status in (204, 304):
            return response
        body = bytearray()
        async for piece in self.pieces(response):
            if keep:
                body += piece
        response.body = bytes(body)
        return response

    async def head(self):
        """The final head; those of 1xx before it are passed over, but 101 is final."""
        while 100 <= (response := await self._one_head()).status < 200 and response.status != 101:
            pass
        return response

    async def _one_head(self):
        try:
            raw = await self.reader.readuntil(b"\r\n\r\n")
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, OSError) as error:
            raise CutShort("no head") from error
        lines = raw.decode("latin-1").split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in lines[1:] if ": " in line)
        return Response(int(lines[0].split(" ")[1]), headers)

    async def pieces(self, response):
        """The body as it comes; ends by an exception unless it is complete."""
        try:
            if response.headers.get("transfer-encoding") == "chunked":
                while size := int(await self.reader.readuntil(b"\r\n"), 16):
                    yield (await self.reader.readexactly(size + 2))[:-2]
                await self.reader.readexactly(2)
                return
            left = int(response.headers["content-length"])
            while left:
                piece = await self.reader.read(min(left, READ_LIMIT))
                if not piece:
                    raise CutShort("body")
                left -= len(piece)
                yield piece
        except (asyncio.IncompleteReadError, OSError) as error:
            raise CutShort("body") from error

    async def read_to_end(self):
        """Takes whatever comes until the connection is over."""
        try:
            while await self.reader.read(READ_LIMIT):
                pass
        except OSError:
            pass

    def reset(self):
        """Closes as a killed client does."""
        if self.writer.is_closing():
            return
        sock = self.writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()

    def close(self):
        self.writer.close()

    def leave(self, dice):
        """Closes one way or the other."""
        if dice.random() < 0.5:
            self.reset()
        else:
            self.close()
