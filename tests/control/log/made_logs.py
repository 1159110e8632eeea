"""Logs made for tests: the same each time, with keys that guard nothing."""

from collections.abc import Callable, Collection
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

from openleo.control.log import (
    ED25519,
    Checkpoint,
    Disclosure,
    Sealed,
    SignerKey,
    Tree,
    disclose,
    leaf_hash,
    seal,
    sign_checkpoint,
    write_package,
    write_tiles,
)

ORIGIN = "log.example.org/decisions"
EMBARGO = datetime(2026, 3, 1, tzinfo=UTC)
SHOWN = ("area", "counts", "reason", "account", "decided_at", "terminals")


def no_fsync(_: int) -> None:
    """Do nothing: tests that are not about power cuts need not wait for the disk."""


def key(name: str = ORIGIN, seed: str = "the log's key") -> SignerKey:
    return SignerKey(name=name, algorithm=ED25519, secret=sha256(seed.encode()).digest())


VKEY_TEXT = key().verifier.text()


def salts(seed: str) -> Callable[[int], bytes]:
    """Give 32 bytes that differ each time and are the same in each run."""
    counter = 0

    def source(_: int) -> bytes:
        nonlocal counter
        counter += 1
        return sha256(f"{seed} {counter}".encode()).digest()

    return source


def fields(index: int) -> dict[str, str | None]:
    """Return a decision; every third names no account, so that one absent field is disclosed too."""
    return {
        "kind": "area-switch",
        "area": f"UA-{index:02}",
        "action": "on",
        "counts": str(40 + index),
        "reason": "hospitals — Лікарні",
        "account": None if index % 3 == 0 else "relief",
        "decided_at": "2026-02-01T10:00:00Z",
        "embargo": "2026-03-01T00:00:00Z",
        "body": f'{{"n": {index}}}',
    }


class Log:
    """A log of sealed decisions, or of short texts, in memory."""

    def __init__(self, size: int, *, seed: str = "", plain: bool = False) -> None:
        self.sealed: list[Sealed] = []
        self.entries: list[bytes] = []
        self.tree = Tree()
        self.plain = plain
        self.seed = seed
        self.grow(size)

    def grow(self, count: int) -> None:
        for index in range(len(self.entries), len(self.entries) + count):
            if self.plain:
                self.entries.append(f"{self.seed} entry {index}".encode())
            else:
                self.sealed.append(seal(fields(index), salts(f"{self.seed} {index}")))
                self.entries.append(self.sealed[-1].leaf)
            self.tree.append(leaf_hash(self.entries[-1]))

    def checkpoint(self, size: int | None = None) -> Checkpoint:
        size = self.tree.size if size is None else size
        return Checkpoint(origin=ORIGIN, size=size, root=self.tree.root(size))

    def signed(self, size: int | None = None) -> bytes:
        return sign_checkpoint(self.checkpoint(size), key())

    def between(self, start: int, stop: int) -> list[bytes]:
        return self.entries[start:stop]

    def write(self, folder: Path, size: int | None = None, old_size: int = 0) -> None:
        write_tiles(
            folder,
            self.signed(size),
            old_size=old_size,
            entries=self.between,
            read=self.tree.read,
            fsync=no_fsync,
        )

    def disclosure(self, index: int, names: Collection[str] = SHOWN) -> Disclosure:
        return disclose(
            index=index, sealed=self.sealed[index], fields=fields(index), names=names, now=EMBARGO
        )

    def package(self, folder: Path, disclosed: Collection[int]) -> None:
        write_package(
            folder,
            self.signed(),
            key=key().verifier,
            entries=self.between,
            read=self.tree.read,
            disclosures=[self.disclosure(i) for i in disclosed],
            fsync=no_fsync,
        )
