"""One slot of a run laid out for look-ups: how every cell and terminal fares, and over which satellite."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from openleo.live.history import Archive, History
from openleo.live.looking.words import mbps, ms
from openleo.results.choice import ALL_SECONDS, beam_shares, bits_set
from openleo.results.moment import Moment, moment_of
from openleo.snapshot.causes import Cause, Reason

Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Scene:
    """A slot.  Arrays are by row: of cells (K,) as frames number them, of terminals (U,)."""

    archive: Archive
    run: History
    moment: Moment

    @property
    def slot(self) -> int:
        """The slot."""
        return self.moment.slot

    @cached_property
    def cells(self) -> pl.DataFrame:
        """The rows of the cells table, in the order of frames."""
        return self.moment.cells.sort("cell")

    @cached_property
    def info(self) -> pl.DataFrame:
        """What stays of each cell, in the order of frames."""
        return self.archive.statics["cell_index"][self.archive.tracked]

    @cached_property
    def cell_of(self) -> Ints:
        """The cell of each terminal."""
        return self.archive.rank[self.moment.cell_of(self.run)].astype(np.int64)

    @cached_property
    def seconds(self) -> Ints:
        """The online seconds of each terminal, as bits."""
        by_cell = np.where(self.cells["cause"].to_numpy() == Cause.ONLINE, ALL_SECONDS, 0)
        return self._overridden(by_cell[self.cell_of], "seconds")

    @cached_property
    def cause(self) -> Ints:
        """Why each terminal is dark in the seconds that are not online."""
        return self._overridden(self.cells["cause"].to_numpy().astype(np.int64)[self.cell_of], "cause")

    @cached_property
    def fault(self) -> Ints:
        """The fault behind it, -1 none."""
        return self._overridden(self.cells["fault"].to_numpy().astype(np.int64)[self.cell_of], "fault")

    @cached_property
    def rule(self) -> Ints:
        """The rule behind it, -1 none."""
        return self._overridden(np.full(len(self.cell_of), -1, np.int64), "rule")

    def _overridden(self, values: Ints, name: str) -> Ints:
        own = self.moment.overrides
        values[own["terminal"].to_numpy()] = own[name].to_numpy()
        return values

    @cached_property
    def places(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Latitude and longitude of each terminal; of a moving one where it last entered a cell."""
        terminals = self.archive.statics["terminals"]
        found = []
        for name in ("latitude_deg", "longitude_deg"):
            values = terminals[name].to_numpy().copy()
            values[self.moment.moves["terminal"].to_numpy()] = self.moment.moves[name].to_numpy()
            found.append(values)
        return found[0], found[1]

    @cached_property
    def _beams(self) -> tuple[pl.DataFrame, Ints, Ints]:
        """The slot's beams by cell, where each cell's begin, and the units up to each row."""
        beams = self.moment.beams.sort("cell", maintain_order=True)
        begins = np.searchsorted(beams["cell"].to_numpy(), self.archive.tracked)
        return beams, begins.astype(np.int64), np.cumsum(bits_set(beams["colours"].to_numpy()))

    def ways(self, terminals: Ints) -> list[tuple[int, int, int] | None]:
        """Return (satellite, gateway, round trip in us) of each terminal; None while it is dark."""
        beams, begins, upto = self._beams
        satellite, gateway = beams["satellite"].to_list(), beams["gateway"].to_list()
        way = (beams["user_us"] + beams["feeder_us"] + beams["fibre_us"]).to_list()
        rtt = self.cells["rtt_us"].to_list()
        shares = beam_shares(int(self.run.manifest["seed"]), terminals).tolist()
        ends = np.append(begins[1:], len(beams))
        found: list[tuple[int, int, int] | None] = []
        for terminal, share in zip(terminals.tolist(), shares, strict=True):
            cell = int(self.cell_of[terminal])
            first, end = int(begins[cell]), int(ends[cell])
            if not self.seconds[terminal] or first == end:
                found.append(None)
                continue
            before = int(upto[first - 1]) if first else 0
            place = before + ((share * (int(upto[end - 1]) - before)) >> 32)
            row = int(np.searchsorted(upto[first:end], place, side="right")) + first
            found.append((satellite[row], gateway[row], rtt[cell] + 2 * (way[row] - way[first])))
        return found

    def name(self, table: str, row: int, column: str = "name") -> str | None:
        """Return the name of a row, None for -1."""
        if row < 0:
            return None
        frame = self.run.rules if table == "rules" else self.archive.statics[table]
        return str(frame[column][row])

    def cell(self, row: int, place: str) -> dict[str, Any]:
        """Return a cell as lists show it."""
        c, info = self.cells.row(row, named=True), self.info.row(row, named=True)
        return {
            "row": row,
            "h3": info["h3"],
            "latitude_deg": round(info["latitude_deg"], 5),
            "longitude_deg": round(info["longitude_deg"], 5),
            "country": info["country"],
            "place": place,
            "cause": Cause(c["cause"]).name,
            "reason": None if c["reason"] == 0 else Reason(c["reason"]).name.lower(),
            "fault": self.name("faults", c["fault"]),
            "asking": c["asking"],
            "seen": c["seen"],
            "outside_gso": c["outside_gso"],
            "in_view": c["in_view"],
            "with_route": c["with_route"],
            "satellite": self.name("satellites", c["satellite"]),
            "gateway": self.name("gateways", c["gateway"]),
            "satellites": c["satellites"],
            "units": c["units"],
            "handover": c["handover"],
            "rtt_ms": ms(c["rtt_us"]),
            "rate_mbps": mbps(c["rate_kbps"]),
        }

    def beams_of(self, row: int) -> list[dict[str, Any]]:
        """Return the beams of a cell, the first satellite first."""
        beams, begins, _ = self._beams
        cell = int(self.archive.tracked[row])
        rows = beams[int(begins[row]) :].filter(pl.col("cell") == cell)
        return [
            {
                "satellite": self.name("satellites", b["satellite"]),
                "gateway": self.name("gateways", b["gateway"]),
                "units": int(b["colours"]).bit_count(),
                "user_ms": ms(b["user_us"]),
                "feeder_ms": ms(b["feeder_us"]),
                "fibre_ms": ms(b["fibre_us"]),
                "rate_mbps": mbps(b["rate_kbps"]),
            }
            for b in rows.iter_rows(named=True)
        ]

    def terminals(self, rows: Iterable[int], *, positions: bool) -> list[dict[str, Any]]:
        """Return terminals as lists show them."""
        wanted = np.fromiter(rows, np.int64)
        table = self.archive.statics["terminals"]
        latitude, longitude = self.places
        found = []
        for row, way, info in zip(
            wanted.tolist(), self.ways(wanted), table[wanted].iter_rows(named=True), strict=True
        ):
            cell = int(self.cell_of[row])
            satellite, gateway, rtt_us = way or (-1, -1, None)
            found.append(
                {
                    "row": row,
                    "id": info["id"],
                    "kind": info["kind"],
                    "account": info["account"],
                    "group": info["group"],
                    "cell": cell,
                    "h3": self.info["h3"][cell],
                    "latitude_deg": round(float(latitude[row]), 5) if positions else None,
                    "longitude_deg": round(float(longitude[row]), 5) if positions else None,
                    "moving": info["moving"],
                    "cause": Cause(int(self.cause[row])).name,
                    "online_s": int(self.seconds[row]).bit_count(),
                    "rule": self.name("rules", int(self.rule[row]), "id"),
                    "fault": self.name("faults", int(self.fault[row])),
                    "satellite": self.name("satellites", satellite),
                    "gateway": self.name("gateways", gateway),
                    "rtt_ms": ms(rtt_us),
                }
            )
        return found


def scene_of(archive: Archive, slot: int) -> Scene:
    """Return a slot laid out."""
    run = archive.history(slot, slot + 1)
    return Scene(archive, run, moment_of(run, slot))
