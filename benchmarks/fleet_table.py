"""How long the table of ten thousand terminals takes: on the command line, by the API, and its data use."""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "tests" / "fleet"), str(ROOT / "benchmarks")]

from fleet_list import TERMINALS, TOWNS, write  # noqa: E402

from openleo.api.fleet_shown import FleetShown  # noqa: E402
from openleo.fleet.looking import looking  # noqa: E402
from openleo.fleet.table.plain import plain_row  # noqa: E402
from openleo.fleet.table.usage import use_of  # noqa: E402

GOAL_S = {"fleet_table": 4.0, "fleet_table_api": 3.0, "fleet_table_api_kept": 0.25, "fleet_usage": 10.0}


def best(work: Callable[[], object]) -> float:
    """Return the best of three, seconds."""
    took = []
    for _ in range(3):
        began = time.perf_counter()
        work()
        took.append(time.perf_counter() - began)
    return min(took)


def main() -> None:
    results = []
    with tempfile.TemporaryDirectory() as name:
        data = Path(name)
        write(data, TOWNS // 20)
        code = "from openleo.cli import main; main()"
        command = [sys.executable, "-c", code, "fleet", "table", "--data", name, "--format", "json"]
        shown = FleetShown(folder=data / "fleet")

        def anew() -> None:
            shown.changed()
            shown.table()

        def used() -> None:
            with looking(data / "fleet", None) as fleet:
                assert len(use_of(data / "fleet", fleet.store, 1, time.time_ns())) == TERMINALS

        took = {
            "fleet_table": best(lambda: subprocess.run(command, check=True, stdout=subprocess.DEVNULL)),
            "fleet_table_api": best(anew),
            "fleet_table_api_kept": best(lambda: [plain_row(row) for row in shown.table().rows]),
            "fleet_usage": best(used),
        }
        for what, value in took.items():
            results.append(
                {
                    "name": f"{what}_{TERMINALS}", "value": round(value, 2), "unit": "s",
                    "goal": GOAL_S[what], "met": value < GOAL_S[what],
                }
            )  # fmt: skip
    print("\n".join(json.dumps(one) for one in results))


if __name__ == "__main__":
    main()
