"""Where all satellites are, in chunks that never change: keyframes of position and velocity."""

import struct

import numpy as np

from openleo.base.clock import GPS_EPOCH, SLOT_S, gps_minus_utc_s
from openleo.orbits.propagation import Propagator
from openleo.scenario.world import World

KEYFRAME_S = 60
CHUNK_S = 960
KEYFRAMES = CHUNK_S // KEYFRAME_S + 1  # the last is the first of the next chunk
MAGIC = b"EPH1"
HEADER = struct.Struct("<4sIIId")
_STEP_S = 0.5  # of the central difference that velocities are: its error is under 0.1 mm/s


def propagator_of(world: World) -> Propagator:
    """Return a propagator of every satellite of a world, in service or not."""
    return Propagator(world.constellation.sets, dut1_s=world.scenario.constellation.dut1_s)


def chunks_of(first_slot: int, last_slot: int) -> tuple[int, int]:
    """Return the first and last chunk that some slots need."""
    return first_slot * SLOT_S // CHUNK_S, (last_slot + 1) * SLOT_S // CHUNK_S


def chunk_start(chunk: int) -> np.datetime64:
    """Return the UTC instant at which a chunk begins."""
    gps: np.datetime64 = GPS_EPOCH + np.timedelta64(chunk * CHUNK_S, "s")
    utc: np.datetime64 = gps - np.timedelta64(gps_minus_utc_s(gps), "s")
    return utc


def chunk_bytes(propagator: Propagator, chunk: int) -> bytes:
    """Return a chunk: header, then float32 (K, S, 6) in km and km/s, Earth-fixed; NaN where there is none."""
    start = chunk_start(chunk)
    times = start + np.arange(KEYFRAMES) * np.timedelta64(KEYFRAME_S, "s")
    half = np.timedelta64(int(_STEP_S * 1e9), "ns")
    out = np.empty((KEYFRAMES, len(propagator), 6), np.float32)
    out[:, :, :3] = propagator.itrs_m(times) / 1e3
    out[:, :, 3:] = (propagator.itrs_m(times + half) - propagator.itrs_m(times - half)) / (2e3 * _STEP_S)
    start_ms = float(start.astype("datetime64[ms]").astype(np.int64))
    header = HEADER.pack(MAGIC, len(propagator), KEYFRAMES, KEYFRAME_S, start_ms)
    return header + out.tobytes()
