"""The whole day of `ukraine-2022`, 5,760 slots, results written: wall time and memory on two threads."""

import statistics

from _runs import report, run_openleo, sgp4_package_s

REPEATS = 3
WALL_GOAL_S, MEMORY_GOAL_MIB = 30.0, 1024.0

if __name__ == "__main__":
    run_openleo("ukraine-2022", "--for", "1m", "--workers", "2")  # fills the caches of compiled code
    runs = [run_openleo("ukraine-2022", "--workers", "2") for _ in range(REPEATS)]
    wall_s, cpu_s, memory_mib = (statistics.median(r[k] for r in runs) for k in range(3))
    peer_s = sgp4_package_s(2_631, 5_760)
    print(f"runs (wall s, CPU s, MiB): {[tuple(round(x, 1) for x in r) for r in runs]}")
    print(f"CPU {cpu_s:.1f} s; the sgp4 package alone needs {peer_s:.1f} s for the day's positions")
    report("country_day: memory", memory_mib, "MiB", MEMORY_GOAL_MIB)
    report("country_day: wall", wall_s, "s", WALL_GOAL_S)
