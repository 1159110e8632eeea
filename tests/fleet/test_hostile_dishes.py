"""Dishes that mean harm: each is named with what is wrong, and none slows or spoils another."""

import asyncio
import random
from contextlib import AsyncExitStack

import grpc
import pytest
from fleet_books import MemoryBook, until
from hostile_dish import HARMS, PlayedDish, harmful, huge_status, served
from hypothesis import given
from hypothesis import strategies as st

from openleo.dish.reading import messages
from openleo.fleet.collect import SLOW_LANE, Collector
from openleo.fleet.look import Clocks, DishWatch, Progress
from openleo.fleet.pace import Pace
from openleo.fleet.register import DishEntry
from openleo.fleet.sample import Sample
from openleo.fleet.twins import Identities

QUICK = Pace(steady_s=0.05, quick_s=0.05, most_s=0.2, timeout_s=0.6)

# What is said of each: the kind of trouble, or of remark.
SAID = {"noise": {"garbage", "slow"}, "silence": {"slow"}, "dribble": {"slow", "garbage"},
        "slam": {"unreachable", "garbage"}}  # fmt: skip


def dishes(count: int) -> list[PlayedDish]:
    return [PlayedDish(f"ut01000000-00000000-{n:08x}").lived(60) for n in range(count)]


@pytest.mark.parametrize("harm", HARMS)
def test_what_is_wrong_with_one_that_means_harm_is_named(harm: str) -> None:
    async def play() -> None:
        async with harmful(HARMS[harm]) as address:
            book = MemoryBook(address)
            [(seen, look)] = await Collector(book, pace=QUICK).once()
            assert seen.state in ("silent", "wrong")
            assert set(look.remarks) <= SAID[harm]
            assert len(look.remarks) == 1
            assert seen.detail
            assert book.samples == []

    asyncio.run(play())


def test_a_huge_reply_is_named_and_not_read() -> None:
    async def play() -> None:
        dish = PlayedDish()
        dish.instead["get_status"] = huge_status()
        async with served(dish):
            [(seen, look)] = await Collector(MemoryBook(dish.address), pace=QUICK).once()
        assert seen.state == "wrong"
        assert "too-big" in look.remarks

    asyncio.run(play())


@pytest.mark.parametrize("code", list(grpc.StatusCode))
def test_any_refusal_is_named(code: grpc.StatusCode) -> None:
    if code is grpc.StatusCode.OK:
        return

    async def play() -> None:
        dish = PlayedDish()
        dish.instead["get_status"] = (code, "no")
        async with served(dish):
            [(seen, _)] = await Collector(MemoryBook(dish.address), pace=QUICK).once()
        assert seen.state in ("silent", "wrong")
        assert seen.detail

    asyncio.run(play())


def test_what_a_stranger_says_cannot_write_on_the_screen() -> None:
    async def play() -> None:
        dish = PlayedDish()
        said = "\x1b[2J\x1b]0;owned\x07\n" + "x" * 5_000
        dish.instead["get_status"] = (grpc.StatusCode.INTERNAL, said)
        async with served(dish):
            book = MemoryBook(dish.address)
            [(seen, look)] = await Collector(book, pace=QUICK).once()
        for text in (seen.detail, *look.remarks.values()):
            assert text.isprintable()
            assert len(text) <= 300

    asyncio.run(play())


def test_dishes_that_answer_are_asked_on_while_many_say_nothing() -> None:
    async def play() -> None:
        good = dishes(3)
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(served(*good))
            silent = [
                await stack.enter_async_context(harmful(HARMS["silence"])) for _ in range(2 * SLOW_LANE)
            ]
            book = MemoryBook(*silent, *(dish.address for dish in good))
            collector = Collector(book, pace=Pace(steady_s=0.02, quick_s=0.02, timeout_s=30.0))
            stop = asyncio.Event()
            running = asyncio.create_task(collector.run(stop))
            # Each good dish answers 20 times before any that is silent is even given up on.
            await until(lambda: all(dish.calls["get_status"] >= 20 for dish in good))
            states = {one.entry.address: one.state for one in collector.seen()}
            assert {states[address] for address in silent} == {"unknown"}
            assert {states[dish.address] for dish in good} == {"online"}
            stop.set()
            await running
            assert {sample.terminal for sample in book.samples} == {dish.terminal for dish in good}

    asyncio.run(play())


def test_one_that_changes_its_mind_each_time_spoils_nothing_of_the_others() -> None:
    async def play() -> None:
        good, bad = dishes(2), PlayedDish("ut01000000-00000000-00000000", boot=1).lived(5_000)
        chance = random.Random(3)
        async with served(*good, bad):
            book = MemoryBook(*(dish.address for dish in good))
            collector = Collector(book, pace=QUICK)
            stop = asyncio.Event()
            running = asyncio.create_task(collector.run(stop))
            await until(lambda: all(dish.calls["get_status"] for dish in good))
            book.entries.append(DishEntry(address=bad.address))
            await collector._follow_the_book()
            for _ in range(40):
                bad.current = chance.randrange(2**40)
                bad.status.device_state.uptime_s = chance.randrange(2**60)
                bad.status.device_info.bootcount = chance.randrange(1, 2**30)
                bad.clock_s = lambda: chance.uniform(0, 4e9)
                await asyncio.sleep(0.02)
            stop.set()
            await running
        theirs = [s for s in book.samples if s.terminal == good[0].terminal and s.boot is not None]
        assert {s.boot for s in theirs} == {7}
        assert (bad.address, "clone") in book.remarks

    asyncio.run(play())


@given(data=st.binary(max_size=300))
def test_no_bytes_of_a_reply_end_a_watch(data: bytes) -> None:
    """What can be read of it becomes Samples within their bounds, or is named."""
    status = messages().DishGetStatusResponse()
    try:
        status.ParseFromString(data)
    except Exception:
        status.Clear()
        status.device_info.software_version = data.decode("latin-1")
    asyncio.run(_looked_at(status))


NUMBERS = st.floats(width=32, allow_nan=True, allow_infinity=True)
WORDS = st.text(max_size=80)


@given(
    rates=st.tuples(NUMBERS, NUMBERS, NUMBERS, NUMBERS), id_=WORDS, country=WORDS,
    whole=st.integers(-(2**31), 2**31 - 1), big=st.integers(0, 2**64 - 1), gps=st.integers(0, 2**63 - 1),
    current=st.integers(0, 2**64 - 1), ring=st.lists(NUMBERS, max_size=40),
)  # fmt: skip
def test_no_values_of_a_reply_make_samples_out_of_bounds(
    rates: tuple[float, ...], id_: str, country: str, whole: int, big: int, gps: int, current: int,
    ring: list[float],
) -> None:  # fmt: skip
    m = messages()
    status = m.DishGetStatusResponse()
    status.device_info.id = id_ if len(id_) % 2 else "ut-1"
    status.device_info.country_code, status.device_info.bootcount = country, whole
    status.device_state.uptime_s = big
    status.downlink_throughput_bps, status.uplink_throughput_bps = rates[0], rates[1]
    status.pop_ping_drop_rate, status.pop_ping_latency_ms = rates[2], rates[3]
    status.seconds_until_swupdate_reboot_possible = whole
    status.outage.cause, status.outage.start_timestamp_ns = whole, gps
    status.disablement_code = whole
    history = m.DishGetHistoryResponse(current=current, pop_ping_drop_rate=ring, power_in=ring)
    history.outages.add(cause=whole, start_timestamp_ns=gps, duration_ns=big)
    history.event_log.current_timestamp_ns = gps
    asyncio.run(_looked_at(status, history))


async def _looked_at(status: object, history: object = None) -> None:
    """Look at a dish that gives these, and hold its Samples to what the store takes."""
    import msgspec

    from openleo.fleet.batches import plain

    class Given:
        async def status(self) -> object:
            return status

        async def history(self) -> object:
            return history if history is not None else messages().DishGetHistoryResponse()

        async def location(self) -> object:
            return messages().GetLocationResponse()

    watch = DishWatch(
        DishEntry(address="127.0.0.1:1"), Progress(), pace=QUICK, clocks=Clocks(), ids=Identities()
    )
    watch.dish = Given()  # type: ignore[assignment]
    for _ in range(2):
        look = await watch.look()
        assert look.state in ("online", "dark", "wrong")
        assert "bug" not in look.remarks, look.remarks
        for sample in look.samples:
            msgspec.json.decode(msgspec.json.encode(plain(sample)), type=Sample)
