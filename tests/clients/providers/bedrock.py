"""boto3's Bedrock client with its endpoint_url on the provider route `/bedrock`.

A gateway key stands as the access key id: the signature that arrives is the operator's, and is recomputed here with
botocore's own signer. A caller's own Bedrock API key is a bearer token. A caller's own AWS signature names the
gateway's host, so that AWS would refuse it.
"""

import json
import os
import re
from urllib.parse import quote

import calls
from calls import GATEWAY_KEY, OWN_GATEWAY, OWN_KEY, RECORDER, check, expect, harness, header, watched

harness.forget_environment()
os.environ["AWS_EC2_METADATA_DISABLED"] = "true"
import boto3  # noqa: E402
from botocore.auth import SigV4Auth  # noqa: E402
from botocore.awsrequest import AWSRequest  # noqa: E402
from botocore.config import Config  # noqa: E402
from botocore.credentials import Credentials  # noqa: E402

ASK = [{"role": "user", "content": [{"text": "hello"}]}]
# Its colon is encoded in the path, and once more in what is signed.
MODEL = "anthropic.claude-3-5-sonnet-20241022-v2:0"
ACCESS_KEY, SECRET = "AKIDEXAMPLE", "operators-aws-secret"
AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 Credential=([^/]+)/(\d{8})/([^/]+)/([^/]+)/aws4_request, "
    r"SignedHeaders=([^,]+), Signature=([0-9a-f]{64})"
)


def client(root, access_key, secret="any-secret"):
    os.environ.pop("AWS_BEARER_TOKEN_BEDROCK", None)
    return boto3.client("bedrock-runtime", aws_access_key_id=access_key, aws_secret_access_key=secret, **options(root))


def client_of_token(root, token):
    """A client that sends a Bedrock API key, which boto3 takes from the environment and sends by TLS only."""
    os.environ["AWS_BEARER_TOKEN_BEDROCK"] = token
    return boto3.client("bedrock-runtime", verify=os.environ["CA_FILE"], **options(root))


def options(root):
    config = Config(retries={"total_max_attempts": 1})
    return {"endpoint_url": root, "region_name": "us-east-1", "config": config}


def converse(bedrock):
    return bedrock.converse(modelId=MODEL, messages=ASK)["output"]["message"]["content"][0]["text"]


def invoke(bedrock):
    return json.loads(bedrock.invoke_model(modelId=MODEL, body='{ "prompt": "h\\u00e9llo" }')["body"].read())["text"]


def converse_stream(bedrock):
    events = bedrock.converse_stream(modelId=MODEL, messages=ASK)["stream"]
    return "".join(it["contentBlockDelta"]["delta"]["text"] for it in events if "contentBlockDelta" in it)


def invoke_stream(bedrock):
    events = bedrock.invoke_model_with_response_stream(modelId=MODEL, body="{}")["body"]
    return b"".join(it["chunk"]["bytes"] for it in events).decode()


def assert_signed(request, access_key, secret):
    """The signature is that which botocore makes for exactly what arrived."""
    found = AUTHORIZATION.fullmatch(header(request, "authorization") or "")
    assert found, header(request, "authorization")
    sender, _, region, service, names, signature = found.groups()
    expect("scope", (sender, region, service), (access_key, "us-east-1", "bedrock"))
    assert {"host", "x-amz-date"} <= set(names.split(";")), names
    again = AWSRequest(
        method=request["method"],
        url=f"http://{header(request, 'host')}{request['target']}",
        data=request["body"].encode("latin-1"),
        headers={name: header(request, name) for name in names.split(";")},
    )
    again.context["timestamp"] = header(request, "x-amz-date")
    signer = SigV4Auth(Credentials(access_key, secret), service, region)
    text = signer.string_to_sign(again, signer.canonical_request(again))
    expect("signature", signature, signer.signature(text, again))


CALLS = {
    "converse": converse,
    "converse stream": converse_stream,
    "invoke_model": invoke,
    "invoke_model stream": invoke_stream,
}


def with_gateway_key(call):
    def run(bench):
        wanted, direct = watched(call, client(RECORDER, ACCESS_KEY, SECRET))
        for request in direct:
            assert_signed(request, ACCESS_KEY, SECRET)
        value, came = watched(call, client(f"{bench.base}/bedrock", GATEWAY_KEY))
        expect("text", value, "recorded")
        expect("text", value, wanted)
        calls.assert_alike(came, direct)
        calls.assert_key_stayed(came)
        for request in came:
            assert_signed(request, ACCESS_KEY, SECRET)

    return run


def with_token(call):
    def run(_):
        wanted, direct = watched(call, client(RECORDER, ACCESS_KEY, SECRET))
        value, (came,) = watched(call, client_of_token(f"{os.environ['OWN_GATEWAY_TLS']}/bedrock", OWN_KEY))
        expect("text", value, wanted)
        for part in ("method", "target", "body"):
            expect(part, came[part], direct[0][part])
        expect("credentials", calls.credentials(came), [["authorization", f"Bearer {OWN_KEY}"]])

    return run


for name, call in CALLS.items():
    check(f"boto3: {name}, gateway key as access key id")(with_gateway_key(call))
    check(f"boto3: {name}, own Bedrock API key")(with_token(call))


@check("boto3: converse, gateway key as Bedrock API key")
def gateway_key_as_token(_):
    value, came = watched(converse, client_of_token(f"{os.environ['GATEWAY_TLS']}/bedrock", GATEWAY_KEY))
    expect("text", value, "recorded")
    calls.assert_key_stayed(came)
    assert_signed(came[0], ACCESS_KEY, SECRET)


@check("boto3: a signature of another secret is told apart")
def wrong_secret(bench):
    _, came = watched(converse, client(f"{bench.base}/bedrock", GATEWAY_KEY))
    try:
        assert_signed(came[0], ACCESS_KEY, SECRET + "x")
    except AssertionError:
        return
    raise AssertionError("a signature of any secret would pass")


@check("boto3: a signature of the caller's own crosses as it is, for the gateway's host")
def own_signature(_):
    _, came = watched(converse, client(f"{OWN_GATEWAY}/bedrock", "AKIDCALLER", "callers-secret"))
    found = AUTHORIZATION.fullmatch(header(came[0], "authorization"))
    expect("access key id", found[1], "AKIDCALLER")
    expect("path", came[0]["target"], f"/model/{quote(MODEL, safe='')}/converse")


if __name__ == "__main__":
    calls.main("boto3")
