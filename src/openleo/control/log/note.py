"""Signed notes and their keys, as C2SP specifies them (c2sp.org/signed-note).

A note is a text with signature lines below it.  Signatures by keys one does not know are ignored; one by a
known key that does not verify spoils the note, and a note without a verified one is worth nothing.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from hashlib import sha256

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from openleo.base.errors import BadInput
from openleo.control.log.encode import from_base64, to_base64

MAX_NOTE_BYTES = 1_000_000
MAX_SIGNATURES = 100
KEY_ID_BYTES = 4
ED25519 = 0x01
_SECRET_PREFIX = "PRIVATE+KEY+"
_DASH = "— "


@dataclass(frozen=True, slots=True, kw_only=True)
class Algorithm:
    """A signature type: sizes in bytes, and what is done with its keys as bytes."""

    name: str
    public_bytes: int
    secret_bytes: int
    signature_bytes: int
    public_of: Callable[[bytes], bytes]
    sign: Callable[[bytes, bytes], bytes]  # (secret, message)
    verify: Callable[[bytes, bytes, bytes], bool]  # (public, message, signature)


def _ed25519_public_of(secret: bytes) -> bytes:
    return Ed25519PrivateKey.from_private_bytes(secret).public_key().public_bytes_raw()


def _ed25519_sign(secret: bytes, message: bytes) -> bytes:
    return Ed25519PrivateKey.from_private_bytes(secret).sign(message)


def _ed25519_verify(public: bytes, message: bytes, signature: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


ALGORITHMS = {
    ED25519: Algorithm(
        name="Ed25519",
        public_bytes=32,
        secret_bytes=32,
        signature_bytes=64,
        public_of=_ed25519_public_of,
        sign=_ed25519_sign,
        verify=_ed25519_verify,
    )
}
"""By the type byte of c2sp.org/signed-note; a new one is a line here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifierKey:
    """A named public key, written ``name+id+base64(type || key)``."""

    name: str
    algorithm: int
    public: bytes

    def __post_init__(self) -> None:
        _check_name(self.name)
        if len(self.public) != _algorithm(self.algorithm).public_bytes:
            raise BadInput(
                f"the public key {self.name} has {len(self.public)} bytes, "
                f"not {_algorithm(self.algorithm).public_bytes}",
                "copy the whole key",
            )

    @property
    def key_id(self) -> bytes:
        """The first four bytes of SHA-256(name || newline || type || key)."""
        described = self.name.encode() + b"\n" + bytes([self.algorithm]) + self.public
        return sha256(described).digest()[:KEY_ID_BYTES]

    def text(self) -> str:
        """Return the key as text."""
        return f"{self.name}+{self.key_id.hex()}+{to_base64(bytes([self.algorithm]) + self.public)}"

    @classmethod
    def parse(cls, text: str) -> "VerifierKey":
        """Return the key that text names; BadInput where its parts do not fit each other."""
        name, key_id, algorithm, public = _split_key(text, "a public key")
        key = cls(name=name, algorithm=algorithm, public=public)
        _check_id(key, key_id)
        return key


@dataclass(frozen=True, slots=True, kw_only=True)
class SignerKey:
    """A named secret key, ``PRIVATE+KEY+name+id+base64(type || secret)``; its repr shows no secret."""

    name: str
    algorithm: int
    secret: bytes = field(repr=False)

    def __post_init__(self) -> None:
        _check_name(self.name)
        if len(self.secret) != _algorithm(self.algorithm).secret_bytes:
            raise BadInput(f"the secret key {self.name} has the wrong length", "copy the whole key")

    @property
    def verifier(self) -> VerifierKey:
        """The public key of this one."""
        public = _algorithm(self.algorithm).public_of(self.secret)
        return VerifierKey(name=self.name, algorithm=self.algorithm, public=public)

    def text(self) -> str:
        """Return the key as text: a secret."""
        secret = to_base64(bytes([self.algorithm]) + self.secret)
        return f"{_SECRET_PREFIX}{self.name}+{self.verifier.key_id.hex()}+{secret}"

    @classmethod
    def parse(cls, text: str) -> "SignerKey":
        """Return the key that text holds; BadInput, which does not repeat the text, where it is none."""
        if not text.startswith(_SECRET_PREFIX):
            raise BadInput(f"a secret key does not start with {_SECRET_PREFIX}", "copy the whole key")
        name, key_id, algorithm, secret = _split_key(text[len(_SECRET_PREFIX) :], "a secret key")
        key = cls(name=name, algorithm=algorithm, secret=secret)
        _check_id(key.verifier, key_id)
        return key

    def sign(self, message: bytes) -> bytes:
        """Return this key's signature of message."""
        return _algorithm(self.algorithm).sign(self.secret, message)


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """One signature line: whose it says it is, and the bytes."""

    name: str
    key_id: bytes
    value: bytes

    def line(self) -> str:
        """Return the line, with its newline."""
        return f"{_DASH}{self.name} {to_base64(self.key_id + self.value)}\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """A text, which ends in a newline, and the signatures below it."""

    text: str
    signatures: tuple[Signature, ...]

    def to_bytes(self) -> bytes:
        """Return the note as it is written."""
        return (self.text + "\n" + "".join(s.line() for s in self.signatures)).encode()


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A note that verified: its text, the keys that did so, and how many signatures are by others."""

    text: str
    keys: tuple[VerifierKey, ...]
    unknown: int


def sign_note(text: str, signers: Sequence[SignerKey], kept: Iterable[Signature] = ()) -> bytes:
    """Return text with a signature by each signer, below those kept; ValueError for a bad text."""
    if not text.endswith("\n") or _has_control(text):
        raise ValueError("a note's text ends in a newline and has no other control characters")
    made = [_signature(signer, text.encode()) for signer in signers]
    return Note(text=text, signatures=(*kept, *made)).to_bytes()


def _signature(signer: SignerKey, message: bytes) -> Signature:
    return Signature(name=signer.name, key_id=signer.verifier.key_id, value=signer.sign(message))


def parse_note(data: bytes) -> Note:
    """Return the note in data, unverified: its text must not be believed yet.  BadInput if malformed."""
    if len(data) > MAX_NOTE_BYTES:
        raise _malformed(f"it has more than {MAX_NOTE_BYTES} bytes")
    try:
        whole = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _malformed("it is not UTF-8") from error
    if _has_control(whole):
        raise _malformed("it has control characters")
    text, blank, below = whole.rpartition("\n\n")
    if not blank or not below.endswith("\n"):
        raise _malformed("it has no signature lines below a blank line")
    lines = below[:-1].split("\n")
    if len(lines) > MAX_SIGNATURES:
        raise _malformed(f"it has {len(lines)} signatures, more than {MAX_SIGNATURES}")
    return Note(text=text + "\n", signatures=tuple(_parse_line(line) for line in lines))


def open_note(data: bytes, keys: Sequence[VerifierKey]) -> Opened:
    """Return the text of a note that at least one of keys signed, and all of them that are named verify.

    BadInput otherwise: c2sp.org/signed-note, "Signatures".
    """
    note = parse_note(data)
    known = {(key.name, key.key_id): key for key in keys}
    message = note.text.encode()
    verified: dict[VerifierKey, None] = {}
    for signature in note.signatures:
        key = known.get((signature.name, signature.key_id))
        if key is None:
            continue
        if not _algorithm(key.algorithm).verify(key.public, message, signature.value):
            raise BadInput(
                f"the signature by {key.name}+{key.key_id.hex()} does not verify",
                "the text or the signature was changed; take the file anew from its source",
            )
        verified[key] = None
    if not verified:
        signed = ", ".join(sorted({f"{s.name}+{s.key_id.hex()}" for s in note.signatures}))
        wanted = ", ".join(f"{name}+{key_id.hex()}" for name, key_id in known)
        raise BadInput(f"it is signed by {signed}, and not by {wanted}", "check which key the log publishes")
    unknown = sum((s.name, s.key_id) not in known for s in note.signatures)
    return Opened(text=note.text, keys=tuple(verified), unknown=unknown)


def _parse_line(line: str) -> Signature:
    name, space, encoded = line.removeprefix(_DASH).partition(" ")
    if not line.startswith(_DASH) or not space or not _is_name(name):
        raise _malformed(f"{line[:80]!r} is no signature line")
    value = from_base64(encoded, f"the signature by {name}")
    if len(value) <= KEY_ID_BYTES:
        raise _malformed(f"the signature by {name} is too short")
    return Signature(name=name, key_id=value[:KEY_ID_BYTES], value=value[KEY_ID_BYTES:])


def _split_key(text: str, what: str) -> tuple[str, bytes, int, bytes]:
    """Return name, key id, type and key bytes; the messages never repeat the text, which may be secret."""
    hint = "a key reads name+8 hexadecimal digits+base64; copy the whole of it"
    parts = text.split("+", 2)
    if len(parts) != 3 or not _is_name(parts[0]):
        raise BadInput(f"{what} is not of the form name+id+key", hint)
    name, hexed, encoded = parts
    try:
        key_id, data = bytes.fromhex(hexed), from_base64(encoded, what)
    except (ValueError, BadInput):
        raise BadInput(f"{what} has an id or a key that cannot be read", hint) from None
    if key_id.hex() != hexed or len(key_id) != KEY_ID_BYTES or not data:
        raise BadInput(f"{what} has an id or a key of the wrong length", hint)
    return name, key_id, data[0], data[1:]


def _check_id(key: VerifierKey, key_id: bytes) -> None:
    if key.key_id != key_id:
        raise BadInput(
            f"the key {key.name} says its id is {key_id.hex()}, and it is {key.key_id.hex()}",
            "one of its characters was changed; copy the whole key from its source",
        )


def _algorithm(number: int) -> Algorithm:
    if number not in ALGORITHMS:
        known = ", ".join(f"{n:#04x} ({a.name})" for n, a in ALGORITHMS.items())
        raise BadInput(f"there is no signature type {number:#04x} here", f"known: {known}")
    return ALGORITHMS[number]


def _check_name(name: str) -> None:
    if not _is_name(name):
        raise BadInput(
            f"a key cannot be named {name!r}", "use a name without spaces and +, such as example.org/log"
        )


def _is_name(name: str) -> bool:
    return bool(name) and "+" not in name and not any(c.isspace() or c < " " for c in name)


def _has_control(text: str) -> bool:
    return any(c < " " and c != "\n" for c in text)


def _malformed(why: str) -> BadInput:
    return BadInput(f"this is no signed note: {why}", "take the file anew from its source")
