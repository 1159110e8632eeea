"""Life-critical terminals: who depends on them dies without them, so two people name each that is cut."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, select

from openleo.base.errors import BadInput
from openleo.control.areas import NeedsTwo
from openleo.control.pairs import Pair, need_pair, text_to_sign
from openleo.control.plane import Tx
from openleo.control.schema import terminals

_GONE = ("revoked", "captured")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """The life-critical terminals that an act is to cut, named by both people of a pair."""

    include: Sequence[str] = ()
    pair: Pair | None = None


def critical_of(conn: Connection, where: ColumnElement[Any]) -> list[str]:
    """Return the life-critical terminals, still in use, for which a condition holds."""
    query = select(terminals.c.id).where(terminals.c.life_critical, terminals.c.state.not_in(_GONE), where)
    return sorted(conn.execute(query).scalars())


def cut_text(tx: Tx, what: str, include: Sequence[str], *, reason: str) -> str:
    """Return what both people sign: what is done, and each terminal that it cuts."""
    lines = {"what": what, "cutting life-critical": ", ".join(sorted(include)) or "none"}
    return text_to_sign(tx, "cut", lines, reason=reason)


def need_cut(
    tx: Tx, what: str, cut: Cut, *, reason: str, critical: Sequence[str]
) -> tuple[str, dict[str, str]]:
    """Return (text, signatures) of two people who both named what is cut; nothing where nothing is.

    ``critical`` are the life-critical terminals that it may cut.  Raises BadInput for one that is not among
    them, NeedsTwo and the rest as `pairs.need_pair` does.  The second must be one who approves.
    """
    strangers = sorted(set(cut.include) - set(critical))
    if strangers:
        raise BadInput(f"{strangers[0]} is no life-critical terminal of this", "leave it out of --include")
    if not cut.include:
        return "", {}
    text = cut_text(tx, what, cut.include, reason=reason)
    named = f"cutting {', '.join(sorted(cut.include))}, life-critical,"
    return text, need_pair(tx, text, cut.pair, what=named, rights=[("decide.approve", None)])


def need_all_named(cut: Cut, critical: Sequence[str], what: str) -> None:
    """Raise NeedsTwo where an act that spares nobody would cut a life-critical terminal not named."""
    unnamed = sorted(set(critical) - set(cut.include))
    if unnamed:
        raise NeedsTwo(
            f"{what} would cut what lives depend on: {', '.join(unnamed)}",
            "two people name each: --include TERMINAL ... --second FILE; or leave it out",
        )
