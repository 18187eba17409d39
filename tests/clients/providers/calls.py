"""What the checks of SDKs share: one call of an SDK is made to the upstream itself, with a gateway key through a
gateway that holds the provider's key, and with the caller's own key through a gateway that holds none.

Knows no SDK. `run` starts what it needs and says in the environment where that is.
"""

import base64
import faulthandler
import json
import os
import platform
import re
import sys
import urllib.request
from importlib.metadata import version
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import harness  # noqa: E402
from harness import check, expect  # noqa: E402

GATEWAY_KEY = os.environ["GATEWAY_KEY"]
OWN_GATEWAY = os.environ["OWN_GATEWAY"]
RECORDER = os.environ["RECORDER"]
OWN_HOSTS = os.environ.get("OWN_HOSTS") == "yes"
"""Whether the own-key gateway reaches the providers' own host names (on loopback)."""
OPERATORS_KEY = "operators-{}-key"
"""The key that the first gateway holds for each provider."""
OWN_KEY = "callers-own-key-0123456789"

CREDENTIALS = {"authorization", "x-api-key", "api-key", "x-goog-api-key", "xi-api-key"}
# Names and values that differ from one request of an SDK to the next.
CHANGING = {"host", "date", "idempotency-key", "traceparent", "x-amz-date", "amz-sdk-invocation-id"}
BOUNDARY = re.compile(r"boundary=\"?([^\s;\"]+)")


def recorded(after):
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with direct.open(f"{RECORDER}/recorded?after={after}", timeout=10) as page:
        return json.load(page)


def watched(call, *arguments):
    """What a call gives, and the requests that it caused."""
    before = recorded(-1)["count"]
    value = call(*arguments)
    return value, recorded(before)["requests"]


def credentials(request):
    return sorted([name, value] for name, value in request["headers"] if name in CREDENTIALS)


def header(request, name):
    return next((value for key, value in request["headers"] if key == name), None)


def shape(request):
    """A request without its credentials and without what differs each time."""
    body, kind = request["body"], header(request, "content-type") or ""
    if found := BOUNDARY.search(kind):
        body = body.replace(found[1], "BOUNDARY")
    lines = [[name, BOUNDARY.sub("boundary=", value)] for name, value in request["headers"]]
    lines = [line for line in harness.header_lines(lines) if line[0] not in CREDENTIALS | CHANGING]
    return request["method"], request["target"], lines, body


def assert_alike(came, wanted):
    """The upstream got the same requests, byte for byte, but for their credentials."""
    expect("number of requests", len(came), len(wanted))
    for one, other in zip(came, wanted):
        for what, got, want in zip(("method", "target", "header lines", "body"), shape(one), shape(other)):
            expect(what, got, want)


def assert_key_stayed(requests, key=None):
    """No part of the gateway key is in any request, nor in a Basic credential or other base64."""
    secret = (key or GATEWAY_KEY)[3:-6]
    for request in requests:
        whole = json.dumps(request)
        assert secret not in whole, "the gateway key left the gateway"
        for text in re.findall(r"[A-Za-z0-9+/_-]{24,}", whole):
            for skip in range(4):
                piece = text[skip:].replace("-", "+").replace("_", "/")
                plain = base64.b64decode(piece[: len(piece) // 4 * 4])
                assert secret.encode() not in plain, "the gateway key left the gateway, in base64"


def call(name, provider, place, own_place=None, host=None):
    """Adds the two checks for a call: a function of root URL and key that gives what can be compared.

    `provider`: the first segment of the path, under which the gateway has it. `place`: the header, and what stands in
    it before the key, where the provider's key must arrive. `own_place`: where the SDK itself puts a key, if elsewhere.
    `host`: the provider's own host name.
    """

    def add(run):
        def with_gateway_key(bench):
            wanted, direct = watched(run, RECORDER, OWN_KEY)
            value, came = watched(run, f"{bench.base}/{provider}", GATEWAY_KEY)
            expect("value", value, wanted)
            assert_alike(came, direct)
            assert_key_stayed(came)
            line = [place[0], place[1] + OPERATORS_KEY.format(provider)]
            expect("credentials", [credentials(it) for it in came], [[line]] * len(came))

        def with_own_key(_):
            wanted, direct = watched(run, RECORDER, OWN_KEY)
            value, came = watched(run, f"{OWN_GATEWAY}/{provider}", OWN_KEY)
            expect("value", value, wanted)
            assert_alike(came, direct)
            sent = own_place or place
            expect("credentials", [credentials(it) for it in came], [[[sent[0], sent[1] + OWN_KEY]]] * len(came))
            if OWN_HOSTS and host:
                expect("hosts", {(it["tls"], header(it, "host")) for it in came}, {(True, host)})

        check(f"{name}, gateway key")(with_gateway_key)
        check(f"{name}, own key")(with_own_key)
        return run

    return add


BEARER = ("authorization", "Bearer ")


def main(*packages):
    """Runs the checks of a script; the versions of the packages go into the first line."""
    faulthandler.dump_traceback_later(120, exit=True)
    versions = [f"{name} {version(name)}" for name in packages]
    harness.main("provider routes: " + ", ".join([*versions, f"Python {platform.python_version()}"]))
