"""Endpoints in plain HTTP: Bria's and Cohere's rerank, from endpoints.yaml and from what the importer makes of
litellm.yaml; and where the catalogue's providers are, by dry runs of a gateway whose settings know none of them.
"""

import http.client
import json
import os
from urllib.parse import urlsplit

import calls
from calls import GATEWAY_KEY, OWN_KEY, check, expect, header, watched

BASES = {"endpoints.yaml": os.environ["ENDPOINTS"], "imported": os.environ["IMPORTED"]}
KEY = {"x-gateway-api-key": GATEWAY_KEY}
BINARY = bytes(range(256))


def ask(root, method, target, headers=KEY, body=None):
    """Status, `x-gateway-error` and body of one request."""
    connection = http.client.HTTPConnection(urlsplit(root).netloc, timeout=20)
    connection.request(method, target, body, headers)
    response = connection.getresponse()
    found = response.status, response.getheader("x-gateway-error"), response.read()
    connection.close()
    return found


def check_each(name):
    """Adds a check of one gateway's URL for both gateways."""

    def add(run):
        for source, base in BASES.items():
            check(f"{name} ({source})")(lambda _, base=base: run(base))
        return run

    return add


def expect_at_bria(request, target):
    expect("target", request["target"], target)
    expect("api_token", header(request, "api_token"), "operators-bria-key")
    calls.assert_key_stayed([request])


@check_each("bria: the exact path and those below it")
def bria_paths(base):
    for path, target in [
        ("/bria", "/bria-engine"),
        ("/bria/", "/bria-engine/"),
        ("/bria/v1/text-to-image/base/2.3", "/bria-engine/v1/text-to-image/base/2.3"),
        ("/bria/v1/a%2Fb/%C3%A9?x=1&x=2&y=a+b", "/bria-engine/v1/a%2Fb/%C3%A9?x=1&x=2&y=a+b"),
    ]:
        for method in ("GET", "POST", "PUT"):
            body = BINARY if method != "GET" else None
            (status, error, _), (came,) = watched(ask, base, method, path, KEY, body)
            expect(f"status of {method} {path}", (status, error), (200, None))
            expect_at_bria(came, target)
            expect("body", came["body"], (body or b"").decode("latin-1"))


@check_each("bria: what only looks like it is 404, and not sent")
def bria_look_alikes(base):
    below_exact = ["/bria-exact/v1", "/bria-exact/"]
    for path in ["/briax", "/bria-", "/bria%2F", "/brIa", "/bri", "/bria.", "/x/bria", *below_exact]:
        (status, error, body), came = watched(ask, base, "POST", path, KEY, b"{}")
        expect(f"status of {path}", (status, error), (404, "unknown_route"))
        expect("requests", came, [])
        expect("code", json.loads(body)["error"]["code"], "unknown_route")


@check_each("bria: without include_subpath the one path is sent")
def bria_exact(base):
    (status, _, _), (came,) = watched(ask, base, "POST", "/bria-exact", KEY, b"[1, 2]")
    expect("status", status, 200)
    expect_at_bria(came, "/bria-engine/v1/text-to-image")
    expect("body", came["body"], "[1, 2]")


@check_each("bria: the caller's api_token never replaces the operator's")
def bria_token(base):
    (status, _, _), (came,) = watched(ask, base, "POST", "/bria/v1/x", {**KEY, "api_token": OWN_KEY}, b"{}")
    expect("status", status, 200)
    expect_at_bria(came, "/bria-engine/v1/x")
    assert OWN_KEY not in json.dumps(came), "the caller's credential crossed"


@check_each("bria: no key and an unknown one are 401, and not sent")
def bria_without_key(base):
    for headers in ({}, {"x-gateway-api-key": "tw-" + "0" * 38}, {"authorization": "Bearer sk-other"}):
        (status, error, _), came = watched(ask, base, "POST", "/bria/v1/x", headers, b"{}")
        expect("status", (status, error), (401, "invalid_gateway_key"))
        expect("requests", came, [])


@check_each("rerank: Cohere gets the operator's token and the settings' headers")
def rerank(base):
    question = json.dumps({"model": "rerank-v3.5", "query": "q", "documents": ["a", "b"]}).encode()
    headers = {"authorization": f"Bearer {GATEWAY_KEY}", "content-type": "application/json", "x-own": "1"}
    (status, error, body), (came,) = watched(ask, base, "POST", "/v1/rerank", headers, question)
    expect("status", (status, error), (200, None))
    expect("result", json.loads(body)["results"][0]["index"], 1)
    expect("target", came["target"], "/v1/rerank")
    expect("token", header(came, "authorization"), "Bearer operators-cohere-key")
    expect("accept", header(came, "accept"), "application/json")
    expect("a header that is not forwarded", header(came, "x-own"), None)
    expect("body", came["body"].encode(), question)
    calls.assert_key_stayed([came])


HOSTS = json.loads(os.environ["PROVIDER_HOSTS"])
PATHS = {"gemini": "/v1beta/models", "langfuse": "/api/public/projects", "groq": "/openai/v1/models"}


@check("dry runs: each provider's own address, without any settings for it")
def dry_runs(_):
    for provider, host in HOSTS.items():
        path = PATHS.get(provider, "/v1/models")
        headers = {"x-gateway-dry-run": "true", "authorization": "Bearer admin-token"}
        (status, _, body), came = watched(ask, os.environ["BARE_GATEWAY"], "GET", f"/{provider}{path}", headers)
        expect(f"status for {provider}", status, 200)
        expect("requests", came, [])
        (target,) = json.loads(body)["targets"]
        expect("target", (target["origin"], target["path"]), (f"https://{host}:443", path))


if __name__ == "__main__":
    calls.main()
