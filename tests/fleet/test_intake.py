"""Taking batches in: who may, how much, in what order; and one that is answered is on the disk."""

import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from fleet_world import DAY_NS, NS, START_NS, Clock, Device, Ring, minute, sample

from openleo.api.limits import Limits, Rate, TooMany
from openleo.base.errors import OpenleoError
from openleo.control.check_ins import ClockOff, Revoked
from openleo.control.driver import StoreFull
from openleo.control.group import Busy
from openleo.fleet.batches import BadBatch, NotSigned
from openleo.fleet.evidence import Evidence
from openleo.fleet.intake import Clones, Intake, NotYours, Room
from openleo.fleet.store import TelemetryStore

ALL = (0, 2**62)
Make = Callable[..., Intake]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[TelemetryStore]:
    with TelemetryStore(tmp_path) as opened:
        yield opened


@pytest.fixture
def device() -> Device:
    return Device()


@pytest.fixture
def ring(device: Device) -> Ring:
    return Ring(device)


@pytest.fixture
def make(store: TelemetryStore, ring: Ring) -> Iterator[Make]:
    made: list[Intake] = []

    def new(**how: Any) -> Intake:
        options: dict[str, Any] = {"clock_ns": Clock(), "free_share": lambda: 0.9} | how
        made.append(Intake(store, ring, **options))
        return made[-1]

    yield new
    for one in made:
        one.close()


def test_a_batch_that_is_answered_is_in_the_store(make: Make, device: Device, store: TelemetryStore) -> None:
    assert make().take(*device.batch(minute())).result(10) == "kept"
    assert store.samples("ut-1", *ALL) == minute()


def test_a_batch_that_comes_again_is_answered_again_and_kept_once(
    make: Make, device: Device, store: TelemetryStore
) -> None:
    intake, batch = make(), device.batch(minute())
    assert [intake.take(*batch).result(10) for _ in range(3)] == ["kept", "again", "again"]
    assert len(store.samples("ut-1", *ALL)) == 4
    assert (intake.counts["samples"], intake.counts["again"]) == (4, 2)


def test_samples_that_come_again_in_other_batches_are_kept_once(
    make: Make, device: Device, store: TelemetryStore
) -> None:
    intake = make()
    intake.take(*device.batch(minute())).result(10)
    device.next = 2
    assert intake.take(*device.batch([*minute()[2:], sample(at_s=60)])).result(10) == "kept"
    assert len(store.samples("ut-1", *ALL)) == 5
    assert intake.counts["doubles"] == 2


def test_a_device_that_nobody_knows_is_told_no_more_than_one_with_a_wrong_key(
    make: Make, device: Device
) -> None:
    intake, told = make(), set()
    for stranger in (Device("ag-none"), Device("ag-1")):
        with pytest.raises(NotSigned) as caught:
            intake.take(*stranger.batch(minute()))
        told.add(caught.value.detail)
    assert len(told) == 1


def test_a_revoked_devices_next_batch_is_refused(
    make: Make, device: Device, ring: Ring, store: TelemetryStore
) -> None:
    intake = make()
    intake.take(*device.batch(minute())).result(10)
    ring.states["ag-1"] = "revoked"
    with pytest.raises(Revoked):
        intake.take(*device.batch(minute(at_s=60)))
    assert len(store.samples("ut-1", *ALL)) == 4


def test_what_a_captured_device_sends_is_kept_as_evidence_and_is_in_no_answer(
    make: Make, device: Device, ring: Ring, store: TelemetryStore
) -> None:
    intake = make()
    intake.take(*device.batch([*minute(at_s=-600), *minute()])).result(10)
    ring.states["ag-1"], ring.held_back = "captured", [("ag-1", START_NS, 2**63 - 1)]
    headers, body = device.batch(minute(at_s=300))
    assert [intake.take(headers, body).result(10) for _ in range(2)] == ["quarantined"] * 2
    assert [one.time_ns < START_NS for one in store.samples("ut-1", *ALL)] == [True] * 4
    with closing(Evidence(store.path, store.driver)) as evidence:
        [kept] = evidence.of("ag-1")
    assert (kept.body, kept.received_ns) == (body, START_NS)
    assert kept.headers["openleo-signature"] == headers["openleo-signature"]


def test_what_a_captured_device_sends_is_evidence_even_where_it_cannot_be_read(
    make: Make, device: Device, ring: Ring, store: TelemetryStore
) -> None:
    import test_batches
    from test_batches import signed

    ring.devices["ag-1"], ring.states["ag-1"] = test_batches.DEVICE, "captured"
    assert make().take(*signed(b"no samples at all")).result(10) == "quarantined"
    assert store.terminals() == []


@pytest.mark.parametrize(
    ("at_s", "late", "error"),
    [
        (0, False, None),
        (86_400, False, None),
        (86_401, False, ClockOff),
        (86_401, True, ClockOff),
        (-86_400, False, None),
        (-86_401, False, ClockOff),
        (-86_401, True, None),
        (-30 * 86_400, True, None),
        (-30 * 86_400 - 1, True, BadBatch),
    ],
)
def test_how_far_a_clock_may_be_off_and_how_late_a_sample_may_come(
    make: Make, device: Device, at_s: float, late: bool, error: type[OpenleoError] | None
) -> None:
    intake, batch = make(), device.batch([sample(at_s=at_s)], backfill=late)
    if error is None:
        assert intake.take(*batch).result(10) == "kept"
    else:
        with pytest.raises(error):
            intake.take(*batch)


def test_a_device_tells_of_its_own_terminals_alone(
    make: Make, device: Device, ring: Ring, store: TelemetryStore
) -> None:
    ring.terminals["ag-1"] = frozenset({"ut-1"})
    intake = make()
    intake.take(*device.batch(minute("ut-1"))).result(10)
    with pytest.raises(NotYours, match="ut-2"):
        intake.take(*device.batch([sample("ut-1", 60), sample("ut-2")]))
    assert store.terminals() == ["ut-1"]


def test_a_device_that_sends_too_often_is_told_when_to_come_again(make: Make, device: Device) -> None:
    limits = Limits(rates={"telemetry": Rate(per_s=2, burst=20)}, clock=lambda: 0.0)
    intake = make(count=lambda name: limits.take("telemetry", name))
    for n in range(20):
        intake.take(*device.batch([sample(at_s=n)])).result(10)
    with pytest.raises(TooMany) as caught:
        intake.take(*device.batch([sample(at_s=20)]))
    assert caught.value.wait_s == pytest.approx(0.5)


def test_a_stranger_with_a_devices_name_uses_up_nothing_of_it(make: Make, device: Device) -> None:
    counted: list[str] = []
    intake = make(count=counted.append)
    with pytest.raises(NotSigned):
        intake.take(*Device("ag-1").batch(minute()))
    assert counted == []


@pytest.mark.parametrize(
    ("free", "late", "taken"),
    [(0.13, True, True), (0.11, True, False), (0.11, False, True), (0.09, False, False)],
)
def test_where_the_disk_gets_full_what_is_late_is_turned_away_first(
    make: Make, device: Device, free: float, late: bool, taken: bool
) -> None:
    intake, batch = make(free_share=lambda: free), device.batch(minute(), backfill=late)
    if taken:
        assert intake.take(*batch).result(10) == "kept"
    else:
        with pytest.raises(StoreFull, match="of the disk is free"):
            intake.take(*batch)


class Held:
    """A store whose writer waits at its door."""

    def __init__(self, store: TelemetryStore) -> None:
        self.order: list[str] = []
        self.door, self.inside = threading.Event(), threading.Event()
        self._add = store.add_sent
        store.add_sent = self.add_sent  # type: ignore[method-assign]

    def add_sent(self, sent: Any, batches: Any = (), **how: Any) -> int:
        self.inside.set()
        self.door.wait(10)
        self.order += [one.terminal for _, one in sent]
        return self._add(sent, batches, **how)


def test_more_than_may_wait_is_turned_away_at_once_what_is_late_at_half_of_it(
    make: Make, device: Device, store: TelemetryStore
) -> None:
    held = Held(store)
    intake = make(room=Room(pending_bytes=8 * 200))
    waiting = [intake.take(*device.batch([sample(at_s=0)]))]
    held.inside.wait(10)
    waiting += [intake.take(*device.batch([sample(at_s=n)])) for n in range(1, 4)]
    with pytest.raises(Busy) as caught:
        intake.take(*device.batch([sample(at_s=8)], backfill=True))
    assert "what is late last" in caught.value.hint
    waiting += [intake.take(*device.batch([sample(at_s=n)])) for n in range(4, 6)]
    waiting += [intake.take(*device.batch([sample(at_s=n)])) for n in range(6, 8)]
    with pytest.raises(Busy):
        intake.take(*device.batch([sample(at_s=8)]))
    held.door.set()
    assert {future.result(10) for future in waiting} == {"kept"}
    assert intake.pending == 0
    intake.take(*device.batch([sample(at_s=30)], backfill=True)).result(10)


def test_what_is_fresh_goes_before_what_is_late_and_what_is_late_is_not_forgotten(
    make: Make, device: Device, store: TelemetryStore
) -> None:
    held = Held(store)
    intake = make()
    first = intake.take(*device.batch([sample("first")]))
    held.inside.wait(10)
    late = [intake.take(*device.batch([sample(f"late-{n}")], backfill=True)) for n in range(300)]
    fresh = [intake.take(*device.batch([sample(f"fresh-{n}")])) for n in range(600)]
    held.door.set()
    for future in [first, *late, *fresh]:
        future.result(30)
    late_at = [n for n, name in enumerate(held.order) if name.startswith("late")]
    fresh_at = [n for n, name in enumerate(held.order) if name.startswith("fresh")]
    assert max(fresh_at) < sorted(late_at)[len(late_at) // 2], (
        "most of the late ones are behind all fresh ones"
    )
    assert min(late_at) < max(fresh_at), "but some are among them"


def test_a_batch_that_trips_over_a_bug_takes_no_other_with_it(
    make: Make, device: Device, store: TelemetryStore
) -> None:
    held = Held(store)
    add = held._add

    def tripping(sent: Any, batches: Any = (), **how: Any) -> int:
        if any(one.terminal == "ut-bug" for _, one in sent):
            raise ZeroDivisionError("a bug")
        return add(sent, batches, **how)

    held._add = tripping  # type: ignore[method-assign]
    intake = make()
    waiting = [intake.take(*device.batch([sample("first")]))]
    held.inside.wait(10)
    waiting += [intake.take(*device.batch([sample(f"ut-{n}")])) for n in range(3)]
    bad = intake.take(*device.batch([sample("ut-bug")]))
    held.door.set()
    assert {future.result(10) for future in waiting} == {"kept"}
    with pytest.raises(ZeroDivisionError):
        bad.result(10)
    assert store.terminals() == ["first", "ut-0", "ut-1", "ut-2"]
    assert intake.take(*device.batch([sample("ut-9")])).result(10) == "kept"


def test_closing_writes_what_waits_and_takes_no_more(
    make: Make, device: Device, store: TelemetryStore
) -> None:
    intake = make()
    waiting = [intake.take(*device.batch([sample(at_s=n)])) for n in range(50)]
    intake.close()
    assert {future.result(0) for future in waiting} == {"kept"}
    with pytest.raises(Busy):
        intake.take(*device.batch([sample(at_s=99)]))


def test_two_devices_with_one_key_are_found(make: Make, device: Device) -> None:
    clone = Device("ag-1", "b2", device.key)
    intake = make()
    for n in range(4):
        intake.take(*device.batch([sample(at_s=40 * n)])).result(10)
        intake.take(*clone.batch([sample(at_s=40 * n + 20)])).result(10)
    assert intake.clones.found == {"ag-1"}


def test_a_device_that_restarts_and_sends_what_it_had_left_is_one_device() -> None:
    from openleo.fleet.batches import Head

    def head(boot: str) -> Head:
        return Head(device="ag-1", boot=boot, first=0, last=0, signature="")

    clones = Clones()
    for boot, at in (("b1", 10), ("b1", 20), ("b2", 40), ("b1", 25), ("b2", 50), ("b1", 30), ("b3", 60)):
        assert not clones.heard(head(boot), at * NS)
    assert clones.found == set()


def test_samples_of_two_days_in_one_batch(make: Make, device: Device, store: TelemetryStore) -> None:
    both = [sample(at_s=0), sample(at_s=-DAY_NS / NS + 60)]
    make().take(*device.batch(both)).result(10)
    assert len(store.days()) == 2
    assert len(store.samples("ut-1", *ALL)) == 2
