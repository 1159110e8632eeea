"""Areas from being asked for to being switched: two people, emergencies, vendors, and how that is shown."""

from datetime import timedelta
from typing import Any

import pytest
from deciding import approved, asked, confirmed, define, emergency, proposed, switched

from openleo.control.areas import NotFound, find_area
from openleo.control.network import EMERGENCY_SLOTS, NetworkKind
from openleo.control.reading import (
    approvers,
    list_entries,
    read_entry,
    read_request,
    standings,
    talk_of,
    tree_of,
)
from openleo.control.request import AreaChanged, Closed, SelfApproval, State
from openleo.control.switching import (
    AlreadySo,
    EmergencyRepeated,
    find_request,
    list_requests,
    observe,
    refuse,
    remark,
    sweep,
)


def standing(world: Any, area: str) -> Any:
    def verb(tx: Any) -> Any:
        return standings(tx, [find_area(tx.conn, area)])[area]

    return world.read("amina", verb)


def test_refused_once_and_granted_by_two_the_next_time(network: Any) -> None:
    define(network, "kherson")
    first = asked(network, "kherson", "on")
    refused = network.act("jonas", lambda tx: refuse(tx, first.id, reason="not yet"))
    assert (refused.state, refused.answer) == (State.REFUSED, "not yet")
    with pytest.raises(Closed):
        proposed(network, first.id)
    second = asked(network, "kherson", "on")
    proposed(network, second.id)
    with pytest.raises(SelfApproval):
        approved(network, second.id, by="amina")
    granted, index = approved(network, second.id)
    assert granted.state is State.GRANTED
    entry, fields = network.read("amina", lambda tx: read_entry(tx, index))
    assert (entry.kind, entry.area_id, entry.by) == ("area.switched", "kherson", "jonas")
    assert fields["by"] == ["jonas", "amina"]
    assert fields["effective"] == granted.effective_slot
    assert set(fields["signatures"]) == {"propose amina", "approve jonas"}


def test_a_switch_acts_from_its_slot_and_not_before(network: Any) -> None:
    define(network, "kherson")
    request = asked(network, "kherson", "on", effective=network.clock.now + timedelta(hours=2))
    proposed(network, request.id)
    granted, _ = approved(network, request.id)
    stands = standing(network, "kherson")
    assert (stands.acts, stands.next, stands.next_slot) == ("", "on", granted.effective_slot)
    network.clock.turn(hours=2, seconds=15)
    stands = standing(network, "kherson")
    assert (stands.acts, stands.via, stands.next) == ("on", "kherson", None)


def test_a_child_acts_as_the_nearest_above_that_is_switched(network: Any) -> None:
    define(network, "ukraine")
    define(network, "kherson", parent="ukraine")
    define(network, "city", parent="kherson")
    switched(network, "ukraine", "on")
    assert standing(network, "city").text == "on (by ukraine)"
    switched(network, "kherson", "off")
    assert standing(network, "city").text == "off (by kherson)"
    rows = network.read("amina", lambda tx: [find_area(tx.conn, n) for n in ("city", "kherson", "ukraine")])
    assert [(depth, row.id) for depth, row in tree_of(rows)] == [(0, "ukraine"), (1, "kherson"), (2, "city")]


def test_an_emergency_reverts_after_an_hour_unless_a_second_person_confirms(network: Any) -> None:
    define(network, "kherson")
    switched(network, "kherson", "on")
    opened, _ = emergency(network, "kherson")
    network.clock.turn(minutes=1)
    assert standing(network, "kherson").acts == "off"
    network.clock.turn(minutes=59)
    network.act("openleo", sweep)
    assert network.read("amina", lambda tx: find_request(tx, opened.id)).state is State.REVERTED
    stands = standing(network, "kherson")
    assert opened.effective_slot is not None
    assert stands.next_slot == opened.effective_slot + EMERGENCY_SLOTS or stands.acts == "on"
    network.clock.turn(minutes=1)
    assert standing(network, "kherson").acts == "on"
    last = network.read("amina", lambda tx: list_entries(tx, area_id="kherson", limit=1))[0]
    assert (last.kind, last.by) == ("area.emergency-reverted", "openleo")


def test_one_person_cannot_keep_an_area_off_by_one_emergency_after_another(network: Any) -> None:
    define(network, "kherson")
    define(network, "city", parent="kherson")
    switched(network, "kherson", "on")
    switched(network, "city", "on")
    emergency(network, "kherson")
    network.clock.turn(minutes=61)
    network.act("openleo", sweep)
    for area in ("kherson", "city"):
        with pytest.raises(EmergencyRepeated):
            emergency(network, area)
    opened, _ = emergency(network, "kherson", by="jonas")
    confirmed(network, opened.id, by="amina")
    network.clock.turn(hours=24)
    emergency(network, "city")


def test_a_confirmed_emergency_stands(network: Any) -> None:
    define(network, "kherson")
    switched(network, "kherson", "on")
    opened, _ = emergency(network, "kherson")
    with pytest.raises(SelfApproval):
        confirmed(network, opened.id, by="amina")
    done, _ = confirmed(network, opened.id)
    assert done.state is State.CONFIRMED
    network.clock.turn(hours=3)
    network.act("openleo", sweep)
    assert standing(network, "kherson").acts == "off"


def test_a_proposal_is_signed_anew_after_the_area_changed(network: Any) -> None:
    define(network, "kherson")
    first, second = (
        asked(network, "kherson", "on"),
        asked(network, "kherson", "as-is", changes={"title": "K"}),
    )
    proposed(network, first.id)
    proposed(network, second.id)
    approved(network, second.id)
    with pytest.raises(AreaChanged):
        approved(network, first.id)
    proposed(network, first.id)
    assert approved(network, first.id)[0].state is State.GRANTED


def test_an_advisory_area_is_never_shown_off_before_it_is_observed(network: Any) -> None:
    define(network, "kherson", kind=NetworkKind.ADVISORY)
    switched(network, "kherson", "on")
    for step in ("sent", "acknowledged", "observed"):
        network.act("amina", lambda tx, step=step: observe(tx, "kherson", step, note="mail"))
    network.clock.turn(minutes=1)
    switched(network, "kherson", "off")
    assert standing(network, "kherson").text == "on; off decided, not sent to the vendor yet"
    for step, text in (
        ("sent", "on; off sent to the vendor, not acknowledged yet"),
        ("acknowledged", "on; off acknowledged by the vendor, not observed yet"),
    ):
        network.act("amina", lambda tx, step=step: observe(tx, "kherson", step, note="mail"))
        assert standing(network, "kherson").text == text
    network.act("amina", lambda tx: observe(tx, "kherson", "observed", note="dark in telemetry"))
    network.clock.turn(minutes=1)
    assert standing(network, "kherson").text == "off"
    with pytest.raises(AlreadySo):
        network.act("amina", lambda tx: observe(tx, "kherson", "sent", note="again"))


def test_who_can_approve_is_nobody_who_asked_or_proposed_under_any_name(network: Any) -> None:
    define(network, "kherson")
    network.add_person("amina2", "approver", human="amina")
    network.add_person("petro", "approver", "kherson")
    request = asked(network, "kherson", "on")
    assert network.read("amina", lambda tx: approvers(tx, request)) == ["jonas", "petro"]


def test_a_request_is_not_there_for_those_who_need_not_know(network: Any) -> None:
    define(network, "kherson")
    define(network, "odesa")
    network.add_person("rada", "requester", "kherson")
    network.add_person("vera", "viewer")
    network.add_person("oleh", "operator", "odesa")
    own = asked(network, "kherson", "on", by="rada")
    network.act("amina", lambda tx: remark(tx, own.id, "looks right"))
    assert network.read("rada", lambda tx: read_request(tx, own.id)).id == own.id
    assert network.read("rada", lambda tx: talk_of(tx, own)) == []
    assert [one.text for one in network.read("amina", lambda tx: talk_of(tx, own))] == ["looks right"]
    for stranger in ("vera", "oleh"):
        assert network.read(stranger, list_requests) == []
        with pytest.raises(NotFound) as refused:
            network.read(stranger, lambda tx: read_request(tx, own.id))
        assert own.id not in refused.value.hint


def test_entries_are_read_by_area_and_steps_of_requests_by_their_readers(network: Any) -> None:
    define(network, "kherson")
    define(network, "odesa")
    switched(network, "kherson", "on")
    network.add_person("oleh", "operator", "odesa")
    kinds = {e.kind for e in network.read("amina", lambda tx: list_entries(tx, area_id="kherson"))}
    assert kinds == {"area.defined", "request.asked", "request.proposed", "area.switched"}
    only = network.read("amina", lambda tx: list_entries(tx, area_id="kherson", decisions_only=True))
    assert {entry.kind for entry in only} == {"area.defined", "area.switched"}
    assert {e.area_id for e in network.read("oleh", list_entries)} == {"odesa"}
    with pytest.raises(NotFound):
        network.read("oleh", lambda tx: read_entry(tx, 1))


def test_an_area_outside_its_time_is_said_to_be_so(network: Any) -> None:
    define(network, "kherson", valid_until=network.clock.now + timedelta(hours=1))
    switched(network, "kherson", "on")
    assert standing(network, "kherson").text == "on"
    network.clock.turn(hours=2)
    assert standing(network, "kherson").text == "not switched, outside its time"
