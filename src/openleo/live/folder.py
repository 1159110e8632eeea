"""The folder of a network that is served: what each file is for, and whether it may be lost.

| file | trusted | may be lost |
| --- | --- | --- |
| run/ | yes: the run folder, as `openleo run` writes it, in small chunks | no |
| segments/SLOT.seg | yes: the newest slots | yes: they are computed again |
| clock.json | yes: the network's time, written every second | yes: time goes on after the newest slot |
| commands.jsonl | yes: what terminals were told, in order | no |
| dishes/ | no: where terminals are served, and their process's note | yes: then outages seem to begin anew |
| live.json | yes: which scenario this is, and how it is run | no |
| ephemeris/ | no | yes: chunks of positions, computed again |
"""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from openleo.base.errors import BadInput
from openleo.results.folder import RunFolder
from openleo.results.store import TEMPORARY, json_bytes, write_whole

CONFIG, CLOCK, DECISIONS, COMMANDS = "live.json", "clock.json", "decisions.json", "commands.jsonl"


@dataclass(frozen=True, slots=True)
class LiveFolder:
    """Where the files of a network that is served are."""

    path: Path

    @property
    def run(self) -> RunFolder:
        """The run folder that grows."""
        return RunFolder(self.path / "run")

    @property
    def segments(self) -> Path:
        """The folder of the newest slots."""
        return self.path / "segments"

    @property
    def decisions(self) -> Path:
        """The file of decisions that the run began with."""
        return self.path / DECISIONS

    @property
    def commands(self) -> Path:
        """The spool of commands to terminals."""
        return self.path / COMMANDS

    @property
    def dishes(self) -> Path:
        """The folder of the terminals' process."""
        return self.path / "dishes"

    @property
    def addresses(self) -> Path:
        """The list of where terminals are served."""
        return self.dishes / "terminals.json"

    def config(self) -> dict[str, Any]:
        """Read how the network is run; raises BadInput."""
        return _read(self.path / CONFIG)

    def write_config(self, config: dict[str, Any]) -> None:
        """Write how the network is run."""
        write_whole(self.path / CONFIG, json_bytes(config))

    def saved_ns(self) -> int | None:
        """Return the network's time when it was last written down, or None."""
        try:
            return int(json.loads((self.path / CLOCK).read_bytes())["now_ns"])
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def save_ns(self, now_ns: int, text: str) -> None:
        """Write the network's time down; a power cut may lose it."""
        path = self.path / CLOCK
        part = path.with_name(path.name + TEMPORARY)
        part.write_bytes(json_bytes({"now": text, "now_ns": now_ns}))
        os.replace(part, path)


def _read(path: Path) -> dict[str, Any]:
    try:
        return dict(json.loads(path.read_bytes()))
    except (OSError, ValueError) as error:
        raise BadInput(f"{path} cannot be read: {error}", "remove the folder and serve anew") from None
