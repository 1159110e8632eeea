"""The guard: what a start and a new checkpoint are refused for, and that a failed flush is the end."""

import subprocess
import sys
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from made_logs import ORIGIN, Log, key, no_fsync

from openleo.base.errors import BadInput, OpenleoError
from openleo.control.log import (
    ACCEPTABLE,
    Guard,
    GuardCorrupt,
    GuardHeld,
    GuardMissing,
    GuardMoved,
    LogForked,
    LogRolledBack,
    StorageFailed,
    sign_checkpoint,
)

LOG = Log(40, plain=True)
FORK = Log(40, plain=True, seed="fork")
EMPTY = Log(0, plain=True)


def claim(
    path: Path,
    log: Log = LOG,
    *,
    instance: str = "one",
    accept: Collection[str] = (),
    fsync: Callable[[int], None] = no_fsync,
) -> Guard:
    return Guard.claim(
        path,
        key=key().verifier,
        instance=instance,
        size=log.tree.size,
        read=log.tree.read,
        accept=accept,
        fsync=fsync,
    )


@contextmanager
def held(path: Path, log: Log = LOG, **given: object) -> Iterator[Guard]:
    guard = claim(path, log, **given)  # type: ignore[arg-type]
    try:
        yield guard
    finally:
        guard.release()


def at_size(path: Path, size: int) -> None:
    """Leave a guard that remembers the log at this size."""
    with held(path, EMPTY) as guard:
        guard.advance(None, LOG.signed(size))


def damage(path: Path, change: Callable[[bytes], bytes]) -> None:
    path.write_bytes(change(path.read_bytes()))


def test_a_guard_begins_empty_and_remembers_each_checkpoint_over_starts(tmp_path: Path) -> None:
    path = tmp_path / "guard"
    with held(path, EMPTY) as guard:
        assert guard.signed is None
        guard.advance(None, LOG.signed(10))
        guard.advance(LOG.signed(10), LOG.signed(40), LOG.tree.consistency(10))
        guard.advance(LOG.signed(40), LOG.signed(40))
    with held(path) as guard:
        assert guard.signed == LOG.signed(40)
        assert guard.checkpoint == LOG.checkpoint(40)


def remove(path: Path) -> None:
    path.unlink()


def cut(path: Path) -> None:
    damage(path, lambda content: content[: len(content) // 2])


def change_root(path: Path) -> None:
    damage(path, lambda content: content.replace(b"\n20\n", b"\n10\n"))


def another_key(path: Path) -> None:
    damage(path, lambda content: content.replace(LOG.signed(20), sign_other(20)))


def sign_other(size: int) -> bytes:
    return sign_checkpoint(LOG.checkpoint(size), key(seed="another"))


def nothing(path: Path) -> None:
    assert path.exists()


STARTS = {
    "as it was": (nothing, LOG, None),
    "exactly at the signed size": (nothing, Log(20, plain=True), None),
    "an old backup": (nothing, Log(19, plain=True), LogRolledBack),
    "an empty database": (nothing, EMPTY, LogRolledBack),
    "a fork": (nothing, FORK, LogForked),
    "no guard": (remove, LOG, GuardMissing),
    "no guard, and no entries either": (remove, EMPTY, None),
    "half a guard": (cut, LOG, GuardCorrupt),
    "an emptied guard": (lambda path: path.write_bytes(b""), LOG, GuardCorrupt),
    "a guard with another root": (change_root, LOG, GuardCorrupt),
    "a guard by another key": (another_key, LOG, GuardCorrupt),
    "a guard that is a folder": (lambda path: (path.unlink(), path.mkdir()), LOG, GuardCorrupt),
    "a guard that is no text": (lambda path: path.write_bytes(b"\xff\n\n"), LOG, GuardCorrupt),
}


@pytest.mark.parametrize("start", STARTS)
def test_a_start_is_refused_unless_the_database_extends_what_was_signed(start: str, tmp_path: Path) -> None:
    path = tmp_path / "guard"
    at_size(path, 20)
    happen, log, refusal = STARTS[start]
    happen(path)
    if refusal is None:
        claim(path, log).release()
        return
    before = path.read_bytes() if path.is_file() else None
    with pytest.raises(refusal) as error:
        claim(path, log)
    assert error.value.code in error.value.hint
    assert (path.read_bytes() if path.is_file() else None) == before
    with pytest.raises(refusal):
        claim(path, log, accept=ACCEPTABLE - {refusal.code})


@pytest.mark.parametrize("start", [name for name, (_, _, refusal) in STARTS.items() if refusal])
def test_a_person_may_accept_a_refusal_by_its_code_and_the_old_guard_is_kept(
    start: str, tmp_path: Path
) -> None:
    path = tmp_path / "guard"
    at_size(path, 20)
    happen, log, refusal = STARTS[start]
    happen(path)
    assert refusal
    with held(path, log, accept=[refusal.code]) as guard:
        assert guard.signed is None
        guard.advance(None, log.signed())
    assert len(list(tmp_path.glob("guard.overruled-*"))) == (0 if refusal is GuardMissing else 1)
    claim(path, log).release()


def test_only_known_codes_can_be_accepted(tmp_path: Path) -> None:
    for code in ("guard-held", "guard-moved", "anything"):
        with pytest.raises(ValueError, match="cannot be accepted"):
            claim(tmp_path / "guard", accept=[code])


@pytest.mark.parametrize("instance", ["", "two words", "two\nlines", "x" * 101])
def test_an_instances_name_is_one_word(instance: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no instance's name"):
        claim(tmp_path / "guard", instance=instance)


def test_a_guard_on_a_disk_that_is_not_mounted_is_told_so(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no folder") as error:
        claim(tmp_path / "other-disk" / "guard")
    assert "mount" in error.value.hint


def test_a_second_instance_is_refused_while_the_first_lives(tmp_path: Path) -> None:
    path = tmp_path / "guard"
    at_size(path, 20)
    with held(path, instance="first"):
        with pytest.raises(GuardHeld, match="first") as error:
            claim(path, instance="second", accept=ACCEPTABLE)
        assert error.value.code == "guard-held"
    claim(path, instance="second").release()


def test_another_process_is_refused_and_its_death_frees_the_guard(tmp_path: Path) -> None:
    path = tmp_path / "guard"
    code = (
        "import sys; sys.path.insert(0, sys.argv[2]); from pathlib import Path; import test_log_guard as t\n"
        "g = t.claim(Path(sys.argv[1]), t.EMPTY, instance='other'); print('held', flush=True)\n"
        "sys.stdin.read()"
    )
    command = [sys.executable, "-c", code, str(path), str(Path(__file__).parent)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout
        assert other.stdout.readline() == b"held\n"
        with pytest.raises(GuardHeld, match="other"):
            claim(path, EMPTY)
        other.kill()
    claim(path, EMPTY).release()


def test_an_instance_that_lost_the_guard_can_sign_nothing_more(tmp_path: Path) -> None:
    """Without the lock's file, as on a shared disk where locks do not hold, the swap still sees the other."""
    path = tmp_path / "guard"
    at_size(path, 20)
    first = claim(path, instance="first")
    (tmp_path / "guard.lock").unlink()
    with held(path, instance="second") as second:
        with pytest.raises(GuardMoved, match="second"):
            first.advance(LOG.signed(20), LOG.signed(30), LOG.tree.consistency(20, 30))
        second.advance(LOG.signed(20), LOG.signed(25), LOG.tree.consistency(20, 25))
    first.release()


ADVANCES: dict[str, tuple[bytes | None, bytes, list[bytes], type[OpenleoError]]] = {
    "another size than it holds": (LOG.signed(19), LOG.signed(30), LOG.tree.consistency(19, 30), GuardMoved),
    "as if it were the first": (None, LOG.signed(30), [], GuardMoved),
    "fewer entries": (LOG.signed(20), LOG.signed(19), [], LogRolledBack),
    "another root of the same size": (LOG.signed(20), FORK.signed(20), [], LogForked),
    "a fork that is longer": (LOG.signed(20), FORK.signed(30), FORK.tree.consistency(20, 30), LogForked),
    "no proof": (LOG.signed(20), LOG.signed(30), [], LogForked),
    "another size's proof": (LOG.signed(20), LOG.signed(30), LOG.tree.consistency(19, 30), LogForked),
    "another key": (LOG.signed(20), sign_other(30), LOG.tree.consistency(20, 30), BadInput),
    "no note": (LOG.signed(20), b"checkpoint", [], BadInput),
}


@pytest.mark.parametrize("advance", ADVANCES)
def test_a_checkpoint_that_does_not_extend_the_last_one_is_not_taken(advance: str, tmp_path: Path) -> None:
    path = tmp_path / "guard"
    at_size(path, 20)
    old, new, proof, refusal = ADVANCES[advance]
    with held(path) as guard:
        before = path.read_bytes()
        with pytest.raises(refusal):
            guard.advance(old, new, proof)
        assert path.read_bytes() == before
        guard.advance(LOG.signed(20), LOG.signed(30), LOG.tree.consistency(20, 30))
        assert guard.signed == LOG.signed(30)


@pytest.mark.parametrize("failing", [1, 2])
def test_after_a_failed_flush_nothing_is_signed_any_more_and_a_restart_is_whole(
    failing: int, tmp_path: Path
) -> None:
    """The first flush is of the file, the second of its folder."""
    path = tmp_path / "guard"
    at_size(path, 20)
    calls = -2  # the claim's own two flushes

    def fsync(_: int) -> None:
        nonlocal calls
        calls += 1
        if calls == failing:
            raise OSError(5, "Input/output error")

    step = (LOG.signed(20), LOG.signed(30), LOG.tree.consistency(20, 30))
    with held(path, fsync=fsync) as guard:
        with pytest.raises(StorageFailed, match="Input/output error"):
            guard.advance(*step)
        with pytest.raises(StorageFailed, match="start again"):
            guard.advance(*step)
        assert calls == failing  # it never asked the disk again
    with held(path) as guard:
        assert guard.signed in (LOG.signed(20), LOG.signed(30))


def test_a_claim_on_a_failing_disk_is_no_claim(tmp_path: Path) -> None:
    def fsync(_: int) -> None:
        raise OSError(28, "No space left on device")

    with pytest.raises(StorageFailed, match="No space left"):
        claim(tmp_path / "guard", EMPTY, fsync=fsync)
    claim(tmp_path / "guard", EMPTY).release()


def test_a_released_guard_takes_nothing(tmp_path: Path) -> None:
    guard = claim(tmp_path / "guard", EMPTY)
    guard.release()
    with pytest.raises(StorageFailed):
        guard.advance(None, LOG.signed(1))


def test_the_guards_file_can_be_read_by_people(tmp_path: Path) -> None:
    at_size(tmp_path / "guard", 20)
    lines = (tmp_path / "guard").read_text(encoding="utf-8").split("\n")
    assert lines[:5] == ["openleo-guard/v1", "instance one", "", ORIGIN, "20"]
