"""An upstream that records what reaches it: `recorder.py MOCK_URL [CERTIFICATE ADDRESS]`.

It responds itself where `responses.py` has a response, and has `throughway mock` respond to the rest.
`GET /recorded?after=N` tells how many requests came, and those after the first N; with -1 the number only. With a
certificate it also listens on port 443 of the loopback ADDRESS, and a DNS server beside it gives that address for every
name, so that a gateway finds providers' own hosts here.
"""

import http.client
import json
import socket
import socketserver
import ssl
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

import responses

CONNECTION = {"connection", "keep-alive", "transfer-encoding", "content-length"}
recorded = []


def recorded_after(number):
    return {"count": len(recorded), "requests": recorded[number:] if number >= 0 else []}


class Recorder(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    mock = ""
    """`host:port` of the mock."""

    def serve(self):
        if self.path.startswith("/recorded?after="):
            return self.respond(responses.Response(recorded_after(int(self.path.partition("=")[2]))))
        body = self.read_body()
        recorded.append(
            {
                "method": self.command,
                "target": self.path,
                "tls": isinstance(self.connection, ssl.SSLSocket),
                "headers": [[name.lower(), value] for name, value in self.headers.items()],
                "body": body.decode("latin-1"),
            }
        )
        own = responses.find(self.command, self.path, self.headers, body)
        return self.respond(own) if own else self.forward(body)

    do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = serve

    def read_body(self):
        if self.headers.get("transfer-encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("content-length", 0)))
        pieces = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            pieces.append(self.rfile.read(size))
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass
        return b"".join(pieces)

    def respond(self, response):
        self.send_response(response.status)
        for name, value in response.headers.items():
            self.send_header(name, value)
        if len(response.pieces) == 1:
            self.send_header("content-length", str(len(response.pieces[0])))
            self.end_headers()
            self.wfile.write(response.pieces[0])
        else:
            self.send_chunked(response.pieces)

    def forward(self, body):
        connection = http.client.HTTPConnection(self.mock, timeout=20)
        lines = {name: value for name, value in self.headers.items() if name.lower() not in CONNECTION}
        connection.request(self.command, self.path, body, lines)
        response = connection.getresponse()
        self.send_response(response.status)
        for name, value in response.getheaders():
            if name.lower() not in CONNECTION:
                self.send_header(name, value)
        self.send_chunked(iter(lambda: response.read1(4096), b""))
        connection.close()

    def send_chunked(self, pieces):
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        for piece in pieces:
            self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece))
            self.wfile.flush()
        self.wfile.write(b"0\r\n\r\n")

    def log_message(self, *_):
        pass


class Server(ThreadingHTTPServer):
    request_queue_size = 64

    def server_bind(self):
        """Without asking the system's DNS for a name of the address, as HTTPServer does."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = self.server_address[:2]


def serve_names(server, address):
    """A DNS server: every name has this one IPv4 address and nothing else."""
    while True:
        query, client = server.recvfrom(512)
        end = 12
        while query[end]:
            end += 1 + query[end]
        question = query[12 : end + 5]
        is_address = question[-4:-2] == b"\x00\x01"
        head = query[:2] + b"\x81\x80\x00\x01" + bytes([0, is_address]) + b"\x00\x00\x00\x00"
        record = b"\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x3c\x00\x04" + socket.inet_aton(address)
        server.sendto(head + question + (record if is_address else b""), client)


def in_background(run, *arguments):
    threading.Thread(target=run, args=arguments, daemon=True).start()


def serve_tls(certificate, address):
    """Port 443 and DNS; gives the DNS server's address, or nothing where port 443 is not to be had."""
    try:
        server = Server((address, 443), Recorder)
    except OSError as error:
        print(f"port 443: {error}", flush=True)
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    in_background(server.serve_forever)
    names = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    names.bind(("127.0.0.1", 0))
    in_background(serve_names, names, address)
    return "%s:%d" % names.getsockname()


def main(mock, *tls):
    Recorder.mock = urlsplit(mock).netloc
    names = serve_tls(*tls) if tls else None
    server = Server(("127.0.0.1", 0), Recorder)
    address = "127.0.0.1:%d" % server.server_address[1]
    responses.OWN_URL = f"http://{address}"
    print(json.dumps({"message": "listening", "address": address, "names": names}), flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main(*sys.argv[1:])
