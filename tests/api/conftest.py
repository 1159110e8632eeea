"""What the tests of the HTTP API may ask for."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from api_world import AREA, World, founded

from openleo.control import passwords


@pytest.fixture(autouse=True)
def _cheap_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "profile", passwords.CHEAP)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """An enforced network with its API."""
    made = founded(tmp_path / "control")
    with made.http:
        yield made
    made.plane.close()


@pytest.fixture
def area(world: World) -> dict[str, Any]:
    """An area that nobody has switched yet."""
    made = world["amina"].post("/v1/areas", AREA)
    assert made.status_code == 201, made.text
    found: dict[str, Any] = made.json()
    return found
