"""Which kit a dish is by the address that it is asked at, and where that is not what the dish says."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from openleo.fleet.kits import Kit
from openleo.fleet.register import DishEntry
from openleo.fleet.why.inputs import Subject


@dataclass(frozen=True, slots=True, kw_only=True)
class Contradiction:
    """A dish that is asked for a kit, and says that it is another terminal than the kit's.

    ``other`` is the kit that has that terminal, by its id; "" where none has.
    """

    dish: DishEntry
    kit: Kit
    other: str = ""

    def __str__(self) -> str:
        asked = f"{self.kit.id} ({self.kit.terminal})" if self.kit.terminal else self.kit.id
        whose = f", which is kit {self.other}: mend the list" if self.other else ""
        return (
            f"the dish at {self.dish.key}, asked for kit {asked}, is {self.dish.terminal}"
            + (whose or ": replaced? put it into the list")
        )  # fmt: skip


def contradictions(kits: Iterable[Kit], dishes: Iterable[DishEntry]) -> list[Contradiction]:
    """Return where what people tell of a kit is not what the dish says that is asked for it."""
    by_id = {kit.id: kit for kit in kits}
    owner = {kit.terminal: kit.id for kit in by_id.values() if kit.terminal}
    return [
        Contradiction(dish=dish, kit=kit, other=owner.get(dish.terminal, ""))
        for dish in dishes
        if dish.terminal and (kit := by_id.get(dish.kit)) is not None and kit.terminal != dish.terminal
    ]


def subject_of(kit: Kit, terminal: str, name: str = "") -> Subject:
    """Return what the register knows of a terminal that is, or stands for, a kit."""
    return Subject(
        terminal=terminal, kit=kit.kit, site=kit.site, account=kit.account, holder=kit.called, note=kit.note,
        life_critical=kit.life_critical, people=kit.people, latitude_deg=kit.latitude_deg,
        longitude_deg=kit.longitude_deg, name=name,
    )  # fmt: skip


def guarded(subject: Subject, kits: Sequence[Kit]) -> Subject:
    """Return a subject with what protects the kits that its dish is asked for: where two, of both.

    So a mistake in the list, or a dish in another's place, never takes a protection away.
    """
    notes = dict.fromkeys(note for note in (subject.note, *(kit.note for kit in kits)) if note)
    people = [many for many in (subject.people, *(kit.people for kit in kits)) if many is not None]
    return replace(
        subject, note="; ".join(notes), people=max(people, default=None),
        life_critical=subject.life_critical or any(kit.life_critical for kit in kits),
    )  # fmt: skip


def tied_kits(kits: Iterable[Kit], dishes: Iterable[DishEntry]) -> dict[str, list[Kit]]:
    """Return by terminal the kits that dishes are asked for which say that they are it."""
    by_id = {kit.id: kit for kit in kits}
    found: dict[str, list[Kit]] = {}
    for terminal, kit in _pairs(by_id, dishes):
        found.setdefault(terminal, []).append(kit)
    return found


def _pairs(by_id: dict[str, Kit], dishes: Iterable[DishEntry]) -> Iterator[tuple[str, Kit]]:
    for dish in dishes:
        if dish.terminal and dish.kit in by_id:
            yield dish.terminal, by_id[dish.kit]
