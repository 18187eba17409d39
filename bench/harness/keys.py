"""The gateway keys of a run: one to be used, alone or among many, and what it may do."""

import hashlib
import zlib

DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def secret(number):
    """The text of a gateway key: 32 characters of its own and six of a checksum."""
    own = f"tw-{number:032d}"
    return own + _base62(zlib.crc32(own.encode()), 6)


def one(more=""):
    """Settings of a gateway with one key; `more`: further fields of it."""
    return "keys:\n" + _entry(0, more)


def in_team(models=""):
    """The same key with allow lists and a team that has others; `models`: one more list of the team's."""
    allow = 'allow: {hosts: ["127.0.0.0/8:*"], methods: [POST], routes: ["/v1/*"]}'
    of_team = "allow: {client_addresses: [127.0.0.0/8], providers: [passthrough]" + models + "}"
    return f"teams:\n  search: {{{of_team}}}\nkeys:\n" + _entry(0, f", team: search, {allow}")


def in_team_with_models():
    """The same, and the body is read for its model."""
    return in_team(', models: ["bench-*"]')


def many(count):
    """The same key among many."""
    return "keys:\n" + "".join(_entry(number, "") for number in range(count))


def _entry(number, more):
    digest = hashlib.sha256(secret(number).encode()).hexdigest()
    return f'  key-{number}: {{digest: "sha256:{digest}"{more}}}\n'


def _base62(number, width):
    digits = ""
    for _ in range(width):
        number, digit = divmod(number, 62)
        digits = DIGITS[digit] + digits
    return digits
