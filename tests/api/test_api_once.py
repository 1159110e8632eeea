"""A change is done once for its key, whatever happens to the answer on its way."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from api_world import AREA, World
from sqlalchemy import select

from openleo.control.schema import idempotency

KEY = "once-and-only-once-1"
BODY: dict[str, Any] = AREA


def areas(world: World) -> list[str]:
    return [area["id"] for area in world["amina"].get("/v1/areas").json()["items"]]


def log_size(world: World) -> int:
    return int(world.http.get("/v1/log/checkpoint").text.splitlines()[1])


def test_the_same_request_with_the_same_key_gets_the_same_answer(world: World) -> None:
    first = world["amina"].post("/v1/areas", BODY, key=KEY)
    size = log_size(world)
    again = world["amina"].post("/v1/areas", BODY, key=KEY)
    assert (again.status_code, again.content, again.headers["ETag"]) == (201, first.content, '"1"')
    assert "Idempotent-Replay" not in first.headers
    assert again.headers["Idempotent-Replay"] == "true"
    assert log_size(world) == size


def test_another_request_with_the_same_key_is_refused(world: World) -> None:
    world["amina"].post("/v1/areas", BODY, key=KEY)
    other = world["amina"].post("/v1/areas", {**BODY, "id": "odesa"}, key=KEY)
    assert (other.status_code, other.json()["type"]) == (422, "/problems/idempotency-key-reused")
    elsewhere = world["amina"].post("/v1/accounts", {"id": "red-cross"}, key=KEY)
    assert elsewhere.json()["type"] == "/problems/idempotency-key-reused"
    assert areas(world) == ["kherson"]


def test_a_key_is_its_persons_own(world: World) -> None:
    assert world["amina"].post("/v1/areas", BODY, key=KEY).status_code == 201
    other = world["jonas"].post("/v1/areas", {**BODY, "id": "odesa"}, key=KEY)
    assert other.status_code == 201
    assert areas(world) == ["kherson", "odesa"]


def test_equal_requests_at_once_do_the_thing_once(world: World) -> None:
    size = log_size(world)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: world["amina"].post("/v1/areas", BODY, key=KEY), range(16)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    assert sum("Idempotent-Replay" not in answer.headers for answer in answers) == 1
    assert log_size(world) == size + 1


def test_what_was_refused_is_tried_anew(world: World) -> None:
    body = {"area": "kherson", "switch": "on", "reason": "needed"}
    refused = world["amina"].post("/v1/requests", body, key=KEY)
    assert refused.status_code == 404
    world["amina"].post("/v1/areas", BODY)
    assert world["amina"].post("/v1/requests", body, key=KEY).status_code == 201


def test_a_change_without_a_key_is_refused_and_changes_nothing(world: World) -> None:
    for key in ("", "too-short", "x" * 65, "not a key, not at all"):
        headers = {"Idempotency-Key": key} if key else {}
        answer = world["amina"].post("/v1/areas", BODY, key="", headers=headers)
        assert (answer.status_code, answer.json()["type"]) == (400, "/problems/idempotency-key-missing"), key
    assert areas(world) == []


def test_a_replayed_answer_gives_the_same_token_and_the_store_holds_it_nowhere(world: World) -> None:
    first = world["amina"].post("/v1/people/amina/tokens", {"label": "laptop"}, key=KEY)
    again = world["amina"].post("/v1/people/amina/tokens", {"label": "laptop"}, key=KEY)
    token = first.json()["token"]
    assert again.json()["token"] == token
    with world.plane.store.reading() as conn:
        stored = conn.execute(select(idempotency.c.body)).scalars().all()
    assert stored
    assert not any(token in body or "laptop" in body for body in stored)


def test_the_answer_is_for_the_token_that_asked(world: World) -> None:
    made = world["amina"].post("/v1/people/amina/tokens", {}, key=KEY)
    headers = {"Authorization": f"Bearer {made.json()['token']}", "Idempotency-Key": KEY}
    other = world.http.post("/v1/people/amina/tokens", json={}, headers=headers)
    assert other.json()["type"] == "/problems/idempotency-key-reused"
