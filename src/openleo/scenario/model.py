"""A scenario: what a file says, checked, and the changes that may be made to it."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, PrivateAttr, ValidationError

from openleo.base.errors import BadInput
from openleo.scenario.assumptions import leave_out, set_at, switch
from openleo.scenario.blocks import (
    AccountBlock,
    AreaBlock,
    AssumptionBlock,
    BackgroundBlock,
    CommandsBlock,
    ConstellationBlock,
    CountriesBlock,
    DecisionsBlock,
    FaultBlock,
    GatewaysBlock,
    LandBlock,
    LimitBlock,
    ListBlock,
    NetworkBlock,
    PlanBlock,
    PopsBlock,
    SwitchBlock,
    TerminalsBlock,
    WithdrawalBlock,
)
from openleo.scenario.checks import check
from openleo.scenario.fields import Block, Count, Instant, MaybeText, Text
from openleo.scenario.problems import Path as ProblemPath
from openleo.scenario.problems import Problem, bad_input, problems_of

SCHEMA = 1


@dataclass(frozen=True, slots=True)
class ReadFrom:
    """What a scenario was read from, for messages; scenarios are equal wherever they come from."""

    origin: str = field(default="", compare=False)
    text: str = field(default="", compare=False)


class Scenario(Block):
    """Everything a run starts from.  Make one with `load_scenario` or `scenario_from`."""

    schema_: Literal[1] = Field(default=1, alias="schema")
    name: Annotated[Text, Field(max_length=64, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
    title: MaybeText = ""
    summary: MaybeText = ""
    start: Instant
    end: Instant
    seed: Annotated[int, Field(strict=True, ge=0, lt=2**32)] = 0
    detail: Literal["full", "cells"] = "full"
    chunk_slots: Annotated[Count, Field(ge=1, le=5760)] = 240
    constellation: ConstellationBlock
    network: NetworkBlock = NetworkBlock()
    gateways: GatewaysBlock = GatewaysBlock()
    pops: PopsBlock = PopsBlock()
    land: LandBlock = LandBlock()
    countries: CountriesBlock = CountriesBlock()
    decisions: DecisionsBlock = DecisionsBlock()
    commands: CommandsBlock = CommandsBlock()
    terminals: tuple[TerminalsBlock, ...] = ()
    background: tuple[BackgroundBlock, ...] = ()
    areas: tuple[AreaBlock, ...] = ()
    switches: tuple[SwitchBlock, ...] = ()
    accounts: tuple[AccountBlock, ...] = ()
    plans: tuple[PlanBlock, ...] = ()
    lists: tuple[ListBlock, ...] = ()
    limits: tuple[LimitBlock, ...] = ()
    withdrawals: tuple[WithdrawalBlock, ...] = ()
    faults: tuple[FaultBlock, ...] = ()
    assumptions: tuple[AssumptionBlock, ...] = ()
    _folder: Path | None = PrivateAttr(default=None)
    _file: ReadFrom = PrivateAttr(default_factory=ReadFrom)

    @property
    def folder(self) -> Path | None:
        """Folder that relative paths start from; None for a built-in or one made in Python."""
        return self._folder

    def country_codes(self) -> Iterator[tuple[ProblemPath, str]]:
        """Yield (path, code) for each country that the scenario names, except those of sites."""
        for code in self.pops.home:
            yield ("pops", "home", code), code
        lists: list[tuple[ProblemPath, tuple[str, ...]]] = [
            (("countries", key), getattr(self.countries, key)) for key in ("served", "blocked")
        ]
        for key in ("terminals", "background", "limits", "lists"):
            lists += [((key, n, "countries"), x.countries) for n, x in enumerate(getattr(self, key))]
        for n, plan in enumerate(self.plans):
            lists.append((("plans", n, "flyover_countries"), plan.flyover_countries))
            if not isinstance(plan.roaming, str):
                lists.append((("plans", n, "roaming"), plan.roaming))
        for path, codes in lists:
            for n, code in enumerate(codes):
                yield (*path, n), code
        for key in ("terminals", "areas"):
            for n, item in enumerate(getattr(self, key)):
                if item.country:
                    yield (key, n, "country"), item.country
        for n, withdrawal in enumerate(self.withdrawals):
            if withdrawal.by == "country":
                yield ("withdrawals", n, "target"), str(withdrawal.target)

    def bad_input(self, problems: Sequence[Problem]) -> BadInput:
        """Return the error that tells these problems, with their lines where the file is known."""
        return bad_input(problems, origin=self._file.origin or self.name, text=self._file.text)

    def document(self) -> dict[str, Any]:
        """Return the scenario as the plain data a file holds, defaults included."""
        return self.model_dump(mode="python", by_alias=True)

    def in_force(self) -> "Scenario":
        """Return the scenario as it runs: without what disabled assumptions carry, with what they change."""
        if all(a.enabled for a in self.assumptions):
            return self
        return scenario_from(leave_out(self.document()), origin=self.name, folder=self._folder)

    def with_changes(
        self,
        *,
        constellation: str | None = None,
        start: datetime | None = None,
        end: datetime | None = None,
        at_epoch: datetime | None = None,
        seed: int | None = None,
        preference: str | None = None,
        without: Iterable[str] = (),
        with_: Iterable[str] = (),
        changes: Mapping[str, object] | None = None,
    ) -> "Scenario":
        """Return the scenario with other settings, checked anew.

        ``start`` alone keeps the length; times of faults and switches stay.  ``at_epoch`` moves everything
        by whole days so that the start comes nearest to that instant, for element sets of another date; title
        and summary then say by how many, for what they tell of a date was true of another day.
        ``without`` and ``with_`` switch assumptions off and on by id; ``changes`` sets keys by their dotted
        path, such as ``{"network.beams": 8, "terminals.civil.count": 100}``.

        Raises BadInput for an unknown id or key and for a value that does not fit.
        """
        document = self.document()
        if constellation is not None and Path(constellation).is_file():
            constellation = str(Path(constellation).resolve())  # as the caller sees it, not from the folder
        if at_epoch is not None:
            _move(document, days=round((_aware(at_epoch) - self.start) / timedelta(days=1)))
        if start is not None:
            document["start"] = _aware(start)
            document["end"] = _aware(start) + (self.end - self.start)
        if end is not None:
            document["end"] = _aware(end)
        for key, value in (
            ("constellation.use", constellation),
            ("seed", seed),
            ("network.preference", preference),
            *(changes or {}).items(),
        ):
            if value is not None:
                set_at(document, key, value)
        switch(document, without, enabled=False)
        switch(document, with_, enabled=True)
        changed = scenario_from(document, origin=self.name, folder=self._folder)
        if not changes:
            changed._file = self._file
        return changed

    def files(self) -> tuple[Path, ...]:
        """Return the files that the scenario names, in order of first mention."""
        names = [self.gateways.table, self.pops.table, self.land.table, self.constellation.use]
        names += [self.decisions.file, self.commands.file]
        names += [name for group in self.terminals for name in (group.file, group.mask)]
        paths = (self.path(name) for name in names if name not in {"", "builtin"})
        return tuple(dict.fromkeys(path for path in paths if path.is_file()))

    def path(self, name: str) -> Path:
        """Return where a file named in the scenario is: relative names start from the scenario's folder."""
        path = Path(name).expanduser()
        return path if path.is_absolute() or self._folder is None else self._folder / path

    def canonical_json(self) -> str:
        """Return the scenario as JSON that is the same for the same meaning: sorted keys, UTC, no spaces.

        Files appear by name, not by path, so that it does not depend on where they lie.
        """
        data = self.model_dump(mode="json", by_alias=True)
        holders = [
            (data["constellation"], "use"),
            (data["decisions"], "file"),
            (data["commands"], "file"),
            *((data[key], "table") for key in ("gateways", "pops", "land")),
        ]
        holders += [(group, key) for group in data["terminals"] for key in ("file", "mask")]
        for holder, key in holders:
            if holder[key] and self.path(holder[key]).is_file():
                holder[key] = Path(holder[key]).name
        return json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=False)

    def sha256(self) -> str:
        """Return the hash of the canonical JSON and of the contents of every file it names."""
        whole = hashlib.sha256(self.canonical_json().encode())
        for path in self.files():
            whole.update(hashlib.sha256(path.read_bytes()).digest())
        return whole.hexdigest()


def scenario_from(
    document: Mapping[str, Any], *, origin: str, folder: Path | None = None, text: str = ""
) -> Scenario:
    """Check the plain data of a scenario and return it.

    ``origin`` names it in errors; ``text``, when it came from a file, gives their line numbers.
    Raises BadInput that names up to eight mistakes at once: key, value, what is wrong, what to do.
    """
    try:
        scenario = Scenario.model_validate(document)
    except ValidationError as error:
        raise bad_input(problems_of(error, document, Scenario), origin=origin, text=text) from None
    scenario._folder, scenario._file = folder, ReadFrom(origin, text)
    problems: list[Problem] = check(scenario)
    if problems:
        raise bad_input(problems, origin=origin, text=text)
    return scenario


def _aware(instant: datetime) -> datetime:
    if instant.tzinfo is None:
        raise BadInput(
            f"{instant.isoformat()} has no time zone", f"write {instant.isoformat()}Z if it is UTC"
        )
    return instant.astimezone(UTC)


def _move(document: dict[str, Any], *, days: int) -> None:
    """Move every instant of a document by whole days, so that each keeps its time of day, and say so."""
    if days == 0:
        return
    told = f"moved by {days:+,} day{'' if abs(days) == 1 else 's'} to the date of the elements"
    if document["title"]:
        document["title"] += f" ({told})"
    was = f"{document['start'].day} {document['start']:%B %Y}"
    first = f"Everything is {told}: what the scenario says of dates is about {was}."
    document["summary"] = f"{first}  {document['summary']}".strip()
    delta = timedelta(days=days)
    document["start"], document["end"] = document["start"] + delta, document["end"] + delta
    for value in document.values():
        for item in value if isinstance(value, tuple | list) else ():
            for key in ("from", "until"):
                if isinstance(item, dict) and item.get(key) is not None:
                    item[key] = item[key] + delta
