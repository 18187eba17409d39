"""The Python SDKs of OpenAI, Groq and Mistral on their provider routes, with only the base URL changed."""

import calls
from calls import BEARER, call, check, expect, harness

harness.forget_environment()
import groq  # noqa: E402
import openai  # noqa: E402
from mistralai.client import Mistral  # noqa: E402

ASK = [{"role": "user", "content": "hello"}]
FILE = bytes(range(256)) * 400
NAME = "Prüfung.bin"


def of_openai(root, key):
    return openai.OpenAI(base_url=f"{root}/v1", api_key=key, max_retries=0)


def of_groq(root, key):
    return groq.Groq(base_url=root, api_key=key, max_retries=0)


def of_mistral(root, key):
    return Mistral(server_url=root, api_key=key)


def text_of(chunks):
    """The text of a stream of chat chunks, and why it ended."""
    choices = [chunk.choices[0] for chunk in chunks if chunk.choices]
    ends = [it.finish_reason for it in choices if it.finish_reason]
    return "".join(it.delta.content or "" for it in choices), ends


def openai_call(name):
    return call(f"openai: {name}", "openai", BEARER, host="api.openai.com")


def groq_call(name):
    return call(f"groq: {name}", "groq", BEARER, host="api.groq.com")


def mistral_call(name):
    return call(f"mistral: {name}", "mistral", BEARER, host="api.mistral.ai")


def chat(client):
    return client.chat.completions.create(model="tiny", messages=ASK).choices[0].message.content


def chat_stream(client):
    return text_of(client.chat.completions.create(model="tiny", messages=ASK, stream=True))


def transcription(client):
    return client.audio.transcriptions.create(model="tiny", file=("a.mp3", FILE)).text


def file_upload(client):
    purpose = "batch" if isinstance(client, groq.Groq) else "assistants"
    return client.files.create(file=(NAME, FILE), purpose=purpose).bytes


def add_common(of_sdk, sdk_call):
    """Groq's SDK is made like OpenAI's: these calls read the same."""
    common = {
        "chat": chat,
        "chat stream": chat_stream,
        "transcription upload": transcription,
        "file upload": file_upload,
    }
    for name, ask in common.items():
        sdk_call(name)(lambda root, key, ask=ask: ask(of_sdk(root, key)))


add_common(of_openai, openai_call)
add_common(of_groq, groq_call)


@openai_call("responses stream")
def openai_responses(root, key):
    return [event.type for event in of_openai(root, key).responses.create(model="tiny", input="hello", stream=True)]


@openai_call("embeddings")
def openai_embeddings(root, key):
    return len(of_openai(root, key).embeddings.create(model="tiny", input="hello").data[0].embedding)


@openai_call("speech download")
def openai_speech(root, key):
    speech = of_openai(root, key).audio.speech.create(model="tiny", voice="alloy", input="hello")
    return len(speech.read())


@mistral_call("chat")
def mistral_chat(root, key):
    return of_mistral(root, key).chat.complete(model="tiny", messages=ASK).choices[0].message.content


@mistral_call("chat stream")
def mistral_stream(root, key):
    return text_of(event.data for event in of_mistral(root, key).chat.stream(model="tiny", messages=ASK))


@mistral_call("embeddings")
def mistral_embeddings(root, key):
    return len(of_mistral(root, key).embeddings.create(model="tiny", inputs=["hello"]).data[0].embedding)


@mistral_call("file upload")
def mistral_file(root, key):
    uploaded = of_mistral(root, key).files.upload(file={"file_name": NAME, "content": FILE}, purpose="ocr")
    return uploaded.id, uploaded.filename


@check("openai: a gateway key for a provider without a credential is an error that names the setting")
def no_credential(bench):
    try:
        openai_chat(f"{bench.base}/deepseek", calls.GATEWAY_KEY)
    except openai.BadRequestError as error:
        expect("code", (error.code, error.response.headers["x-gateway-error"]), ("no_credential",) * 2)
        assert "providers.deepseek" in error.message and "DEEPSEEK_API_KEY" in error.message, error.message
    else:
        raise AssertionError("no error was raised")


@check("openai: a gateway key that did leave would be seen")
def would_be_seen(_):
    _, came = calls.watched(openai_chat, calls.RECORDER, calls.GATEWAY_KEY)
    try:
        calls.assert_key_stayed(came)
    except AssertionError:
        return
    raise AssertionError("a key in a bearer token is overlooked")


if __name__ == "__main__":
    calls.main("openai", "groq", "mistralai")
