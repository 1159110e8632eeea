"""Measure, and write what was measured into docs/reliability.md; with names of sections, only those.

    python docs/write_reliability.py faults power-cuts kills days decisions telemetry-cuts telemetry

`faults` is the table of tests/control/test_faults.py and takes no time; `telemetry` takes half an hour on a
machine that does nothing else, the others some minutes each.
"""

import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "reliability.md"
sys.path[:0] = [str(ROOT / "tests" / where) for where in ("control", "fleet")]
sys.path.insert(0, str(ROOT / "benchmarks"))

import decisions  # noqa: E402
import ingest_soak  # noqa: E402
import simulation  # noqa: E402
import test_telemetry_power_cut as telemetry_cuts  # noqa: E402
from bad_disk import Disk  # noqa: E402
from control_world import found  # noqa: E402
from kills import Hammer  # noqa: E402
from kills import found as found_killed  # noqa: E402
from test_faults import fault_table  # noqa: E402
from test_power_cut import CHAIN, CHAINS, Chain, chain  # noqa: E402

SEEDS, PROCESSES = 1_000, 2
KILLS, ACTIVATIONS = 50, 10_000
SECONDS = 20.0
SOAK = (600.0, 667.0)


def power_cuts() -> str:
    """Cut stores off, as they are and without waiting for the disk."""
    rows = []
    for synchronous in ("FULL", "NORMAL"):
        done = _chains(synchronous)
        rows.append(
            f"| {synchronous} | {CHAIN * CHAINS} | {sum(c.decided for c in done):,} | "
            f"{sum(c.lost for c in done):,} | {sum(c.cuts_that_lost for c in done)} | "
            f"{sum(len(c.wrong) for c in done)} |"
        )
    head = [
        "| synchronous | cuts | acknowledged | of them lost | cuts that lost any | "
        "damaged, or short of a checkpoint |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    return "\n".join([*head, *rows])


def _chains(synchronous: str) -> list[Chain]:
    done = []
    with tempfile.TemporaryDirectory() as name:
        world = found(Path(name) / "founded")
        world.plane.close()
        for seed in range(CHAINS):
            one = chain(world, Path(name) / f"{synchronous}-{seed}", 100 + seed, synchronous=synchronous)
            assert isinstance(one.disk, Disk)
            done.append(one.run(CHAIN))
    return done


def kills() -> str:
    """Kill a server."""
    with tempfile.TemporaryDirectory() as name:
        folder, terminals = Path(name) / "control", ACTIVATIONS * 3 // 2
        hammer = Hammer(folder, found_killed(folder, terminals), terminals)
        start = time.monotonic()
        hammer.run(KILLS, least=ACTIVATIONS)
        taken = time.monotonic() - start
        left = hammer.check()
    ready = sorted(hammer.ready_s)
    return _table(
        {
            "kills": f"{KILLS}",
            "activations acknowledged": f"{len(hammer.acked):,} in {taken:.0f} s",
            "asked again and given the first answer": f"{hammer.replays}",
            **{name: f"{value}" for name, value in left.items()},
            "checkpoints that clients saw": f"{len(hammer.checkpoints):,}",
            "ready again after a start, median": f"{statistics.median(ready):.2f} s",
            "ready again, 99 of 100": f"{ready[min(len(ready) - 1, int(0.99 * len(ready)))]:.2f} s",
        }
    )


def days() -> str:
    """Live through simulated days."""
    start = time.monotonic()
    with tempfile.TemporaryDirectory() as name, ProcessPoolExecutor(PROCESSES) as pool:
        parts = [range(SEEDS)[n::PROCESSES] for n in range(PROCESSES)]
        folders = [Path(name) / str(n) for n in range(PROCESSES)]
        broken = sum(pool.map(_broken_days, parts, folders))
    taken = time.monotonic() - start
    return _table(
        {
            "seeds": f"{SEEDS:,}",
            "days on which a rule was broken": f"{broken}",
            "time": f"{taken:.0f} s on {PROCESSES} processes",
        }
    )


def _broken_days(seeds: range, folder: Path) -> int:
    broken = 0
    for seed in seeds:
        try:
            simulation.live(seed, folder)
        except AssertionError:
            broken += 1
    return broken


def rates() -> str:
    """Decide as often as the goal asks, and as often as it goes."""
    got = decisions.measure(SECONDS)
    return _table(
        {
            "the disk keeps 4 KiB, median": f"{got['flush_p50_ms']:.1f} ms",
            "SQLite alone": f"{got['plain_rate']:.0f} commits a second, p99 {got['plain_p99_ms']:.0f} ms",
            f"asked for {decisions.RATE_GOAL * 1.05:.0f} a second for {SECONDS:g} s": (
                f"{got['rate']:.0f} decisions a second, median {got['p50_ms']:.0f} ms, "
                f"p99 {got['p99_ms']:.0f} ms"
            ),
            "as fast as it goes": (
                f"{got['most_rate']:.0f} a second ({got['most_rate'] / got['plain_rate']:.1f} of SQLite), "
                f"p99 {got['most_p99_ms']:.0f} ms"
            ),
        }
    )


def cut_telemetry() -> str:
    """Cut stores of telemetry off."""
    cuts = telemetry_cuts.CHAIN * telemetry_cuts.CHAINS
    with tempfile.TemporaryDirectory() as name:
        seeds = range(100, 100 + telemetry_cuts.CHAINS)
        done = [telemetry_cuts.chain(Path(name) / str(n), n).run(telemetry_cuts.CHAIN) for n in seeds]
    return _table(
        {
            "cuts": f"{cuts}, {sum(one.starts_cut for one in done)} of them while a store was opened",
            "samples acknowledged": f"{sum(len(one.acked) for one in done):,}",
            "lost": f"{sum(one.lost for one in done)}",
            "doubled": f"{sum(one.doubled for one in done)}",
            "newest of a terminal older than what was acknowledged": f"{sum(one.behind for one in done)}",
        }
    )


def soak() -> str:
    """Have ten thousand terminals send."""
    got = ingest_soak.measure(*SOAK)
    machine, steady, killed, deciding = got["machine"], got["steady"], got["killed"], got["deciding"]
    peaked = got["peak"]
    share = machine["rate"] / ingest_soak.RATE
    return _table(
        {
            "the disk keeps 4 KiB, median": f"{machine['flush_p50_ms']:.1f} ms",
            "taken at most": f"{machine['capacity']:.0f} batches a second",
            "sent": f"{machine['rate']:.0f} a second for {machine['seconds']:.0f} s, {share:.0%} of 667",
            "acknowledged": f"{steady['acked']:,.0f} samples, median {steady['answer_p50_ms']:.0f} ms "
            f"after they were sent, p99 {steady['answer_p99_ms']:.0f} ms; after they were due, with the "
            f"devices' own wait for a core, {steady['p50_ms']:.0f} and {steady['p99_ms']:.0f} ms",
            "lost or doubled": f"{steady['wrong']:.0f}",
            "processor time of the server": f"{steady['processor_ms']:.2f} ms a batch: 667 a second take "
            f"{steady['processor_ms'] * ingest_soak.RATE / 1e3:.0%} of a core",
            "memory of the server": f"{steady['rss_mib']:.0f} MiB, within {steady['rss_share']:.1%} over the "
            "second half",
            "killed meanwhile": f"{killed['kills']:.0f} times in another run: {killed['acked']:,.0f} samples "
            f"acknowledged, {killed['wrong']:.0f} lost or doubled",
            "a minute at three times the rate": f"{peaked['rate']:.0f} a second: "
            f"{peaked['kept']:,.0f} batches kept, {peaked['turned_away']:,.0f} times told to come again, "
            f"{peaked['other_answers']:.0f} other answers; all acknowledged {peaked['recovery_s']:.0f} s "
            f"after the minute, {peaked['wrong']:.0f} samples lost or doubled, {peaked['rss_mib']:.0f} MiB",
            "devices that want to send five times what is taken": f"{deciding['wanted']:.0f} a second over "
            f"{ingest_soak.CONNECTIONS:,} connections, {deciding['answered']:.0f} of them answered: "
            f"{deciding['kept']:.0f} kept, {deciding['turned_away']:.0f} turned away",
            "a decision meanwhile": f"median {deciding['p50_ms']:.0f} ms, p99 {deciding['p99_ms']:.0f} ms "
            f"(p99 without telemetry in the same minute: {deciding['alone_p99_ms']:.0f} ms)",
        }
    )


def _table(rows: dict[str, str]) -> str:
    lines = [f"| {name} | {value} |" for name, value in rows.items()]
    return "\n".join(["| | |", "| --- | --- |", *lines])


def measured(how: Callable[[], str]) -> str:
    """Return a section's text with when and on what it was measured."""
    busy = os.getloadavg()[0]
    text = how()
    at = f"Measured on {datetime.now(UTC):%Y-%m-%d} on {os.cpu_count()} shared cores"
    return f"{text}\n\n{at} (load average at the start: {busy:.1f})."


SECTIONS: dict[str, Callable[[], str]] = {
    "faults": fault_table,
    "power-cuts": partial(measured, power_cuts),
    "kills": partial(measured, kills),
    "days": partial(measured, days),
    "decisions": partial(measured, rates),
    "telemetry-cuts": partial(measured, cut_telemetry),
    "telemetry": partial(measured, soak),
}


def write(name: str, text: str) -> None:
    """Put a section's text between its marks."""
    page = PAGE.read_text(encoding="utf-8")
    mark, end = f"<!-- {name}: written by docs/write_reliability.py -->\n", "<!-- end -->"
    above, _, rest = page.partition(mark)
    below = rest[rest.index(end) :]
    PAGE.write_text(f"{above}{mark}\n{text}\n\n{below}", encoding="utf-8")


def main(names: list[str]) -> None:
    """Measure and write sections."""
    for name in names or list(SECTIONS):
        write(name, SECTIONS[name]())
        print(f"wrote {name} in {PAGE.name}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
