"""What the commands share about people: the second of two, and the key of a sealed store."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from openleo.base.errors import BadInput

if TYPE_CHECKING:
    from openleo.cli._control import Desk
    from openleo.control.critical import Cut
    from openleo.control.pairs import Pair
    from openleo.control.plane import Tx

F = TypeVar("F", bound=Callable[..., Any])


def second_option(function: F) -> F:
    """Add ``--second``."""
    return click.option(
        "--second", type=click.Path(path_type=Path), metavar="FILE",
        help="The credential of the second person, where it takes two.",
    )(function)  # fmt: skip


def include_option(function: F) -> F:
    """Add ``--include``, with ``--second``."""
    return click.option(
        "--include", multiple=True, metavar="TERMINAL",
        help="A life-critical terminal that is cut too; each is named, by two people.",
    )(second_option(function))  # fmt: skip


def pair_of(desk: "Desk", second: Path | None, text: "Callable[[Tx], str]") -> "Pair | None":
    """Return both signatures over a text, where a second person is there."""
    from openleo.control.credential import Credential
    from openleo.control.pairs import sign_together

    if second is None:
        return None
    credential = Credential.read(second)
    actor = desk.plane.authenticate(credential.token)
    return sign_together(desk.read(text), desk.credential, credential, actor)


def cut_of(desk: "Desk", include: Sequence[str], second: Path | None, text: "Callable[[Tx], str]") -> "Cut":
    """Return the life-critical terminals that two people cut."""
    from openleo.control.critical import Cut

    return Cut(include=tuple(include), pair=pair_of(desk, second, text) if include else None)


def store_key(folder: Path, key_file: Path | None) -> bytes | None:
    """Return the key of a folder's store: from the file that is named, or else asking for the passphrase."""
    if not (folder / "keyslot.json").is_file():
        return None
    from openleo.control.sealing import KEY_FILE, PASSPHRASE, Secret, open_slot, read_secret, slot_kind

    if key_file is not None:
        return open_slot(folder, read_secret(key_file))
    if slot_kind(folder) == KEY_FILE:
        raise BadInput(f"the store in {folder} is sealed with a key file", "name it with --key-file")
    typed = click.prompt(f"Passphrase of {folder}", hide_input=True, err=True)
    return open_slot(folder, Secret(kind=PASSPHRASE, value=str(typed).encode()))
