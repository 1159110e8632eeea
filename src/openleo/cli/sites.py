"""`openleo sites`: the gateways and points of presence that scenarios name."""

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click
import numpy as np
from numpy.typing import NDArray

from openleo.base.errors import BadInput
from openleo.cli._text import columns, counted
from openleo.ground.countries import iso_code
from openleo.ground.sites import BUILT_IN_DAY, Gateways, Pops, load_gateways, load_pops

if TYPE_CHECKING:
    from openleo.ground.places import Place

_HEADERS = {
    "gateways": ("name", "country", "latitude_deg", "longitude_deg", "antennas", "status", "source"),
    "pops": ("name", "country", "latitude_deg", "longitude_deg", "code", "source"),
}
_DISTANCE = "distance_km"


@click.command("sites")
@click.argument("what", metavar="[gateways|pops]", type=click.Choice(list(_HEADERS)), default="gateways")
@click.option("--country", metavar="CC", help="Only those of a country, such as PL.")
@click.option("--near", metavar="PLACE", help='Nearest first, with the distance: "Kyiv" or "50.45,30.52".')
@click.option("--table", type=click.Path(path_type=Path), metavar="FILE", help="A CSV of your own to list.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "csv"]),
    default="text",
    help="How to print (default: text).",
)
def command(what: str, country: str | None, near: str | None, table: Path | None, form: str) -> None:
    """List the gateways or points of presence that there are.

    Their names are those that a scenario's gateways.include, pops.include and faults take.
    """
    sites: Gateways | Pops = load_gateways(table) if what == "gateways" else load_pops(table)
    rows = _chosen(sites, country)
    header, distance_km = list(_HEADERS[what]), None
    place = None
    if near is not None:
        from openleo.ground.places import find_place

        place = find_place(near)
        distance_km = _distances_km(sites, place)
        rows = rows[np.argsort(distance_km[rows], kind="stable")]
        header.insert(1, _DISTANCE)
    cells = [
        _cells(sites, row, None if distance_km is None else float(distance_km[row])) for row in rows.tolist()
    ]
    lines = _csv(header, cells) if form == "csv" else _text(what, header, cells)
    if form == "text":
        since = f", as of {BUILT_IN_DAY}" if table is None and what == "gateways" else ""
        where = "" if place is None else f", nearest to {place.label} first"
        lines = [
            f"{counted(len(rows), 'gateway' if what == 'gateways' else 'PoP')}{since}{where}",
            "",
            *lines,
        ]
    click.echo("\n".join(lines))


def _chosen(sites: Gateways | Pops, country: str | None) -> NDArray[np.intp]:
    """Return the rows of a country, or all; BadInput where the country has none."""
    if country is None:
        return np.arange(len(sites))
    code = country.upper()
    rows = np.flatnonzero([c == code for c in sites.country])
    if len(rows) == 0:
        meant = iso_code(country)
        hint = f"did you mean {meant}? " if meant in sites.country else ""
        raise BadInput(
            f"the table has none in country {country!r}", hint + "--near PLACE lists the nearest anywhere"
        )
    return rows


def _distances_km(sites: Gateways | Pops, place: "Place") -> NDArray[np.float64]:
    from openleo.ground.frames import great_circle_m

    here = np.radians([place.latitude_deg, place.longitude_deg])
    latitude, longitude = np.radians(sites.latitude_deg), np.radians(sites.longitude_deg)
    distance_m: NDArray[np.float64] = great_circle_m(here[0], here[1], latitude, longitude)
    return distance_m / 1e3


def _cells(sites: Gateways | Pops, row: int, distance_km: float | None) -> list[str]:
    """Return one site's cells in the order of the header."""
    cells = [sites.name[row]]
    if distance_km is not None:
        cells.append(f"{distance_km:.0f}")
    cells += [sites.country[row], f"{sites.latitude_deg[row]:g}", f"{sites.longitude_deg[row]:g}"]
    if isinstance(sites, Gateways):
        cells += [str(sites.antennas[row]), sites.status[row]]
    else:
        cells += [sites.code[row]]
    return [*cells, sites.source[row]]


def _csv(header: Sequence[str], cells: Sequence[Sequence[str]]) -> list[str]:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows([header, *cells])
    return out.getvalue().splitlines()


def _text(what: str, header: Sequence[str], cells: Sequence[Sequence[str]]) -> list[str]:
    """Return the table; what it is for stands below it."""
    titles = [name.replace("_deg", "").replace("_km", " km") for name in header]
    numbers = {"latitude_deg", "longitude_deg", "antennas", _DISTANCE}
    right = frozenset(i for i, name in enumerate(header) if name in numbers)
    return [
        *columns([titles, *cells], right=right),
        "",
        f'a scenario takes them by name: {what}.include = ["{cells[0][0]}"]',
    ]
