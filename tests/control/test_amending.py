"""Changing what terminals are: their account, line, area, and whether lives depend on them."""

from typing import Any

import pytest
from control_terminals import prepare, row_of, serve
from control_world import World

from openleo.base.errors import BadInput
from openleo.control.acts import NoActiveAccount
from openleo.control.amending import Amendment, amend, amend_text
from openleo.control.areas import NeedsTwo
from openleo.control.authorize import Forbidden
from openleo.control.facts import Fact
from openleo.control.fsck import check_store
from openleo.control.inventory import Selection
from openleo.control.keys import BadSignature
from openleo.control.ledger import body_of
from openleo.control.pairs import Pair, sign_together
from openleo.control.request import SelfApproval
from openleo.control.switching import AlreadySo

WHY = "the hospital moved"
HOSPITAL = Selection(ids=["ut-h"])


@pytest.fixture
def served(network: World) -> World:
    prepare(network)
    serve(network, extra="ut-h,standard,yes,Kherson hospital\n")
    network.add("account", "other", status="active", title="", reason="", cut_terminals=[])
    for name, account in (("l-relief", "relief"), ("l-other", "other")):
        network.add("line", name, account_id=account, status="active")
    network.clock.turn(minutes=1)
    return network


def change(world: World, *ids: str, by: str = "amina", pair: Pair | None = None, **wanted: Any) -> Any:
    which, to = Selection(ids=ids), Amendment(**wanted)
    return world.act(by, lambda tx: amend(tx, which, to, reason=WHY, pair=pair))


def signed(world: World, which: Selection, second: str = "jonas", **wanted: Any) -> Pair:
    text = world.read("amina", lambda tx: amend_text(tx, which, Amendment(**wanted), reason=WHY))
    return sign_together(text, world.credentials["amina"], world.credentials[second], world.people[second])


def test_one_decision_changes_all_that_are_named(served: World) -> None:
    done = change(served, "ut-0", "ut-1", account="other", line="l-other")
    assert {(row_of(served, id).account_id, row_of(served, id).line_id) for id in ("ut-0", "ut-1")} == {
        ("other", "l-other")
    }
    body = served.read("amina", lambda tx: body_of(tx.conn, done.entry))
    assert (body["kind"], body["terminals"]) == ("terminal.changed", ["ut-0", "ut-1"])
    assert {fact["slot"] for fact in body["facts"]} == {done.slot}
    assert done.slot is not None


def test_an_area_or_a_name_acts_on_nobodys_service(served: World) -> None:
    assert change(served, "ut-0", area="none", name="the depot's").slot is None
    assert (row_of(served, "ut-0").area_id, row_of(served, "ut-0").name) == (None, "the depot's")


def test_those_that_are_so_already_are_left_out(served: World) -> None:
    assert change(served, "ut-0", "ut-h", life_critical=True, name="Kherson hospital").ids == ("ut-0",)
    with pytest.raises(AlreadySo):
        change(served, "ut-0", life_critical=True)


@pytest.mark.parametrize(
    "wanted",
    [{"life_critical": False}, {"account": "other"}, {"line": "l-relief"}],
    ids=["no longer life-critical", "another account", "another line"],
)
def test_what_lives_depend_on_is_changed_by_two_people_alone(served: World, wanted: dict[str, Any]) -> None:
    with pytest.raises(NeedsTwo, match="Kherson hospital"):
        change(served, "ut-0", "ut-h", **wanted)
    with pytest.raises(SelfApproval):
        change(served, "ut-h", pair=signed(served, HOSPITAL, "amina", **wanted), **wanted)
    served.add_person("boris", "operator")
    with pytest.raises(Forbidden):
        change(served, "ut-h", pair=signed(served, HOSPITAL, "boris", **wanted), **wanted)
    other = {"life_critical": False, "name": "nobody"} if wanted.get("account") else {"account": "other"}
    with pytest.raises(BadSignature):
        change(served, "ut-h", pair=signed(served, HOSPITAL, **other), **wanted)
    assert row_of(served, "ut-h").life_critical
    done = change(served, "ut-h", pair=signed(served, HOSPITAL, **wanted), **wanted)
    columns = {"life_critical": wanted.get("life_critical"), "account_id": wanted.get("account")}
    forged = {k: v for k, v in columns.items() if v is not None} or {"line_id": "l-relief"}
    by_one = served.record("terminal.changed", Fact(noun="terminal", id="ut-h", changes=forged, slot=10**9))
    wrong = {one.file for one in check_store(served.plane.store).failures}
    assert f"entry {done.entry}" not in wrong
    assert (f"entry {by_one}" in wrong) == ("life_critical" not in wanted)  # it was no longer one


def test_a_pairs_word_is_good_for_one_change_only(served: World) -> None:
    pair = signed(served, HOSPITAL, life_critical=False)
    change(served, "ut-h", life_critical=False, pair=pair)
    change(served, "ut-h", life_critical=True)
    with pytest.raises(BadSignature):
        change(served, "ut-h", life_critical=False, pair=pair)


@pytest.mark.parametrize(
    ("wanted", "error", "said"),
    [
        ({}, BadInput, "nothing is to change"),
        ({"life_critical": True}, BadInput, "who depends on ut-0"),
        ({"name": "x" * 201}, BadInput, "200"),
        ({"line": "l-other"}, BadInput, "account other's, and ut-0 would be relief's"),
        ({"account": "closed"}, BadInput, "closed"),
        ({"account": "unpaid"}, NoActiveAccount, "would be dark"),
        ({"line": "l-closed"}, BadInput, "closed"),
    ],
)
def test_what_cannot_be_is_refused(served: World, wanted: dict[str, Any], error: Any, said: str) -> None:
    for name, status in (("closed", "closed"), ("unpaid", "disabled")):
        served.add("account", name, status=status, title="", reason="", cut_terminals=[])
    served.add("line", "l-closed", account_id="relief", status="closed")
    with pytest.raises(error) as caught:
        change(served, "ut-0", **wanted)
    assert said in caught.value.detail
    assert row_of(served, "ut-0").version == 3


def test_who_activates_changes_service_and_who_onboards_changes_whose_people_act(served: World) -> None:
    served.add_person("lena", "logistics", "kherson")
    served.add_person("omar", "operator", "kherson")
    with pytest.raises(Forbidden):
        change(served, "ut-0", by="lena", account="other")
    with pytest.raises(Forbidden):
        change(served, "ut-0", by="omar", area="none")
    with pytest.raises(Forbidden):  # out of her own area
        change(served, "ut-0", by="lena", area="none")
    change(served, "ut-0", by="omar", account="other")
    change(served, "ut-0", by="lena", name="a school")
