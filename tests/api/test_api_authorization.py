"""Every route, every role, every place: who is let in is what docs/authorization.md says."""

import runpy
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest
from api_matrix import LISTS, RECIPES, TREE, make_world
from api_world import Person, World, founded

from openleo.api.routes import Gate, On, Rule, rules_of
from openleo.control.roles import ACTIONS, ROLES

DOCS = Path(__file__).resolve().parents[2] / "docs"
# Lists without a place of their own, asked for with a filter instead.
COUNTED = "GET /v1/terminal-counts"
# What lets in without a person's token; each says in its docstring what it asks for instead.
OPEN = {
    "GET /health", "GET /ready", "POST /v1/login", "POST /v1/enrolments", "POST /v1/check-ins",
    "GET /v1/log/checkpoint", "GET /v1/log/key", "GET /v1/log/proof/{index}", "GET /v1/log/tile/{path}",
}  # fmt: skip


@pytest.fixture(scope="module")
def peopled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A network with one of everything in each area, and for each role a person there and one everywhere."""
    world = founded(tmp_path_factory.mktemp("matrix") / "control")
    with world.http:
        make_world(world)
        for role in ROLES:
            world.add_person(f"{role}-there", role, "own")
            world.add_person(f"{role}-everywhere", role)
        world.add_person("nobody")
        yield world
    world.plane.close()


@pytest.fixture(scope="module")
def rules(peopled: World) -> dict[str, Rule]:
    return {f"{rule.method} {rule.path}": rule for rule in rules_of(peopled.app)}


def expected(rule: Rule, role: str | None, area: str | None) -> bool:
    """Say what the page says; ``area`` None: the role is held everywhere."""
    held = role is not None and any(action in ROLES[role] for action in rule.actions)
    if area is None:
        return held
    return held and rule.on is not On.NETWORK and area in {"own", "child"}


def is_let_in(person: Person, name: str, area: str) -> bool:
    """Ask for something of an area; tell whether the answer is anything but that one may not."""
    method = name.split(maxsplit=1)[0]
    if name in LISTS:
        answer = person.get(f"{name.split()[1]}?limit=500")
        assert answer.status_code == 200, answer.text
        return area in {LISTS[name](one) for one in answer.json()["items"]}
    if name == COUNTED:
        return bool(person.get(f"/v1/terminal-counts?area={area}").json()["states"])
    ask = RECIPES[name](area)
    answer = person.send(method, ask.path, ask.body, match=ask.match)
    assert answer.status_code < 500, f"{name} {area}: {answer.text}"
    forbidden = answer.status_code == 403 and answer.json()["type"] == "/problems/forbidden"
    return not (forbidden or (ask.hidden and answer.status_code == 404))


Cell = tuple[
    str, str | None, str | None
]  # route, role, and the area where it is tried (None: held everywhere)


def cells(rules: dict[str, Rule], roles: Callable[[Rule], Iterable[str]]) -> list[Cell]:
    """Return the cells of every gated route for some roles, and for nobody."""
    found: list[Cell] = []
    for name in [*LISTS, COUNTED, *RECIPES]:
        rule = rules[name]
        places = ["own"] if rule.on is On.NETWORK else list(TREE)  # the network has one place
        for role in roles(rule):
            found += [*((name, role, area) for area in places), (name, role, None)]
        found.append((name, None, "own"))
    return found


def wrong(world: World, rules: dict[str, Rule], asked: list[Cell]) -> list[Cell]:
    """Return the cells in which the answer is not what the page says."""
    found = []
    for name, role, area in asked:
        who = "nobody" if role is None else f"{role}-{'there' if area else 'everywhere'}"
        if is_let_in(world[who], name, area or "other") != expected(rules[name], role, area):
            found.append((name, role, area))
    return found


def one_who_may_and_one_who_may_not(rule: Rule) -> list[str]:
    """Return the least role that lets in, and the greatest that does not."""
    by_size = sorted(ROLES, key=lambda role: len(ROLES[role]))
    may = [role for role in by_size if any(action in ROLES[role] for action in rule.actions)]
    return [may[0], *[role for role in by_size if role not in may][-1:]]


def test_every_route_is_in_the_matrix_or_open_to_all(rules: dict[str, Rule]) -> None:
    gated = {name for name, rule in rules.items() if set(rule.actions) <= set(ACTIONS)}
    assert gated == {*RECIPES, *LISTS, COUNTED}
    known = {name for name, rule in rules.items() if rule.actions == (str(Gate.KNOWN),)}
    assert known == {"GET /v1/me", "GET /v1/may"}
    assert set(rules) - gated - known == OPEN


def test_who_is_let_in_where_is_what_the_page_says(peopled: World, rules: dict[str, Rule]) -> None:
    asked = cells(rules, one_who_may_and_one_who_may_not)
    assert len(asked) >= 500
    assert wrong(peopled, rules, asked) == []


@pytest.mark.slow
def test_every_role_is_let_in_where_the_page_says(peopled: World, rules: dict[str, Rule]) -> None:
    """The whole matrix: every route x role x (own area, one inside, around, another, or held everywhere)."""
    asked = cells(rules, lambda rule: ROLES)
    assert len(asked) >= 2_500
    assert wrong(peopled, rules, asked) == []


def test_every_other_route_takes_a_token(peopled: World, rules: dict[str, Rule]) -> None:
    for name, rule in rules.items():
        if name in OPEN:
            continue
        path = rule.path.replace("{index}", "0")
        for headers in ({}, {"Authorization": "Bearer oleo_wrong"}, {"Authorization": "Basic eDp5"}):
            answer = peopled.http.request(
                rule.method, path.replace("{", "").replace("}", ""), headers=headers
            )
            assert answer.status_code == 401, name
            assert answer.headers["WWW-Authenticate"] == "Bearer"
            assert answer.json()["type"] == "/problems/unauthenticated"


def test_the_page_is_what_the_code_says() -> None:
    written = runpy.run_path(str(DOCS / "write_authorization.py"))["page"]()
    assert (DOCS / "authorization.md").read_text(encoding="utf-8") == written, (
        "write it anew with docs/write_authorization.py"
    )
