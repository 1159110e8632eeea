"""`openleo purge`: destroying a control plane's data."""

from pathlib import Path

import click

from openleo.base.errors import BadInput
from openleo.cli._control import control_folder
from openleo.cli._text import counted


@click.command("purge")
@click.option(
    "--data", type=click.Path(path_type=Path), metavar="DIR",
    help="Where data lives (default: OPENLEO_HOME, else the platform's folder).",
)  # fmt: skip
@click.option(
    "--yes-purge", "name", metavar="NAME", help="The network's name, for scripts: nothing is asked."
)
def command(data: Path | None, name: str | None) -> None:
    """Destroy a control plane's data, its key first.

    No key and no credential is needed, and a damaged store is destroyed too.  What is overwritten can
    survive on flash disks, in snapshots and in backups elsewhere; a sealed store's remains are unreadable.
    """
    from openleo.control.purge import purge
    from openleo.control.sealing import is_sealed

    folder = control_folder(data)
    if not folder.is_dir():
        raise BadInput(f"there is no control database in {folder}", "name its folder with --data")
    if name is None:
        click.echo(
            f"All that is in {folder} will be destroyed: people, decisions, keys and backups.", err=True
        )
        click.echo(_promise(is_sealed(folder)), err=True)
        name = str(click.prompt("Type the network's name to go on", err=True))
    done = purge(folder, name)
    click.echo(f"destroyed {counted(done.files, 'file')}, {done.bytes:,} bytes, in {folder}")
    click.echo(_promise(done.sealed))
    for path, why in done.left:
        click.echo(f"left: {path} ({why})")
    if done.left:
        raise BadInput(
            f"{counted(len(done.left), 'file')} could not be destroyed", "stop what uses them, then again"
        )


def _promise(sealed: bool) -> str:
    if sealed:
        return (
            "The store is sealed: with its key slot gone, what the disk still holds of it cannot be read.  "
            "Backups and key slots kept elsewhere are not reached."
        )
    return (
        "The store is not sealed: on a flash disk, a file system that copies on write, or one with "
        "snapshots, overwriting promises nothing.  Destroy the disk.  Backups elsewhere are not reached."
    )
