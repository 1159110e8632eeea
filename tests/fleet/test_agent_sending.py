"""The sender of an agent, turn by turn: what goes first, what is kept, and what a refusal does."""

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from agent_runs import wait_for
from servers_here import Asked, Here, ingest_here, scripted

from openleo.fleet import agent_home
from openleo.fleet.agent import FRESH_NS, Sender
from openleo.fleet.agent_home import Settings, own_key
from openleo.fleet.agent_ring import Ring
from openleo.fleet.batches import BACKFILL, LANE
from openleo.fleet.collect import Pages
from openleo.fleet.sample import Sample
from openleo.fleet.web import Server

NS = 10**9


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Here]:
    with ingest_here(tmp_path / "server") as there:
        yield there


def sample(age_s: int) -> Sample:
    return Sample(terminal="ut-1", time_ns=time.time_ns() - age_s * NS, source="dish", uptime_s=age_s)


def sender(folder: Path, url: str, ring: Ring, device: str = "site-1") -> Sender:
    return Sender(ring, Settings(device=device, server=url), own_key(folder, make=True))


def test_after_the_dark_the_newest_goes_first_and_then_what_is_older(tmp_path: Path, here: Here) -> None:
    code = here.agent()
    settings, waits = agent_home.enrol(tmp_path, code, Server(here.url), ())
    assert not waits
    with Ring(tmp_path) as ring:
        away = sender(tmp_path, "http://127.0.0.1:1", ring)
        arrived: list[int] = []
        for hour in range(5, 0, -1):  # hours in the dark, with a try now and then
            ring.write(Pages(samples=[sample(3_600 * hour + n) for n in range(200)]))
            pauses = [asyncio.run(away.turn())]
        assert pauses[-1] > 0
        assert "cannot be reached" in away.trouble
        ring.write(Pages(samples=[sample(n) for n in range(30)]))
        back = sender(tmp_path, here.url, ring, settings.device)
        while ring.held().samples or ring.held().batches:
            before = here.at.intake.counts["samples"]
            asyncio.run(back.turn())
            assert here.at.intake.counts["samples"] > before, back.trouble
            found = here.store.samples("ut-1", 0, 2**62)
            arrived.append(min(s.uptime_s or 0 for s in found))
        assert arrived[0] == 0  # the first that arrives is of now
        assert len(found) == 5 * 200 + 30
        assert back.trouble == ""
        assert back.sent == 5 * 200 + 30


def test_what_is_of_a_past_outage_is_sent_in_the_lane_for_that(tmp_path: Path) -> None:
    def take(asked: Asked) -> tuple[int, dict[str, str], bytes]:
        return 204, {}, b""

    with scripted(take) as there, Ring(tmp_path) as ring:
        old_s = FRESH_NS // NS + 60
        ring.write(Pages(samples=[sample(5), sample(old_s)]))
        one = sender(tmp_path, there.url, ring)
        pauses = [asyncio.run(one.turn()) for _ in range(3)]
        assert [asked.headers.get(LANE) for asked in there.asked] == [None, BACKFILL]
        assert [asked.headers["openleo-seq"] for asked in there.asked] == ["0-0", "1-1"]
        assert pauses[2] >= 15


def test_while_nothing_arrives_little_is_cut_so_that_the_rest_can_still_be_thinned(tmp_path: Path) -> None:
    with Ring(tmp_path) as ring:
        away = sender(tmp_path, "http://127.0.0.1:1", ring)
        for _ in range(20):
            ring.write(Pages(samples=[sample(FRESH_NS // NS + 10 + n) for n in range(50)]))
            asyncio.run(away.turn())
        held = ring.held()
        assert held.batches == 1
        assert held.samples >= 20 * 50 - 450


@pytest.mark.parametrize(
    ("answer", "then", "pause_s"),
    [
        ((429, {"Retry-After": "20"}, b""), "kept", (20, 20)),
        ((503, {}, b""), "kept", (4, 6)),
        ((507, {"Retry-After": "60"}, b'{"detail":"the disk is full"}'), "kept", (60, 60)),
        ((500, {}, b""), "kept", (4, 6)),
        ((403, {}, b'{"detail":"site-1 was revoked"}'), "kept", (48, 72)),
        ((404, {}, b""), "kept", (4, 6)),
        ((302, {"Location": "http://elsewhere.example"}, b""), "kept", (4, 6)),
        ((422, {}, b'{"detail":"the body is wrong"}'), "set aside", (1, 1)),
        ((413, {}, b""), "set aside", (1, 1)),
    ],
)
def test_a_refused_batch_is_kept_unless_it_can_never_be_taken(
    tmp_path: Path, answer: tuple[int, dict[str, str], bytes], then: str, pause_s: tuple[float, float]
) -> None:
    with scripted(lambda asked: answer) as there, Ring(tmp_path) as ring:
        ring.write(Pages(samples=[sample(5)]))
        one = sender(tmp_path, there.url, ring)
        pause = asyncio.run(one.turn())
        assert pause_s[0] <= pause <= pause_s[1]
        assert one.trouble
        held = ring.held()
        assert (held.batches, held.refused) == ((1, 0) if then == "kept" else (0, 1))


def test_a_batch_too_old_to_be_fresh_by_the_servers_clock_is_sent_again_as_old(
    tmp_path: Path, here: Here
) -> None:
    settings, _ = agent_home.enrol(tmp_path, here.agent(), Server(here.url), ())
    with Ring(tmp_path) as ring:
        ring.write(Pages(samples=[sample(5)]))
        one = sender(tmp_path, here.url, ring, settings.device)
        two_days_ns = 2 * 86_400 * NS
        here.at.intake._clock_ns = lambda: time.time_ns() + two_days_ns  # the server's clock is right
        asyncio.run(one.turn())
        asyncio.run(one.turn())
        assert len(here.store.samples("ut-1", 0, 2**62)) == 1
        assert ring.held().refused == 0


def test_a_revoked_agent_keeps_what_it_has_and_says_why(tmp_path: Path, here: Here) -> None:
    settings, _ = agent_home.enrol(tmp_path, here.agent(), Server(here.url), ())
    here.at.agents.cut_off(settings.device)
    with Ring(tmp_path) as ring:
        ring.write(Pages(samples=[sample(5)]))
        one = sender(tmp_path, here.url, ring, settings.device)
        wait_for(lambda: asyncio.run(one.turn()) > 0 and "revoked" in one.trouble)
        assert ring.held().batches == 1


def test_a_server_that_has_no_room_for_what_is_older_gets_what_is_fresh_all_the_same(tmp_path: Path) -> None:
    def take(asked: Asked) -> tuple[int, dict[str, str], bytes]:
        if LANE in asked.headers:
            return 507, {"Retry-After": "3600"}, b'{"detail":"the disk is full"}'
        return 204, {}, b""

    with scripted(take) as there, Ring(tmp_path) as ring:
        ring.write(Pages(samples=[sample(5), sample(FRESH_NS // NS + 60)]))
        one = sender(tmp_path, there.url, ring)
        pauses = [asyncio.run(one.turn()) for _ in range(2)]
        assert "the disk is full" in one.trouble
        assert pauses[1] >= 15  # and it is not asked again before it said
        ring.write(Pages(samples=[sample(1)]))
        one._fresh_s = 0.0  # the pause is over
        for _ in range(3):
            asyncio.run(one.turn())
        assert [asked.headers.get(LANE) for asked in there.asked] == [None, BACKFILL, None]
        assert "the disk is full" in one.trouble
        assert ring.held().batches == 1


def test_what_was_cut_before_an_agent_enrolled_anew_is_taken_by_its_new_server(
    tmp_path: Path, here: Here
) -> None:
    """Signed as another, it was refused for good, and kept the agent from sending."""
    with Ring(tmp_path) as ring:
        ring.write(Pages(samples=[sample(5)]))
        asyncio.run(sender(tmp_path, "http://127.0.0.1:1", ring, "of-elsewhere").turn())
        assert ring.held().batches == 1
    settings, _ = agent_home.enrol(tmp_path, here.agent("clinic"), Server(here.url), ())
    with Ring(tmp_path) as ring:
        one = sender(tmp_path, here.url, ring, settings.device)
        asyncio.run(one.turn())
        assert (one.sent, one.trouble) == (1, "")
        assert len(here.store.samples("ut-1", 0, 2**62)) == 1
