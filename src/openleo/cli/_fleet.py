"""What the commands of `openleo fleet` share: where the data is, and how answers are printed."""

import asyncio
import shlex
import signal
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import update_wrapper
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

import click

from openleo.cli import _control

if TYPE_CHECKING:
    from openleo.fleet.register import Register

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class At:
    """The options that every command of the fleet takes."""

    data: Path | None
    as_json: bool

    @property
    def folder(self) -> Path:
        """The fleet's folder: fleet.db, secrets/, telemetry/."""
        return _control.data_folder(self.data) / "fleet"

    def register(self) -> "Register":
        """Open the register."""
        from openleo.fleet.register import Register

        return Register(self.folder)


def fleet_options(function: F) -> F:
    """Add the options that every command of the fleet takes; the command gets ``at``."""

    def wrapped(data: Path | None, form: str, **rest: Any) -> Any:
        return function(at=At(data, form == "json"), **rest)

    update_wrapper(wrapped, function)
    for option in (
        click.option(
            "--format", "form", type=click.Choice(["text", "json"]), default="text",
            help="How to print (default: text).",
        ),
        click.option(
            "--data", type=click.Path(path_type=Path), metavar="DIR",
            help="Where data lives (default: OPENLEO_HOME, else the platform's folder).",
        ),
    ):  # fmt: skip
        wrapped = option(wrapped)
    return cast(F, wrapped)


def data_words(at: At) -> str:
    """Return what a next command needs so that it is about the same data: `` --data DIR``, or nothing."""
    return "" if at.data is None else f" --data {shlex.quote(str(at.data))}"


def stop_on_signals(stop: asyncio.Event) -> list[int]:
    """Stop in good order when asked once; a second Ctrl-C ends it at once.

    The list has, then, the signals that came.
    """
    loop = asyncio.get_running_loop()
    came: list[int] = []

    def asked(number: int) -> None:
        came.append(number)
        stop.set()
        click.echo("\nstopping: what has come is kept first (Ctrl-C again to leave at once)", err=True)
        loop.remove_signal_handler(number)

    for one in (signal.SIGINT, signal.SIGTERM):
        with suppress(NotImplementedError):  # Windows: Ctrl-C raises KeyboardInterrupt
            loop.add_signal_handler(one, asked, one)
    return came


def person_here() -> str:
    """Return who is at this machine, for records."""
    import getpass

    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a user without a name, as in some containers
        return "somebody"


def show(at: At, value: Any, lines: Sequence[str]) -> None:
    """Print a value as JSON, or as the lines that say it."""
    _control.show(_control.Where(at.data, None, None, at.as_json), value, lines)
