"""Whose telemetry is taken: agents with their codes, and the control plane's terminals as they stand now."""

from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from fleet_world import NS, START_NS, Device, minute

from control_terminals import Device as Terminal  # isort: skip
from control_terminals import enrolled, prepare, serve
from control_world import World, found

from openleo.base.errors import BadInput
from openleo.control import passwords, revocation
from openleo.control.enrolment import WrongCode, to_prove
from openleo.control.inventory import Selection
from openleo.control.keys import sign
from openleo.fleet.agents import CODE_LIFE_NS, AgentExists, Agents
from openleo.fleet.batches import sign_batch
from openleo.fleet.database import DATABASE, FleetDatabase
from openleo.fleet.intake import Intake
from openleo.fleet.keys import FOREVER_NS, AgentKeys, AllKeys, ControlKeys
from openleo.fleet.store import TelemetryStore

ONE = Selection(ids=["ut-1"])


@pytest.fixture
def agents(tmp_path: Path) -> Iterator[Agents]:
    with FleetDatabase(tmp_path / "fleet") as database:
        yield Agents(database)


def proof(device: Device, code: str) -> str:
    return sign(device.key.private_bytes_raw(), to_prove(code, device.public_key))


def enrol(agents: Agents, device: Device, code: str, now_ns: int = START_NS) -> str:
    return agents.enrol(code, public_key=device.public_key, proof=proof(device, code), now_ns=now_ns)


def test_an_agent_enrols_its_key_with_a_code_that_is_good_once(agents: Agents) -> None:
    device = Device("ag-1")
    code = agents.add("ag-1", now_ns=START_NS, site="Lviv", account="relief", terminals=["ut-1"])
    assert AgentKeys(agents).standing("ag-1") is None, "it has no key yet"
    assert enrol(agents, device, code.upper().replace("-", " ")) == "ag-1"
    standing = AgentKeys(agents).standing("ag-1")
    assert standing is not None
    assert (standing.public_key, standing.state, standing.terminals) == (
        device.public_key,
        "active",
        {"ut-1"},
    )
    with pytest.raises(WrongCode):
        enrol(agents, Device("ag-1"), code)


@pytest.mark.parametrize("wrong", ["", "0000", "0000-0000-0000-0000-0000-0000", "🦄"])
def test_a_wrong_code_is_refused_in_the_same_words(agents: Agents, wrong: str) -> None:
    code = agents.add("ag-1", now_ns=START_NS)
    for bad in (wrong, code[:-1] + ("0" if code[-1] != "0" else "1")):
        with pytest.raises(WrongCode, match="not good"):
            enrol(agents, Device("ag-1"), bad)
    assert enrol(agents, Device("ag-1"), code) == "ag-1"


def test_a_code_is_good_for_a_day(agents: Agents) -> None:
    code = agents.add("ag-1", now_ns=START_NS)
    with pytest.raises(WrongCode):
        enrol(agents, Device("ag-1"), code, START_NS + CODE_LIFE_NS)
    enrol(agents, Device("ag-1"), code, START_NS + CODE_LIFE_NS - 1)


def test_a_key_must_be_one_and_be_ones_own(agents: Agents) -> None:
    device = Device("ag-1")
    code = agents.add("ag-1", now_ns=START_NS)
    with pytest.raises(BadInput, match="no public key"):
        agents.enrol(code, public_key="x", proof=proof(device, code), now_ns=START_NS)
    with pytest.raises(BadInput, match="proof"):
        agents.enrol(code, public_key=device.public_key, proof=proof(Device(), code), now_ns=START_NS)
    enrol(agents, device, code)
    other = agents.add("ag-2", now_ns=START_NS)
    with pytest.raises(AgentExists, match="another agent"):
        enrol(agents, Device("ag-2", key=device.key), other)


def test_an_agent_gets_a_new_key_with_a_new_code_and_keeps_the_old_one_until_then(agents: Agents) -> None:
    old, new = Device("ag-1"), Device("ag-1")
    enrol(agents, old, agents.add("ag-1", now_ns=START_NS))
    code = agents.renew("ag-1", now_ns=START_NS)
    keys = AgentKeys(agents)
    assert keys.standing("ag-1").public_key == old.public_key  # type: ignore[union-attr]
    enrol(agents, new, code)
    assert keys.standing("ag-1").public_key == new.public_key  # type: ignore[union-attr]


def test_names_of_agents(agents: Agents) -> None:
    agents.add("ag-1", now_ns=START_NS)
    with pytest.raises(AgentExists):
        agents.add("ag-1", now_ns=START_NS)
    for wrong in ("", "a b", "x" * 65, "a\n"):
        with pytest.raises(BadInput):
            agents.add(wrong, now_ns=START_NS)
    with pytest.raises(BadInput, match="no agent 'ag-2'"):
        agents.cut_off("ag-2")


def test_an_agent_that_is_cut_off_is_seen_so_by_another_process_at_once(
    agents: Agents, tmp_path: Path
) -> None:
    enrol(agents, Device("ag-1"), agents.add("ag-1", now_ns=START_NS))
    with FleetDatabase(tmp_path / "fleet") as other:
        keys = AgentKeys(Agents(other))
        assert keys.standing("ag-1").state == "active"  # type: ignore[union-attr]
        agents.cut_off("ag-1")
        assert keys.standing("ag-1").state == "revoked"  # type: ignore[union-attr]
        agents.cut_off("ag-1", captured_since_ns=START_NS)
        assert keys.standing("ag-1").state == "captured"  # type: ignore[union-attr]
        assert keys.held() == [("ag-1", START_NS, FOREVER_NS)]


def test_an_agent_that_was_captured_is_believed_again_from_its_new_key_on(
    agents: Agents, tmp_path: Path
) -> None:
    enrol(agents, Device("ag-1"), agents.add("ag-1", now_ns=START_NS))
    agents.cut_off("ag-1", captured_since_ns=START_NS)
    back_ns = START_NS + 60 * NS
    new = Device("ag-1")
    enrol(agents, new, agents.renew("ag-1", now_ns=back_ns), back_ns)
    keys = AgentKeys(agents)
    assert keys.held() == [("ag-1", START_NS, back_ns)]
    with TelemetryStore(tmp_path / "fleet") as store:
        store.add(minute(), device="ag-1")
        store.quarantine("ag-1", START_NS)
        intake = Intake(store, keys, clock_ns=lambda: back_ns, free_share=lambda: 1.0)
        assert intake.take(*new.batch(minute(at_s=60))).result(10) == "kept"
        intake.close()
        assert [one.time_ns >= back_ns for one in store.samples("ut-1", 0, 2**62)] == [True] * 4
        assert store.latest()["ut-1"].time_ns == back_ns + 45 * NS


def test_the_fleets_database_is_for_its_owner_alone_and_holds_no_code(agents: Agents, tmp_path: Path) -> None:
    code = agents.add("ag-1", now_ns=START_NS)
    path = tmp_path / "fleet" / DATABASE
    assert path.stat().st_mode & 0o077 == 0
    letters = code.replace("-", "")
    for file in path.parent.glob("fleet.db*"):
        assert letters[8:].encode() not in file.read_bytes()


# The control plane's terminals ---------------------------------------------------------------------------


@pytest.fixture
def network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.setattr(passwords, "profile", passwords.CHEAP)
    world = found(tmp_path / "control")
    prepare(world)
    serve(world)
    yield world
    world.plane.close()


@pytest.fixture
def terminal(network: World) -> Terminal:
    return enrolled(network, "ut-1")


@pytest.fixture
def keys(network: World) -> Iterator[ControlKeys]:
    with closing(ControlKeys(network.folder)) as opened:
        yield opened


def state(keys: ControlKeys, name: str = "ut-1") -> str | None:
    standing = keys.standing(name)
    return None if standing is None else standing.state


def test_a_terminal_tells_of_itself_alone(terminal: Terminal, keys: ControlKeys) -> None:
    standing = keys.standing("ut-1")
    assert standing is not None
    assert (standing.public_key, standing.state, standing.terminals) == (
        terminal.public_key,
        "active",
        {"ut-1"},
    )
    assert keys.standing("ut-2") is None, "it has no key"
    assert keys.standing("ut-none") is None


def test_accounts_of_terminals_come_from_the_control_plane(terminal: Terminal, keys: ControlKeys) -> None:
    assert keys.accounts() == {"ut-0": "relief", "ut-1": "relief", "ut-2": "relief"}


def test_a_decision_about_a_terminal_is_seen_with_its_next_request(
    network: World, terminal: Terminal, keys: ControlKeys
) -> None:
    assert state(keys) == "active"
    network.act("amina", lambda tx: revocation.revoke(tx, ONE, reason="lost"))
    assert state(keys) == "revoked"
    network.act("amina", lambda tx: revocation.restore(tx, ONE, reason="found"))
    assert state(keys) == "active"


def test_a_captured_terminal_is_held_back_from_then_until_it_was_found(
    network: World, terminal: Terminal, keys: ControlKeys
) -> None:
    since = network.clock.now - timedelta(hours=5)
    network.act("amina", lambda tx: revocation.capture(tx, ONE, since=since, reason="taken"))
    since_ns = round(since.timestamp()) * NS
    assert state(keys) == "captured"
    assert keys.held() == [("ut-1", since_ns, FOREVER_NS)]
    found_at = network.clock.turn(hours=2)
    network.act("amina", lambda tx: revocation.restore(tx, ONE, reason="found"))
    assert keys.held() == [("ut-1", since_ns, round(found_at.timestamp()) * NS)]
    assert state(keys) is None, "whoever had it may have its key"
    with closing(ControlKeys(network.folder)) as later:
        assert later.held() == keys.held()


def test_terminals_and_agents_are_known_together(
    terminal: Terminal, keys: ControlKeys, agents: Agents
) -> None:
    enrol(agents, Device("ag-1"), agents.add("ag-1", now_ns=START_NS))
    both = AllKeys(keys, AgentKeys(agents))
    assert both.standing("ut-1") is not None
    assert both.standing("ag-1") is not None
    assert both.standing("ag-2") is None
    assert both.held() == []


def test_a_terminal_signs_its_batches_with_the_key_that_it_checks_in_with(
    terminal: Terminal, keys: ControlKeys, tmp_path: Path
) -> None:
    with TelemetryStore(tmp_path / "fleet") as store:
        intake = Intake(store, keys, clock_ns=lambda: START_NS, free_share=lambda: 1.0)
        headers, body = sign_batch(terminal.seed, "ut-1", "b1", 0, minute("ut-1"))
        assert intake.take(headers, body).result(10) == "kept"
        intake.close()
