"""Asks for the health page again and again, on one connection, and prints the longest wait.

`python -m soak.probe PORT` runs until its standard input ends, and prints `ready` after the first response. It is a
program of its own, so that the rest of the soak cannot delay it.
"""

import json
import select
import socket
import sys
import time

PAUSE_SECONDS = 0.005
PATIENCE_SECONDS = 30
REQUEST = b"GET /gateway/health/live HTTP/1.1\r\nHost: localhost\r\n\r\n"


def _answer(connection, buffer):
    """The status of the next response; what was read beyond it stays in the buffer."""
    while b"\r\n\r\n" not in buffer:
        piece = connection.recv(65536)
        if not piece:
            raise ConnectionError("the connection ended")
        buffer += piece
    head, _, rest = bytes(buffer).partition(b"\r\n\r\n")
    lines = head.lower().split(b"\r\n")
    length = next(int(line.split(b":")[1]) for line in lines if line.startswith(b"content-length:"))
    while len(rest) < length:
        piece = connection.recv(65536)
        if not piece:
            raise ConnectionError("the connection ended in a response")
        rest += piece
    buffer[:] = rest[length:]
    return int(lines[0].split()[1])


def main():
    longest, responses, broken = 0.0, 0, None
    connection = socket.create_connection(("127.0.0.1", int(sys.argv[1])), timeout=PATIENCE_SECONDS)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    buffer = bytearray()
    try:
        while not select.select([sys.stdin], [], [], PAUSE_SECONDS)[0]:
            begun = time.monotonic()
            connection.sendall(REQUEST)
            status = _answer(connection, buffer)
            if status != 200:
                raise ConnectionError(f"the health page says {status}")
            longest, responses = max(longest, time.monotonic() - begun), responses + 1
            if responses == 1:
                print("ready", flush=True)
    except OSError as error:
        broken = repr(error)
    print(json.dumps({"longest": longest, "responses": responses, "broken": broken}))


if __name__ == "__main__":
    main()
