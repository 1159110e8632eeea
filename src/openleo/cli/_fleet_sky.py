"""`openleo fleet sky`: what hides a dish's sky, drawn."""

import asyncio
import json
import shlex
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from openleo.base.errors import BadInput
from openleo.cli._fleet import At, data_words, fleet_options
from openleo.cli._fleet_looking import looking, tell

if TYPE_CHECKING:
    from openleo.fleet.why.sky import Sky


@click.command("sky")
@click.argument("terminal", required=False)
@click.option("--dish", "address", metavar="ADDRESS", help="Ask this dish; needs no register.")
@click.option("--source", metavar="IP|INTERFACE", help="With --dish: ask from this address or interface.")
@fleet_options
def sky(at: At, *, terminal: str | None, address: str | None, source: str | None) -> None:
    """Ask a dish for its obstruction map and draw it: what of its sky is hidden, and where.

    TERMINAL is named as for `openleo fleet why`; its dish has to be one that is polled from here.
    """
    if (terminal is None) == (address is None):
        raise click.UsageError("name a TERMINAL, or a dish with --dish ADDRESS")
    if terminal is not None and source is not None:
        raise click.UsageError("--source goes with --dish; the register has that of a TERMINAL's dish")
    wanted = [(address, address, source)] if address is not None else list(_dishes(at, str(terminal)))
    values = []
    for name, at_address, from_source in wanted:
        found = _ask(at_address, from_source)
        values.append(_plain(name, at_address, found))
        if not at.as_json:
            tell([f"{name}: {found.words}", *(_drawing(found) if found.known else ())])
    if at.as_json:
        click.echo(json.dumps(values[0] if len(values) == 1 else values, ensure_ascii=False))


def _dishes(at: At, name: str) -> Iterator[tuple[str, str, str | None]]:
    """Yield what each terminal meant is called, its dish's address, and ours to ask from."""
    from openleo.fleet.why.words import name_of

    with looking(at, control=False) as fleet:
        terminals = fleet.find(name)
        dishes = {t: fleet.dishes[t] for t in terminals if t in fleet.dishes}
        called = {t: name_of(fleet.subjects[t]) for t in terminals}
        kits = {t: fleet.subjects[t].kit or t for t in terminals}
    if not dishes:
        kit = shlex.quote(kits[terminals[0]])
        raise BadInput(
            f"the dish of {called[terminals[0]]} is not polled from here",
            "ask it from its site: `openleo fleet sky --dish 192.168.100.1`; or have it polled: "
            f"`openleo fleet add ADDRESS --kit {kit}{data_words(at)}`",
        )
    for one, dish in dishes.items():
        yield called[one], dish.address, dish.source or None


def _ask(address: str, source: str | None) -> "Sky":
    from openleo.dish.reading import DishError
    from openleo.fleet.why.directly import no_dish
    from openleo.fleet.why.sky import read_sky

    try:
        return asyncio.run(read_sky(address, source))
    except DishError as error:
        if error.kind in ("unsupported", "denied"):
            raise BadInput(
                f"{address} does not tell its obstruction map: {error.detail}", error.hint
            ) from error
        raise no_dish(address, error) from error


def _drawing(found: "Sky") -> Iterator[str]:
    yield ""
    yield from found.picture()
    yield ""
    yield found.legend()


def _plain(name: str, address: str, found: "Sky") -> dict[str, Any]:
    return {
        "name": name, "address": address, "hidden_share": found.hidden_share, "towards": found.towards,
        "frame": "earth" if found.earth else "dish", "rim_deg": found.rim_deg,
        "rows": found.rows, "columns": found.columns, "snr": [round(v, 3) for v in found.snr],
    }  # fmt: skip


COMMANDS: tuple[click.Command, ...] = (sky,)
