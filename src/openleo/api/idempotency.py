"""Idempotency keys over HTTP: what tells one request from another, and how answers with secrets are kept.

`control.once` stores the answer to a change in the transaction of the change.  It is stored sealed under the
token of who asked, of which the store has the hash alone: an answer may hold a new token, an exact position,
or a reason that is to be erased one day.
"""

import hashlib
from base64 import b64decode, b64encode
from collections.abc import Callable
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from openleo.control.once import Done, KeyReused, once
from openleo.control.plane import Tx


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Asked:
    """A change that was asked for: its key, what tells it from others, and the token it came with."""

    key: str
    digest: str
    token: str


def digest_of(method: str, path: str, body: bytes) -> str:
    """Return what is equal for equal requests alone."""
    parts = (method.encode(), path.encode(), body)
    framed = b"".join(len(part).to_bytes(8, "big") + part for part in parts)
    return hashlib.sha256(framed).hexdigest()


def do_once(tx: Tx, asked: Asked, run: Callable[[Tx], str], *, status: int) -> Done:
    """Run a change, or return what was answered when it ran; raises KeyReused."""
    fresh: list[str] = []

    def verb(tx: Tx) -> tuple[int, str]:
        fresh.append(run(tx))
        return status, _sealed(fresh[0], asked)

    done = once(tx, asked.key, asked.digest, verb)
    body = fresh[0] if fresh else _opened(done.body, asked)
    return Done(status=done.status, body=body, again=done.again)


def _sealed(body: str, asked: Asked) -> str:
    # Each (token, key) seals one answer, so a fixed nonce is not used twice.
    sealed = _cipher(asked).encrypt(bytes(12), body.encode(), None)
    return b64encode(sealed).decode()


def _opened(stored: str, asked: Asked) -> str:
    try:
        return _cipher(asked).decrypt(bytes(12), b64decode(stored), None).decode()
    except InvalidTag:
        raise KeyReused(
            "this was done before, and its answer can be read with the token it was asked with alone",
            "use that token, or ask anew with a fresh key",
        ) from None


def _cipher(asked: Asked) -> ChaCha20Poly1305:
    derive = HKDF(algorithm=SHA256(), length=32, salt=asked.key.encode(), info=b"openleo/idempotency/v1")
    return ChaCha20Poly1305(derive.derive(asked.token.encode()))
