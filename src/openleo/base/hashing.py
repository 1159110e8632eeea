"""Random numbers as a hash of (seed, entity, slot), never a sequence.

So a number does not depend on what else was drawn, in what order, or by which worker.
"""

import numpy as np

from openleo.base.compile import njit

GUMBEL_SIZE = 4096
_INDEX = np.arange(GUMBEL_SIZE, dtype=np.float64)
# Quantiles of the standard Gumbel distribution at the middle of 4,096 equal slices, so that drawing noise is
# one look-up: libm's logarithm is ten times slower and differs by platform.  Rounded to float32, which
# swallows that last difference.
GUMBEL = (-np.log(-np.log((_INDEX + 0.5) / GUMBEL_SIZE))).round(5).astype(np.float32)


@njit
def hash_u32(seed: int, entity: int, slot: int) -> int:
    """Return 32 well-mixed bits of three integers (the finaliser of MurmurHash3, Appleby, public domain)."""
    h = np.uint32(seed) ^ np.uint32(0x9E3779B9)
    for word in (np.uint32(entity), np.uint32(slot)):
        h = np.uint32(h ^ word)
        h = np.uint32(h ^ np.uint32(h >> np.uint32(16)))
        h = np.uint32(h * np.uint32(0x85EBCA6B))
        h = np.uint32(h ^ np.uint32(h >> np.uint32(13)))
        h = np.uint32(h * np.uint32(0xC2B2AE35))
        h = np.uint32(h ^ np.uint32(h >> np.uint32(16)))
    return h  # type: ignore[return-value]  # uint32 in the kernel


@njit
def hash_many(seed: int, entities: np.ndarray, slot: int) -> np.ndarray:
    """Return the hash of each entity (N,) as uint32 (N,)."""
    out = np.empty(entities.shape[0], np.uint32)
    for i in range(entities.shape[0]):
        out[i] = hash_u32(seed, entities[i], slot)
    return out


def uniform(seed: int, entities: np.ndarray, slot: int) -> np.ndarray:
    """Return a number in [0, 1) for each entity (N,), as float64."""
    return np.asarray(hash_many(seed, entities, slot), dtype=np.float64) / 2.0**32
