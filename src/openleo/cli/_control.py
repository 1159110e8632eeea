"""What the commands of the control plane share: where the store is, who acts, and how answers are printed."""

import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import update_wrapper
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

import click

from openleo.base.errors import BadInput
from openleo.cli._text import columns

if TYPE_CHECKING:
    from openleo.control.credential import Credential
    from openleo.control.plane import Actor, Plane, Tx

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., Any])


def data_folder(given: Path | None) -> Path:
    """Return where data lives: ``--data``, else OPENLEO_HOME, else the platform's folder for it."""
    if given is not None:
        return given
    home = os.environ.get("OPENLEO_HOME")
    return Path(home) if home else Path(click.get_app_dir("openleo"))


def control_folder(given: Path | None) -> Path:
    """Return the folder of the control database."""
    return data_folder(given) / "control"


@dataclass(frozen=True, slots=True)
class Desk:
    """An open control plane and the person at it."""

    plane: "Plane"
    actor: "Actor"
    credential: "Credential"

    def act(self, verb: "Callable[[Tx], T]") -> T:
        """Do something that is recorded."""
        return self.plane.act(self.actor, verb)

    def read(self, verb: "Callable[[Tx], T]") -> T:
        """Read something."""
        return self.plane.read(self.actor, verb)


@dataclass(frozen=True, slots=True)
class Where:
    """The options that every command of the control plane takes."""

    data: Path | None
    as_: Path | None
    key_file: Path | None
    as_json: bool

    @contextmanager
    def plane(self) -> "Iterator[Plane]":
        """Open the control plane."""
        with open_plane(control_folder(self.data), self.key_file) as plane:
            yield plane

    @contextmanager
    def desk(self) -> Iterator[Desk]:
        """Open the control plane as the person whose credential ``--as`` names."""
        from openleo.control.credential import Credential

        if self.as_ is None:
            raise BadInput(
                "it is not said who you are",
                "name your credential: --as amina.credential, or set OPENLEO_AS to it",
            )
        credential = Credential.read(self.as_)
        with self.plane() as plane:
            yield Desk(plane, plane.authenticate(credential.token), credential)


@contextmanager
def open_plane(folder: Path, key_file: Path | None) -> "Iterator[Plane]":
    """Open the control plane of a folder, with what time alone has done written down."""
    from openleo.cli._people import store_key
    from openleo.control.plane import SYSTEM, Plane
    from openleo.control.store import StoreBroken
    from openleo.control.switching import is_due, sweep

    with Plane.open(folder, key=store_key(folder, key_file)) as plane:
        try:
            if not plane.store.rehearsal and plane.read(SYSTEM, is_due):
                plane.act(SYSTEM, sweep)
            yield plane
        except StoreBroken as error:
            raise BadInput(
                f"{error}; nobody can know whether it was decided",
                "look at the disk, then at `openleo log list`: what was acknowledged is kept",
            ) from error


def write_decisions(given: Path, key_file: Path | None, path: Path) -> None:
    """Write what a control database decided about service, as a scenario takes it.

    ``given`` is the folder of the data, as ``--data`` names it, or that of the control database itself.
    """
    from openleo.control.plane import SYSTEM
    from openleo.control.replay import decisions_of

    folder = given if (given / "control.db").is_file() else control_folder(given)
    with open_plane(folder, key_file) as plane:
        decisions = plane.read(SYSTEM, lambda tx: decisions_of(tx.conn, tx.network))
    path.write_text(json.dumps(decisions.plain(), separators=(",", ":")), encoding="utf-8")


def control_options(function: F) -> F:
    """Add the options that every command of the control plane takes; the command gets ``where``."""

    def wrapped(data: Path | None, as_: Path | None, key_file: Path | None, form: str, **rest: Any) -> Any:
        return function(where=Where(data, as_, key_file, form == "json"), **rest)

    update_wrapper(wrapped, function)
    for option in (
        click.option(
            "--format", "form", type=click.Choice(["text", "json"]), default="text",
            help="How to print (default: text).",
        ),
        click.option(
            "--key-file", type=click.Path(path_type=Path), envvar="OPENLEO_KEY_FILE", metavar="FILE",
            help="The key or passphrase of a sealed store, or OPENLEO_KEY_FILE (default: asks).",
        ),
        click.option(
            "--as", "as_", type=click.Path(path_type=Path), envvar="OPENLEO_AS", metavar="FILE",
            help="Your credential, or OPENLEO_AS.",
        ),
        click.option(
            "--data", type=click.Path(path_type=Path), metavar="DIR",
            help="Where data lives (default: OPENLEO_HOME, else the platform's folder).",
        ),
    ):  # fmt: skip
        wrapped = option(wrapped)
    return cast(F, wrapped)


def show(where: Where, value: Any, lines: Sequence[str]) -> None:
    """Print a value as JSON, or as the lines that say it."""
    if where.as_json:
        click.echo(json.dumps(value, indent=2, default=_plain, ensure_ascii=False))
        return
    for line in lines:
        click.echo(line)


def table(header: Sequence[str], rows: Sequence[Sequence[object]], *, none: str) -> list[str]:
    """Return the lines of a table, or one that says there is nothing."""
    if not rows:
        return [none]
    text = [[("" if cell is None else str(cell)) for cell in row] for row in rows]
    return columns([list(header), *text])


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        from openleo.base.instants import instant_text

        return instant_text(value)
    if hasattr(value, "_mapping"):
        return dict(value._mapping)
    if hasattr(value, "__dataclass_fields__"):
        return {name: getattr(value, name) for name in value.__dataclass_fields__}
    return str(value)
