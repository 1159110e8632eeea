"""The leaf of a decision: a commitment to each of its fields, and nothing that can be read.

Every leaf has the same length and the same fields, whatever it records; a field that is not there is
committed to as absent.  A commitment is SHA-256 over a domain separator, the field's name, 32 random bytes
(the salt) and the value, each framed by its length: whoever is given value and salt can check them, and
whoever is not learns nothing, even of values that are easily guessed.  The stored bytes of a leaf are what is
hashed into the tree; they are never written again from something else.
"""

import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256

FIELDS_V1 = (
    "kind",  # what sort of decision: an area's switch, an activation, a role, a policy, ...
    "area",
    "action",  # what was done: on, off, requested, approved, refused, ...
    "counts",  # how many terminals, and how counted
    "reason",
    "account",  # for whom: the customer's or the programme's account
    "terminals",  # which ones
    "decided_at",
    "effective",  # from when, until when
    "embargo",  # from when fields may be disclosed; absent: never
    "by",  # the persons who asked and approved
    "signatures",  # theirs
    "refers_to",  # the entries that this one answers or undoes
    "policy",  # the version of the rules it was decided under
    "request",  # the request that brought it
    "body",  # the whole decision, from which state can be replayed
)
HEADER_V1 = b"openleo-decision/v1\n"
SALT_BYTES = 32
LEAF_BYTES = len(HEADER_V1) + 32 * len(FIELDS_V1)
_DOMAIN = b"openleo-decision/v1 field\n"

SaltSource = Callable[[int], bytes]
"""Gives so many bytes that nobody can guess: `secrets.token_bytes`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sealed:
    """A leaf's public bytes, and the secret salt of each field; whoever erases a salt erases the field."""

    leaf: bytes
    salts: Mapping[str, bytes] = field(repr=False)


def commitment(name: str, salt: bytes, value: str | None) -> bytes:
    """Return the 32 bytes that commit to a field's value; None where the field is absent."""
    named = name.encode()
    framed = b"\x00"
    if value is not None:
        encoded = value.encode()
        framed = b"\x01" + len(encoded).to_bytes(8, "big") + encoded
    return sha256(_DOMAIN + len(named).to_bytes(2, "big") + named + salt + framed).digest()


def seal(fields: Mapping[str, str | None], salt_source: SaltSource) -> Sealed:
    """Return the leaf that commits to fields; ValueError for unknown ones, or salts that repeat."""
    unknown = fields.keys() - set(FIELDS_V1)
    if unknown:
        raise ValueError(f"a decision has no field {', '.join(sorted(unknown))}")
    salts = {name: salt_source(SALT_BYTES) for name in FIELDS_V1}
    if len(set(salts.values())) != len(FIELDS_V1) or any(len(s) != SALT_BYTES for s in salts.values()):
        raise ValueError(f"the source of salts does not give {SALT_BYTES} new bytes each time")
    commitments = [commitment(name, salts[name], fields.get(name)) for name in FIELDS_V1]
    return Sealed(leaf=HEADER_V1 + b"".join(commitments), salts=salts)


def is_leaf(leaf: bytes) -> bool:
    """Return whether these bytes have the form of a leaf."""
    return len(leaf) == LEAF_BYTES and leaf.startswith(HEADER_V1)


def opens(leaf: bytes, name: str, salt: bytes, value: str | None) -> bool:
    """Return whether the leaf commits to this value of the field; any input is safe."""
    if not is_leaf(leaf) or name not in FIELDS_V1 or len(salt) != SALT_BYTES:
        return False
    start = len(HEADER_V1) + 32 * FIELDS_V1.index(name)
    try:
        expected = commitment(name, salt, value)
    except UnicodeEncodeError:  # half of a surrogate pair, which JSON can spell
        return False
    return hmac.compare_digest(leaf[start : start + 32], expected)
