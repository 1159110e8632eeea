"""Faults with their targets resolved to indices and their times to slots."""

import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from openleo.base.clock import SLOT_S
from openleo.base.digits import whole
from openleo.base.errors import BadInput, did_you_mean
from openleo.ground.sites import Gateways, Pops
from openleo.ground.terminals import Terminals
from openleo.orbits.constellation import Constellation
from openleo.scenario.areas import Cells
from openleo.scenario.blocks import FaultBlock
from openleo.scenario.checks import targets_of
from openleo.scenario.model import Scenario
from openleo.scenario.rules import effective_slot
from openleo.scenario.sites import gateway_row, pop_row

Index = NDArray[np.int32]
FaultKind = Literal["satellite", "plane", "shell", "isl", "gateway", "pop", "fibre", "core", "power"]
BOOT_SLOTS = 8  # two minutes from power to service: assumed; owners report one to several minutes
_POWER_STREAM, _SHELL_STREAM = 0x66740001, 0x66740002  # any constants; they keep the hashes apart
_PLANE = re.compile(r"^(?P<shell>.+)/p?(?P<plane>\d+)$")


def _none() -> Index:
    return np.zeros(0, np.int32)


def _no_pairs() -> Index:
    return np.zeros((0, 2), np.int32)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Fault:
    """One fault in the slots [from_slot, until_slot).  Fields that its kind does not use are empty.

    ``satellites`` (N,): which fail (satellite, plane, shell), or whose lasers all fail (isl).
    ``isl_pairs`` (N, 2): satellites between which a laser link fails (isl).
    ``gateways`` (N,), ``pops`` (N,): which fail.  ``fibres`` (N, 2): gateway and PoP whose fibre is cut.
    ``terminals`` (N,): rows without mains (power), each dark from its own ``terminal_from_slot`` (N,) int64,
    later than ``from_slot`` by the hours its battery lasts; one whose battery lasts is not in the list.
    ``core`` has no target: nothing behind the PoPs answers.
    """

    name: str
    kind: FaultKind
    from_slot: int
    until_slot: int
    target: str = ""
    satellites: Index = field(default_factory=_none)
    isl_pairs: Index = field(default_factory=_no_pairs)
    gateways: Index = field(default_factory=_none)
    pops: Index = field(default_factory=_none)
    fibres: Index = field(default_factory=_no_pairs)
    terminals: Index = field(default_factory=_none)
    terminal_from_slot: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    why: str = ""
    source: str = ""
    assumption: str = ""

    def holds_in(self, slot: int) -> bool:
        """Whether the fault holds in a slot."""
        return self.from_slot <= slot < self.until_slot


@dataclass(frozen=True, slots=True, kw_only=True)
class Things:
    """What faults can hit: the parts of a world that are resolved before them."""

    constellation: Constellation
    gateways: Gateways
    pops: Pops
    terminals: Terminals
    terminal_cell: Cells
    areas: Mapping[str, Cells]
    slots: tuple[int, int]


def resolve_faults(scenario: Scenario, things: Things) -> tuple[Fault, ...]:
    """Return the faults that touch the run, in the order of the file.

    Raises BadInput that names the fault's key for a target that is not there, with the nearest names.
    """
    first, last = things.slots
    found = []
    for n, block in enumerate(scenario.faults):
        begin, end = effective_slot(block.from_), effective_slot(block.until)
        fault = Fault(
            name=fault_name(block, n),
            kind=block.kind,
            from_slot=first if begin is None else begin,
            until_slot=last + 1 if end is None else end,
            target=block.area or " - ".join(targets_of(block)),
            why=block.why,
            source=block.source,
            assumption=block.assumption,
        )
        try:
            fault = _resolved(fault, block, things, scenario)
        except BadInput as error:
            raise BadInput(f"faults[{n}].target: {error.detail}", error.hint) from None
        felt = BOOT_SLOTS if fault.kind == "power" else 0  # those who lost power are still starting up
        if fault.from_slot <= last and fault.until_slot > fault.from_slot and fault.until_slot + felt > first:
            found.append(fault)
    return tuple(found)


def fault_name(block: FaultBlock, index: int) -> str:
    """Return a fault's name, or one made of its kind and its place in the file."""
    return block.name or f"{block.kind}-{index + 1}"


def idle_faults(scenario: Scenario, faults: tuple[Fault, ...]) -> tuple[tuple[str, str], ...]:
    """Return a warning (detail, hint) for each fault of the file that acts in no slot of the run."""
    acting = {fault.name for fault in faults}
    names = (fault_name(block, n) for n, block in enumerate(scenario.faults))
    return tuple(
        (
            f"fault {name} acts in no slot of the run",
            "check its from and until against start and end; slots start at :12, :27, :42 and :57",
        )
        for name in names
        if name not in acting
    )


def _resolved(fault: Fault, block: FaultBlock, things: Things, scenario: Scenario) -> Fault:
    targets, constellation, seed = targets_of(block), things.constellation, scenario.seed
    if fault.kind == "satellite":
        return replace(fault, satellites=_index([satellite(constellation, t) for t in targets]))
    if fault.kind == "plane":
        return replace(fault, satellites=np.concatenate([_plane(constellation, t) for t in targets]))
    if fault.kind == "shell":
        rows = np.concatenate([_shell_rows(constellation, t) for t in targets])
        return replace(
            fault, satellites=_share(rows, rows, block.share, _key(seed, fault.name, _SHELL_STREAM))
        )
    if fault.kind == "isl":
        ends = [satellite(constellation, t) for t in targets]
        if len(ends) == 2:
            return replace(fault, isl_pairs=_index([ends]))
        return replace(fault, satellites=_index(ends))
    if fault.kind == "gateway":
        return replace(fault, gateways=_index([gateway_row(scenario, things.gateways, t) for t in targets]))
    if fault.kind == "pop":
        return replace(fault, pops=_index([pop_row(scenario, things.pops, t) for t in targets]))
    if fault.kind == "fibre":
        gateway, pop = targets
        ends = [gateway_row(scenario, things.gateways, gateway), pop_row(scenario, things.pops, pop)]
        return replace(fault, fibres=_index([ends]))
    if fault.kind == "power":
        return _power(fault, things, block.share, _key(seed, fault.name, _POWER_STREAM))
    return fault


def _power(fault: Fault, things: Things, share: float, key: int) -> Fault:
    """Choose the terminals of an area that lose mains; those that move have power of their own."""
    here = np.isin(things.terminal_cell, things.areas[fault.target]) & (things.terminals.track < 0)
    rows = np.flatnonzero(here).astype(np.int32)
    code = things.terminals.ids.code[rows]
    names = ((code ^ (code >> np.uint64(32))) & np.uint64(0xFFFFFFFF)).astype(np.int64)
    rows = _share(rows, names, share, key)
    hours = things.terminals.backup_hours[rows].astype(np.float64)
    battery = np.ceil(np.round(hours * 3600.0 / SLOT_S, 3)).astype(np.int64)  # hours are kept in float32
    dark = fault.from_slot + battery
    lost = dark < fault.until_slot
    return replace(fault, terminals=rows[lost], terminal_from_slot=dark[lost])


def _share(rows: Index, entities: NDArray[np.integer], share: float, key: int) -> Index:
    from openleo.base.hashing import uniform

    return rows if share >= 1.0 else rows[uniform(key, entities.astype(np.int64), 0) < share]


def _key(seed: int, name: str, stream: int) -> int:
    from openleo.base.hashing import hash_u32

    return int(hash_u32(seed, zlib.crc32(name.encode()), stream))


def _index(values: object) -> Index:
    return np.array(values, np.int32)


def satellite(constellation: Constellation, target: str) -> int:
    """Return the row of a satellite by name or catalogue number; raises BadInput with the nearest names."""
    names = constellation.sets.name
    if target in names:
        return names.index(target)
    number = whole(target)
    if number is not None:
        rows = np.flatnonzero(constellation.sets.catalogue_number == number)
        if len(rows):
            return int(rows[0])
    raise BadInput(f"no satellite of {constellation.name} is called {target!r}", did_you_mean(target, names))


def _shell_rows(constellation: Constellation, target: str) -> Index:
    names = [shell.name for shell in constellation.shells]
    if target not in names:
        raise BadInput(f"{constellation.name} has no shell {target!r}", did_you_mean(target, names))
    return np.flatnonzero(constellation.shell == names.index(target)).astype(np.int32)


def _plane(constellation: Constellation, target: str) -> Index:
    """Return the satellites of a plane, written as its shell and number: ``53.0-550/p07``."""
    match = _PLANE.match(target)
    if match is None:
        example = f"{constellation.shells[0].name}/p00" if constellation.shells else "SHELL/p00"
        raise BadInput(f"{target!r} is not a plane", f"write its shell and number, such as {example!r}")
    rows = _shell_rows(constellation, match["shell"])
    number = int(match["plane"])
    members: Index = rows[constellation.plane[rows] == number]
    if len(members) == 0:
        planes = constellation.shells[[s.name for s in constellation.shells].index(match["shell"])].planes
        raise BadInput(
            f"shell {match['shell']} has no plane {number}", f"its planes are 0 to {(planes or 1) - 1}"
        )
    return members
