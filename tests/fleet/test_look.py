"""Looking at one dish over real gRPC: outages, restarts, gaps, ids, clocks, what is new in its firmware."""

import asyncio
import time
from collections.abc import Callable, Coroutine
from typing import Any

import grpc
from hostile_dish import PlayedDish, served

from openleo.dish.reading import messages
from openleo.fleet.look import Clocks, DishWatch, Look, Progress
from openleo.fleet.pace import Pace
from openleo.fleet.register import DishEntry
from openleo.fleet.site_clock import when
from openleo.fleet.twins import Identities

NS = 10**9
PACE = Pace(timeout_s=2.0)


class Time:
    """A steady clock, and ours, that a test moves."""

    def __init__(self) -> None:
        self.wall_ns, self.steady_s = time.time_ns(), 1_000.0

    def passes(self, seconds: float) -> None:
        self.steady_s += seconds
        self.wall_ns += int(seconds * NS)

    def clocks(self) -> Clocks:
        return Clocks(wall_ns=lambda: self.wall_ns, steady_s=lambda: self.steady_s, roll=lambda: 0.0)


def watch(
    dish: PlayedDish,
    at: Time,
    progress: Progress | None = None,
    ids: Identities | None = None,
    terminal: str = "",
) -> DishWatch:
    entry = DishEntry(address=dish.address, terminal=terminal)
    return DishWatch(entry, progress or Progress(), pace=PACE, clocks=at.clocks(), ids=ids or Identities())


def played(story: Callable[[PlayedDish, Time], Coroutine[Any, Any, None]]) -> None:
    async def play() -> None:
        dish = PlayedDish()
        async with served(dish):
            await story(dish, Time())

    asyncio.run(play())


def counters(look: Look) -> list[int]:
    return [sample.counter for sample in look.samples if sample.counter is not None]


def test_the_first_look_tells_the_last_15_minutes_and_the_state_now() -> None:
    async def story(dish: PlayedDish, at: Time) -> None:
        dish.lived(1_000)
        look = await watch(dish, at).look()
        assert counters(look) == list(range(120, 991, 15))
        assert look.samples[-1].outage == ""
        assert look.samples[-1].time_ns >= max(sample.time_ns for sample in look.samples)
        assert look.state == "online"

    played(story)


def test_nothing_is_told_twice_also_by_another_watch_that_goes_on_from_there() -> None:
    async def story(dish: PlayedDish, at: Time) -> None:
        first = watch(dish, at)
        dish.lived(100)
        told = counters(await first.look())
        for seconds in (10, 200, 100):
            dish.lived(seconds)
            at.passes(seconds)
            told += counters(await first.look())
        dish.lived(90)
        at.passes(90)
        then = watch(dish, at, Progress.read(first.progress.plain()))
        told += counters(await then.look())
        assert told == list(range(15, 500, 15))

    played(story)


def test_an_outage_is_told_with_its_cause_and_what_happened_meanwhile_is_read_when_it_ends() -> None:
    async def story(dish: PlayedDish, at: Time) -> None:
        one = watch(dish, at)
        dish.lived(60)
        await one.look()
        dish.goes_dark("OBSTRUCTED", at_s=at.wall_ns / NS)
        dish.lived(20, pop_ping_drop_rate=1.0)
        at.passes(20)
        dark = await one.look()
        assert (dark.state, dark.detail, dark.delay_s) == ("dark", "OBSTRUCTED", PACE.quick_s)
        dish.comes_back()
        dish.lived(20)
        at.passes(20)
        assert (await one.look()).state == "online"
        dish.lived(5)
        at.passes(5)
        filled = await one.look()
        assert [s.ping_drop for s in filled.samples if s.counter in (75, 90, 105)] == [1.0, 1 / 3, 0.0]

    played(story)


def test_a_dish_that_was_silent_is_told_so_and_the_gap_is_filled_from_its_history() -> None:
    async def story(dish: PlayedDish, at: Time) -> None:
        one = watch(dish, at)
        dish.lived(60)
        await one.look()
        address, told = dish.address, []
        await dish.stop()
        dish.lived(100)
        at.passes(100)
        silent = await one.look()
        assert silent.state == "silent"
        assert "unreachable" in silent.remarks
        [sample] = silent.samples
        assert (sample.reachable, sample.terminal, sample.outage) == (False, dish.terminal, None)
        await dish.start(int(address.rpartition(":")[2]))
        for _ in range(3):
            look = await one.look()
            told += counters(look)
            at.passes(5)
            dish.lived(5)
        assert told == list(range(75, 166, 15))
        assert "unreachable" in look.cleared

    played(story)


def test_what_a_dish_forgot_before_it_was_asked_is_said_to_be_lost() -> None:
    async def story(dish: PlayedDish, at: Time) -> None:
        one = watch(dish, at)
        dish.lived(60)
        await one.look()
        dish.lived(2_000)
        at.passes(2_000)
        look = await one.look()
        assert counters(look)[0] == 1_185  # the oldest whole quarter that it still had
        assert look.remarks["gap"].startswith("1,100 s")

    played(story)


def test_a_restart_is_noticed_and_its_new_seconds_are_told_from_zero() -> None:
    async def story(dish: PlayedDish, at: Time) -> None:
        one = watch(dish, at)
        dish.lived(300)
        await one.look()
        dish.restarts()
        dish.lived(40)
        at.passes(400)
        look = await one.look()
        began = when(at.wall_ns - 40 * 10**9)  # when it was: an age would soon be wrong
        assert look.remarks["restarted"] == f"it started anew at {began} (start 8)"
        assert [(s.boot, s.counter) for s in look.samples if s.counter] == [(8, 15), (8, 30)]

    played(story)


def test_a_count_that_goes_back_without_a_restart_never_names_old_moments_again() -> None:
    async def story(dish: PlayedDish, at: Time) -> None:
        one = watch(dish, at)
        dish.lived(600)
        await one.look()
        dish.restarts()
        dish.status.device_info.bootcount = dish.boot = 7  # and says that it did not
        dish.lived(40)
        at.passes(400)
        look = await one.look()
        assert "went back" in look.remarks["time-jump"]
        assert [(s.boot, s.counter) for s in look.samples if s.period_s == 15] == [(None, None)] * 2

    played(story)


def test_a_count_that_leaps_is_named() -> None:
    async def story(dish: PlayedDish, at: Time) -> None:
        one = watch(dish, at)
        dish.lived(600)
        await one.look()
        dish.lived(4_000)
        at.passes(300)
        assert "4,000 s in 300 s" in (await one.look()).remarks["time-jump"]

    played(story)


def test_a_position_that_may_not_be_told_is_no_trouble_and_not_asked_for_each_time() -> None:
    async def story(dish: PlayedDish, at: Time) -> None:
        one = watch(dish, at)
        dish.lived(60)
        first = await one.look()
        assert first.state == "online"
        assert "not available" in first.remarks["position"]
        for _ in range(10):
            at.passes(60)
            assert (await one.look()).state == "online"
        assert dish.calls["get_location"] == 1

    played(story)


def test_a_position_that_is_told_goes_with_the_state() -> None:
    async def story(dish: PlayedDish, at: Time) -> None:
        dish.location = messages().GetLocationResponse()
        dish.location.lla.lat, dish.location.lla.lon = 48.5, 32.25
        dish.lived(60)
        sample = (await watch(dish, at).look()).samples[-1]
        assert (sample.latitude_deg, sample.longitude_deg) == (48.5, 32.25)

    played(story)


def test_fields_and_values_that_are_new_are_named_once_and_nothing_is_lost() -> None:
    async def story(dish: PlayedDish, at: Time) -> None:
        dish.lived(60)
        known = dish.status.SerializeToString()
        dish.status.MergeFromString(b"\xfa\xff\x03\x02hi")  # field 8191
        dish.status.mobility_class = 9
        one = watch(dish, at)
        look = await one.look()
        assert look.state == "online"
        assert "DishGetStatusResponse.8191" in look.remarks["unknown"]
        assert "mobility_class=9" in look.remarks["unknown"]
        assert "unknown" not in (await one.look()).remarks
        assert known

    played(story)


def test_a_dish_that_was_replaced_is_said_and_one_that_keeps_changing_its_id_is_not_believed() -> None:
    async def story(dish: PlayedDish, at: Time) -> None:
        one = watch(dish, at)
        dish.lived(60)
        await one.look()
        states = []
        for number in range(5):
            dish.status.device_info.id = f"ut01000000-00000000-0000000{number + 2}"
            at.passes(15)
            look = await one.look()
            states.append(look.state)
        assert states == ["online", "online", "wrong", "wrong", "wrong"]
        assert "changes its id" in look.remarks["garbage"]
        assert look.samples == []

    played(story)


def test_two_dishes_with_one_id_are_named_and_not_mixed() -> None:
    async def play() -> None:
        one, other, at, ids = PlayedDish(), PlayedDish(boot=2), Time(), Identities()
        async with served(one, other):
            one.lived(900)
            other.lived(60)
            mine = await watch(one, at, ids=ids, terminal=one.terminal).look()
            its = await watch(other, at, ids=ids).look()
            assert (mine.state, its.state) == ("online", "wrong")
            assert one.address in its.remarks["clone"]
            assert its.samples == []

    asyncio.run(play())


def test_one_dish_by_two_addresses_is_kept_once_and_said() -> None:
    async def play() -> None:
        one, at, ids = PlayedDish().lived(900), Time(), Identities()
        async with served(one):
            await watch(one, at, ids=ids).look()
            entry = DishEntry(address=one.address.replace("127.0.0.1", "localhost"))
            again = DishWatch(entry, Progress(), pace=PACE, clocks=at.clocks(), ids=ids)
            look = await again.look()
            assert "one dish by two ways" in look.remarks["same"]
            assert look.samples == []

    asyncio.run(play())


def test_a_dish_whose_history_is_broken_still_tells_its_state() -> None:
    async def story(dish: PlayedDish, at: Time) -> None:
        dish.lived(60)
        dish.instead["get_history"] = (grpc.StatusCode.UNIMPLEMENTED, "Unimplemented")
        look = await watch(dish, at).look()
        assert look.state == "online"
        assert "Unimplemented" in look.remarks["history"]

    played(story)


def test_the_dishs_gps_tells_how_far_our_clock_is_off() -> None:
    async def story(dish: PlayedDish, at: Time) -> None:
        dish.lived(60)
        dish.clock_s = lambda: at.wall_ns / NS + 3_600
        look = await watch(dish, at).look()
        assert look.clock_ahead_ns is not None
        assert round(look.clock_ahead_ns / NS) == 3_600

    played(story)
