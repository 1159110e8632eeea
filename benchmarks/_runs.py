"""Shared by the benchmarks that run whole scenarios: one run as a process of its own, timed and weighed."""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from sgp4.api import Satrec, SatrecArray

OPENLEO = Path(sys.executable).with_name("openleo")


def run_openleo(*args: str) -> tuple[float, float, float]:
    """Run ``openleo run ARGS`` into a folder that is then removed; return wall s, CPU s, peak memory MiB."""
    with tempfile.TemporaryDirectory() as folder:
        command = [str(OPENLEO), "run", *args, "--out", str(Path(folder) / "run"), "--quiet"]
        start = time.perf_counter()
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        wall_s = time.perf_counter() - start
    if status != 0:
        raise SystemExit(f"{' '.join(command)} ended with status {status}")
    return wall_s, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024.0


def sgp4_package_s(satellites: int, slots: int) -> float:
    """Return the CPU seconds that the sgp4 package's C++ takes to propagate as many positions: the peer.

    It is the first of the many things a slot needs; quoting it says how fast the machine was today.
    """
    sample = min(slots, 240)
    one = Satrec.twoline2rv(
        "1 44713U 19074A   22280.00000000  .00001000  00000-0  70000-4 0  9990",
        "2 44713  53.0540 100.0000 0001400  80.0000 280.0000 15.06390000160000",
    )
    array = SatrecArray([one] * satellites)
    start = time.process_time()
    array.sgp4(np.full(sample, 2_459_859.5), np.arange(sample) * 15.0 / 86_400.0)
    return (time.process_time() - start) * slots / sample


def report(name: str, value: float, unit: str, goal: float) -> None:
    """Print one result as a JSON line."""
    print(
        json.dumps(
            {
                "name": name,
                "value": round(value, 1),
                "unit": unit,
                "goal": f"<= {goal:g}",
                "met": value <= goal,
            }
        )
    )
