"""The settings of the gateways that the checks go through, as text."""

import json
import subprocess
from pathlib import Path

HERE = Path(__file__).resolve().parent
# The providers that have a host of their own.
HOSTS = {
    "openai": "api.openai.com",
    "anthropic": "api.anthropic.com",
    "gemini": "generativelanguage.googleapis.com",
    "cohere": "api.cohere.com",
    "mistral": "api.mistral.ai",
    "groq": "api.groq.com",
    "langfuse": "cloud.langfuse.com",
}
LANGFUSE = {"LANGFUSE_PUBLIC_KEY": "pk-operators", "LANGFUSE_SECRET_KEY": "sk-operators"}
# What endpoints.yaml and litellm.yaml take from the gateway's environment.
VARIABLES = {
    **LANGFUSE,
    "BRIA_KEY": "operators-bria-key",
    "COHERE_API_KEY": "operators-cohere-key",
    "LITELLM_MASTER_KEY": "operators-master-key",
}
AWS = {"access_key_id": "AKIDEXAMPLE", "secret_access_key": "operators-aws-secret"}


def keyed(recorder: str, digest: str) -> str:
    """The keys of all providers, and one gateway key."""
    named = [name for name in HOSTS if name != "langfuse"]
    providers = {
        name: {"provider": name, "custom_host": recorder, "api_key": f"operators-{name}-key"} for name in named
    }
    user, password = LANGFUSE.values()
    providers["langfuse"] = {"custom_host": recorder, "credential": {"basic": {"user": user, "password": password}}}
    aws = {"aws_sigv4": {**AWS, "region": "us-east-1", "service": "bedrock"}}
    providers["bedrock"] = {"custom_host": recorder, "credential": aws}
    # The SDK for Node sends a file's bytes to this path of the gateway, not below `/gemini`.
    upload = {"header": {"x-goog-api-key": "operators-gemini-key"}}
    endpoints = [{"path": "/upload", "target": f"{recorder}/upload", "credential": upload}]
    return json.dumps({"keys": {"app": {"digest": digest}}, "providers": providers, "endpoints": endpoints})


def own(recorder: str, names: str | None, ca_file: Path) -> str:
    """No provider but Bedrock, which has no host of its own. Without a DNS server, hosts and no credentials."""
    settings = {"providers": {"bedrock": {"custom_host": recorder}}}
    if names:
        tls = [{"host": host, "ca_file": str(ca_file)} for host in HOSTS.values()]
        settings.update({"dns": {"servers": [names]}, "upstream": {"tls": tls}})
    else:
        settings["providers"].update({name: {"provider": name, "custom_host": recorder} for name in HOSTS})
    return json.dumps(settings)


def at_recorder(file: str, recorder: str) -> str:
    """A file of settings with the recorder in the place of the hosts."""
    text = (HERE / file).read_text()
    text = text.replace("https://engine.prod.bria-api.com", f"{recorder}/bria-engine")
    return text.replace("https://api.cohere.com", recorder).replace("https://cloud.langfuse.com", recorder)


def endpoints(recorder: str, digest: str) -> str:
    return at_recorder("endpoints.yaml", recorder) + key(digest)


def imported(recorder: str, digest: str, program: str, work: Path) -> str:
    """What the importer prints for litellm.yaml, with a gateway key, which LiteLLM's settings do not have."""
    source = work / "litellm.yaml"
    source.write_text(at_recorder("litellm.yaml", recorder))
    done = subprocess.run([program, "import", "litellm", str(source)], capture_output=True, text=True, check=True)
    return done.stdout + key(digest)


def key(digest: str) -> str:
    return f'keys: {{ app: {{ digest: "{digest}" }} }}\n'
