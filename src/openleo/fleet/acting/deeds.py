"""What jobs of ours have told terminals, for saying why these are dark: what we did is not to be guessed."""

from collections.abc import Sequence
from typing import Final

import msgspec

from openleo.fleet.acting.jobs import TABLES
from openleo.fleet.acting.orders import Order
from openleo.fleet.database import FleetDatabase
from openleo.fleet.why.inputs import Deed, JobTold

_MOST: Final = 20_000  # of the latest; what was told before that no longer says anything of now
_DARKENS_NOT: Final = frozenset({"inhibit-gps", "clear-map"})  # and so hides nothing that was told before
_DEEDS: Final = (
    "SELECT s.terminal, s.job, s.told_ns, j.order_, j.by, j.reason"
    " FROM job_steps s JOIN jobs j ON j.id = s.job WHERE s.told_ns IS NOT NULL"
    " AND s.state NOT IN ('waiting', 'refused', 'unreachable', 'left') ORDER BY s.told_ns DESC LIMIT ?"
)
_JOBS: Final = (
    "SELECT j.id, j.made_ns, j.order_, j.by, j.reason, j.state, sum(s.told_ns IS NOT NULL), count(*)"
    " FROM jobs j JOIN job_steps s ON s.job = j.id GROUP BY j.id ORDER BY j.made_ns DESC LIMIT ?"
)


def read_deeds(database: FleetDatabase) -> list[Deed]:
    """Return what terminals were told, the latest first."""
    database.make(TABLES)
    found = []
    for terminal, job, told_ns, text, by, reason in database.rows(_DEEDS, (_MOST,)):
        order = Order(**msgspec.json.decode(text))
        if order.action in _DARKENS_NOT:
            continue
        action = order.action if order.cuts or order.action == "unstow" else f"no more {order.action}"
        found.append(Deed(terminal=terminal, job=job, action=action, told_ns=told_ns, by=by, reason=reason))
    return found


def read_jobs(database: FleetDatabase) -> Sequence[JobTold]:
    """Return the latest jobs, the latest first."""
    database.make(TABLES)
    return [
        JobTold(
            at_ns=made_ns,
            says=f"job {job} ({state}): {Order(**msgspec.json.decode(text)).says()}; {told or 0:,} of {of:,}"
            f" terminal{'s' * (of != 1)} told, by {by}: {reason}",
        )
        for job, made_ns, text, by, reason, state, told, of in database.rows(_JOBS, (1_000,))
    ]
