"""A day of `planet` (10,744 satellites, a million terminals on 100,000 cells), from two shorter stretches.

The work of a slot does not change over the day, so the day is the start plus 5,760 times a slot; the slot is
taken from the difference of two stretches, and a third between them shows that time is linear in slots.
"""

import statistics

from _runs import report, run_openleo, sgp4_package_s

SLOTS = 5_760
STRETCHES = {"2m": 8, "7m": 28, "12m": 48}
GOALS_S = {"observed": 1_200.0, "highest-elevation": 600.0}
MEMORY_GOAL_MIB = 4_096.0
REPEATS = 3


def day_s(preference: str) -> tuple[float, float]:
    """Return the wall seconds of a whole day and the peak memory, MiB, under one preference."""
    wall: dict[str, float] = {}
    memory = 0.0
    for stretch in STRETCHES:
        args = ("planet", "--for", stretch, "--preference", preference, "--workers", "2")
        runs = [run_openleo(*args) for _ in range(REPEATS)]
        wall[stretch] = statistics.median(r[0] for r in runs)
        memory = max(memory, *(r[2] for r in runs))
    short, middle, long = (wall[s] for s in STRETCHES)
    slot_s = (long - short) / (STRETCHES["12m"] - STRETCHES["2m"])
    expected = short + slot_s * (STRETCHES["7m"] - STRETCHES["2m"])
    print(f"{preference}: {wall}; {slot_s * 1e3:.0f} ms a slot; the middle stretch is off by", end=" ")
    print(f"{100 * (middle / expected - 1):+.1f} % from a straight line")
    return long + slot_s * (SLOTS - STRETCHES["12m"]), memory


if __name__ == "__main__":
    run_openleo("planet", "--for", "1m", "--workers", "2")  # fills the caches of compiled code
    peer_s = sgp4_package_s(10_744, SLOTS)
    print(f"the sgp4 package alone needs {peer_s:.1f} s for the day's positions")
    results = {name: day_s(name) for name in GOALS_S}
    report("planet_day: memory", max(m for _, m in results.values()), "MiB", MEMORY_GOAL_MIB)
    for name in reversed(GOALS_S):
        report(f"planet_day: wall, {name}", results[name][0], "s", GOALS_S[name])
