"""Run the benchmarks, or those named, and print a table of what they measured.

Each benchmark is a script here whose last lines are JSON objects with name, value, unit, goal and met.
A goal that is missed does not fail this; a script that crashes does.
"""

import json
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
KEYS = {"name", "value", "unit", "goal", "met"}


def results_in(output: str) -> list[dict[str, object]]:
    """Return the JSON objects on the last lines of ``output``, in order."""
    found: list[dict[str, object]] = []
    for line in reversed(output.strip().splitlines()):
        try:
            record = json.loads(line)
        except ValueError:
            break
        if not isinstance(record, dict) or not record.keys() >= KEYS:
            break
        found.insert(0, record)
    return found


def run_one(script: Path) -> list[dict[str, object]] | None:
    """Run one benchmark and return its results, or None where it crashed or printed none."""
    print(f"== {script.stem}", flush=True)
    done = subprocess.run([sys.executable, str(script)], stdout=subprocess.PIPE, text=True, check=False)
    print(done.stdout, end="", flush=True)
    if done.returncode != 0:
        print(f"{script.stem} ended with exit code {done.returncode}", file=sys.stderr)
        return None
    results = results_in(done.stdout)
    if not results:
        print(f"{script.stem} printed no result as its last line", file=sys.stderr)
    return results or None


def table(results: list[dict[str, object]]) -> str:
    """Lay results out in columns."""
    rows = [["benchmark", "value", "unit", "goal", "met"]]
    for r in results:
        value = f"{r['value']:.4g}" if isinstance(r["value"], float) else str(r["value"])
        goal = "-" if r["goal"] is None else str(r["goal"])
        met = "-" if r["met"] is None else ("yes" if r["met"] else "NO")
        rows.append([str(r["name"]), value, str(r["unit"]), goal, met])
    widths = [max(len(row[i]) for row in rows) for i in range(5)]
    return "\n".join("  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip() for row in rows)


def main(names: list[str]) -> int:
    scripts = sorted(p for p in HERE.glob("*.py") if not p.name.startswith("_"))
    known = {p.stem: p for p in scripts}
    unknown = [n for n in names if n not in known]
    if unknown:
        print(
            f"error: no benchmark {', '.join(unknown)}\nhint: there are {', '.join(known)}", file=sys.stderr
        )
        return 2
    results: list[dict[str, object]] = []
    crashed: list[str] = []
    for script in [known[n] for n in names] or scripts:
        got = run_one(script)
        if got is None:
            crashed.append(script.stem)
        results.extend(got or [])
    print("\n" + table(results))
    if crashed:
        print(f"crashed: {', '.join(crashed)}", file=sys.stderr)
    return 1 if crashed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
