"""Files through the OpenAI Python SDK: multipart bodies up, binary bodies down. Run by `openai_python.py`."""

import io

from harness import check, expect
from openai_python_client import async_via, same, straight, via

import httpx2  # the SDK's own HTTP client
import openai

PICTURE = bytes(range(256)) * 20_000  # 5 MB with every byte value: nothing may decode it


@check("multipart upload", only="mock")
def upload(bench):
    for name, content in [("small.jsonl", b'{"a":1}\n'), ("every byte naïve ☃.bin", PICTURE)]:
        got = via(bench).files.create(file=(name, content), purpose="batch")
        expect("size and name", (got.bytes, got.filename), (len(content), name))


@check("multipart upload, async, from a file object", only="mock")
async def upload_async(bench):
    file = io.BytesIO(PICTURE)
    file.name = "picture.png"
    async with async_via(bench) as client:
        got = await client.files.create(file=file, purpose="vision")
    expect("size and name", (got.bytes, got.filename), (len(PICTURE), "picture.png"))


@check("transcription, multipart with fields", only="mock")
def transcription(bench):
    ask = {"model": "whisper-1", "response_format": "verbose_json", "prompt": "naïve"}
    assert same(bench, lambda c: c.audio.transcriptions.create(file=("a.mp3", PICTURE[:70_000]), **ask).text)


@check("binary download", only="mock")
def download(bench):
    query = {"bytes": 3_000_001}
    content = same(bench, lambda c: c.files.content("file-1", extra_query=query).content)
    expect("size", len(content), 3_000_001)


@check("binary download, async, in pieces", only="mock")
async def download_async(bench):
    query = {"bytes": 3_000_001}
    wanted = straight(bench).files.content("file-1", extra_query=query).content
    async with async_via(bench) as client:
        async with client.files.with_streaming_response.content("file-1", extra_query=query) as response:
            got = b"".join([piece async for piece in response.iter_bytes()])
    assert got == wanted, "bytes differ"


@check("a download cut short is an error, never a file", only="mock")
def cut_download(bench):
    try:
        got = via(bench).files.content("file-1", extra_query={"bytes": 100_000}, **bench.fault(cut=50_000))
    except (openai.APIConnectionError, httpx2.RemoteProtocolError, httpx2.ReadError):
        return
    raise AssertionError(f"{len(got.content)} bytes taken for the whole")


@check("speech, binary", only="mock")
def speech(bench):
    ask = {"model": "tts", "voice": "alloy", "input": "hello"}
    assert same(bench, lambda c: c.audio.speech.create(**ask).content)
