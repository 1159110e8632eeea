"""How long an outsider needs to check a log of a million decisions from its files.

The peer is SHA-256 by hashlib over the same bytes in the same run, one file after the other: nobody can
check a log in less.  Appending to the log's tree is timed too.
"""

import hashlib
import json
import tempfile
import time
from pathlib import Path

from openleo.control.log import (
    ED25519,
    Accumulator,
    Checkpoint,
    SignerKey,
    Tree,
    leaf_hash,
    sign_checkpoint,
    verify_folder,
    write_tiles,
)
from openleo.control.log.entry import LEAF_BYTES

ENTRIES = 1_000_000
VERIFY_GOAL_S = 60.0
APPEND_GOAL = 100_000
KEY = SignerKey(name="log.example.org/bench", algorithm=ED25519, secret=bytes(32))


def entry(index: int) -> bytes:
    """Return bytes of a decision's length that differ from entry to entry."""
    return index.to_bytes(8, "big") * (LEAF_BYTES // 8) + b"." * (LEAF_BYTES % 8)


def write_log(folder: Path, tree: Tree) -> None:
    """Publish the log, without waiting for the disk."""
    checkpoint = Checkpoint(origin=KEY.name, size=tree.size, root=tree.root())
    write_tiles(
        folder,
        sign_checkpoint(checkpoint, KEY),
        old_size=0,
        entries=lambda start, stop: [entry(i) for i in range(start, stop)],
        read=tree.read,
        fsync=lambda _: None,
    )


def verify_s(folder: Path) -> float:
    """Return the seconds of a whole check; it must find nothing wrong."""
    start = time.perf_counter()
    report = verify_folder(folder, KEY.verifier.text())
    taken = time.perf_counter() - start
    assert report.ok, report.failures[:3]
    assert report.checked["entries"] == ENTRIES
    return taken


def hash_s(folder: Path) -> float:
    """Return the seconds of reading and hashing the same files."""
    start = time.perf_counter()
    total = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            total.update(path.read_bytes())
    return time.perf_counter() - start


def appends_per_s(tree: Tree) -> float:
    """Return leaf hashes appended a second, the same root at the end."""
    leaves = [tree.read(0, i) for i in range(tree.size)]
    accumulator = Accumulator()
    start = time.perf_counter()
    for leaf in leaves:
        accumulator.append(leaf)
    taken = time.perf_counter() - start
    assert accumulator.root() == tree.root()
    return len(leaves) / taken


def report(name: str, value: float, unit: str, goal: str | None, met: bool | None) -> None:
    """Print one result as a JSON line."""
    record = {"name": f"log: {name}", "value": round(value, 2), "unit": unit}
    print(json.dumps(record | {"goal": goal, "met": met}))


def main() -> None:
    """Make the log, check it, and hash it."""
    tree = Tree()
    for index in range(ENTRIES):
        tree.append(leaf_hash(entry(index)))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_log(folder, tree)
        hashed = hash_s(folder)
        taken = verify_s(folder)
    rate = appends_per_s(tree)
    report("SHA-256 of the same files", hashed, "s", None, None)
    report("appends", rate, "1/s", f"> {APPEND_GOAL:,}", rate > APPEND_GOAL)
    report("verify 1 M entries", taken, "s", f"<= {VERIFY_GOAL_S:g}", taken <= VERIFY_GOAL_S)


if __name__ == "__main__":
    main()
