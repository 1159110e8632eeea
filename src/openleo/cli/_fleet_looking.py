"""What `openleo fleet`, `fleet why` and `fleet report` share: the fleet of a data folder, and printing."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from openleo.cli._control import control_folder
from openleo.cli._fleet import At

if TYPE_CHECKING:
    from openleo.fleet.looking import Looking


def tell(lines: Iterable[str]) -> None:
    """Print lines; of strangers' words, such as names of sites and software, nothing that a screen obeys."""
    for line in lines:
        click.echo("".join(c if c.isprintable() else "?" for c in line))


@contextmanager
def looking(at: At, *, control: bool = True) -> "Iterator[Looking]":
    """Open the fleet of a data folder, with what a control plane beside it decided."""
    from openleo.fleet import looking as fleet

    with fleet.looking(at.folder, control_folder(at.data) if control else None) as found:
        yield found
