"""What the commands about terminals share: which ones are meant, the second person, and how acts are told."""

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import update_wrapper
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

import click

from openleo.cli._control import Desk, Where, show
from openleo.cli._deciding import at_slot
from openleo.cli._text import counted

if TYPE_CHECKING:
    from openleo.control.acts import Done
    from openleo.control.inventory import Selection
    from openleo.control.pairs import Pair
    from openleo.control.plane import Tx

F = TypeVar("F", bound=Callable[..., Any])
Which = Callable[[], "Selection"]

_STATES = ("stocked", "shipped", "received", "active", "suspended", "held", "revoked", "captured")
_FILTERS = (
    click.option("--batch", metavar="BATCH", help="Those of a batch."),
    click.option("--account", metavar="ACCOUNT", help="Those of an account."),
    click.option("--area", metavar="AREA", help="Those whose people an area's are."),
    click.option("--state", type=click.Choice(_STATES), help="Those in a state."),
    click.option(
        "--life-critical/--not-life-critical", "life_critical", default=None,
        help="Only those, or the others.",
    ),
)  # fmt: skip


def which_options(function: F) -> F:
    """Add [ID]... and the filters; the command gets ``which``, a function that returns the selection."""

    def wrapped(
        ids: tuple[str, ...], batch: str | None, account: str | None, area: str | None, state: str | None,
        life_critical: bool | None, **rest: Any,
    ) -> Any:  # fmt: skip
        def which() -> "Selection":
            from openleo.control.inventory import Selection
            from openleo.control.life import State

            return Selection(
                ids=ids, batch=batch, account=account, area=area,
                state=None if state is None else State(state), life_critical=life_critical,
            )  # fmt: skip

        return function(which=which, **rest)

    update_wrapper(wrapped, function)
    for option in reversed(_FILTERS):
        wrapped = option(wrapped)
    return cast(F, click.argument("ids", metavar="[ID]...", nargs=-1)(wrapped))


def second_option(function: F) -> F:
    """Add ``--second``: the credential of the other person, for life-critical terminals."""
    option = click.option(
        "--second", type=click.Path(path_type=Path), metavar="FILE",
        help="The credential of a second person, who approves: life-critical terminals take two.",
    )  # fmt: skip
    return option(function)


def pair_of(
    desk: Desk,
    second: Path | None,
    verb: str,
    which: "Selection",
    *,
    reason: str,
    since: datetime | None = None,
    effective: datetime | None = None,
) -> "Pair | None":
    """Return what both people sign where it takes two; None where nobody was brought or one is enough."""
    if second is None:
        return None
    from openleo.control.acts import to_sign
    from openleo.control.credential import Credential
    from openleo.control.pairs import sign_together

    def text_of(tx: "Tx") -> str | None:
        return to_sign(tx, verb, which, reason=reason, since=since, effective=effective)

    text = desk.read(text_of)
    if text is None:
        return None
    other = Credential.read(second)
    return sign_together(text, desk.credential, other, desk.plane.authenticate(other.token))


def tell_done(where: Where, done: "Done", what: str, *, hint: str = "") -> None:
    """Say what was done, to how many, from when on, and where the log has it."""
    who = done.ids[0] if len(done.ids) == 1 else counted(len(done.ids), "terminal")
    since = f" from {at_slot(done.slot)}" if done.slot else ""
    value = {
        "done": what, "terminals": list(done.ids), "entry": done.entry, "slot": done.slot,
        "effective": at_slot(done.slot) if done.slot else None, "remarks": list(done.remarks),
    }  # fmt: skip
    lines = [f"{who}: {what}{since} (entry {done.entry} of the log)", *done.remarks]
    show(where, value, [*lines, hint] if hint else lines)


def states_line(counts: dict[str, int]) -> str:
    """Return how many are in each state, in one line."""
    return ", ".join(f"{count:,} {state}" for state, count in counts.items())


def yes_no(flag: bool) -> str:
    """Return yes, or nothing: a column in which only what matters stands."""
    return "yes" if flag else ""


def described(rows: Sequence[tuple[str, object]]) -> list[str]:
    """Return lines of name and value, without those that say nothing."""
    kept = [(name, value) for name, value in rows if value not in (None, "", False)]
    width = max(len(name) for name, _ in kept)
    return [f"{name.ljust(width)}  {value}" for name, value in kept]
