"""Fixtures of the control plane's tests: a network founded once, of which each test has a copy."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from control_world import World, found, open_world

from openleo.control import passwords
from openleo.control.network import NetworkKind


@pytest.fixture(autouse=True)
def cheap_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hash passwords at a cost that tests can pay."""
    monkeypatch.setattr(passwords, "profile", passwords.CHEAP)


@pytest.fixture(scope="session")
def founded(tmp_path_factory: pytest.TempPathFactory) -> dict[NetworkKind, World]:
    """A founded network of each kind, closed."""
    worlds = {}
    for kind in NetworkKind:
        worlds[kind] = found(tmp_path_factory.mktemp(kind.value) / "control", kind=kind)
        worlds[kind].plane.close()
    return worlds


def _copy(template: World, folder: Path) -> Iterator[World]:
    shutil.copytree(template.folder, folder)
    world = open_world(folder, template.credentials)
    yield world
    world.plane.close()


@pytest.fixture
def network(founded: dict[NetworkKind, World], tmp_path: Path) -> Iterator[World]:
    """An enforced network."""
    yield from _copy(founded[NetworkKind.ENFORCED], tmp_path / "control")


@pytest.fixture
def simulated(founded: dict[NetworkKind, World], tmp_path: Path) -> Iterator[World]:
    """A simulated network, in which decisions may act at any time."""
    yield from _copy(founded[NetworkKind.SIMULATED], tmp_path / "control")


@pytest.fixture
def advisory(founded: dict[NetworkKind, World], tmp_path: Path) -> Iterator[World]:
    """An advisory network, which a vendor switches."""
    yield from _copy(founded[NetworkKind.ADVISORY], tmp_path / "control")


@pytest.fixture
def folder(founded: dict[NetworkKind, World], tmp_path: Path) -> Path:
    """The folder of a founded network that nobody has open."""
    shutil.copytree(founded[NetworkKind.ENFORCED].folder, tmp_path / "control")
    return tmp_path / "control"
