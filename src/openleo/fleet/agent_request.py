"""Requests about orders that an agent's key signs: who asks, what for, when, and once.

Agents of remote sites use this module, so it imports little.  What the server answers is not signed: the
agent trusts the server that its TLS certificate names, as it does when it enrols.
"""

import hashlib
import re
import secrets
from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from openleo.fleet.batches import DEVICE, SIGNATURE, BadBatch, NotSigned

PATH: Final = "/v1/agents/orders"
TIME, NONCE, SAYS = "openleo-time", "openleo-nonce", "openleo-says"
WINDOW_NS: Final = 300 * 10**9  # so far the clocks of both may be apart
MOST_SAID: Final = 8_192
CARRIED: Final = ("reboot", "stow", "unstow", "sleep")  # what an agent can be ordered
ASKABLE: Final = ("reboot", "stow", "sleep")  # what a site allows; unstow goes with stow
RESULTS: Final = ("done", "refused", "unreachable", "unknown", "reverted")
_NAME: Final = re.compile(r"[A-Za-z0-9._:-]{1,64}", re.ASCII)
_NONCE: Final = re.compile(r"[0-9a-f]{32}", re.ASCII)
_TIME: Final = re.compile(r"[0-9]{1,19}", re.ASCII)


def permission(action: str) -> str:
    """Return what a site must allow for an action."""
    return "stow" if action == "unstow" else action


def result_path(order: str) -> str:
    """Return where the result of an order goes."""
    return f"{PATH}/{order}/result"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A request as it is signed; ``told`` is the body of a POST, the header openleo-says of a GET."""

    method: str
    path: str
    device: str
    time_ns: int
    nonce: str
    told: bytes

    def to_sign(self) -> bytes:
        """Return the bytes that the agent's key signs."""
        digest = hashlib.sha256(self.told).hexdigest()
        lines = (self.method, self.path, self.device, str(self.time_ns), self.nonce, digest)
        return ("openleo/orders/v1\n" + "\n".join(lines) + "\n").encode()


def signed_headers(
    key: Ed25519PrivateKey, device: str, method: str, path: str, told: bytes, *, now_ns: int
) -> dict[str, str]:
    """Return the headers of a request, signed; each call gives others."""
    asked = Asked(
        method=method, path=path, device=device, time_ns=now_ns, nonce=secrets.token_hex(16), told=told
    )
    found = {
        DEVICE: device, TIME: str(now_ns), NONCE: asked.nonce,
        SIGNATURE: b64encode(key.sign(asked.to_sign())).decode(),
    }  # fmt: skip
    return found if method == "POST" else {**found, SAYS: told.decode("ascii")}


def read_asked(method: str, path: str, headers: Mapping[str, str], body: bytes) -> Asked:
    """Return what a request says of itself; raises NotSigned and BadBatch."""
    missing = [name for name in (DEVICE, TIME, NONCE, SIGNATURE) if name not in headers]
    if missing:
        raise NotSigned(f"the header {missing[0]} is missing", "sign each request with the agent's key")
    told = body if method == "POST" else headers.get(SAYS, "").encode("latin-1")
    if len(told) > MOST_SAID:
        raise BadBatch(f"{len(told):,} bytes are too many", f"say it in {MOST_SAID:,}")
    fits = (
        _NAME.fullmatch(headers[DEVICE])
        and _TIME.fullmatch(headers[TIME])
        and _NONCE.fullmatch(headers[NONCE])
    )
    if not fits:
        raise BadBatch(
            f"{DEVICE}, {TIME} or {NONCE} is wrong", "a name, Unix nanoseconds, and 32 of 0-9 and a-f"
        )
    return Asked(
        method=method, path=path, device=headers[DEVICE], time_ns=int(headers[TIME]), nonce=headers[NONCE],
        told=told,
    )  # fmt: skip


def need_signed(asked: Asked, signature: str, public_key: str) -> None:
    """Raise NotSigned unless a request is signed by a key (base64)."""
    try:
        key = Ed25519PublicKey.from_public_bytes(b64decode(public_key, validate=True))
        key.verify(b64decode(signature, validate=True), asked.to_sign())
    except (InvalidSignature, ValueError):
        raise not_known() from None


def not_known() -> NotSigned:
    """Return what is said of a request that nobody known has signed: the same words whoever it names."""
    return NotSigned("this is not the request of an agent that is known here", "enrol its key, and sign it")
