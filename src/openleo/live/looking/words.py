"""Small things that every answer needs: groups of causes, units, names of rows."""

from openleo.snapshot.causes import OWN, Cause, is_policy, needs_schedule

_GROUPS = {
    Cause.ONLINE: "online", Cause.IDLE: "idle",
    Cause.NO_SATS: "sky", Cause.OBSTRUCTED: "sky",
    Cause.NO_GATEWAY: "ground", Cause.POP_DOWN: "ground", Cause.CORE_DOWN: "ground",
    **dict.fromkeys(OWN, "terminal"),
}  # fmt: skip


def group_of(cause: int) -> str:
    """Return to what a cause belongs: online, sky, ground, contention, terminal, policy, idle."""
    if is_policy(cause):
        return "policy"
    return "contention" if needs_schedule(cause) else _GROUPS[Cause(cause)]


def state_of(cause: int) -> str:
    """Return which state the page counts a cause as: online, idle, own, policy; outage is the rest."""
    group = group_of(cause)
    return {"terminal": "own"}.get(group, group if group in {"online", "idle", "policy"} else "outage")


def ms(us: int | None) -> float | None:
    """Return milliseconds of microseconds; None where there are none."""
    return None if us is None or us < 0 else round(us / 1000, 2)


def mbps(kbps: int | None) -> float | None:
    """Return Mbit/s of kbit/s; None where there are none."""
    return None if kbps is None or kbps < 0 else round(kbps / 1000, 1)
