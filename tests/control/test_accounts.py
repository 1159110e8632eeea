"""Accounts, plans, lines and lists, and what lives depend on."""

from datetime import timedelta
from typing import Any

import pytest
from control_world import World
from keeping import cut, give, join, pair, terminal

from openleo.base.errors import BadInput, OpenleoError
from openleo.control import accounts, lines, lists, plans
from openleo.control.areas import Exists, NeedsTwo, NotFound, Stale
from openleo.control.authorize import Forbidden
from openleo.control.critical import Cut
from openleo.control.decided import find
from openleo.control.facts import read_facts
from openleo.control.keys import BadSignature
from openleo.control.lines import NewLine
from openleo.control.lists import NewList
from openleo.control.network import TooEarly
from openleo.control.plans import Terms
from openleo.control.request import NeedsReason
from openleo.control.switching import AlreadySo


@pytest.fixture
def shop(network: World) -> World:
    """Account hospital with a life-critical terminal ward and another, lobby; account shop with one, till."""
    for name in ("hospital", "shop"):
        network.act("amina", lambda tx, n=name: accounts.add_account(tx, n, title=n.title()))
    network.act("amina", lambda tx: plans.set_plan(tx, "basic", Terms()))
    network.act(
        "amina",
        lambda tx: lines.add_line(tx, NewLine(id="l1", account="hospital", plan="basic", country="ua")),
    )
    terminal(network, "ward", "hospital", critical=True, line="l1")
    terminal(network, "lobby", "hospital")
    terminal(network, "till", "shop")
    return network


def row(world: World, noun: str, name: str) -> Any:
    return world.read("amina", lambda tx: find(tx.conn, noun, name))


def last(world: World) -> Any:
    return world.read("amina", lambda tx: read_facts(tx.conn)[-1][1])


def test_disabling_spares_what_lives_depend_on_and_names_it(shop: World) -> None:
    done = shop.act("amina", lambda tx: accounts.end(tx, "hospital", "disabled", reason="unpaid since May"))
    assert list(done.spared) == ["ward"]
    assert (done.account.status, done.account.reason) == ("disabled", "unpaid since May")
    assert done.account.cut_terminals == []
    assert last(shop).slot == done.effective_slot
    none = shop.act("amina", lambda tx: accounts.end(tx, "shop", "disabled", reason="unpaid"))
    assert list(none.spared) == []


def test_two_people_who_name_it_cut_it(shop: World) -> None:
    def text(tx: Any) -> str:
        return accounts.end_text(tx, "hospital", "closed", reason="moved", include=("ward",))

    both = cut(shop, "amina", "jonas", ("ward",), text)
    done = shop.act("amina", lambda tx: accounts.end(tx, "hospital", "closed", reason="moved", cut=both))
    assert (done.account.cut_terminals, list(done.spared)) == (["ward"], [])
    again = shop.act("jonas", lambda tx: accounts.enable(tx, "hospital"))
    assert (again.account.status, again.account.cut_terminals, again.account.reason) == ("active", [], "")


@pytest.mark.parametrize(
    ("second", "include", "reason", "error"),
    [
        (None, ("ward",), "unpaid", NeedsTwo),
        ("jonas", ("lobby",), "unpaid", BadInput),  # not life-critical
        ("jonas", ("till",), "unpaid", BadInput),  # another's
        ("jonas", ("ward",), "another reason", BadSignature),
        ("kofi", ("ward",), "unpaid", Forbidden),  # billing alone does not approve
        ("jonas", ("ward",), " ", NeedsReason),
    ],
)
def test_who_cannot_cut_it(
    shop: World, second: str | None, include: tuple[str, ...], reason: str, error: type[OpenleoError]
) -> None:
    join(shop, "kofi")
    give(shop, "kofi", "billing", second=None)
    signed = None
    if second is not None:
        signed = pair(
            shop, "amina", second,
            lambda tx: accounts.end_text(tx, "hospital", "disabled", reason="unpaid", include=include),
        )  # fmt: skip
    both = Cut(include=include, pair=signed)
    with pytest.raises(error):
        shop.act("amina", lambda tx: accounts.end(tx, "hospital", "disabled", reason=reason, cut=both))
    assert row(shop, "account", "hospital").status == "active"


def test_a_signature_to_cut_is_good_for_once(shop: World) -> None:
    def text(tx: Any) -> str:
        return accounts.end_text(tx, "hospital", "disabled", reason="unpaid", include=("ward",))

    both = cut(shop, "amina", "jonas", ("ward",), text)
    shop.act("amina", lambda tx: accounts.end(tx, "hospital", "disabled", reason="unpaid", cut=both))
    shop.act("amina", lambda tx: accounts.enable(tx, "hospital"))
    with pytest.raises(BadSignature):
        shop.act("amina", lambda tx: accounts.end(tx, "hospital", "disabled", reason="unpaid", cut=both))


def test_times_are_the_networks(shop: World) -> None:
    past, later = shop.clock.now - timedelta(hours=1), shop.clock.now + timedelta(hours=1)
    with pytest.raises(TooEarly):
        shop.act("amina", lambda tx: accounts.end(tx, "shop", "disabled", reason="x", effective=past))
    done = shop.act("amina", lambda tx: accounts.end(tx, "shop", "disabled", reason="x", effective=later))
    sooner = shop.clock.now + timedelta(minutes=1)
    with pytest.raises(TooEarly):  # history is not decided anew
        shop.act("amina", lambda tx: accounts.enable(tx, "shop", effective=sooner))
    assert shop.act("amina", lambda tx: accounts.enable(tx, "shop")).effective_slot == done.effective_slot


def test_in_a_simulated_network_accounts_are_there_from_the_first_slot(simulated: World) -> None:
    simulated.act("amina", lambda tx: accounts.add_account(tx, "shop"))
    assert last(simulated).slot == 0


def test_what_is_so_already_or_was_changed_meanwhile_is_refused(shop: World) -> None:
    with pytest.raises(AlreadySo):
        shop.act("amina", lambda tx: accounts.enable(tx, "shop"))
    with pytest.raises(Exists):
        shop.act("amina", lambda tx: accounts.add_account(tx, "shop"))
    with pytest.raises(Stale):
        shop.act("amina", lambda tx: accounts.end(tx, "shop", "closed", reason="x", version=7))
    with pytest.raises(NotFound, match="no account 'shopp'"):
        shop.act("amina", lambda tx: accounts.enable(tx, "shopp"))
    shop.act("amina", lambda tx: accounts.end(tx, "shop", "closed", reason="x", version=1))
    with pytest.raises(AlreadySo):
        shop.act("amina", lambda tx: accounts.end(tx, "shop", "closed", reason="x"))


def test_a_plan_changes_by_what_differs(shop: World) -> None:
    terms = Terms(
        max_speed_kmh=100, ocean=False, roaming=("pl", "UA"), flyover_kmh=50, flyover_countries=("by",)
    )
    made = shop.act("amina", lambda tx: plans.set_plan(tx, "basic", terms))
    assert (made.max_speed_kmh, made.ocean, made.roaming, made.version) == (100, False, ["PL", "UA"], 2)
    assert set(last(shop).changes) == {
        "max_speed_kmh", "ocean", "roaming", "flyover_kmh", "flyover_countries", "version",
    }  # fmt: skip
    with pytest.raises(AlreadySo):
        shop.act("amina", lambda tx: plans.set_plan(tx, "basic", terms))
    home = shop.act("amina", lambda tx: plans.set_plan(tx, "home", Terms(roaming=())))
    assert home.roaming == []


@pytest.mark.parametrize(
    "terms",
    [
        Terms(max_speed_kmh=0), Terms(max_speed_kmh=-1), Terms(max_distance_km=float("nan")),
        Terms(max_speed_kmh=float("inf")), Terms(roaming=("XX",)), Terms(roaming=("Ukraine",)),
        Terms(flyover_kmh=50), Terms(flyover_countries=("UA",)),
    ],
)  # fmt: skip
def test_plans_that_cannot_be(shop: World, terms: Terms) -> None:
    with pytest.raises(BadInput):
        shop.act("amina", lambda tx: plans.set_plan(tx, "odd", terms))


def test_a_line_with_what_lives_depend_on_is_not_paused_by_one(shop: World) -> None:
    """A line spares nobody, so it would be a way around the two people."""
    with pytest.raises(NeedsTwo, match="ward"):
        shop.act("amina", lambda tx: lines.set_line(tx, "l1", "paused"))
    both = cut(
        shop, "amina", "jonas", ("ward",),
        lambda tx: lines.line_text(tx, "l1", "paused", reason="storm", include=("ward",)),
    )  # fmt: skip
    shop.act("amina", lambda tx: lines.set_line(tx, "l1", "paused", reason="storm", cut=both))
    assert row(shop, "line", "l1").status == "paused"
    assert shop.act("amina", lambda tx: lines.set_line(tx, "l1", "active")).status == "active"


def test_a_line_moves_but_stays_with_its_account(shop: World) -> None:
    new = NewLine(id="l1", account="hospital", plan="basic", country="PL", latitude_deg=50, longitude_deg=20)
    moved = shop.act("amina", lambda tx: lines.move_line(tx, new))
    assert (moved.country, moved.latitude_deg, moved.version) == ("PL", 50, 2)
    with pytest.raises(BadInput):
        shop.act("amina", lambda tx: lines.move_line(tx, NewLine(id="l1", account="shop")))
    for odd in (NewLine(id="l2", account="shop", latitude_deg=91, longitude_deg=0),
                NewLine(id="l2", account="shop", latitude_deg=9), NewLine(id="l2", account="nobody"),
                NewLine(id="l2", account="shop", plan="none")):  # fmt: skip
        with pytest.raises(BadInput):
            shop.act("amina", lambda tx, n=odd: lines.add_line(tx, n))


@pytest.mark.parametrize(
    ("new", "cuts"),
    [
        (NewList(id="x", kind="block", terminals=("till",)), False),
        (NewList(id="x", kind="block", terminals=("ward",)), True),
        (NewList(id="x", kind="block", accounts=("hospital",)), True),
        (NewList(id="x", kind="allow", country="UA", accounts=("shop",)), True),  # leaves the ward out
        (NewList(id="x", kind="allow", country="ua", accounts=("shop", "hospital")), False),
        (NewList(id="x", kind="allow", country="PL", accounts=("shop",)), False),  # the ward's line is UA's
    ],
)
def test_a_list_that_cuts_what_lives_depend_on_takes_two(shop: World, new: NewList, cuts: bool) -> None:
    if cuts:
        with pytest.raises(NeedsTwo, match="ward"):
            shop.act("amina", lambda tx: lists.set_list(tx, new, reason="sanctions"))
        both = cut(
            shop, "amina", "jonas", ("ward",),
            lambda tx: lists.list_text(tx, new, reason="sanctions", include=("ward",)),
        )  # fmt: skip
        shop.act("amina", lambda tx: lists.set_list(tx, new, reason="sanctions", cut=both))
    else:
        shop.act("amina", lambda tx: lists.set_list(tx, new, reason="sanctions"))
    assert row(shop, "list", "x").active
    assert not shop.act("jonas", lambda tx: lists.lift_list(tx, "x")).active


@pytest.mark.parametrize(
    "new",
    [
        NewList(id="x", kind="allow"), NewList(id="x", kind="block"), NewList(id="x", kind="grey"),
        NewList(id="x", kind="block", accounts=("nobody",)), NewList(id="x", kind="allow", country="UK"),
    ],
)  # fmt: skip
def test_lists_that_cannot_be(shop: World, new: NewList) -> None:
    with pytest.raises(BadInput):
        shop.act("amina", lambda tx: lists.set_list(tx, new, reason="sanctions"))


@pytest.mark.parametrize("role", ["operator", "approver", "requester", "viewer", "auditor", "security"])
def test_roles_that_do_not_touch_accounts(shop: World, role: str) -> None:
    shop.add_person("kofi", role)
    for verb in (
        lambda tx: accounts.add_account(tx, "more"),
        lambda tx: accounts.end(tx, "shop", "disabled", reason="x"),
        lambda tx: accounts.enable(tx, "shop"),
        lambda tx: plans.set_plan(tx, "more", Terms()),
        lambda tx: lines.set_line(tx, "l1", "overage"),
        lambda tx: lists.set_list(tx, NewList(id="x", kind="block", terminals=("till",)), reason="x"),
        lambda tx: lists.lift_list(tx, "x"),
    ):
        with pytest.raises(Forbidden):
            shop.act("kofi", verb)
