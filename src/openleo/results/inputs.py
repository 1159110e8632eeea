"""The scenario of a run folder and the files it names, kept so that the folder stands alone."""

import json
from pathlib import Path
from typing import Any

from openleo.base.errors import BadInput
from openleo.results.folder import INPUTS, SCENARIO
from openleo.results.store import sha256_of, write_whole
from openleo.scenario.model import Scenario, scenario_from

_TABLES = ("gateways", "pops", "land")
_GROUP_FILES = ("file", "mask")


def _holders(document: dict[str, Any]) -> list[tuple[str, dict[str, Any], str]]:
    """Return (dotted key, holder, key) of every place of a scenario that may name a file."""
    found = [(f"{name}.table", document[name], "table") for name in _TABLES]
    found.append(("constellation.use", document["constellation"], "use"))
    found += [(f"{name}.file", document[name], "file") for name in ("decisions", "commands")]
    for n, group in enumerate(document["terminals"]):
        found += [(f"terminals.{n}.{key}", group, key) for key in _GROUP_FILES]
    return found


def keep_inputs(scenario: Scenario, folder: Path) -> list[dict[str, Any]]:
    """Copy every file that a scenario names into ``folder``; return what the manifest notes of each.

    Each has its own numbered folder, so that it keeps its name, which the scenario's hash is made of.
    """
    files = scenario.files()
    noted = []
    for number, path in enumerate(files):
        try:
            content = path.read_bytes()
        except OSError as error:
            raise BadInput(
                f"{path} cannot be read: {error.strerror}", "the scenario names it; check its permissions"
            ) from None
        kept = folder / INPUTS / str(number) / path.name
        kept.parent.mkdir(parents=True, exist_ok=True)
        write_whole(kept, content)
        keys = [
            key
            for key, holder, name in _holders(scenario.document())
            if holder[name] not in {"", "builtin"} and scenario.path(holder[name]) == path
        ]
        noted.append(
            {
                "keys": keys,
                "file": kept.relative_to(folder).as_posix(),
                "bytes": len(content),
                "sha256": sha256_of(content),
            }
        )
    return noted


def scenario_of(folder: Path, inputs: list[dict[str, Any]]) -> Scenario:
    """Return the scenario of a run folder, its files being those kept there.

    Raises BadInput for a file that is missing or does not have the hash that the manifest says.
    """
    path = folder / SCENARIO
    try:
        document = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise BadInput(f"{path} cannot be read: {error}", "take it from a copy, or run it again") from None
    holders = {key: (holder, name) for key, holder, name in _holders(document)}
    for noted in inputs:
        kept = folder / noted["file"]
        if not kept.is_file() or sha256_of(kept.read_bytes()) != noted["sha256"]:
            wrong = "is not what the run was made from" if kept.is_file() else "is missing"
            raise BadInput(
                f"{kept} {wrong}", f"put back the file with SHA-256 {noted['sha256'][:16]}..., or run again"
            )
        for key in noted["keys"]:
            holder, name = holders[key]
            holder[name] = str(kept.resolve())
    return scenario_from(document, origin=str(path))
