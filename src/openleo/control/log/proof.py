"""A proof that an entry is in a log, as one file that is checked without a network (c2sp.org/tlog-proof)."""

from collections.abc import Sequence
from dataclasses import dataclass

from openleo.base.errors import BadInput
from openleo.control.log.checkpoint import Checkpoint, open_checkpoint
from openleo.control.log.encode import from_base64, from_decimal, to_base64
from openleo.control.log.merkle import HASH_BYTES, Read, inclusion_proof, leaf_hash, verify_inclusion
from openleo.control.log.note import MAX_NOTE_BYTES, VerifierKey

SUFFIX = ".tlog-proof"
MAX_PROOF_BYTES = MAX_NOTE_BYTES + 100_000
_FIRST = "c2sp.org/tlog-proof@v1"
_MAX_HASHES = 63
_AGAIN = "ask for the proof again"


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """An entry's index, its audit path, the signed checkpoint, and opaque data that nothing vouches for."""

    index: int
    path: tuple[bytes, ...]
    checkpoint: bytes
    extra: bytes | None = None

    def to_bytes(self) -> bytes:
        """Return the proof as it is written."""
        extra = [] if self.extra is None else [f"extra {to_base64(self.extra)}"]
        lines = [_FIRST, *extra, f"index {self.index}", *map(to_base64, self.path), "", ""]
        return "\n".join(lines).encode() + self.checkpoint


def make_proof(read: Read, *, index: int, size: int, checkpoint: bytes) -> Proof:
    """Return the proof of an entry in the log whose checkpoint, of size entries, is signed."""
    return Proof(index=index, path=tuple(inclusion_proof(read, index, size)), checkpoint=checkpoint)


def parse_proof(data: bytes) -> Proof:
    """Return the proof in data, unverified; BadInput where it is malformed."""
    if len(data) > MAX_PROOF_BYTES:
        raise BadInput(f"a proof has at most {MAX_PROOF_BYTES} bytes, not {len(data)}", _AGAIN)
    above, blank, checkpoint = data.partition(b"\n\n")
    try:
        lines = above.decode("ascii").split("\n")
    except UnicodeDecodeError as error:
        raise BadInput("this is no proof: it is not text", _AGAIN) from error
    if lines[0] != _FIRST or not blank:
        raise BadInput(f"this is no proof: its first line is not {_FIRST}", _AGAIN)
    lines = lines[1:]
    extra = None
    if lines and lines[0].startswith("extra "):
        extra = from_base64(lines.pop(0).removeprefix("extra "), "the proof's extra data")
    if not lines or not lines[0].startswith("index "):
        raise BadInput("this is no proof: it has no index", _AGAIN)
    index = from_decimal(lines.pop(0).removeprefix("index "), "the proof's index")
    if len(lines) > _MAX_HASHES:
        raise BadInput(f"a proof has at most {_MAX_HASHES} hashes, not {len(lines)}", _AGAIN)
    path = tuple(from_base64(line, f"hash {i} of the proof") for i, line in enumerate(lines))
    if any(len(value) != HASH_BYTES for value in path):
        raise BadInput(f"a hash of the proof has not {HASH_BYTES} bytes", _AGAIN)
    return Proof(index=index, path=path, checkpoint=checkpoint, extra=extra)


def verify_proof(proof: Proof, entry: bytes, keys: Sequence[VerifierKey]) -> Checkpoint:
    """Return the log's checkpoint that the entry is shown to be in; BadInput where it is not."""
    checkpoint = open_checkpoint(proof.checkpoint, keys)
    if not verify_inclusion(
        leaf=leaf_hash(entry),
        index=proof.index,
        size=checkpoint.size,
        proof=proof.path,
        root=checkpoint.root,
    ):
        raise BadInput(
            f"the entry is not entry {proof.index} of {checkpoint.origin} at size {checkpoint.size}",
            "check that entry and proof belong together; " + _AGAIN,
        )
    return checkpoint
