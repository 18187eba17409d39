"""Makes a gateway key and prints it with its digest, as `keys` in the settings has it."""

import hashlib
import secrets
import string
import zlib

DIGITS = string.digits + string.ascii_uppercase + string.ascii_lowercase


def make():
    """A new key: prefix, 32 random characters, and the CRC-32 of these in six digits."""
    text = "tw-" + "".join(secrets.choice(DIGITS) for _ in range(32))
    number, checksum = zlib.crc32(text.encode()), ""
    for _ in range(6):
        number, digit = divmod(number, 62)
        checksum = DIGITS[digit] + checksum
    return text + checksum


def digest(key):
    """What the settings have of a key."""
    return "sha256:" + hashlib.sha256(key.encode()).hexdigest()


if __name__ == "__main__":
    key = make()
    print(key, digest(key))
