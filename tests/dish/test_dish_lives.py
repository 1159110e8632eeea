"""Whatever happens to dishes, in whatever order: what readers rely on stays true."""

from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from dish_fleet import START_S
from openleo.dish import replies
from openleo.dish.inputs import Identity, Seconds
from openleo.dish.reading import unix_ns_of_gps_ns
from openleo.dish.terminal import Dishes
from openleo.snapshot.causes import Cause

CAUSES = [cause for cause in Cause if cause is not Cause.IDLE]
COUNT = 3

lived = st.tuples(
    st.just("live"),
    st.integers(1, 40),
    st.lists(st.sampled_from(CAUSES), min_size=COUNT, max_size=COUNT),
)
skipped = st.tuples(st.just("skip"), st.integers(1, 3000), st.just(None))
told = st.tuples(
    st.just("tell"),
    st.integers(0, COUNT - 1),
    st.sampled_from(["stow", "unstow", "reboot", "power_save", "inhibit_gps", "clear_obstruction_map"]),
)
steps = st.lists(st.one_of(lived, told, lived, skipped), max_size=25)


def step(dishes: Dishes, kind: str, number: int, what: Any) -> None:
    if kind == "live":
        alike = Seconds.alike(dishes.now_s, dishes=COUNT, seconds=number, downlink_bps=5e5)
        fields: dict[str, Any] = {name: getattr(alike, name) for name in alike.__slots__}
        dishes.advance(Seconds(**fields | {"cause": np.tile(np.array(what, np.uint8), (number, 1))}))
    elif kind == "skip":
        dishes.advance(Seconds.alike(dishes.now_s + number, dishes=COUNT))
    elif dishes.reachable[number]:  # nobody can tell a dish that does not answer
        values = {"start_min": 800, "duration_min": 30, "enable": 1, "inhibit": 1}
        dishes.command(number, what, values)


@settings(max_examples=80, deadline=None)
@given(steps=steps)
def test_readers_may_rely_on_it(steps: list[tuple[str, int, Any]]) -> None:
    dishes = Dishes([Identity(id=f"ut{row}") for row in range(COUNT)], start_s=START_S)
    before: list[tuple[int, int]] = [(1, 0)] * COUNT
    for one in steps:
        step(dishes, *one)
        for row in range(COUNT):
            terminal = dishes.terminal(row)
            status, history = replies.status(terminal), replies.history(terminal)
            # (starts, counter) only grows: it names a second for good.
            key = (status.device_info.bootcount, history.current)
            assert key >= before[row]
            before[row] = key
            assert history.current <= status.device_state.uptime_s
            # In service means: no outage, and the last second arrived.
            if terminal.reachable and history.current:
                lost = history.pop_ping_drop_rate[(history.current - 1) % 900] == 1.0
                assert lost == status.HasField("outage")
            # Outages follow one another, and none lies in the future.
            end = 0
            for outage in history.outages:
                start = unix_ns_of_gps_ns(outage.start_timestamp_ns)
                assert start >= end
                end = start + outage.duration_ns
            assert end <= dishes.now_s * 10**9
            assert len(history.event_log.events) >= len(history.outages)
            # What does not answer shows nothing.
            assert terminal.connected == (terminal.reachable and not status.HasField("outage"))
