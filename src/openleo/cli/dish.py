"""`openleo dish`: dishes that do what a file says, for those who build tools."""

import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from openleo.dish.stage import Stage

_LOOKS_S = 0.1


@click.command("dish")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--at", "first", default="127.64.0.1", show_default=True, metavar="ADDRESS",
              help="The first dish's loopback address; the others follow.")  # fmt: skip
@click.option("--port", type=click.IntRange(0, 65_535), default=9200, show_default=True,
              help="The gRPC port of each; 0 for any.")  # fmt: skip
@click.option("--web-port", type=click.IntRange(0, 65_535), default=9201, show_default=True,
              help="The gRPC-Web port of each; 0 for any.")  # fmt: skip
@click.option("--list", "listing", type=click.Path(path_type=Path), metavar="CSV",
              help="Also write name, id and address of each there.")  # fmt: skip
def command(file: Path, first: str, port: int, web_port: int, listing: Path | None) -> None:
    """Serve the dishes of a TOML FILE, each at an address of its own, until Ctrl-C.

    Each [[dishes]] has a state (ONLINE, OBSTRUCTED, NO_GATEWAY, CELL_IS_DISABLED, POWER_OFF, ...), figures, a
    firmware, and what comes of it later ([[dishes.then]]); docs/terminal-api.md has every key.  They answer
    what a real dish answers, and do what they are told.  For the terminals of a whole network see `openleo
    serve --terminals`.
    """
    import asyncio
    import time

    from openleo.dish.serving import check_loopback, row_of_address
    from openleo.dish.stage import read_stage

    stage = read_stage(file, now_s=int(time.time()))
    row = row_of_address(first)
    check_loopback(first)
    with suppress(KeyboardInterrupt):
        asyncio.run(_serve(stage, row, port, web_port, listing))


async def _serve(stage: "Stage", first: int, port: int, web_port: int, listing: Path | None) -> None:
    import asyncio
    import time

    from openleo.dish.serving import loopback_address, serve

    hosts = [loopback_address(first + n) for n in range(len(stage.dishes))]
    async with serve(stage.dishes, hosts=hosts, port=port, web_port=web_port) as served:
        rows = list(
            zip(stage.names, [i.id for i in stage.dishes.identities], map(served.address, range(len(hosts))),
                strict=True)
        )  # fmt: skip
        if listing is not None:
            _write_list(listing, rows)
        for name, dish, address in rows[:20]:
            click.echo(f"{address:22} {dish}  {name if name != dish else ''}".rstrip())
        if len(rows) > 20:
            click.echo(f"and {len(rows) - 20} more")
        click.echo("serving; stop with Ctrl-C")
        sys.stdout.flush()
        while True:
            stage.advance_to(int(time.time()))
            await served.settle()
            await asyncio.sleep(_LOOKS_S)


def _write_list(path: Path, rows: list[tuple[str, str, str]]) -> None:
    import csv
    import io

    from openleo.results.store import write_whole

    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(("name", "terminal", "address"))
    writer.writerows(rows)
    write_whole(path, out.getvalue().encode())
