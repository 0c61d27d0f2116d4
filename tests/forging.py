"""Tokens of any header and claims, with a true signature or none: what no library would write."""

import base64
import hashlib
import hmac
import json
from typing import Any


def part(data: Any) -> str:
    """Write a part of a token: bytes as they are, anything else as JSON."""
    raw = data if isinstance(data, bytes) else json.dumps(data).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def forged(header: Any, claims: Any, key: bytes, digest: Any = hashlib.sha256) -> str:
    """Sign with HMAC, whatever the header says."""
    signed = f"{part(header)}.{part(claims)}"
    return f"{signed}.{part(hmac.digest(key, signed.encode(), digest))}"


def twin(token: str) -> str:
    """Change the bits of a 32-byte signature's last character that mean nothing."""
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return token[:-1] + letters[letters.index(token[-1]) ^ 1]
