"""Plans: what a service line may do (speed, ocean, roaming, how far from home)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, select

from openleo.base.errors import BadInput
from openleo.control.areas import need_version
from openleo.control.decided import Note, change, check_country, check_positive, find, make
from openleo.control.plane import Tx
from openleo.control.schema import plans
from openleo.control.switching import AlreadySo


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What a plan allows; None: no limit.  ``roaming``: None is anywhere, () only the address's country."""

    title: str = ""
    max_speed_kmh: float | None = None
    ocean: bool = True
    roaming: Sequence[str] | None = None
    flyover_kmh: float | None = None
    flyover_countries: Sequence[str] = ()
    max_distance_km: float | None = None

    def columns(self) -> dict[str, Any]:
        """Return it as the table holds it; raises BadInput for what cannot be."""
        for name in ("max_speed_kmh", "flyover_kmh", "max_distance_km"):
            check_positive(name, getattr(self, name))
        if bool(self.flyover_countries) != (self.flyover_kmh is not None):
            raise BadInput(
                "a flyover limit is a speed and the countries that have it",
                "give both --flyover-kmh and --flyover-countries, or neither",
            )
        return {
            "title": self.title, "max_speed_kmh": self.max_speed_kmh, "ocean": self.ocean,
            "roaming": None if self.roaming is None else sorted(map(check_country, self.roaming)),
            "flyover_kmh": self.flyover_kmh,
            "flyover_countries": sorted(map(check_country, self.flyover_countries)),
            "max_distance_km": self.max_distance_km, "active": True,
        }  # fmt: skip


def set_plan(
    tx: Tx, name: str, terms: Terms, *, reason: str = "", effective: datetime | None = None,
    version: int | None = None,
) -> Row[Any]:  # fmt: skip
    """Make a plan, or give one new terms."""
    tx.require("account.write")
    columns = terms.columns()
    row = tx.conn.execute(select(plans).where(plans.c.id == name)).one_or_none()
    if row is None:
        make(tx, "plan", name, columns, Note(kind="plan.made", reason=reason, effective=effective))
        return find(tx.conn, "plan", name)
    need_version("plan", row, version)
    changes = differing(row, columns)
    if not changes:
        raise AlreadySo(f"plan {name} is so already", "see `openleo account plans`")
    change(tx, "plan", row, changes, Note(kind="plan.changed", reason=reason, effective=effective))
    return find(tx.conn, "plan", name)


def differing(row: Row[Any], columns: Mapping[str, Any]) -> dict[str, Any]:
    """Return the columns that a row does not hold already."""
    return {key: value for key, value in columns.items() if row._mapping[key] != value}
