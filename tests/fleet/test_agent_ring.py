"""What an agent holds while its server is away: bounded, durable, and sent again byte by byte."""

import random
import shutil
import sqlite3
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from openleo.base.errors import BadInput
from openleo.fleet.agent_home import public_key
from openleo.fleet.agent_ring import LEAST_BYTES, MOST_REFUSED, Cut, Ring
from openleo.fleet.batches import read_batch, sign_batch
from openleo.fleet.collect import Pages
from openleo.fleet.register import DishEntry
from openleo.fleet.sample import Sample

KEY = Ed25519PrivateKey.generate()
NS = 10**9
START_NS = (time.time_ns() // (60 * NS) - 10_000) * 60 * NS


def sign(boot: str, first: int, samples: Sequence[Sample], backfill: bool) -> tuple[dict[str, str], bytes]:
    return sign_batch(KEY, "site-1", boot, first, samples, backfill=backfill)


def quarter(number: int) -> Sample:
    """Return the sample of the ``number``-th quarter minute."""
    return Sample(
        terminal="ut-1", time_ns=START_NS + 15 * number * NS, source="dish", boot=1, counter=15 * number,
        ping_drop=0.0, ping_latency_ms=30.0 + number % 7, downlink_mbps=8.0, uplink_mbps=1.0, power_w=60.0,
    )  # fmt: skip


def moment(number: int) -> Sample:
    return Sample(
        terminal="ut-1", time_ns=START_NS + 5 * number * NS, period_s=1, source="dish", boot=1,
        software="2026.06.12.mr81164", outage="NO_SATS",
    )  # fmt: skip


def samples_of(cut: Cut | None) -> list[Sample]:
    assert cut is not None
    return list(read_batch(cut.headers, cut.body, public_key(KEY)).samples)


def test_the_newest_is_cut_first_and_each_sample_once(tmp_path: Path) -> None:
    with Ring(tmp_path) as ring:
        ring.write(Pages(samples=[quarter(n) for n in range(10)]))
        cuts = [ring.cut(4, sign) for _ in range(4)]
        assert [[s.counter for s in samples_of(cut)] for cut in cuts[:3]] == [
            [90, 105, 120, 135], [30, 45, 60, 75], [0, 15],
        ]  # fmt: skip
        assert cuts[3] is None
        assert [(c.first_seq, c.last_seq) for c in cuts[:3] if c] == [(0, 3), (4, 7), (8, 9)]


def test_a_batch_that_was_not_acknowledged_is_sent_again_byte_by_byte_also_after_a_restart(
    tmp_path: Path,
) -> None:
    with Ring(tmp_path) as ring:
        ring.write(Pages(samples=[quarter(n) for n in range(5)]))
        cut, boot = ring.cut(3, sign), ring.boot
    with Ring(tmp_path) as ring:
        assert ring.boot == boot
        again = ring.pending()
        assert again == cut
        assert again is not None
        ring.acknowledge(again)
        assert ring.pending() is None
        assert [s.counter for s in samples_of(ring.cut(9, sign))] == [0, 15]


def test_a_ring_that_was_lost_begins_another_boot(tmp_path: Path) -> None:
    with Ring(tmp_path / "a") as one, Ring(tmp_path / "b") as other:
        assert one.boot != other.boot


def test_how_far_a_dish_was_read_is_kept_with_its_samples(tmp_path: Path) -> None:
    dish = DishEntry(address="192.168.100.1")
    with Ring(tmp_path, [dish]) as ring:
        ring.write(Pages(samples=[quarter(1)], progress={dish.key: (dish, {"counter": 15})}))
    with Ring(tmp_path, [dish]) as ring:
        assert ring.progress(dish) == {"counter": 15}


def test_over_its_limit_the_oldest_detail_goes_first_and_that_is_counted(tmp_path: Path) -> None:
    most = 2 * LEAST_BYTES
    with Ring(tmp_path, most_bytes=most) as ring:
        for hour in range(8):
            ring.write(Pages(samples=[moment(720 * hour + n) for n in range(720)]))
            ring.write(Pages(samples=[quarter(240 * hour + n) for n in range(240)]))
            assert ring.held().bytes <= most
        held = ring.held()
        assert held.thinned > 0
        found: list[Sample] = []
        while (cut := ring.cut(300, sign)) is not None:
            found += samples_of(cut)
        newest = max(s.time_ns for s in found)
        spans = {p: [s.time_ns for s in found if s.period_s == p] for p in (1, 15)}
        # The last hour is whole; before it there is about one a minute, and all hours are there.
        hour_ns = 3_600 * NS
        assert len([t for t in spans[1] if t > newest - hour_ns]) == 720
        assert len([t for t in spans[15] if t > newest - hour_ns]) == 240
        old = {p: [t for t in times if t < newest - 2 * hour_ns] for p, times in spans.items()}
        assert held.dropped == 0
        hours = range(START_NS // hour_ns, (newest - 2 * hour_ns) // hour_ns + 1)
        assert {t // hour_ns for t in old[15]} == set(hours)
        assert 350 <= len(old[1]) <= 450
        assert 350 <= len(old[15]) <= 400


def test_with_nothing_left_to_thin_the_oldest_is_dropped_and_the_newest_is_always_held(
    tmp_path: Path,
) -> None:
    with Ring(tmp_path, most_bytes=LEAST_BYTES) as ring:
        for hour in range(60):
            ring.write(Pages(samples=[quarter(240 * hour + n) for n in range(240)]))
        held = ring.held()
        assert held.dropped > 0
        assert held.oldest_ns is not None
        assert held.oldest_ns > START_NS
        assert samples_of(ring.cut(1, sign))[0].counter == 15 * (240 * 60 - 1)
    with Ring(tmp_path, most_bytes=LEAST_BYTES) as ring:
        assert ring.held().dropped == held.dropped
    assert (tmp_path / "ring.db").stat().st_size < 4 * LEAST_BYTES


def test_batches_that_are_refused_for_good_are_kept_for_people_the_last_of_them(tmp_path: Path) -> None:
    with Ring(tmp_path) as ring:
        for number in range(MOST_REFUSED + 5):
            ring.write(Pages(samples=[quarter(number)]))
            cut = ring.cut(1, sign)
            assert cut is not None
            ring.set_aside(cut, "HTTP 422: it is wrong")
        assert ring.held().refused == MOST_REFUSED + 5
        assert ring.pending() is None
    with closing(sqlite3.connect(tmp_path / "ring.db")) as db:
        rows = db.execute("SELECT count(*) FROM refused").fetchone()
    assert rows == (MOST_REFUSED,)


def test_a_power_cut_takes_nothing_that_was_recorded(tmp_path: Path) -> None:
    """What was flushed stays; of what was written since, any part may be there, torn or as noise."""
    chance = random.Random(4)
    with Ring(tmp_path / "site") as ring:
        assert ring._db.execute("PRAGMA synchronous").fetchone()[0] == 2  # FULL: each commit is flushed
        for number in range(1, 40):
            ring.write(Pages(samples=[quarter(number)]))
            if number % 8 == 0:
                cut = ring.cut(3, sign)
                assert cut is not None
                if number % 16:
                    ring.acknowledge(cut)
            wanted, batches = ring.held().samples, ring.held().batches
            after = tmp_path / f"after-{number}"
            shutil.copytree(tmp_path / "site", after)
            (after / "ring.db-shm").unlink(missing_ok=True)
            with (after / "ring.db-wal").open("ab") as log:
                log.write(chance.randbytes(chance.randrange(10_000)))
            with Ring(after) as found:
                assert (found.held().samples, found.held().batches) == (wanted, batches)
                assert found.boot == ring.boot
                assert found._known["next_seq"] == ring._known["next_seq"]
            shutil.rmtree(after)


def test_a_full_disk_is_told_and_loses_nothing_that_was_recorded(tmp_path: Path) -> None:
    with Ring(tmp_path) as ring:
        ring.write(Pages(samples=[quarter(1)]))
        pages = ring._db.execute("PRAGMA page_count").fetchone()[0]
        ring._db.execute(f"PRAGMA max_page_count = {pages}")
        with pytest.raises(BadInput, match="full"):
            ring.write(Pages(samples=[quarter(n) for n in range(2, 2_000)]))
        assert ring.held().samples == 1
        ring._db.execute("PRAGMA max_page_count = 1000000")
        ring.write(Pages(samples=[quarter(2)]))
        assert [s.counter for s in samples_of(ring.cut(9, sign))] == [15, 30]


@pytest.mark.parametrize("most", [0, LEAST_BYTES - 1])
def test_too_small_a_limit_is_refused(tmp_path: Path, most: int) -> None:
    with pytest.raises(BadInput, match="too little"):
        Ring(tmp_path, most_bytes=most)
