"""What the recorder responds where the mock has no response: in the forms of Gemini, Cohere, Mistral's and Anthropic's
files, Bedrock, Langfuse and Bria. The text of a model is always "recorded".
"""

import base64
import binascii
import json
import re
from dataclasses import dataclass, field

TEXT = "recorded"
OWN_URL = ""
"""The recorder's own; set when it listens."""


@dataclass
class Response:
    value: object = None
    """The body, a JSON value or bytes, unless `pieces` has it."""
    status: int = 200
    headers: dict = field(default_factory=dict)
    pieces: list = None

    def __post_init__(self):
        self.headers.setdefault("content-type", "application/json")
        if self.pieces is None:
            is_bytes = isinstance(self.value, bytes)
            self.pieces = [self.value if is_bytes else json.dumps(self.value).encode()]


ROUTES = []


def route(pattern, if_header=None):
    """Adds a responder for what matches `METHOD path`, and has a header of which the value contains a text."""

    def add(responder):
        ROUTES.append((re.compile(pattern), if_header, responder))
        return responder

    return add


def find(method, target, headers, body):
    """The recorder's own response to a request, or None."""
    path = target.split("?")[0]
    for pattern, if_header, responder in ROUTES:
        if if_header and if_header[1] not in headers.get(if_header[0], ""):
            continue
        if found := pattern.fullmatch(f"{method} {path}"):
            return responder(found, headers, body, target)
    return None


def events(*values, named=True):
    """An event stream, one piece for each event."""
    names = (f"event: {value['type']}\n" if named else "" for value in values)
    lines = (f"{name}data: {json.dumps(value)}\n\n" for name, value in zip(names, values))
    return Response(headers={"content-type": "text/event-stream"}, pieces=[line.encode() for line in lines])


def candidate(text, **more):
    return {
        "candidates": [{"content": {"role": "model", "parts": [{"text": text}]}, **more}],
        "usageMetadata": {"promptTokenCount": 1, "candidatesTokenCount": 1, "totalTokenCount": 2},
    }


@route(r"POST /v1(?:beta)?/models/[^:]+:generateContent")
def gemini(*_):
    return Response(candidate(TEXT, finishReason="STOP"))


@route(r"POST /v1(?:beta)?/models/[^:]+:streamGenerateContent")
def gemini_stream(*_):
    return events(candidate(TEXT[:4]), candidate(TEXT[4:], finishReason="STOP"), named=False)


@route(r"POST /upload/v1(?:beta)?/files", ("x-goog-upload-command", "start"))
def gemini_upload_start(*_):
    url = f"{OWN_URL}/upload/v1beta/files?upload_id=1"
    return Response({}, headers={"x-goog-upload-url": url, "x-goog-upload-status": "active"})


@route(r"POST /upload/v1(?:beta)?/files")
def gemini_upload(_, __, body, ___):
    stored = {"name": "files/one", "mimeType": "text/plain", "sizeBytes": str(len(body)), "state": "ACTIVE"}
    return Response({"file": stored}, headers={"x-goog-upload-status": "final"})


@route(r"POST /v2/chat")
def cohere_chat(_, __, body, ___):
    usage = {"tokens": {"input_tokens": 1, "output_tokens": 1}}
    if not json.loads(body).get("stream"):
        message = {"role": "assistant", "content": [{"type": "text", "text": TEXT}]}
        return Response({"id": "c", "finish_reason": "COMPLETE", "message": message, "usage": usage})
    texts = [{"message": {"content": {"text": text}}} for text in (TEXT[:4], TEXT[4:])]
    return events(
        {"type": "message-start", "id": "c", "delta": {"message": {"role": "assistant"}}},
        *({"type": "content-delta", "index": 0, "delta": text} for text in texts),
        {"type": "message-end", "id": "c", "delta": {"finish_reason": "COMPLETE", "usage": usage}},
    )


@route(r"POST /v[12]/rerank")
def cohere_rerank(*_):
    return Response({"id": "r", "results": [{"index": 1, "relevance_score": 0.9}], "meta": {}})


@route(r"POST /v2/embed")
def cohere_embed(*_):
    return Response({"id": "e", "texts": ["hello"], "embeddings": {"float": [[0.25, 0.5]]}})


@route(r"POST /v1/datasets")
def cohere_dataset(*_):
    return Response({"id": "dataset-one"})


@route(r"POST /v1/files", ("user-agent", "mistral"))
def mistral_file(_, __, body, ___):
    kind = {"object": "file", "purpose": "ocr", "sample_type": "ocr_input", "source": "upload"}
    return Response({"id": "file-one", "bytes": len(body), "created_at": 1, "filename": "a.bin", **kind})


@route(r"POST /v1/embeddings", ("user-agent", "mistral"))
def mistral_embeddings(*_):
    usage = {"prompt_tokens": 1, "completion_tokens": 0, "total_tokens": 1}
    data = [{"object": "embedding", "index": 0, "embedding": [0.25, 0.5]}]
    return Response({"id": "e", "object": "list", "model": "tiny", "data": data, "usage": usage})


@route(r"POST /v1/files", ("anthropic-version", "20"))
def anthropic_file(_, __, body, ___):
    kind = {"type": "file", "mime_type": "application/octet-stream", "created_at": "2026-01-01T00:00:00Z"}
    return Response({"id": "file_one", "filename": "a.bin", "size_bytes": len(body), **kind})


@route(r"POST /model/[^/]+/converse")
def bedrock_converse(*_):
    message = {"role": "assistant", "content": [{"text": TEXT}]}
    usage = {"inputTokens": 1, "outputTokens": 1, "totalTokens": 2}
    return Response({"output": {"message": message}, "stopReason": "end_turn", "usage": usage})


@route(r"POST /model/[^/]+/invoke")
def bedrock_invoke(*_):
    return Response({"text": TEXT})


def amazon_event(name, payload):
    """One message of Amazon's event stream encoding."""
    lines = {":event-type": name, ":content-type": "application/json", ":message-type": "event"}
    head, body = b"", json.dumps(payload).encode()
    for key, value in lines.items():
        head += bytes([len(key)]) + key.encode() + b"\x07" + len(value).to_bytes(2, "big") + value.encode()
    prelude = (16 + len(head) + len(body)).to_bytes(4, "big") + len(head).to_bytes(4, "big")
    message = prelude + binascii.crc32(prelude).to_bytes(4, "big") + head + body
    return message + binascii.crc32(message).to_bytes(4, "big")


def amazon_events(*messages):
    kind = "application/vnd.amazon.eventstream"
    return Response(headers={"content-type": kind}, pieces=[amazon_event(*it) for it in messages])


@route(r"POST /model/[^/]+/converse-stream")
def bedrock_converse_stream(*_):
    texts = [{"delta": {"text": text}, "contentBlockIndex": 0} for text in (TEXT[:4], TEXT[4:])]
    return amazon_events(
        ("messageStart", {"role": "assistant"}),
        *(("contentBlockDelta", text) for text in texts),
        ("contentBlockStop", {"contentBlockIndex": 0}),
        ("messageStop", {"stopReason": "end_turn"}),
    )


@route(r"POST /model/[^/]+/invoke-with-response-stream")
def bedrock_invoke_stream(*_):
    pieces = (base64.b64encode(text.encode()).decode() for text in (TEXT[:4], TEXT[4:]))
    return amazon_events(*(("chunk", {"bytes": piece}) for piece in pieces))


@route(r"POST /api/public/ingestion")
def langfuse_batch(_, __, body, ___):
    batch = json.loads(body)["batch"]
    return Response({"successes": [{"id": it["id"], "status": 201} for it in batch], "errors": []}, 207)


@route(r"POST /api/public/otel/v1/traces")
def langfuse_spans(*_):
    return Response(b"", headers={"content-type": "application/x-protobuf"})


@route(r"GET /api/public/projects")
def langfuse_projects(*_):
    project = {"id": "p", "name": "project", "metadata": {}, "organization": {"id": "o", "name": "o"}}
    return Response({"data": [project]})


@route(r"(GET|POST|PUT) /bria-engine(/.*)?")
def bria(found, _, __, target):
    return Response({"reached": f"{found[1]} {target}"})
