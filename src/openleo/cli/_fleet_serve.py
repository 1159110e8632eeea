"""`openleo fleet serve`: the page and API of a real fleet, without any scenario."""

from pathlib import Path

import click

from openleo.base.errors import BadInput

_PORT = 8350


@click.command("serve")
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option(
    "--port", type=click.IntRange(0, 65_535), default=_PORT, show_default=True, help="The port; 0 for any."
)
@click.option("--control-less", is_flag=True, help="Leave the control database aside: no login.")
@click.option("--key-file", type=click.Path(path_type=Path), envvar="OPENLEO_KEY_FILE", metavar="FILE",
              help="The key of a sealed control database, or OPENLEO_KEY_FILE.")  # fmt: skip
@click.option("--data", type=click.Path(path_type=Path), metavar="DIR",
              help="Where data lives (default: OPENLEO_HOME, else the platform's folder).")  # fmt: skip
def serve(host: str, port: int, control_less: bool, key_file: Path | None, data: Path | None) -> None:
    """Serve the page and API of the fleet, and do its jobs, until Ctrl-C.

    It shows what `openleo fleet watch` and `openleo ingest` keep: run them beside it.  Where DIR holds a
    control database people log in, and may start jobs with the permission fleet.act; else everybody on this
    machine may look, and nobody acts by the page.
    """
    from openleo.cli._control import control_folder, data_folder
    from openleo.cli.serve import fleet_told, key_told, need_loopback, serve_all

    control = control_folder(data)
    found = None if control_less or not (control / "control.db").is_file() else control
    need_loopback(host, found)
    fleet = fleet_told(data_folder(data))
    if fleet is None:
        raise BadInput(
            f"there is no fleet in {data_folder(data)}",
            "add a dish with `openleo fleet add`, kits with `openleo fleet import`, or name another --data",
        )
    told = {
        "control": None if found is None else str(found), "key": key_told(found, key_file), "fleet": fleet,
    }  # fmt: skip
    serve_all("the fleet", [], told, host, port)


COMMANDS: tuple[click.Command, ...] = (serve,)
