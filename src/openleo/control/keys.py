"""People's Ed25519 keys: what a person decides carries a signature that the server cannot forge."""

from base64 import b64decode, b64encode
from binascii import Error

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from openleo.base.errors import Refused


class BadSignature(Refused):
    """A signature is missing, or is not that of the person over these bytes."""

    code = "bad-signature"


def new_seed() -> bytes:
    """Return the 32 secret bytes of a new key."""
    return Ed25519PrivateKey.generate().private_bytes_raw()


def public_of(seed: bytes) -> str:
    """Return the public key of a secret, base64."""
    return b64encode(Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()).decode()


def sign(seed: bytes, message: bytes) -> str:
    """Return a signature, base64."""
    return b64encode(Ed25519PrivateKey.from_private_bytes(seed).sign(message)).decode()


def is_signed(public_key: str | None, message: bytes, signature: str) -> bool:
    """Tell whether a signature (base64) is this key's over these bytes."""
    if public_key is None:
        return False
    try:
        key = Ed25519PublicKey.from_public_bytes(b64decode(public_key, validate=True))
        key.verify(b64decode(signature, validate=True), message)
    except (InvalidSignature, ValueError, Error):
        return False
    return True


def is_public_key(text: str) -> bool:
    """Tell whether a text is a public key, base64."""
    try:
        raw = b64decode(text, validate=True)
        return len(raw) == 32 and bool(Ed25519PublicKey.from_public_bytes(raw))
    except (ValueError, Error):
        return False


def need_signature(person: str, public_key: str | None, message: bytes, signature: str) -> None:
    """Raise BadSignature unless ``signature`` is the person's over ``message``."""
    if is_signed(public_key, message, signature):
        return
    if public_key is None:
        raise BadSignature(
            f"{person} has no key to sign with", f"make one with `openleo person key {person}`"
        )
    raise BadSignature(
        f"this is not {person}'s signature over what is to be decided",
        "sign the exact bytes that `openleo request show` prints under `to sign`",
    )
