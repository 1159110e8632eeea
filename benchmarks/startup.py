"""How long a person waits for the command line: `openleo --help`, and one minute of the built-in scenario.

Each is the median wall time of runs as separate processes, after one that fills the caches.
"""

import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

OPENLEO = Path(sys.executable).with_name("openleo")
HELP_GOAL_S = 0.3
MINUTE_GOAL_S = 4.0


def median_s(args: list[str], repeats: int) -> float:
    """Return the median seconds of ``openleo args`` over ``repeats`` runs; {out} becomes a fresh folder."""
    taken = []
    for _ in range(repeats + 1):
        with tempfile.TemporaryDirectory() as folder:
            filled = [a.format(out=Path(folder) / "run") for a in args]
            start = time.perf_counter()
            subprocess.run([str(OPENLEO), *filled], check=True, stdout=subprocess.DEVNULL)
            taken.append(time.perf_counter() - start)
    return statistics.median(taken[1:])


def report(name: str, value: float, goal: float) -> None:
    """Print one result as a JSON line."""
    met = value < goal
    print(
        json.dumps({"name": name, "value": round(value, 3), "unit": "s", "goal": f"< {goal:g}", "met": met})
    )


if __name__ == "__main__":
    help_s = median_s(["--help"], repeats=9)
    minute_s = median_s(["run", "ukraine-2022", "--for", "1m", "--out", "{out}"], repeats=3)
    report("startup: openleo --help", help_s, HELP_GOAL_S)
    report("startup: a cached run of one minute", minute_s, MINUTE_GOAL_S)
