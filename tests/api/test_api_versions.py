"""What was read is what is changed: ETag and If-Match."""

from typing import Any

import pytest
from api_world import World


def test_every_resource_tells_its_version_as_its_etag(world: World, area: dict[str, Any]) -> None:
    answer = world["amina"].get("/v1/areas/kherson")
    assert (answer.json()["version"], answer.headers["ETag"]) == (1, '"1"')


def test_a_change_of_what_was_read_is_made(world: World, area: dict[str, Any]) -> None:
    changed = world["amina"].send("PATCH", "/v1/areas/kherson", {"title": "Херсон"}, match=1)
    assert changed.status_code == 200, changed.text
    assert (changed.json()["title"], changed.headers["ETag"]) == ("Херсон", '"2"')


def test_a_change_of_an_older_version_is_refused_with_the_version_there_is(
    world: World, area: dict[str, Any]
) -> None:
    world["amina"].send("PATCH", "/v1/areas/kherson", {"title": "a"}, match=1)
    late = world["jonas"].send("PATCH", "/v1/areas/kherson", {"title": "b"}, match=1)
    assert (late.status_code, late.json()["type"]) == (412, "/problems/stale")
    assert (late.json()["version"], late.headers["ETag"]) == (2, '"2"')
    assert world["amina"].get("/v1/areas/kherson").json()["title"] == "a"


def test_a_star_matches_what_there_is(world: World, area: dict[str, Any]) -> None:
    assert world["amina"].send("PATCH", "/v1/areas/kherson", {"title": "a"}, match="*").status_code == 200


CHANGES = [
    ("PATCH", "/v1/areas/kherson", {"title": "t"}),
    ("PUT", "/v1/accounts/some/status", {"status": "closed", "reason": "r"}),
    ("POST", "/v1/terminals/ut-1/activate", {}),
    ("PUT", "/v1/plans/some", {"title": "t"}),
]


@pytest.mark.parametrize(("method", "path", "body"), CHANGES)
def test_changing_what_is_there_takes_if_match(
    world: World, area: dict[str, Any], method: str, path: str, body: dict[str, Any]
) -> None:
    world.add("account", "some", title="", status="active", reason="", cut_terminals=[])
    world.add("plan", "some", title="", ocean=True, active=True)
    answer = world["amina"].send(method, path, body)
    assert (answer.status_code, answer.json()["type"]) == (428, "/problems/if-match-missing")


def test_a_request_is_decided_as_it_was_read_where_that_is_said(world: World, area: dict[str, Any]) -> None:
    world["amina"].post("/v1/requests", {"area": "kherson", "switch": "on", "reason": "needed"})
    path = "/v1/requests/r-1/refusal"
    assert world["jonas"].post(path, {"reason": "no"}, match=7).status_code == 412
    assert world["jonas"].post(path, {"reason": "no"}, match=1).json()["state"] == "refused"
