"""What the tests about terminals share: some terminals in stock, and ways to go on with them."""

from base64 import b64decode
from datetime import datetime
from typing import Any

import numpy as np
from control_world import World
from sqlalchemy import select

from openleo.control import custody, enrolment, onboarding
from openleo.control.acts import to_sign
from openleo.control.check_ins import CheckIn, Heard, check_in
from openleo.control.inventory import Selection
from openleo.control.keys import new_seed, public_of, sign
from openleo.control.moved import Evidence
from openleo.control.pairs import Pair, sign_together
from openleo.control.schema import incidents, terminals
from openleo.ground.cells import cells_in_circle
from openleo.ground.packed_cells import pack_cells

KHERSON = (46.64, 32.61)
REGION = cells_in_circle(*KHERSON, 60e3)


def stock(world: World, text: str, **how: str) -> tuple[str, ...]:
    """Onboard the rows of a file as amina."""
    source = onboarding.Source.of(text.encode(), "batch.csv")
    return world.act("amina", lambda tx: onboarding.onboard(tx, source, **how)).ids


def prepare(world: World) -> None:
    """Give the network an active account, a plan and an area around Kherson."""
    world.add("account", "relief", status="active", title="", reason="", cut_terminals=[])
    world.add("plan", "fixed", title="", ocean=True, active=True)
    cells = np.sort(REGION)
    world.add(
        "area", "kherson", kind="enforced", title="", switch="on", cells=pack_cells(cells),
        cell_count=len(cells), except_accounts=[], cut_terminals=[], active=True,
    )  # fmt: skip


def serve(world: World, count: int = 3, *, extra: str = "") -> tuple[str, ...]:
    """Bring terminals ut-0, ut-1, ... into service in the area around Kherson."""
    rows = "".join(f"ut-{n},standard,,\n" for n in range(count))
    ids = stock(
        world, f"id,kind,life_critical,name\n{rows}{extra}", account="relief", area="kherson", batch="b"
    )
    which = Selection(batch="b")
    world.act("amina", lambda tx: custody.hand(tx, which, to="depot"))
    world.act("amina", lambda tx: custody.activate(tx, which))
    return ids


def row_of(world: World, terminal: str) -> Any:
    """Return a terminal's row."""
    query = select(terminals).where(terminals.c.id == terminal)
    return world.read("amina", lambda tx: tx.conn.execute(query).one())


def incidents_of(world: World) -> list[Any]:
    """Return every incident, doubts among them."""
    return world.read("amina", lambda tx: list(tx.conn.execute(select(incidents))))


def pair(world: World, verb: str, which: Selection, second: str = "jonas", **how: Any) -> Pair:
    """Return what amina and a second person sign."""
    text = world.read("amina", lambda tx: to_sign(tx, verb, which, **how))
    assert text is not None
    return sign_together(text, world.credentials["amina"], world.credentials[second], world.people[second])


def enrolled(world: World, terminal: str) -> "Device":
    """Give a terminal a key, as its agent and an operator do."""
    device = Device(world, terminal)
    [code] = world.act("amina", lambda tx: enrolment.make_claim_codes(tx, Selection(ids=[terminal])))
    proof = device.sign(enrolment.to_prove(code.code, device.public_key))
    world.act("openleo", lambda tx: enrolment.enrol(tx, code.code, public_key=device.public_key, proof=proof))
    world.act("amina", lambda tx: enrolment.accept_key(tx, terminal))
    return device


class Device:
    """A terminal's agent: it has the key."""

    def __init__(self, world: World, terminal: str, seed: bytes | None = None) -> None:
        self.world, self.terminal = world, terminal
        self.seed = seed or new_seed()
        self.public_key = public_of(self.seed)
        assert len(b64decode(self.public_key)) == 32

    def sign(self, message: bytes) -> str:
        """Sign with the device's key."""
        return sign(self.seed, message)

    def word(self, boot: str, seq: int, at: datetime | None = None, position: Any = None) -> CheckIn:
        """Return a word of this device."""
        when = at or self.world.clock.now
        return CheckIn(terminal=self.terminal, boot=boot, seq=seq, at=when, position=position)

    def say(self, said: CheckIn, evidence: Evidence | None = None) -> Heard:
        """Say a word, signed."""
        signature = self.sign(said.to_sign())
        return self.world.act(
            "openleo", lambda tx: check_in(tx, said, signature=signature, evidence=evidence)
        )
