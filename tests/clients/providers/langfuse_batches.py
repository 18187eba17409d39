"""Langfuse's Python SDK, version 2 or 3, sends a trace by the provider route and by endpoints; a batch gets 207.

A gateway key stands as the secret key. The endpoints are those of endpoints.yaml, and those that the importer makes of
litellm.yaml.
"""

import base64
import json
import os

import calls
from calls import GATEWAY_KEY, OWN_GATEWAY, RECORDER, check, expect, harness, header, watched, version

harness.forget_environment()
import httpx  # noqa: E402
from langfuse import Langfuse  # noqa: E402

MAJOR = version("langfuse").split(".")[0]
BATCH, SPANS = "/api/public/ingestion", "/api/public/otel/v1/traces"
OPERATORS, CALLERS = ("pk-operators", "sk-operators"), ("pk-callers-own", "sk-callers-own")


def send(root, public, secret):
    """A trace and a score through the SDK; gives the statuses of what the SDK sent with its HTTP client."""
    statuses = []
    hooks = {"response": [lambda response: statuses.append(response.status_code)]}
    http = httpx.Client(event_hooks=hooks)
    client = Langfuse(public_key=public, secret_key=secret, host=root, httpx_client=http, flush_interval=0.2)
    if MAJOR == "2":
        trace = client.trace(name="a trace", input="hello")
        trace.generation(name="a call", model="tiny", output="recorded", usage={"input": 1, "output": 1})
        trace.score(name="good", value=1)
    else:
        with client.start_as_current_span(name="a trace", input="hello") as span:
            client.create_score(name="good", value=1, trace_id=span.trace_id)
    client.flush()
    client.shutdown()
    return statuses


def arrived(root, public, secret, user):
    """Sends, and looks whose credential arrived with every request, and that the batch got 207."""
    statuses, came = watched(send, root, public, secret)
    assert statuses and set(statuses) == {207}, statuses
    paths = [BATCH] if MAJOR == "2" else [BATCH, SPANS]
    expect("paths", sorted({it["target"] for it in came}), paths)
    basic = "Basic " + base64.b64encode(":".join(user).encode()).decode()
    expect("credentials", [header(it, "authorization") for it in came], [basic] * len(came))
    batches = [json.loads(it["body"])["batch"] for it in came if it["target"] == BATCH]
    kinds = {event["type"] for batch in batches for event in batch}
    expect("events", kinds, {"trace-create", "generation-create", "score-create"} if MAJOR == "2" else {"score-create"})
    calls.assert_key_stayed(came)
    return came


def check_route(name, root, secret=GATEWAY_KEY, user=OPERATORS):
    # Version 3 has one client for each public key in a process.
    public = user[0] if secret != GATEWAY_KEY else f"pk-any-{name.replace(' ', '-')}"
    check(f"langfuse {MAJOR}: {name}")(lambda _: arrived(root, public, secret, user))


check_route("provider route, gateway key", f"{os.environ['GATEWAY']}/langfuse")
check_route("provider route, own keys", f"{OWN_GATEWAY}/langfuse", CALLERS[1], CALLERS)
check_route("endpoint", f"{os.environ['ENDPOINTS']}/langfuse")
check_route("endpoint imported from LiteLLM", f"{os.environ['IMPORTED']}/langfuse")
if MAJOR == "2":
    # LiteLLM's own example: the one path that this version sends to.
    check_route("exact path", os.environ["ENDPOINTS"])
    check_route("exact path imported from LiteLLM", os.environ["IMPORTED"])


@check(f"langfuse {MAJOR}: the gateway key as public key is refused, and not sent")
def as_public_key(bench):
    """The SDK repeats the public key in a header of its own."""
    statuses, came = watched(send, f"{bench.base}/langfuse", GATEWAY_KEY, "sk-any")
    expect("statuses", set(statuses), {400})
    expect("requests", came, [])


@check(f"langfuse {MAJOR}: a gateway key that did leave would be seen in its Basic credential")
def would_be_seen(_):
    _, came = watched(send, RECORDER, "pk-any-direct", GATEWAY_KEY)
    try:
        calls.assert_key_stayed(came[:1])
    except AssertionError:
        return
    raise AssertionError("a key in a Basic credential is overlooked")


if __name__ == "__main__":
    calls.main("langfuse")
