"""What an agent says at its site: whether it is refused, what is wrong, and what it does not take."""

import asyncio
import sys
import time
from pathlib import Path

import pytest
from agent_runs import Capture, agent, enrolled, said_by, status_of, wait_for
from hostile_dish import PlayedDish
from servers_here import Here, app_here, ingest_here

from openleo.cli._main import exit_code_of
from openleo.fleet import agent_home
from openleo.fleet.agent import Agent
from openleo.fleet.agent_home import Settings, own_key
from openleo.fleet.agent_ring import Ring
from openleo.fleet.collect import Pages, Seen
from openleo.fleet.register import DishEntry
from openleo.fleet.sample import Sample
from openleo.fleet.web import Server

sys.path.append(str(Path(__file__).resolve().parents[1] / "api"))
from api_world import founded


def test_an_agent_that_is_refused_says_so_at_once_at_its_site_and_no_more_when_it_is_well(
    tmp_path: Path, here: Here, dish: PlayedDish, capsys: Capture
) -> None:
    enrolled(tmp_path, here, dish)
    assert status_of(tmp_path, capsys)[1]["trouble"] is None
    here.at.agents.cut_off("site-1")
    with agent("run", data=tmp_path) as process:
        lines = said_by(process, "TROUBLE")
        assert len(lines) == 2  # after the line of the start, on the first refusal
        assert "site-1 was revoked" in lines[-1]
        text, told = status_of(tmp_path, capsys)
        assert "TROUBLE since" in text
        assert "site-1 was revoked" in text
        assert told["trouble"]["kind"] == "refused"
    code = here.at.agents.renew("site-1", now_ns=time.time_ns())
    command = ["agent", "enrol", code, "--server", here.url, "--dish", dish.address]
    assert exit_code_of([*command, "--data", str(tmp_path)]) == 0
    capsys.readouterr()
    with agent("run", data=tmp_path) as process:
        said_by(process, "acknowledged")
        wait_for(lambda: status_of(tmp_path, capsys)[1]["trouble"] is None)
        assert "TROUBLE" not in status_of(tmp_path, capsys)[0]


def test_status_says_since_when_the_server_cannot_be_reached(
    tmp_path: Path, dish: PlayedDish, capsys: Capture
) -> None:
    with ingest_here(tmp_path / "server") as there:
        enrolled(tmp_path, there, dish)
    began_ns = time.time_ns()
    with agent("run", data=tmp_path) as process:
        assert "cannot be reached" in said_by(process, "TROUBLE")[-1]
    text, told = status_of(tmp_path, capsys)
    assert "TROUBLE since 20" in text
    assert "cannot be reached" in text
    assert told["trouble"]["kind"] == "unreachable"
    assert began_ns <= told["trouble"]["since_ns"] <= time.time_ns()


def test_a_code_given_to_a_control_plane_instead_of_the_ingest_is_told_where_it_belongs(
    tmp_path: Path, capsys: Capture
) -> None:
    """Such as `openleo fleet serve`: the code is good, and is not spent."""
    world = founded(tmp_path / "control")
    with app_here(world.app) as url, ingest_here(tmp_path / "server") as here:
        code, data = here.agent(), tmp_path / "data"
        assert exit_code_of(["agent", "enrol", code, "--server", url, "--data", str(data)]) == 1
        told = capsys.readouterr().err
        assert "name the server that `openleo ingest` runs on" in told
        assert "not good" not in told
        assert exit_code_of(["agent", "enrol", code, "--server", here.url, "--data", str(data)]) == 0
    world.plane.close()


@pytest.mark.parametrize("source", ["eth77", "203.0.113.77"])
def test_a_way_to_the_dish_that_is_not_of_this_machine_does_not_spend_the_code(
    tmp_path: Path, here: Here, capsys: Capture, source: str
) -> None:
    code = here.agent()
    command = ["agent", "enrol", code, "--server", here.url, "--data", str(tmp_path)]
    assert exit_code_of([*command, "--dish", f"127.90.0.1,{source}"]) == 1
    assert source in capsys.readouterr().err
    assert exit_code_of([*command, "--dish", "127.90.0.1,lo"]) == 0


def test_status_tells_what_is_wrong_with_the_dishes_that_are_watched(
    tmp_path: Path, here: Here, capsys: Capture
) -> None:
    """Not of those that were watched before; and a position that may not be told is no trouble."""
    command = ["agent", "enrol", here.agent(), "--server", here.url, "--dish", "127.90.0.1,lo"]
    assert exit_code_of([*command, "--data", str(tmp_path)]) == 0
    pages = Pages()
    for subject, kind in [
        ("127.90.0.1 from lo", "slow"), ("127.90.0.1 from lo", "position"),
        ("127.90.0.1 from eth77", "unreachable"), ("this machine", "clock"),
    ]:  # fmt: skip
        pages.remark(subject, kind, f"{kind} words", 1)
    with Ring(tmp_path / "agent") as ring:
        ring.write(pages)
    capsys.readouterr()
    text, told = status_of(tmp_path, capsys)
    assert "127.90.0.1 from lo slow: slow words" in text
    assert "this machine clock: clock words" in text
    assert "position" not in text
    assert "eth77" not in text
    assert told["remarks"] == [
        "127.90.0.1 from lo position: position words", "127.90.0.1 from lo slow: slow words",
        "this machine clock: clock words",
    ]  # fmt: skip


@pytest.mark.parametrize("verb", ["allow", "forbid"])
def test_unstow_is_said_to_go_with_stow(tmp_path: Path, capsys: Capture, verb: str) -> None:
    assert exit_code_of(["agent", verb, "unstow", "--data", str(tmp_path)]) == 2
    assert "unstow goes with stow" in capsys.readouterr().err


def test_of_two_words_of_the_server_the_newer_one_is_said(tmp_path: Path, here: Here) -> None:
    """A batch that was refused an hour ago does not say what the agent's standing is now."""
    settings, _ = agent_home.enrol(tmp_path, here.agent(), Server(here.url), ())
    told = Sample(terminal="ut-1", time_ns=time.time_ns(), source="dish")
    stranger = Settings(device="somebody", server=here.url)
    one = Agent(tmp_path, stranger, own_key(tmp_path))
    one.ring.write(Pages(samples=[told]))
    asyncio.run(one.sender.turn())
    assert ["not the batch of a device" in said for said in one.troubles()] == [True]
    here.at.agents.cut_off(settings.device)
    one.taker.device = settings.device
    one.orders.allow("stow", allowed=True)
    seen = Seen(entry=DishEntry(address="127.0.0.1"), terminal="ut-1", state="online", detail="")
    one.taker._seen = lambda: [seen]
    asyncio.run(one.taker.turn())
    assert ["was revoked" in said for said in one.troubles()] == [True]
    one.orders.close()
    one.ring.close()
