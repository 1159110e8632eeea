"""Changing what a terminal is: whose, on which line, whether lives depend on it; and in which area."""

from typing import Annotated

from fastapi import APIRouter, Response
from pydantic import Field

from openleo.api.calls import Changing, Matches, Reads
from openleo.api.pairs import PairIn, pair_of
from openleo.api.routers.people import ToSign
from openleo.api.routers.terminals import DoneOut, done_out
from openleo.api.routes import On, changes, reads
from openleo.api.shapes import Instant, Name, Reason, Sent, TerminalId
from openleo.control.amending import Amendment, amend, amend_text
from openleo.control.inventory import Selection, find_terminal
from openleo.control.pairs import Pair
from openleo.control.plane import Tx

router = APIRouter(prefix="/v1/terminals", tags=["terminals"])
WhoDepends = Annotated[str, Field(max_length=200, description="who depends on it")]


class ChangeTerms(Sent):
    """What acts on service: what is not named stays.  ``line`` may be "none"."""

    life_critical: bool | None = None
    account: Name | None = None
    line: Name | None = None
    reason: Reason
    effective: Instant | None = None

    def amendment(self) -> Amendment:
        """Return it as the domain names it."""
        return Amendment(life_critical=self.life_critical, account=self.account, line=self.line)


class ChangeIn(ChangeTerms):
    """The same, with the two people where lives depend on the terminal."""

    pair: PairIn | None = None


class PlaceIn(Sent):
    """In whose area it is ("none": nobody's), and who depends on it."""

    area: Name | None = None
    name: WhoDepends | None = None
    reason: Reason


def _amended(
    call: Changing, tx: Tx, terminal: str, action: str, wanted: Amendment, body: ChangeIn | PlaceIn,
    pair: Pair | None = None,
) -> DoneOut:  # fmt: skip
    call.need_match("terminal", find_terminal(tx, terminal, action))
    effective = body.effective if isinstance(body, ChangeIn) else None
    which = Selection(ids=(terminal,))
    return done_out(amend(tx, which, wanted, reason=body.reason, effective=effective, pair=pair))


@router.patch(
    "/{terminal}", response_model=DoneOut, **changes("terminal.activate", On.TERMINAL, matched=True)
)
async def change(call: Matches, terminal: TerminalId, body: ChangeIn) -> Response:
    """Change whose a terminal is, its line, or whether lives depend on it."""
    pair = await pair_of(call.services, body.pair)
    wanted = body.amendment()
    return await call.act(lambda tx: _amended(call, tx, terminal, "terminal.activate", wanted, body, pair))


@router.post("/{terminal}/change/to-sign", response_model=ToSign, **reads("terminal.activate", On.TERMINAL))
async def change_text(call: Reads, terminal: TerminalId, body: ChangeTerms) -> Response:
    """Return what two people sign to change a terminal that lives depend on; it changes nothing."""

    def found(tx: Tx) -> ToSign:
        find_terminal(tx, terminal, "terminal.activate")
        text = amend_text(
            tx, Selection(ids=(terminal,)), body.amendment(), reason=body.reason, effective=body.effective
        )
        return ToSign(to_sign=text)

    return await call.read(found)


@router.put(
    "/{terminal}/place", response_model=DoneOut, **changes("terminal.onboard", On.TERMINAL, matched=True)
)
async def place(call: Matches, terminal: TerminalId, body: PlaceIn) -> Response:
    """Say in whose area a terminal is, and who depends on it: its area decides whose people may act on it."""
    wanted = Amendment(area=body.area, name=body.name)
    return await call.act(lambda tx: _amended(call, tx, terminal, "terminal.onboard", wanted, body))
