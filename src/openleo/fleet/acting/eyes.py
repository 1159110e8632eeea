"""Looking at a dish before and after it is told something."""

from typing import Any

from openleo.dish.reading import Dish, DishError, outage_name
from openleo.fleet.acting.judging import Seen
from openleo.fleet.dish_samples import Odd, boot_of, id_of, printable
from openleo.fleet.sample import Sample


async def look(dish: Dish, now_ns: int, *, with_sleep: bool = False) -> tuple[Seen, Any]:
    """Return how a dish stands, and the status that it told (None where it does not answer)."""
    try:
        status = await dish.status()
        terminal = id_of(status)
        schedule = await _schedule(dish) if with_sleep else None
    except DishError as error:
        return Seen(at_ns=now_ns, answers=False, trouble=printable(error.detail, 200)), None
    except Odd as odd:
        return Seen(at_ns=now_ns, answers=False, trouble=f"it answers as no dish does: {odd}"), None
    gps = status.gps_stats if status.HasField("gps_stats") else None
    outage = outage_name(status)
    seen = Seen(
        at_ns=now_ns, terminal=terminal, outage=outage, ping_drop=_share(status.pop_ping_drop_rate),
        boot=boot_of(status), uptime_s=min(int(status.device_state.uptime_s), 2**53),
        stowed=bool(status.stow_requested) or outage == "STOWED",
        gps_inhibited=None if gps is None else bool(gps.inhibit_gps),
        sleeps_told=schedule is not None, sleep=schedule or None,
        software=printable(str(status.device_info.software_version), 64),
    )  # fmt: skip
    return seen, status


async def _schedule(dish: Dish) -> tuple[int, int] | tuple[()] | None:
    """Return its daily sleep, () for none; None where its firmware does not tell."""
    try:
        config = await dish.config()
    except DishError as error:
        if error.kind in ("denied", "unsupported", "refused"):
            return None
        raise
    if not config.power_save_mode:
        return ()
    return int(config.power_save_start_minutes), int(config.power_save_duration_minutes)


def _share(value: float) -> float | None:
    return value if 0 <= value <= 1 else None


def sample_of(seen: Seen, status: Any, terminal: str) -> Sample:
    """Return what was seen as telemetry."""
    from openleo.fleet.dish_samples import SOURCE, status_sample

    if status is None:
        return Sample(terminal=terminal, time_ns=seen.at_ns, source=SOURCE, reachable=False)
    return status_sample(status, terminal=seen.terminal, time_ns=seen.at_ns)
