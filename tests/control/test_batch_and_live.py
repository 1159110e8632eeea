"""What the live network serves slot by slot is what a run of the same decisions serves afterwards.

Both ask one code: `control.replay.live_rules` before each slot, `scenario.decisions.decided_rules` for a
whole run.  Here people decide this and that while slots pass, each slot's rules are taken when they freeze,
and then the log is run as a batch: every terminal must show the same code by the same rule in every slot.
"""

import json
import random
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from control_world import World
from deciding import approved, asked, confirmed, define, emergency, proposed
from sqlalchemy import select

from openleo.base.clock import first_slot_from, format_utc, slot_start, to_datetime64
from openleo.base.errors import OpenleoError
from openleo.control import custody, revocation
from openleo.control.accounts import enable, end
from openleo.control.amending import Amendment, amend
from openleo.control.inventory import Selection
from openleo.control.lines import set_line
from openleo.control.lists import NewList, lift_list, set_list
from openleo.control.network import CUT_OFF, EMERGENCY_SLOTS
from openleo.control.onboarding import Source, onboard
from openleo.control.plans import Terms, set_plan
from openleo.control.replay import decisions_of, live_rules
from openleo.control.schema import entries
from openleo.control.switching import sweep
from openleo.ground.cells import cell_centre_deg, cells_in_circle
from openleo.ground.land import land_table
from openleo.policy import DisablementCode, Rules, Subjects, timeline
from openleo.scenario import scenario_from
from openleo.scenario.decisions import Terminals, decided_rules
from openleo.scenario.world import compile_world

COUNTRY = cells_in_circle(48.0, 35.0, 100e3)
SHAPES = {
    "country": (None, COUNTRY),
    "north": ("country", cells_in_circle(48.5, 35.0, 45e3)),
    "city": ("north", cells_in_circle(48.5, 35.0, 15e3)),
    "abroad": (None, cells_in_circle(48.5, 37.5, 40e3)),
}
PLACES = np.unique(np.concatenate([cells for _, cells in SHAPES.values()]))
COUNT, SLOTS = 24, 40
NAMES = tuple(f"ut-{n}" for n in range(COUNT))
COUNTRIES = land_table().countries
ACCOUNTS = ("blue", "red")
WHY = "the day demands it"
Seen = list[tuple[int, str]]


def codes(rules: Rules, subjects: Subjects) -> Seen:
    """Return what each terminal shows: its code, and the rule that says so."""
    code, rule = rules.decide(subjects)
    ids = ("", *(one.id for one in rules.rules))
    return [(int(c), ids[r]) for c, r in zip(code, rule, strict=True)]


@dataclass
class Day:
    """A day of decisions from one seed, and what the live network served in each slot that was looked at."""

    world: World
    seed: int
    still: bool = False  # whether terminals stay where they are
    seen: dict[int, tuple[Subjects, Seen]] = field(default_factory=dict)
    done: int = 0

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)
        self.who = Terminals(ids=(*NAMES, "stranger"), accounts=[""] * (COUNT + 1))
        self.home = np.array(self.random.choices(PLACES.tolist(), k=COUNT + 1), np.uint64)

    def lived(self) -> "Day":
        """Found, serve, and let slots pass while people decide."""
        self._begin()
        slot = first_slot_from(to_datetime64(self.world.clock.now)) + 1
        for _ in range(SLOTS):
            begins = slot_start(slot).astype("datetime64[us]").astype(datetime).replace(tzinfo=UTC)
            for before in sorted((self.random.uniform(2.1, 14) for _ in range(2)), reverse=True):
                self._decide_at(begins - timedelta(seconds=before))
            self._look(slot, begins)
            self._decide_at(begins - timedelta(seconds=self.random.uniform(0.1, 1.8)))  # too late for it
            slot += self.random.choice([1, 1, 1, 2, EMERGENCY_SLOTS // 3, EMERGENCY_SLOTS - 2])
        return self

    def _begin(self) -> None:
        world = self.world
        for name in ACCOUNTS:
            world.add("account", name, status="active", title="", reason="", cut_terminals=[])
        for name, (parent, cells) in SHAPES.items():
            define(world, name, cells, parent=parent)
        world.act("amina", lambda tx: set_plan(tx, "field", Terms(max_speed_kmh=90.0)))
        world.act("amina", lambda tx: set_plan(tx, "home", Terms(roaming=(), max_distance_km=50.0)))
        places = cell_centre_deg(self.home)
        rows = [
            f"{name},mini,{ACCOUNTS[n % 2]},{('field', 'home')[n % 3 == 0]},UA,{lat:.6f},{lon:.6f},"
            f"{'yes,a hospital' if n % 8 == 0 else 'no,'}\n"
            for n, (name, (lat, lon)) in enumerate(zip(NAMES, places, strict=False))
        ]
        header = "id,kind,account,plan,country,latitude_deg,longitude_deg,life_critical,name\n"
        source = Source.of((header + "".join(rows)).encode(), "x.csv")
        world.act("amina", lambda tx: onboard(tx, source))
        every = Selection(ids=NAMES)
        world.act("amina", lambda tx: custody.hand(tx, every, to="crews"))
        world.act("amina", lambda tx: custody.activate(tx, every))
        request = asked(world, "country", "on")
        proposed(world, request.id)
        approved(world, request.id)

    def _look(self, slot: int, begins: datetime) -> None:
        """Take the slot's rules at the instant at which they freeze."""
        self.world.clock.now = begins - CUT_OFF + timedelta(microseconds=1)
        self.world.act("openleo", sweep)
        rules = self.world.read(
            "openleo",
            lambda tx: live_rules(
                tx.conn, tx.network, slot, self.who, account_names=("", *ACCOUNTS), country_names=COUNTRIES
            ),
        )
        subjects = self._subjects()
        self.seen[slot] = (subjects, codes(rules, subjects))

    def _subjects(self) -> Subjects:
        """Return the terminals where they are just now, U of them."""
        count = COUNT + 1
        elsewhere = np.array(self.random.choices(PLACES.tolist(), k=count), np.uint64)
        cell = self.home if self.still else elsewhere
        fast = [0.0] if self.still else [0.0, 20.0, 40.0]
        far = [0.0] if self.still else [0.0, 80e3]
        return Subjects(
            cell=cell, country=land_table().country_of(cell).astype(np.int16),
            account=np.zeros(count, np.uint16), terminal=np.arange(count, dtype=np.uint32),
            speed_m_s=np.array(self.random.choices(fast, k=count), np.float32),
            distance_m=np.array(self.random.choices(far, k=count), np.float32),
            home=np.full(count, COUNTRIES.index("UA"), np.int16),
        )  # fmt: skip

    def _decide_at(self, now: datetime) -> None:
        self.world.clock.now = now
        self.world.act("openleo", sweep)
        verb = self.random.choice([self._switch, self._switch, self._alarm, self._account, self._terminal,
                                   self._terminal, self._line, self._plan, self._list])  # fmt: skip
        try:
            verb()
        except OpenleoError:
            return  # refused, as much of a day is; what matters is that both sides see the same of it
        self.done += 1

    def _later(self) -> datetime | None:
        """Return a time at which a decision is to act: none, or some slots from now."""
        ahead = self.random.choice([None, None, 20, 60, 1200])
        return None if ahead is None else self.world.clock.now + timedelta(seconds=ahead)

    def _switch(self) -> None:
        area, switch = self.random.choice(list(SHAPES)), self.random.choice(["on", "off"])
        include = self.random.choice([(), (), ("ut-0",)]) if switch == "off" else ()
        request = asked(self.world, area, switch, effective=self._later())
        proposed(self.world, request.id, include=include)
        approved(self.world, request.id, include=include)

    def _alarm(self) -> None:
        request, _ = emergency(self.world, self.random.choice(list(SHAPES)))
        if self.random.random() < 0.5:
            confirmed(self.world, request.id)

    def _account(self) -> None:
        name, later = self.random.choice(ACCOUNTS), self._later()
        if self.random.random() < 0.5:
            self.world.act("amina", lambda tx: end(tx, name, "disabled", reason=WHY, effective=later))
        else:
            self.world.act("amina", lambda tx: enable(tx, name, effective=later))

    def _terminal(self) -> None:
        which = Selection(ids=self.random.sample(NAMES, 3))
        since, later = self.world.clock.now - timedelta(hours=1), self._later()
        verb = self.random.choice(
            [
                lambda tx: custody.suspend(tx, which, reason=WHY, effective=later),
                lambda tx: custody.resume(tx, which, effective=later),
                lambda tx: custody.hold(tx, which, reason=WHY),
                lambda tx: custody.release(tx, which, reason=WHY, effective=later),
                lambda tx: revocation.revoke(tx, which, reason=WHY, effective=later),
                lambda tx: revocation.capture(tx, which, since=since, reason=WHY, effective=later),
                lambda tx: revocation.restore(tx, which, reason=WHY),
                lambda tx: custody.activate(tx, which, effective=later),
                lambda tx: amend(tx, which, Amendment(account="red", line="none"), reason=WHY),
                lambda tx: amend(tx, which, Amendment(life_critical=True, name="a school"), reason=WHY),
            ]
        )
        self.world.act("amina", verb)

    def _line(self) -> None:
        name, status = (
            self.random.choice(NAMES),
            self.random.choice(["paused", "active", "overage", "active"]),
        )
        later = self._later()
        self.world.act("amina", lambda tx: set_line(tx, name, status, effective=later))

    def _plan(self) -> None:
        terms, later = Terms(max_speed_kmh=self.random.choice([None, 50.0, 100.0])), self._later()
        self.world.act("amina", lambda tx: set_plan(tx, "field", terms, effective=later))

    def _list(self) -> None:
        new = NewList(id="stolen", kind="block", terminals=self.random.sample(NAMES, 2))
        if self.random.random() < 0.7:
            self.world.act("amina", lambda tx: set_list(tx, new, reason=WHY))
        else:
            self.world.act("amina", lambda tx: lift_list(tx, "stolen"))

    def decisions(self) -> Any:
        """Return what a run takes."""
        return self.world.read("openleo", lambda tx: decisions_of(tx.conn, tx.network))


@pytest.mark.parametrize("seed", range(8))
def test_a_batch_serves_what_the_live_network_served(network: World, seed: int) -> None:
    day = Day(network, seed).lived()
    slots = min(day.seen), max(day.seen)
    batch = timeline(
        decided_rules(day.decisions(), day.who, slots), slots, account_names=("", *ACCOUNTS),
        country_names=COUNTRIES,
    )  # fmt: skip
    for slot, (subjects, live) in day.seen.items():
        rules = [rules for since, rules in batch if since <= slot][-1]
        assert codes(rules, subjects) == live, f"slot {slot}"
    assert day.done > SLOTS  # of three tries a slot
    shown = {code for _, live in day.seen.values() for code, _ in live}
    assert {
        DisablementCode.OKAY,
        DisablementCode.CELL_IS_DISABLED,
        DisablementCode.NO_ACTIVE_ACCOUNT,
    } <= shown


def test_such_a_day_has_all_that_people_decide(network: World) -> None:
    """Else the comparison would be of little."""
    day = Day(network, 9).lived()
    ids = {rule.split("/")[0] for _, live in day.seen.values() for _, rule in live}
    assert {"area", "areas", "terminal", "account", "line", "list", "plan"} <= ids
    kinds = network.read("openleo", lambda tx: set(tx.conn.execute(select(entries.c.kind)).scalars()))
    assert kinds >= {
        "area.switched", "area.emergency-confirmed", "area.emergency-reverted", "account.disabled",
        "terminal.captured", "terminal.changed", "line.paused", "plan.changed", "list.blocked",
    }  # fmt: skip


def test_a_scenario_with_a_file_of_the_decisions_serves_the_same(network: World, tmp_path: Path) -> None:
    day = Day(network, 11, still=True).lived()
    (tmp_path / "decisions.json").write_text(json.dumps(day.decisions().plain()))
    places = cell_centre_deg(day.home)
    rows = [f"{name},{a:.6f},{b:.6f}\n" for name, (a, b) in zip(day.who.ids, places, strict=True)]
    (tmp_path / "kits.csv").write_text("id,latitude_deg,longitude_deg\n" + "".join(rows))
    first, last = min(day.seen), max(day.seen)
    document = {
        "name": "day", "start": format_utc(slot_start(first)), "end": format_utc(slot_start(last + 1)),
        "constellation": {"use": "starlink-2026"}, "terminals": [{"place": "file", "file": "kits.csv"}],
        "decisions": {"file": "decisions.json"},
    }  # fmt: skip
    world = compile_world(scenario_from(document, origin="test", folder=tmp_path))
    assert tuple(world.terminals.ids) == day.who.ids
    assert world.slots == (first, last)
    everyone = np.arange(len(day.who.ids))
    for slot, (_, live) in day.seen.items():
        assert codes(world.rules_at(slot), world.subjects(everyone)) == live, f"slot {slot}"
