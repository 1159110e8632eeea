"""The Merkle tree of RFC 6962, section 2.1: hashes, roots, proofs, and their verification.

A perfect subtree is named (level, index): it covers leaves index·2^level up to (index + 1)·2^level.  Whoever
can read the hashes of perfect subtrees, from tiles, a database or a list, can make every proof.
"""

from collections.abc import Callable, Iterable, Sequence
from hashlib import sha256
from typing import Self

HASH_BYTES = 32
EMPTY_ROOT = sha256(b"").digest()
MAX_SIZE = 2**63 - 1

Read = Callable[[int, int], bytes]
"""Gives the hash of the perfect subtree (level, index)."""


def leaf_hash(entry: bytes) -> bytes:
    """Return the hash of an entry's exact bytes (RFC 6962, 2.1)."""
    return sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of an inner node (RFC 6962, 2.1)."""
    return sha256(b"\x01" + left + right).digest()


def fold(hashes: bytes) -> bytes:
    """Return the root of a perfect subtree from the hashes of one of its levels, concatenated."""
    count, rest = divmod(len(hashes), HASH_BYTES)
    if rest or count < 1 or count & (count - 1):
        raise ValueError(f"{len(hashes)} bytes are no power of two of hashes")
    while len(hashes) > HASH_BYTES:
        hashes = b"".join(
            [sha256(b"\x01" + hashes[i : i + 64]).digest() for i in range(0, len(hashes), 2 * HASH_BYTES)]
        )
    return hashes


def _join(roots: Iterable[bytes]) -> bytes:
    """Hash perfect subtrees from the right, the smallest, to the left; EMPTY_ROOT where there are none."""
    joined = None
    for root in roots:
        joined = root if joined is None else node_hash(root, joined)
    return EMPTY_ROOT if joined is None else joined


class Accumulator:
    """A tree that only grows: all it keeps are the roots of the perfect subtrees that its size is made of."""

    __slots__ = ("_frontier", "_size")

    def __init__(self) -> None:
        self._size = 0
        self._frontier: list[bytes] = []  # the largest subtree first

    @property
    def size(self) -> int:
        """How many leaves there are."""
        return self._size

    def append(self, leaf: bytes) -> list[bytes]:
        """Add a leaf's hash; return the roots of the subtrees that it completes, of levels 1, 2, ..."""
        if len(leaf) != HASH_BYTES:
            raise ValueError(f"a leaf's hash has {HASH_BYTES} bytes, not {len(leaf)}")
        completed = []
        size = self._size
        while size & 1:
            leaf = sha256(b"\x01" + self._frontier.pop() + leaf).digest()
            completed.append(leaf)
            size >>= 1
        self._frontier.append(leaf)
        self._size += 1
        return completed

    def root(self) -> bytes:
        """Return the root of the tree as it is."""
        return _join(reversed(self._frontier))

    def to_bytes(self) -> bytes:
        """Return the state: the size in eight bytes, big-endian, and the subtrees' roots."""
        return self._size.to_bytes(8, "big") + b"".join(self._frontier)

    @classmethod
    def from_bytes(cls, state: bytes) -> Self:
        """Return the accumulator that `to_bytes` wrote; ValueError where it cannot have."""
        size = int.from_bytes(state[:8], "big")
        frontier = [state[i : i + HASH_BYTES] for i in range(8, len(state), HASH_BYTES)]
        if len(state) != 8 + HASH_BYTES * size.bit_count() or size > MAX_SIZE:
            raise ValueError(f"{len(state)} bytes are no state of an accumulator of {size} leaves")
        made = cls()
        made._size, made._frontier = size, frontier
        return made


def root_at(read: Read, size: int, start: int = 0) -> bytes:
    """Return the root over leaves start up to start + size; start is 0 or a multiple of 2^k >= size."""
    roots = []
    end = start + size
    while size:
        level = (size & -size).bit_length() - 1
        roots.append(read(level, (end >> level) - 1))
        end -= 1 << level
        size -= 1 << level
    return _join(roots)


def _split(size: int) -> int:
    """Return the largest power of two smaller than size (RFC 6962's k); size > 1."""
    return 1 << ((size - 1).bit_length() - 1)


def inclusion_proof(read: Read, index: int, size: int) -> list[bytes]:
    """Return the audit path of leaf index in the tree of size leaves (RFC 6962, 2.1.1), the sibling first."""
    if not 0 <= index < size:
        raise ValueError(f"there is no leaf {index} in a tree of {size}")
    path = []
    start, width = 0, size
    while width > 1:
        k = _split(width)
        if index - start < k:
            path.append(root_at(read, width - k, start + k))
            width = k
        else:
            path.append(root_at(read, k, start))
            start, width = start + k, width - k
    return path[::-1]


def consistency_proof(read: Read, old: int, new: int) -> list[bytes]:
    """Return the proof that the tree of new leaves extends that of old (RFC 6962, 2.1.2); empty from 0."""
    if not 0 <= old <= new:
        raise ValueError(f"a tree of {new} leaves cannot extend one of {old}")
    if old == 0:
        return []
    path = []
    start, within, width, known = 0, old, new, True
    while within != width:
        k = _split(width)
        if within <= k:
            path.append(root_at(read, width - k, start + k))
            width = k
        else:
            path.append(root_at(read, k, start))
            start, within, width, known = start + k, within - k, width - k, False
    if not known:
        path.append(root_at(read, within, start))
    return path[::-1]


def verify_inclusion(*, leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> bool:
    """Return whether proof shows the leaf's hash at index (RFC 9162, 2.1.3.2); any input is safe."""
    if not 0 <= index < size <= MAX_SIZE or not _hashes(leaf, root, *proof):
        return False
    at, last, computed = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            return False
        if at & 1 or at == last:
            computed = node_hash(sibling, computed)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            computed = node_hash(computed, sibling)
        at, last = at >> 1, last >> 1
    return last == 0 and computed == root


def verify_consistency(
    *, old: int, new: int, old_root: bytes, new_root: bytes, proof: Sequence[bytes]
) -> bool:
    """Return whether proof shows that new extends old (RFC 9162, 2.1.4.2); any input is safe.

    From the empty tree, whose only root is EMPTY_ROOT, every tree follows by the empty proof.
    """
    if not 0 <= old <= new <= MAX_SIZE or not _hashes(old_root, new_root, *proof):
        return False
    if old == new:
        return not proof and old_root == new_root and (old > 0 or old_root == EMPTY_ROOT)
    if old == 0:
        return not proof and old_root == EMPTY_ROOT
    path = list(proof)
    if old & (old - 1) == 0:
        path.insert(0, old_root)
    return bool(path) and _walk(old, new, path) == (old_root, new_root)


def _walk(old: int, new: int, path: list[bytes]) -> tuple[bytes, bytes] | None:
    """Return the (old, new) roots that a consistency path gives; None where its length is wrong."""
    at, last = old - 1, new - 1
    while at & 1:
        at, last = at >> 1, last >> 1
    before = after = path[0]
    for sibling in path[1:]:
        if last == 0:
            return None
        if at & 1 or at == last:
            before, after = node_hash(sibling, before), node_hash(sibling, after)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            after = node_hash(after, sibling)
        at, last = at >> 1, last >> 1
    return (before, after) if last == 0 else None


def _hashes(*values: bytes) -> bool:
    return all(len(value) == HASH_BYTES for value in values)


class Tree:
    """A whole tree in memory: every perfect subtree's hash, by level."""

    __slots__ = ("_levels",)

    def __init__(self, entries: Iterable[bytes] = ()) -> None:
        self._levels: list[list[bytes]] = [[]]
        for entry in entries:
            self.append(leaf_hash(entry))

    @property
    def size(self) -> int:
        """How many leaves there are."""
        return len(self._levels[0])

    def append(self, leaf: bytes) -> None:
        """Add a leaf's hash."""
        level = 0
        self._levels[0].append(leaf)
        while len(self._levels[level]) % 2 == 0:
            if level + 1 == len(self._levels):
                self._levels.append([])
            self._levels[level + 1].append(node_hash(*self._levels[level][-2:]))
            level += 1

    def read(self, level: int, index: int) -> bytes:
        """Return the hash of the perfect subtree (level, index)."""
        return self._levels[level][index]

    def root(self, size: int | None = None) -> bytes:
        """Return the root, or the one that there was at an earlier size."""
        return root_at(self.read, self.size if size is None else size)

    def inclusion(self, index: int, size: int | None = None) -> list[bytes]:
        """Return the audit path of a leaf in the tree, or in the one of an earlier size."""
        return inclusion_proof(self.read, index, self.size if size is None else size)

    def consistency(self, old: int, new: int | None = None) -> list[bytes]:
        """Return the proof that the tree, or the one of an earlier size, extends that of old leaves."""
        return consistency_proof(self.read, old, self.size if new is None else new)
