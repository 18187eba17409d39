"""The Python SDKs of Anthropic, Google and Cohere on their provider routes, with only the base URL changed."""

import io

import calls
from calls import BEARER, call, check, expect, harness

harness.forget_environment()
import anthropic  # noqa: E402
import cohere  # noqa: E402
from google import genai  # noqa: E402

ASK = [{"role": "user", "content": "hello"}]
FILE = bytes(range(256)) * 400
NAME = "Prüfung.bin"


def of_anthropic(root, key):
    return anthropic.Anthropic(base_url=root, api_key=key, max_retries=0)


def of_google(root, key):
    """The caller must hold the client: when it is dropped, its connections are closed."""
    return genai.Client(api_key=key, http_options={"base_url": root})


def of_cohere(root, key):
    return cohere.ClientV2(api_key=key, base_url=root)


def anthropic_call(name):
    # This SDK sends an API key as a bearer token.
    return call(f"anthropic: {name}", "anthropic", ("x-api-key", ""), BEARER, "api.anthropic.com")


def google_call(name):
    return call(f"google: {name}", "gemini", ("x-goog-api-key", ""), host="generativelanguage.googleapis.com")


def cohere_call(name):
    return call(f"cohere: {name}", "cohere", BEARER, host="api.cohere.com")


@anthropic_call("messages")
def anthropic_messages(root, key):
    return of_anthropic(root, key).messages.create(model="tiny", max_tokens=9, messages=ASK).content[0].text


@anthropic_call("messages stream")
def anthropic_stream(root, key):
    with of_anthropic(root, key).messages.stream(model="tiny", max_tokens=9, messages=ASK) as stream:
        return stream.get_final_text(), stream.get_final_message().stop_reason


@anthropic_call("count_tokens")
def anthropic_count(root, key):
    return of_anthropic(root, key).messages.count_tokens(model="tiny", messages=ASK).input_tokens


@anthropic_call("file upload")
def anthropic_file(root, key):
    uploaded = of_anthropic(root, key).beta.files.upload(file=(NAME, FILE, "application/octet-stream"))
    return uploaded.id


@google_call("generate_content")
def google_generate(root, key):
    client = of_google(root, key)
    return client.models.generate_content(model="tiny", contents="hello").text


@google_call("generate_content stream")
def google_stream(root, key):
    client = of_google(root, key)
    return [it.text for it in client.models.generate_content_stream(model="tiny", contents="hello")]


def google_upload(root, key):
    client = of_google(root, key)
    return client.files.upload(file=io.BytesIO(FILE), config={"mime_type": "text/plain"}).size_bytes


@check("google: file upload, gateway key")
def google_upload_gateway_key(bench):
    """The SDK asks the gateway where to send the file, and sends it there without a credential."""
    stored, (asked, sent) = calls.watched(google_upload, f"{bench.base}/gemini", calls.GATEWAY_KEY)
    expect("size", stored, len(FILE))
    expect("credentials", calls.credentials(asked), [["x-goog-api-key", "operators-gemini-key"]])
    expect("credentials of the file", calls.credentials(sent), [])
    expect("file", sent["body"], FILE.decode("latin-1"))
    calls.assert_key_stayed([asked, sent])


@check("google: file upload, own key")
def google_upload_own_key(_):
    stored, (asked, _) = calls.watched(google_upload, f"{calls.OWN_GATEWAY}/gemini", calls.OWN_KEY)
    expect("size", stored, len(FILE))
    expect("credentials", calls.credentials(asked), [["x-goog-api-key", calls.OWN_KEY]])


@cohere_call("chat")
def cohere_chat(root, key):
    return of_cohere(root, key).chat(model="tiny", messages=ASK).message.content[0].text


@cohere_call("chat stream")
def cohere_stream(root, key):
    return [event.type for event in of_cohere(root, key).chat_stream(model="tiny", messages=ASK)]


@cohere_call("rerank")
def cohere_rerank(root, key):
    return of_cohere(root, key).rerank(model="tiny", query="q", documents=["a", "b"]).results[0].relevance_score


@cohere_call("embed")
def cohere_embed(root, key):
    found = of_cohere(root, key).embed(model="tiny", input_type="search_query", texts=["hello"])
    return found.embeddings.float_


@cohere_call("dataset upload")
def cohere_dataset(root, key):
    file = io.BytesIO(b'{"text": "hello"}\n' * 1000)
    file.name = "a.jsonl"
    return of_cohere(root, key).datasets.create(name="d", type="embed-input", data=file).id


if __name__ == "__main__":
    calls.main("anthropic", "google-genai", "cohere")
