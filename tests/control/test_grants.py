"""Who may do what: default no, areas below, and nobody gives what they lack."""

import pytest
from control_world import World
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from keeping import area, give, join, pair

from openleo.base.errors import OpenleoError, Refused
from openleo.control import grants, people
from openleo.control.areas import Exists, NeedsTwo
from openleo.control.authorize import Forbidden, authorize
from openleo.control.credential import Credential
from openleo.control.keys import BadSignature
from openleo.control.owners import LastOwners
from openleo.control.pairs import Pair
from openleo.control.request import SelfApproval
from openleo.control.roles import ACTIONS, ROLES, needs_two

TREE = {"north": None, "valley": "north", "town": "valley", "south": None}
BELOW = {
    None: {None, *TREE}, "north": {"north", "valley", "town"}, "valley": {"valley", "town"},
    "town": {"town"}, "south": {"south"},
}  # fmt: skip


@pytest.fixture
def land(network: World) -> World:
    for name, parent in TREE.items():
        area(network, name, parent)
    join(network, "kofi")
    return network


def test_nobody_may_do_anything_by_default(land: World) -> None:
    for action in ACTIONS:
        for where in BELOW[None]:
            answer = land.read("kofi", lambda tx, a=action, w=where: grants.may(tx, "kofi", a, w))
            assert not answer.allowed
            assert "kofi holds no role with" in answer.reason


@pytest.mark.parametrize("scope", BELOW)
def test_a_role_covers_its_area_and_all_below_it_and_nothing_else(land: World, scope: str | None) -> None:
    give(land, "kofi", "requester", scope, second=None)
    allowed = {
        where
        for where in BELOW[None]
        if land.read("kofi", lambda tx, w=where: grants.may(tx, "kofi", "request.new", w)).allowed
    }
    assert allowed == BELOW[scope]


def test_the_reason_names_the_grant_and_the_area_it_comes_from(land: World) -> None:
    made = give(land, "kofi", "requester", "north", second=None)
    answer = land.read("kofi", lambda tx: grants.may(tx, "kofi", "request.new", "town"))
    assert answer.reason == f"kofi is requester of area north, which holds town (grant {made})"
    found = land.read("amina", lambda tx: grants.who_can(tx, "request.new", "town"))
    assert [name for name, _ in found] == ["amina", "jonas", "kofi"]
    assert "requester of area north" in found[2][1]


@pytest.mark.parametrize("role", [r for r in ROLES if needs_two(r)])
def test_a_role_that_decides_is_given_by_two(land: World, role: str) -> None:
    with pytest.raises(NeedsTwo):
        land.act("amina", lambda tx: grants.grant(tx, "kofi", role))
    give(land, "kofi", role)
    row = land.read("amina", lambda tx: grants.grants_of(tx, "kofi"))[0]
    assert (row.granted_by, row.approved_by) == ("amina", "jonas")


def test_who_decides_is_always_given_by_two() -> None:
    """One owner with a ghost of their own making must not be able to be both halves of a pair."""
    halves = {"decide.propose", "decide.approve", "area.emergency", "grant.write", "person.write"}
    assert {r for r, actions in ROLES.items() if halves & set(actions)} == {r for r in ROLES if needs_two(r)}


@pytest.mark.parametrize(
    ("first", "second", "error"),
    [
        ("amina", "amina", SelfApproval),
        ("amina", "amina-2", SelfApproval),  # another name, the same human
        ("amina", "kofi", Forbidden),  # may not give it
        ("kofi", "jonas", Forbidden),
    ],
)
def test_who_cannot_give_a_role(land: World, first: str, second: str, error: type[Refused]) -> None:
    join(land, "amina-2", human="amina")
    give(land, "amina-2", "owner")
    join(land, "mira")
    both = pair(land, first, second, lambda tx: grants.grant_text(tx, "mira", "approver", None))
    with pytest.raises(error):
        land.act(first, lambda tx: grants.grant(tx, "mira", "approver", pair=both))


@pytest.mark.parametrize("part", ["first_signature", "second_signature"])
def test_both_sign_this_very_grant(land: World, part: str) -> None:
    """Not another role, another person, or an earlier grant."""
    join(land, "mira")
    for person, role, where in (
        ("kofi", "owner", None),
        ("mira", "approver", None),
        ("kofi", "approver", "south"),
    ):
        other = pair(
            land, "amina", "jonas", lambda tx, p=person, r=role, w=where: grants.grant_text(tx, p, r, w)
        )
        right = pair(land, "amina", "jonas", lambda tx: grants.grant_text(tx, "kofi", "approver", None))
        signed = {"first_signature": right.first_signature, "second_signature": right.second_signature}
        both = Pair(second=right.second, **{**signed, part: getattr(other, part)})
        with pytest.raises(BadSignature):
            land.act("amina", lambda tx, b=both: grants.grant(tx, "kofi", "approver", pair=b))


def test_the_key_that_was_vouched_for_is_the_one_that_gets_the_role(land: World) -> None:
    """Whoever added kofi may have kept the first key; swapping it under the signatures fails."""
    both = pair(land, "amina", "jonas", lambda tx: grants.grant_text(tx, "kofi", "approver", None))
    shown, swapped = land.credentials["kofi"], Credential.make("kofi", "n")
    text = land.read("kofi", lambda tx: people.key_text(tx, "kofi", swapped.public_key))
    land.act(
        "kofi",
        lambda tx: people.set_key(tx, "kofi", swapped.public_key, old_signature=shown.sign("key", text)),
    )
    with pytest.raises(BadSignature):
        land.act("amina", lambda tx: grants.grant(tx, "kofi", "approver", pair=both))


def test_an_owner_of_an_area_gives_roles_there_and_nowhere_else(land: World) -> None:
    give(land, "kofi", "owner", "north")
    join(land, "mira")
    give(land, "mira", "requester", "town", by="kofi", second=None)
    for where in ("south", None):
        with pytest.raises(Forbidden):
            give(land, "mira", "requester", where, by="kofi", second=None)
    network_wide = land.read("amina", lambda tx: grants.grants_of(tx, "jonas"))[0].id
    with pytest.raises(Forbidden):
        land.act("kofi", lambda tx: grants.revoke(tx, network_wide))


def test_the_same_role_is_not_given_twice(land: World) -> None:
    made = give(land, "kofi", "viewer", second=None)
    with pytest.raises(Exists):
        give(land, "kofi", "viewer", second=None)
    give(land, "kofi", "viewer", "north", second=None)
    land.act("jonas", lambda tx: grants.revoke(tx, made))
    give(land, "kofi", "viewer", second=None)


def test_the_last_two_owners_keep_their_role(land: World) -> None:
    mine = land.read("amina", lambda tx: grants.grants_of(tx, "amina"))[0].id
    with pytest.raises(LastOwners):
        land.act("jonas", lambda tx: grants.revoke(tx, mine))
    give(land, "kofi", "owner", "north")  # of an area: does not count
    with pytest.raises(LastOwners):
        land.act("jonas", lambda tx: grants.revoke(tx, mine))
    give(land, "kofi", "owner")
    land.act("jonas", lambda tx: grants.revoke(tx, mine))
    with pytest.raises(Forbidden):
        land.act("amina", lambda tx: grants.grant(tx, "kofi", "viewer"))


def test_whom_to_ask_is_told_to_those_who_read_requests_there_alone(land: World) -> None:
    join(land, "mira")
    give(land, "mira", "approver", "north")
    give(land, "kofi", "requester", "north", second=None)
    land.read("mira", lambda tx: grants.who_can(tx, "decide.approve", "town"))
    for who, where in (("mira", "south"), ("mira", None), ("kofi", "north")):
        with pytest.raises(Forbidden):
            land.read(who, lambda tx, w=where: grants.who_can(tx, "decide.approve", w))
    with pytest.raises(Forbidden):
        land.read("kofi", lambda tx: grants.may(tx, "mira", "decide.approve", "north"))


AREAS = st.sampled_from([None, *TREE])
NAMES = st.sampled_from(["amina", "jonas", "kofi", "mira"])
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["grant", "revoke"]), NAMES, NAMES, NAMES, st.sampled_from(sorted(ROLES)), AREAS
    ),
    max_size=8,
)  # fmt: skip


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_whatever_is_tried_nobody_gets_what_its_giver_lacked(
    land: World, steps: list[tuple[str, ...]]
) -> None:
    """Two humans stay owners, and a right never comes from one who did not hold it there."""
    if "mira" not in land.people:
        join(land, "mira")
    for verb, by, second, person, role, where in steps:
        held = {
            (action, place)
            for action in ROLES[role]
            for place in BELOW[where]
            if land.read(by, lambda tx, b=by, a=action, p=place: authorize(tx.conn, b, a, p)).allowed
        }
        try:
            if verb == "grant":
                give(land, person, role, where, by=by, second=second if needs_two(role) else None)
                assert held == {(a, p) for a in ROLES[role] for p in BELOW[where]}
                assert not needs_two(role) or by != second
            else:
                theirs = land.read("openleo", lambda tx, p=person: _grants(tx, p))
                if theirs:
                    land.act(by, lambda tx, g=theirs[-1]: grants.revoke(tx, g))
        except OpenleoError:
            pass
        owners = land.read("openleo", _owners)
        assert len(owners) >= 2


def _grants(tx, person):  # type: ignore[no-untyped-def]
    from openleo.control.schema import grants as rows

    return tx.conn.execute(
        rows.select().with_only_columns(rows.c.id).where(rows.c.person_id == person, rows.c.active)
    ).scalars().all()  # fmt: skip


def _owners(tx):  # type: ignore[no-untyped-def]
    from openleo.control.schema import grants as rows

    found = rows.select().where(rows.c.role == "owner", rows.c.area_id.is_(None), rows.c.active)
    return {row.person_id for row in tx.conn.execute(found)}
