"""Which terminals have trees or buildings in their view, and the horizon masks those make."""

from dataclasses import replace

import numpy as np

from openleo.base.errors import BadInput, did_you_mean
from openleo.base.hashing import hash_many, uniform
from openleo.ground.masks import MASK_KINDS, HorizonMask, made_mask, read_mask
from openleo.ground.terminals import Terminals
from openleo.scenario.blocks import TerminalsBlock
from openleo.scenario.model import Scenario

MADE_MASKS = 32  # of each kind in a group: enough variety, and few enough that cells share their geometry
_SHARE, _WHICH = 0x6D730001, 0x6D730002  # any constants; they keep the streams of hashes apart
_MIXED = tuple(sorted(MASK_KINDS))


def with_masks(
    scenario: Scenario, group: TerminalsBlock, terminals: Terminals, seed: int
) -> tuple[Terminals, list[HorizonMask]]:
    """Give the obstructed share of a group its masks; ``mask`` rows count within the group.

    ``mask`` names a made kind or a file; without it the kinds are mixed.  Without ``obstructed_share``, a
    mask is everybody's.  Raises BadInput for a mask that is neither a kind nor a file.
    """
    share = group.obstructed_share if group.obstructed_share is not None else float(bool(group.mask))
    if share <= 0.0:
        return terminals, []
    masks = _masks(scenario, group, seed)
    rows = np.arange(len(terminals))
    which = (hash_many(seed, rows, _WHICH).astype(np.int64) % len(masks)).astype(np.int32)
    has = uniform(seed, rows, _SHARE) < share
    used, row = np.unique(which[has], return_inverse=True)
    mask = np.full(len(terminals), -1, np.int32)
    mask[has] = row
    return replace(terminals, mask=mask), [masks[n] for n in used.tolist()]


def _masks(scenario: Scenario, group: TerminalsBlock, seed: int) -> list[HorizonMask]:
    kinds = (group.mask,) if group.mask in MASK_KINDS else () if group.mask else _MIXED
    if kinds:
        return [made_mask(kind, seed=seed, number=n) for kind in kinds for n in range(MADE_MASKS)]
    path = scenario.path(group.mask)
    if not path.is_file():
        raise BadInput(
            f"mask {group.mask!r} is neither a made kind nor a file ({path})",
            did_you_mean(group.mask, MASK_KINDS),
        )
    return [read_mask(path)]
