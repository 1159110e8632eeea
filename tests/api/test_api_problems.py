"""Every error is problem+json with a code that stays, what is wrong and what to do."""

import importlib
import logging
import pkgutil
from typing import Any

import pytest
from api_world import AREA, World
from httpx2 import Response

import openleo.control
from openleo.api.edge import BODY_BYTES, BULK_BYTES
from openleo.api.problems import SCHEMA, STATUS, TITLES, all_errors
from openleo.control.plane import Plane
from openleo.control.store import StoreBroken


def check(answer: Response, status: int, code: str) -> dict[str, Any]:
    """Hold an answer to the shape of a problem, and to a status and code."""
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    body: dict[str, Any] = answer.json()
    assert set(SCHEMA["required"]) <= set(body) <= set(SCHEMA["properties"])
    assert (body["type"], body["status"]) == (f"/problems/{code}", status)
    assert body["detail"]
    assert body["hint"]
    assert body["instance"].endswith(f"#{answer.headers['X-Request-Id']}")
    return body


def test_every_error_of_the_control_plane_has_a_status() -> None:
    for module in pkgutil.walk_packages(openleo.control.__path__, "openleo.control."):
        if not module.name.endswith((".env", ".versions")) and ".migrations" not in module.name:
            importlib.import_module(module.name)
    ours = {
        e for e in all_errors() if e.__module__.startswith(("openleo.control", "openleo.api", "openleo.base"))
    }
    missing = {f"{e.__module__}.{e.__name__}": e.code for e in ours if e.code not in STATUS}
    assert missing == {}
    assert set(STATUS.values()) <= set(TITLES)


def test_a_page_that_is_not_there(world: World) -> None:
    check(world.http.get("/v2/areas"), 404, "no-such-page")
    check(world["amina"].get("/v1/areas/"), 404, "no-such-page")


def test_a_method_that_a_page_has_not(world: World) -> None:
    answer = world["amina"].send("DELETE", "/v1/areas")
    check(answer, 405, "method-not-allowed")
    assert "GET" in answer.headers["Allow"]


def test_a_body_that_does_not_fit_says_where_and_repeats_nothing(world: World) -> None:
    body = {"id": "Not A Name", "cells": ["851e6387fffffff", "x"], "secret": "hunter2"}
    answer = world["amina"].post("/v1/areas", body)
    found = check(answer, 422, "invalid")
    assert {e["pointer"] for e in found["errors"]} == {"#/id", "#/cells/1", "#/secret"}
    assert "hunter2" not in answer.text


@pytest.mark.parametrize(
    ("content", "kind", "status", "code"),
    [
        (b"{", "application/json", 422, "invalid"),
        (b"id=kherson", "application/x-www-form-urlencoded", 415, "unsupported-media-type"),
        (b"{}", "text/plain", 415, "unsupported-media-type"),
        (b"", "application/json", 422, "invalid"),
        (b'{"id": "\\ud800"}', "application/json", 422, "invalid"),
        (b"[" * 60_000, "application/json", 400, "malformed"),
        (b"\xff\xfe", "application/json", 422, "invalid"),
    ],
)
def test_a_body_that_cannot_be_read(world: World, content: bytes, kind: str, status: int, code: str) -> None:
    token = world["amina"].credential.token
    headers = {"Content-Type": kind, "Authorization": f"Bearer {token}", "Idempotency-Key": "k" * 16}
    check(world.http.post("/v1/areas", content=content, headers=headers), status, code)


def test_a_body_that_is_too_large(world: World) -> None:
    headers = {"Content-Type": "application/json"}
    for path, limit in {"/v1/areas": BODY_BYTES, "/v1/terminals": BULK_BYTES}.items():
        check(world.http.post(path, content=b" " * (limit + 1), headers=headers), 413, "too-large")
        check(world.http.post(path, content=b"{}".ljust(limit), headers=headers), 401, "unauthenticated")

    def streamed() -> Any:
        for _ in range(10):
            yield b" " * 10_000

    check(world.http.post("/v1/areas", content=streamed(), headers=headers), 413, "too-large")
    for length in (b"\xb2", b"9" * 5_000):  # "²" is a digit to Python, and no number
        odd = {**headers, "Content-Length": length}
        check(world.http.post("/v1/areas", content=streamed(), headers=odd), 413, "too-large")


def test_a_refusal_says_why_and_whom_to_ask(world: World, area: dict[str, Any]) -> None:
    vera = world.add_person("vera", "viewer", "kherson")
    found = check(vera.send("PATCH", "/v1/areas/kherson", {"title": "t"}, match=1), 403, "forbidden")
    assert "vera holds no role with area.define in area kherson" in found["detail"]


def test_what_is_not_there_tells_no_names_that_are(world: World) -> None:
    world["amina"].post("/v1/areas", {**AREA, "id": "secret-area"})
    found = check(world["amina"].get("/v1/areas/secret-are"), 404, "not-found")
    assert "secret-area" not in found["hint"]


def test_a_full_queue_is_told_and_when_to_come_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(world.plane._group, "_queue", _Full())
        answer = world["amina"].post("/v1/areas", AREA)
    check(answer, 503, "busy")
    assert int(answer.headers["Retry-After"]) > 0


class _Full:
    """A queue that takes nothing."""

    def put_nowait(self, work: object) -> None:
        import queue

        raise queue.Full

    def qsize(self) -> int:
        return 4_096


def test_a_fault_of_ours_tells_nothing_but_an_id(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(self: Plane, token: str) -> None:
        raise KeyError("inner secret")

    monkeypatch.setattr(Plane, "authenticate", fail)
    with caplog.at_level(logging.INFO):
        answer = world["amina"].get("/v1/areas")
    check(answer, 500, "internal")
    assert "inner secret" not in answer.text
    assert answer.headers["X-Request-Id"] in caplog.text
    assert world["amina"].credential.token not in caplog.text


def test_failed_storage_ends_the_server(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    ended: list[bool] = []
    world.app.state.services.on_broken = lambda: ended.append(True)
    with monkeypatch.context() as patched:
        patched.setattr(world.plane.store, "_failed", StoreBroken("the disk is gone"))
        check(world["amina"].post("/v1/areas", AREA), 503, "store-broken")
        check(world.http.get("/ready"), 503, "not-ready")
        assert world.http.get("/health").status_code == 200
    assert ended


def test_every_answer_has_the_headers_that_keep_browsers_safe(world: World) -> None:
    for answer in (world.http.get("/health"), world.http.get("/nowhere"), world["amina"].get("/v1/me")):
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")
        assert answer.headers["Cache-Control"] == "no-store"
    crossed = world.http.get("/health", headers={"Origin": "https://evil.example"})
    assert not [name for name in crossed.headers if name.lower().startswith("access-control")]
