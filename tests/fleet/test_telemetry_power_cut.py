"""What was acknowledged survives a power cut, once, whatever was being written when it came.

The disk is that of the control plane's tests: it keeps what was flushed, and of the rest each piece or not.
A chain of lives goes on from what each cut left; batches come again until they are acknowledged.
"""

from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from fleet_world import sample  # isort: skip
from bad_disk import BROKEN, NO_SPACE, Disk

from openleo.control.driver import StoreBroken, StoreFull
from openleo.fleet.sample import Sample
from openleo.fleet.store import TelemetryStore

CUTS, CHAIN, CHAINS = 40, 40, 5
MOST_STEPS = 150
MIDNIGHT_S = 12 * 3_600  # the start is at noon


@dataclass
class Chain:
    """One store, cut off again and again."""

    folder: Path
    disk: Disk
    synchronous: str = "FULL"
    acked: dict[int, Sample] = field(default_factory=dict)
    next: int = 0
    lost: int = 0
    doubled: int = 0
    behind: int = 0
    starts_cut: int = 0

    def run(self, cuts: int) -> "Chain":
        for _ in range(cuts):
            few = self.disk.random.random() < 0.2  # in the start itself
            self.disk.steps_left = self.disk.random.randrange(1, 5 if few else MOST_STEPS)
            try:
                self._live()
            except StoreBroken:
                if not self.disk.dead:
                    raise
            self.disk.power_on()
            self._look()
        return self

    def _open(self) -> TelemetryStore:
        return TelemetryStore(self.folder, driver=self.disk.driver(self.synchronous))

    def _live(self) -> None:
        try:
            store = self._open()
        except StoreBroken:
            self.starts_cut += 1
            raise
        try:
            for _ in range(60):
                first = max(0, self.next - 7)  # what was sent before comes again with what is new
                batch = [self._sample(n) for n in range(first, self.next + 15)]
                store.add(batch)
                self.next += 15
                self.acked |= dict(enumerate(batch, first))
        finally:
            with self.disk.going_down():
                store.close()

    @staticmethod
    def _sample(number: int) -> Sample:
        at_s = MIDNIGHT_S - 200 + number % 400  # over midnight and back: two files in one call
        return sample(f"ut-{number // 400}", at_s=at_s, counter=number, ping_latency_ms=float(number % 50))

    def _look(self) -> None:
        with self._open() as store:
            there: Counter[int] = Counter()
            for day in store.days():
                there.update(values[2 + 5] for values in store.rows(day, "ORDER BY n"))
            missing = [n for n in self.acked if not there[n]]
            self.lost += len(missing)
            self.doubled += sum(count > 1 for count in there.values())
            for n in missing:
                del self.acked[n]
            newest: dict[str, int] = {}
            for one in self.acked.values():
                newest[one.terminal] = max(newest.get(one.terminal, 0), one.time_ns)
            latest = store.latest()
            self.behind += sum(latest[name].time_ns < at for name, at in newest.items())


def chain(folder: Path, seed: int, synchronous: str = "FULL") -> Chain:
    (folder / "telemetry").mkdir(parents=True)
    return Chain(folder, Disk(folder / "telemetry", seed), synchronous)


def test_no_acknowledged_sample_is_lost_or_doubled_when_the_power_is_cut(tmp_path: Path) -> None:
    lived = chain(tmp_path / "fleet", 1).run(CUTS)
    assert (lived.lost, lived.doubled, lived.behind) == (0, 0, 0)
    assert len(lived.acked) > 10 * CUTS
    assert lived.starts_cut > 0


def test_a_store_that_does_not_wait_for_the_disk_loses_acknowledged_samples(tmp_path: Path) -> None:
    """The test can fail: with synchronous NORMAL the same chain loses some, or a whole new file."""
    lived = chain(tmp_path / "fleet", 1, "NORMAL")
    with suppress(StoreBroken):  # then the file could not be opened any more
        lived.run(CUTS)
        assert lived.lost > 0


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(100, 100 + 2 * CHAINS))
def test_no_acknowledged_sample_is_lost_in_hundreds_of_power_cuts(tmp_path: Path, seed: int) -> None:
    lived = chain(tmp_path / "fleet", seed).run(CHAIN)
    assert (lived.lost, lived.doubled, lived.behind) == (0, 0, 0)


def fault(words: str, op: str, name: str):  # type: ignore[no-untyped-def]
    import apsw

    kinds = {NO_SPACE: apsw.FullError, BROKEN: apsw.IOError}

    def raising(at: str, of: str) -> None:
        if at == op and of.startswith(name):
            raise kinds[words](words)

    return raising


def test_a_full_disk_keeps_nothing_of_a_batch_and_goes_on_when_there_is_room(tmp_path: Path) -> None:
    made = chain(tmp_path / "fleet", 3)
    with made._open() as store:
        store.add([sample(at_s=0)])
        made.disk.fault = fault(NO_SPACE, "write", "2026")
        with pytest.raises(StoreFull):
            store.add([sample(at_s=1), sample(at_s=2)])
        made.disk.fault = lambda op, name: None
        assert len(store.samples("ut-1", 0, 2**62)) == 1
        assert store.add([sample(at_s=1), sample(at_s=2)]) == 2


def test_a_disk_that_is_full_for_the_index_alone_doubles_nothing_when_the_batch_comes_again(
    tmp_path: Path,
) -> None:
    made = chain(tmp_path / "fleet", 3)
    with made._open() as store:
        made.disk.fault = fault(NO_SPACE, "write", "index.db")
        with pytest.raises(StoreFull):
            store.add([sample()])
        made.disk.fault = lambda op, name: None
        store.add([sample()])
        assert len(store.samples("ut-1", 0, 2**62)) == 1
        assert store.terminals() == ["ut-1"]


@pytest.mark.parametrize("op", ["sync", "write"])
def test_after_a_disk_failed_nothing_is_tried_again_until_a_restart(tmp_path: Path, op: str) -> None:
    made = chain(tmp_path / "fleet", 3)
    store = made._open()
    store.add([sample(at_s=0)])
    made.disk.fault = fault(BROKEN, op, "2026")
    with pytest.raises(StoreBroken):
        store.add([sample(at_s=1)])
    made.disk.fault = lambda op, name: None
    with pytest.raises(StoreBroken, match="nothing more is written"):
        store.add([sample(at_s=2)])
    store.close()
    with made._open() as again:
        assert sample(at_s=0) in again.samples("ut-1", 0, 2**62)
        again.add([sample(at_s=1), sample(at_s=2)])
        assert len(again.samples("ut-1", 0, 2**62)) == 3
