from datetime import timedelta

import pytest
from control_terminals import pair, prepare, row_of, serve, stock
from control_world import START, World
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from openleo.base.clock import first_slot_from, to_datetime64
from openleo.base.errors import BadInput
from openleo.control import custody, revocation
from openleo.control.acts import NoActiveAccount
from openleo.control.areas import NeedsTwo, NotFound
from openleo.control.authorize import Forbidden
from openleo.control.facts import Fact, fold, read_facts
from openleo.control.inventory import Selection, WrongState
from openleo.control.keys import BadSignature
from openleo.control.life import CODES, VERBS, State, after, why_not
from openleo.control.network import TooEarly
from openleo.control.request import NeedsReason, SelfApproval
from openleo.control.schema import entries, terminals
from openleo.policy import DisablementCode
from openleo.scenario import decisions

ALL = Selection(batch="b")
HOSPITAL = "ut-h,standard,yes,Kherson hospital\n"


@pytest.fixture
def served(network: World) -> World:
    prepare(network)
    serve(network)
    return network


def test_each_state_shows_what_the_rules_show() -> None:
    told = {state.value: CODES[state] for state in State if state is not State.ACTIVE}
    assert told == decisions._STATES
    assert CODES[State.ACTIVE] is DisablementCode.OKAY


@pytest.mark.parametrize("verb", VERBS.values(), ids=lambda v: v.name)
@pytest.mark.parametrize("state", State)
def test_what_a_state_does_not_allow_is_answered_with_what_to_do(state: State, verb) -> None:
    why = why_not(state, verb)
    assert (why is None) == (state in verb.come_from)
    if why is None and verb.name != "restore":
        assert after(state, verb) in State


def test_a_batch_is_shipped_received_and_activated_by_one_entry_each(network: World) -> None:
    prepare(network)
    stock(network, "id,kind\nut-1,mini\nut-2,mini\n", account="relief", area="kherson", batch="b")
    query = select(entries.c.kind).order_by(entries.c.index)
    before = len(network.read("amina", lambda tx: tx.conn.execute(query).all()))
    network.act("amina", lambda tx: custody.ship(tx, ALL, to="driver", note="truck 7"))
    network.act("amina", lambda tx: custody.receive(tx, ALL, holder="Kherson depot"))
    done = network.act("amina", lambda tx: custody.activate(tx, ALL))
    kinds = network.read("amina", lambda tx: tx.conn.execute(query).scalars().all())[before:]
    assert kinds == ["terminal.shipped", "terminal.received", "terminal.activated"]
    assert done.ids == ("ut-1", "ut-2")
    assert done.slot == first_slot_from(to_datetime64(START + timedelta(seconds=2)))
    assert row_of(network, "ut-1").state == "active"


def test_the_chain_of_custody_is_in_order(network: World) -> None:
    prepare(network)
    stock(network, "id,kind,holder\nut-1,mini,store\n", account="relief")
    one = Selection(ids=["ut-1"])
    network.act("amina", lambda tx: custody.ship(tx, one, to="driver"))
    network.clock.turn(hours=5)
    network.act("jonas", lambda tx: custody.receive(tx, one, note="sealed"))
    network.act("jonas", lambda tx: custody.hand(tx, one, to="school 3"))
    network.act("jonas", lambda tx: custody.lose(tx, one, note="truck burnt"))
    network.act("jonas", lambda tx: custody.find(tx, one, holder="police"))
    links = network.read("amina", lambda tx: custody.chain(tx, "ut-1"))
    assert [(x.n, x.event, x.holder, x.by) for x in links] == [
        (0, "stocked", "store", "amina"), (1, "shipped", "driver", "amina"),
        (2, "received", "driver", "jonas"), (3, "handed", "school 3", "jonas"),
        (4, "lost", "school 3", "jonas"), (5, "found", "police", "jonas"),
    ]  # fmt: skip
    assert links[2].note == "sealed"
    assert links[2].at == START + timedelta(hours=5)
    assert row_of(network, "ut-1").holder == "police"


def test_one_in_the_wrong_state_stops_the_whole_batch(served: World) -> None:
    served.act("amina", lambda tx: custody.suspend(tx, Selection(ids=["ut-1"]), reason="unpaid"))
    with pytest.raises(WrongState, match="1 of 3 terminals cannot be suspended: ut-1 is suspended"):
        served.act("amina", lambda tx: custody.suspend(tx, ALL, reason="unpaid"))
    assert row_of(served, "ut-0").state == "active"
    done = served.act(
        "amina", lambda tx: custody.suspend(tx, Selection(batch="b", state=State.ACTIVE), reason="x")
    )
    assert done.ids == ("ut-0", "ut-2")
    served.act("amina", lambda tx: custody.resume(tx, ALL))
    assert row_of(served, "ut-1").state == "active"


def test_without_an_active_account_nothing_is_activated(network: World) -> None:
    prepare(network)
    stock(network, "id,kind,account\nut-1,mini,\nut-2,mini,relief\n", batch="b")
    network.act("amina", lambda tx: custody.hand(tx, ALL, to="depot"))
    with pytest.raises(NoActiveAccount, match=r"1 of 2 .* ut-1 \(no account\)"):
        network.act("amina", lambda tx: custody.activate(tx, ALL))
    off = {"status": "disabled", "version": 2}
    network.record("account.disabled", Fact(noun="account", id="relief", changes=off))
    with pytest.raises(NoActiveAccount, match="account relief is not active"):
        network.act("amina", lambda tx: custody.activate(tx, Selection(ids=["ut-2"])))


def test_what_was_only_shipped_is_not_activated(network: World) -> None:
    prepare(network)
    stock(network, "id,kind\nut-1,mini\n", account="relief", batch="b")
    network.act("amina", lambda tx: custody.ship(tx, ALL, to="driver"))
    with pytest.raises(WrongState) as caught:
        network.act("amina", lambda tx: custody.activate(tx, ALL))
    assert "receive" in caught.value.hint


def test_a_batch_takes_effect_when_all_of_it_can(served: World) -> None:
    later = START + timedelta(days=1)
    first = served.act(
        "amina", lambda tx: custody.suspend(tx, Selection(ids=["ut-1"]), reason="x", effective=later)
    )
    served.act("amina", lambda tx: custody.suspend(tx, Selection(ids=["ut-0", "ut-2"]), reason="x"))
    with pytest.raises(TooEarly):
        served.act("amina", lambda tx: custody.resume(tx, ALL, effective=later - timedelta(hours=1)))
    assert served.act("amina", lambda tx: custody.resume(tx, ALL)).slot == first.slot


def test_a_revocation_does_not_wait_for_what_was_decided_for_later(served: World) -> None:
    later = START + timedelta(days=10)
    one = Selection(ids=["ut-1"])
    served.act("amina", lambda tx: custody.suspend(tx, one, reason="contract ends", effective=later))
    done = served.act("amina", lambda tx: revocation.revoke(tx, one, reason="stolen"))
    assert done.slot == first_slot_from(to_datetime64(START + timedelta(seconds=2)))
    found = served.read(
        "amina", lambda tx: [f for _, f in read_facts(tx.conn, ["terminal"]) if f.id == "ut-1"]
    )
    by_slot = sorted(found, key=lambda f: f.slot or 0)
    assert [f.changes["state"] for f in by_slot if "state" in f.changes][-3:] == [
        "revoked", "suspended", "revoked"
    ]  # fmt: skip


def test_a_life_critical_terminal_is_cut_off_by_two(network: World) -> None:
    prepare(network)
    serve(network, extra=HOSPITAL)
    how = {"reason": "the building is gone"}
    with pytest.raises(NeedsTwo, match=r"ut-h \(Kherson hospital\)"):
        network.act("amina", lambda tx: revocation.revoke(tx, ALL, **how))
    assert row_of(network, "ut-0").state == "active"
    both = pair(network, "revoke", ALL, **how)
    network.act("amina", lambda tx: revocation.revoke(tx, ALL, pair=both, **how))
    assert row_of(network, "ut-h").state == "revoked"


@pytest.mark.parametrize("verb", ["suspend", "hold", "revoke", "capture"])
def test_each_way_to_cut_off_a_life_critical_terminal_takes_two(network: World, verb: str) -> None:
    prepare(network)
    serve(network, 0, extra=HOSPITAL)
    calls = {
        "suspend": lambda tx: custody.suspend(tx, ALL, reason="x"),
        "hold": lambda tx: custody.hold(tx, ALL, reason="x"),
        "revoke": lambda tx: revocation.revoke(tx, ALL, reason="x"),
        "capture": lambda tx: revocation.capture(tx, ALL, since=START, reason="x"),
    }
    with pytest.raises(NeedsTwo):
        network.act("amina", calls[verb])


def test_the_second_person_is_another_human_who_signs_this_very_act(network: World) -> None:
    prepare(network)
    serve(network, 1, extra=HOSPITAL)
    network.add_person("amina-2", "owner", human="amina")
    network.add_person("viktor", "viewer")
    how = {"reason": "gone"}
    same = pair(network, "revoke", ALL, "amina-2", **how)
    with pytest.raises(SelfApproval):
        network.act("amina", lambda tx: revocation.revoke(tx, ALL, pair=same, **how))
    weak = pair(network, "revoke", ALL, "viktor", **how)
    with pytest.raises(Forbidden):
        network.act("amina", lambda tx: revocation.revoke(tx, ALL, pair=weak, **how))
    other = pair(network, "revoke", Selection(ids=["ut-h"]), **how)
    with pytest.raises(BadSignature):
        network.act("amina", lambda tx: revocation.revoke(tx, ALL, pair=other, **how))
    once = pair(network, "suspend", ALL, **how)
    network.act("amina", lambda tx: custody.suspend(tx, ALL, pair=once, **how))
    network.act("amina", lambda tx: custody.resume(tx, ALL))
    with pytest.raises(BadSignature):  # a signature is good for once
        network.act("amina", lambda tx: custody.suspend(tx, ALL, pair=once, **how))


def test_what_a_captured_terminal_sent_since_then_is_quarantined_for_ever(served: World) -> None:
    one, hour = Selection(ids=["ut-1"]), timedelta(hours=1)
    served.clock.turn(hours=10)
    with pytest.raises(BadInput, match="still to come"):
        served.act("amina", lambda tx: revocation.capture(tx, one, since=START + 11 * hour, reason="x"))
    since = START + 4 * hour
    served.act("amina", lambda tx: revocation.capture(tx, one, since=since, reason="post overrun"))
    served.clock.turn(hours=10)
    served.act("amina", lambda tx: revocation.restore(tx, one, reason="retaken", holder="brigade"))
    cases = ((since - timedelta(seconds=1), False), (since, True), (START + 19 * hour, True),
             (START + 20 * hour, False))  # fmt: skip
    for at, wanted in cases:
        assert served.read("amina", lambda tx, at=at: revocation.quarantined(tx, "ut-1", at)) is wanted, at
    row = row_of(served, "ut-1")
    assert (row.state, row.public_key, row.quarantined_since) == ("received", None, None)
    links = served.read("amina", lambda tx: custody.chain(tx, "ut-1"))
    assert [x.event for x in links[-2:]] == ["captured", "found"]


def test_a_restored_terminal_is_never_active_at_once(served: World) -> None:
    for name, how in (("ut-1", "revoke"), ("ut-2", "suspend")):
        one = Selection(ids=[name])
        if how == "suspend":
            served.act("amina", lambda tx, one=one: custody.suspend(tx, one, reason="x"))
        served.act("amina", lambda tx, one=one: revocation.revoke(tx, one, reason="x"))
        served.act("amina", lambda tx, one=one: revocation.restore(tx, one, reason="an error"))
        assert row_of(served, name).state == "received"


def test_acts_need_reasons_names_and_rights(served: World) -> None:
    served.add_person("lena", "logistics", "kherson")
    with pytest.raises(NeedsReason):
        served.act("amina", lambda tx: revocation.revoke(tx, ALL, reason=" "))
    with pytest.raises(NotFound, match="ut-77"):
        served.act("amina", lambda tx: custody.hand(tx, Selection(ids=["ut-1", "ut-77"]), to="x"))
    with pytest.raises(BadInput, match="not said which"):
        served.act("amina", lambda tx: custody.hand(tx, Selection(state=State.ACTIVE), to="x"))
    with pytest.raises(NotFound, match="no batch"):
        served.act("amina", lambda tx: custody.hand(tx, Selection(batch="c"), to="x"))
    with pytest.raises(Forbidden):
        served.act("lena", lambda tx: revocation.revoke(tx, ALL, reason="x"))
    served.act("lena", lambda tx: custody.hand(tx, ALL, to="school"))


def test_in_a_simulated_network_service_may_begin_at_any_time(simulated: World) -> None:
    prepare(simulated)
    stock(simulated, "id,kind\nut-1,mini\n", account="relief", batch="b")
    simulated.act("amina", lambda tx: custody.ship(tx, ALL, to="x"))
    simulated.act("amina", lambda tx: custody.receive(tx, ALL))
    then = START - timedelta(days=1000)
    done = simulated.act("amina", lambda tx: custody.activate(tx, ALL, effective=then))
    assert done.slot == first_slot_from(to_datetime64(then))


STEPS = st.lists(st.tuples(st.sampled_from(sorted(VERBS)), st.sampled_from(["ut-0", "ut-1"])), max_size=14)


def _step(world: World, verb: str, name: str) -> None:
    one = Selection(ids=[name])
    calls = {
        "ship": lambda tx: custody.ship(tx, one, to="a"), "receive": lambda tx: custody.receive(tx, one),
        "hand": lambda tx: custody.hand(tx, one, to="b"), "lose": lambda tx: custody.lose(tx, one, note="?"),
        "find": lambda tx: custody.find(tx, one, holder="c"),
        "activate": lambda tx: custody.activate(tx, one), "resume": lambda tx: custody.resume(tx, one),
        "suspend": lambda tx: custody.suspend(tx, one, reason="r"),
        "hold": lambda tx: custody.hold(tx, one, reason="r"),
        "release": lambda tx: custody.release(tx, one, reason="r"),
        "revoke": lambda tx: revocation.revoke(tx, one, reason="r"),
        "capture": lambda tx: revocation.capture(tx, one, since=tx.now, reason="r"),
        "restore": lambda tx: revocation.restore(tx, one, reason="r"),
    }  # fmt: skip
    world.act("amina", calls[verb])


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_whatever_is_done_the_tables_are_what_the_log_says(
    served: World, steps: list[tuple[str, str]]
) -> None:
    """Rules of life hold at each step, the facts fold to the table, and custody is numbered without a gap."""
    for verb, name in steps:
        state = State(row_of(served, name).state)
        try:
            _step(served, verb, name)
        except WrongState:
            assert why_not(state, VERBS[verb]) is not None
        else:
            now = State(row_of(served, name).state)
            unserved = {State.RECEIVED, State.SHIPPED}
            assert now in (unserved if verb == "restore" else {after(state, VERBS[verb])})
    with served.plane.store.reading() as conn:
        known = fold(fact for _, fact in read_facts(conn))["terminal"]
        for row in conn.execute(select(terminals)):
            for column, value in known[row.id].items():
                found = row._mapping[column]
                assert (found.isoformat()[:19] if column == "quarantined_since" and found else found) == (
                    value[:19] if column == "quarantined_since" and value else value
                )
    for name in ("ut-0", "ut-1"):
        links = served.read("amina", lambda tx, name=name: custody.chain(tx, name))
        assert [x.n for x in links] == list(range(len(links)))
