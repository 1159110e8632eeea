"""Checkpoints: a log's size and root, signed as a note (c2sp.org/tlog-checkpoint)."""

from collections.abc import Sequence
from dataclasses import dataclass

from openleo.base.errors import BadInput
from openleo.control.log.encode import from_base64, from_decimal, to_base64
from openleo.control.log.merkle import EMPTY_ROOT, HASH_BYTES, MAX_SIZE
from openleo.control.log.note import SignerKey, VerifierKey, open_note, sign_note


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """What a log commits to: whose it is, how many leaves, and their root."""

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not all(_is_line(line) for line in (self.origin, *self.extensions)):
            raise ValueError("an origin and extension lines are one line each, and not empty")
        if not 0 <= self.size <= MAX_SIZE or len(self.root) != HASH_BYTES:
            raise ValueError(f"no tree has {self.size} leaves and a root of {len(self.root)} bytes")

    def text(self) -> str:
        """Return the body that is signed."""
        return "\n".join([self.origin, str(self.size), to_base64(self.root), *self.extensions]) + "\n"


def parse_checkpoint(text: str) -> Checkpoint:
    """Return the checkpoint in a note's text; BadInput where it is anything but one, exactly written."""
    lines = text.split("\n")
    if len(lines) < 4 or lines[-1] or not all(_is_line(line) for line in lines[:-1]):
        raise _malformed(f"it has {len(lines) - 1} lines, or empty ones")
    size = from_decimal(lines[1], "the checkpoint's size")
    root = from_base64(lines[2], "the checkpoint's root")
    if len(root) != HASH_BYTES:
        raise _malformed(f"its root has {len(root)} bytes, not {HASH_BYTES}")
    if size == 0 and root != EMPTY_ROOT:
        raise _malformed("it is of an empty tree, with a root that no empty tree has")
    return Checkpoint(origin=lines[0], size=size, root=root, extensions=tuple(lines[3:-1]))


def sign_checkpoint(checkpoint: Checkpoint, *signers: SignerKey) -> bytes:
    """Return the signed note; one of the signers bears the log's name, which is the origin."""
    if checkpoint.origin not in {signer.name for signer in signers}:
        raise ValueError(f"no signer is named {checkpoint.origin}, as the log is")
    return sign_note(checkpoint.text(), signers)


def open_checkpoint(data: bytes, keys: Sequence[VerifierKey]) -> Checkpoint:
    """Return the checkpoint that the log's own key, one of keys, signed; BadInput otherwise.

    A key speaks only for the log of its name: the specification's SHOULD is a must here.
    """
    opened = open_note(data, keys)
    checkpoint = parse_checkpoint(opened.text)
    if checkpoint.origin not in {key.name for key in opened.keys}:
        raise BadInput(
            f"it is of the log {checkpoint.origin}, and signed by {', '.join(k.name for k in opened.keys)}",
            "check which key the log publishes",
        )
    return checkpoint


def _is_line(line: str) -> bool:
    return bool(line) and not any(c < " " for c in line)


def _malformed(why: str) -> BadInput:
    return BadInput(f"this is no checkpoint: {why}", "take the file anew from its source")
