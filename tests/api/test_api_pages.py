"""Lists come a page at a time, filtered by what one may see and by what is asked."""

from typing import Any

import pytest
from api_world import KHERSON, Person, World


def walk(person: Person, path: str) -> tuple[list[Any], int]:
    """Follow `next` from a page; return every item and how many pages there were."""
    items: list[Any] = []
    pages, url = 0, path
    while url:
        answer = person.get(url)
        assert answer.status_code == 200, answer.text
        items += answer.json()["items"]
        pages, url = pages + 1, answer.json()["next"]
    return items, pages


@pytest.fixture
def many(world: World) -> World:
    for n in range(7):
        world["amina"].post(
            "/v1/areas", {"id": f"a-{n}", "cells": KHERSON, "country": "UA" if n % 2 else None}
        )
        world["amina"].post("/v1/requests", {"area": f"a-{n}", "switch": "on", "reason": "r"})
        world.add(
            "terminal", f"ut-{n}", serial=f"S{n}", kind="standard", area_id=f"a-{n}", state="stocked",
            holder="", life_critical=False, name="",
        )  # fmt: skip
    return world


LISTS = {
    "/v1/areas": [f"a-{n}" for n in range(7)],
    "/v1/requests": [f"r-{n}" for n in range(7, 0, -1)],
    "/v1/terminals": [f"ut-{n}" for n in range(7)],
}


@pytest.mark.parametrize(("path", "wanted"), LISTS.items())
@pytest.mark.parametrize(("limit", "pages"), [(1, 7), (3, 3), (6, 2), (7, 1), (500, 1)])
def test_pages_hold_every_item_once_and_in_order(
    many: World, path: str, wanted: list[str], limit: int, pages: int
) -> None:
    items, counted = walk(many["amina"], f"{path}?limit={limit}")
    assert ([item["id"] for item in items], counted) == (wanted, pages)


def test_the_log_is_read_backwards(many: World) -> None:
    items, _ = walk(many["amina"], "/v1/log/entries?limit=4")
    size = int(many.http.get("/v1/log/checkpoint").text.splitlines()[1])
    assert [item["index"] for item in items] == list(reversed(range(size)))
    switched, _ = walk(many["amina"], "/v1/log/entries?limit=2&kind=request.")
    assert {item["kind"] for item in switched} == {"request.asked"}
    assert len(switched) == 7


def test_the_next_page_keeps_the_filters(many: World) -> None:
    items, pages = walk(many["amina"], "/v1/areas?country=UA&limit=2")
    assert ([item["id"] for item in items], pages) == (["a-1", "a-3", "a-5"], 2)


def test_a_list_shows_what_one_may_see(many: World) -> None:
    viewer = many.add_person("vera", "viewer", "a-3")
    assert [a["id"] for a in walk(viewer, "/v1/areas")[0]] == ["a-3"]
    assert [t["id"] for t in walk(viewer, "/v1/terminals?limit=1")[0]] == ["ut-3"]
    assert walk(viewer, "/v1/requests")[0] == []
    nobody = many.add_person("nina")
    assert walk(nobody, "/v1/areas")[0] == []


@pytest.mark.parametrize("query", ["limit=0", "limit=501", "limit=x", "cursor=!", "cursor=_w"])
def test_a_wrong_limit_or_cursor_is_refused(many: World, query: str) -> None:
    answer = many["amina"].get(f"/v1/areas?{query}")
    assert answer.status_code == 422
    assert answer.headers["Content-Type"] == "application/problem+json"


def test_a_cursor_of_one_list_does_no_harm_in_another(many: World) -> None:
    cursor = many["amina"].get("/v1/areas?limit=2").json()["next"].partition("cursor=")[2].partition("&")[0]
    for path in ("/v1/log/entries", "/v1/requests", "/v1/claims", "/v1/people"):
        assert many["amina"].get(f"{path}?cursor={cursor}").status_code in {200, 422}
