"""Viewers of one stream: a slow one costs nobody anything, and skips to the newest slot."""

import asyncio
from pathlib import Path

import pytest
from live_world import clock_before, make_engine, make_folder

from openleo.api.stream import MOST_DELTAS, Stream
from openleo.api.watching import Watching
from openleo.base.clock import slot_start
from openleo.live.clock import begin_at, ns_of
from openleo.live.views import view_at
from openleo.scenario.model import Scenario
from openleo.scenario.world import slots_of
from openleo.snapshot.stream import PARTS, Kind, apply_delta, decode


@pytest.fixture(scope="module")
def watching(small: Scenario, tmp_path_factory: pytest.TempPathFactory) -> Watching:
    """A network of 40 slots that has come to its end."""
    folder = make_folder(tmp_path_factory.mktemp("viewers"), small)
    last = slots_of(small)[1]
    make_engine(folder, clock_before(last + 1000, speed=1.0)).run()
    clock = begin_at(ns_of(slot_start(last + 100)), 1.0)
    made = Watching(folder=folder.run, segments=folder.segments, clock=clock)
    made.look()
    assert made.shown == last
    return made


async def advance(stream: Stream, watching: Watching, *slots: int) -> None:
    for slot in slots:
        watching.shown = slot
        await stream.advance()


def test_one_who_keeps_up_gets_each_delta_and_a_slow_one_the_newest_snapshot(
    watching: Watching,
) -> None:
    async def story() -> None:
        last = watching.newest
        stream = Stream(watching=watching)
        begun = last - MOST_DELTAS - 3
        await advance(stream, watching, begun)
        held = (await stream.next_for(-1)).slot
        assert held == begun
        for slot in range(begun + 1, last + 1):
            await advance(stream, watching, slot)
            delta = await stream.next_for(held)
            assert (delta.base, delta.slot) == (held, slot)
            held = slot
        slow = await stream.next_for(begun)
        assert decode(slow.content).kind is Kind.SNAPSHOT
        assert slow.slot == last
        assert len(stream.deltas) == MOST_DELTAS, "no more is held, whoever waits"
        behind = await stream.next_for(last - 3)
        assert (behind.base, behind.slot) == (last - 3, last - 2)

    asyncio.run(story())


def test_all_get_the_very_same_bytes(watching: Watching) -> None:
    async def story() -> None:
        stream = Stream(watching=watching)
        await advance(stream, watching, watching.newest - 1, watching.newest)
        found = [await stream.next_for(watching.newest - 1) for _ in range(20)]
        assert len({id(one.content) for one in found}) == 1
        wholes = [await stream.next_for(-1) for _ in range(20)]
        assert len({id(one.content) for one in wholes}) == 1

    asyncio.run(story())


def test_slots_that_were_skipped_are_in_the_delta(watching: Watching) -> None:
    async def story() -> None:
        stream, last = Stream(watching=watching), watching.newest
        await advance(stream, watching, last - 9, last)
        delta = await stream.next_for(last - 9)
        made = apply_delta(view_at(watching.archive, last - 9), decode(delta.content))
        wanted = view_at(watching.archive, last)
        for part in PARTS:
            for column in part.columns:
                assert (made[part.name][column.name] == wanted[part.name][column.name]).all()

    asyncio.run(story())


def test_one_who_comes_back_within_the_ring_gets_one_delta(watching: Watching, tmp_path: Path) -> None:
    async def story() -> None:
        stream, last = Stream(watching=watching), watching.newest
        await advance(stream, watching, last)
        found = await stream.from_slot(last - 5)
        assert found is not None
        assert (found.base, found.slot) == (last - 5, last)
        assert await stream.from_slot(last) is None
        assert await stream.from_slot(3) is None

    asyncio.run(story())
