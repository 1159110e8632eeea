"""How a terminal went, as signs: its traffic and latency, how it comes and goes, and what came before."""

from statistics import median
from typing import Final

from openleo.fleet.why.course import Course, State, is_dark
from openleo.fleet.why.inputs import MINUTE_NS, Case
from openleo.fleet.why.sign import Sign
from openleo.fleet.why.times import when

DARK_DROP: Final = 0.9


def traffic(case: Case, course: Course) -> Sign | None:
    """Look at what it carries while it answers pings: nothing, a capped trickle, or as usual."""
    fine = [
        s
        for s in course.trouble
        if s.downlink_mbps is not None and (s.ping_drop or 0.0) < 0.2 and not is_dark(s)
    ]
    if len(fine) < 4:
        return None
    rates = [s.downlink_mbps for s in fine if s.downlink_mbps is not None]
    most = max(rates)
    if most < 0.05:
        return Sign(
            "traffic", "none", f"its pings pass, and it carries no traffic: {most:.3f} Mbit/s at most"
        )
    if most < 1.3:
        return Sign("traffic", "capped", f"its pings pass, and its traffic stays under {most:.1f} Mbit/s")
    return Sign("traffic", "usual", f"it carries up to {most:.0f} Mbit/s when its pings pass")


def latency(case: Case, course: Course) -> Sign | None:
    """Compare the latency of what passes with that of the half hour before."""
    now = [s.ping_latency_ms for s in course.dark if s.ping_latency_ms and (s.ping_drop or 0.0) < DARK_DROP]
    before = [s.ping_latency_ms for s in course.before if s.ping_latency_ms]
    if len(now) < 4 or len(before) < 4:
        return None
    is_high = median(now) > 1.5 * median(before)
    says = f"latency {median(now):.0f} ms, before {median(before):.0f} ms"
    return Sign("latency", "high" if is_high else "usual", says)


def kind(case: Case, course: Course) -> Sign | None:
    """Tell whether it is dark without a break, comes and goes, or is only badly served."""
    if course.state in (State.SILENT, State.NEVER) or len(course.trouble) < 2:
        return None
    share, spells = course.dark_share, course.spells
    if share > 0.9:
        return Sign(
            "course",
            "steady",
            f"it is dark without a break since {when(course.onset_ns or 0, course.now_ns)}",
        )
    if spells >= 2:
        return Sign("course", "flapping", f"it comes and goes: {spells} dark spells, {share:.0%} of samples")
    if share == 0:
        drop = median([s.ping_drop for s in course.trouble if s.ping_drop is not None] or [0.0])
        value = "lossy" if drop >= 0.04 else "clean"
        return Sign(
            "course", value, f"it is never wholly dark; half of its samples lose {drop:.1%} of pings or more"
        )
    return Sign("course", "once", f"dark in {share:.0%} of the samples of this trouble, in one spell")


def went(case: Case, course: Course) -> Sign | None:
    """Tell whether the last minutes before it went dark were already bad."""
    if course.onset_ns is None:
        return None
    dark_from = next((s.time_ns for s in course.trouble if is_dark(s)), None)
    if dark_from is None:
        if course.state is not State.SILENT:
            return None
        dark_from = course.last.time_ns + 1 if course.last else 0
    lead = [
        s
        for s in [*course.before, *course.trouble]
        if dark_from - 6 * MINUTE_NS < s.time_ns < dark_from - MINUTE_NS
    ]
    quality = [
        s.signal_quality
        for s in [*course.before, *course.trouble]
        if s.signal_quality is not None and dark_from - 15 * MINUTE_NS < s.time_ns < dark_from
    ]
    if len(quality) >= 8:
        first, last = median(quality[:4]), median(quality[-4:])
        if first - last > 0.12:
            return Sign("went", "fading", f"its signal quality faded from {first:.2f} to {last:.2f} before")
    drops = [s.ping_drop for s in lead if s.ping_drop is not None]
    if len(drops) < 4:
        return None
    mean = sum(drops) / len(drops)
    if mean > 0.04:
        return Sign("went", "gradual", f"it lost {mean:.0%} of its pings in the five minutes before")
    return Sign(
        "went", "sudden", f"it was well until then: {mean:.1%} of pings lost in the five minutes before"
    )


def before_it(case: Case, course: Course) -> Sign | None:
    """Tell the most telling thing of the last minutes of a terminal that said nothing once it was dark."""
    if course.dark and any(is_dark(s) for s in course.dark):
        return None
    lead = [s for s in [*course.before, *course.dark] if s.reachable][-40:]
    if len(lead) < 2:
        return None
    last = lead[-8:]
    quality = [s.signal_quality for s in lead if s.signal_quality is not None]
    if any(s.gps_valid is False for s in last):
        return Sign("before", "gps", "its satellite navigation was lost before it went silent")
    if len(quality) >= 8 and median(quality[:4]) - median(quality[-4:]) > 0.15:
        fell = f"{median(quality[:4]):.2f} to {median(quality[-4:]):.2f}"
        return Sign("before", "fading", f"its signal quality fell from {fell} before it went silent")
    if any((s.obstructed or 0.0) > 0.03 for s in last):
        worst = max(s.obstructed or 0.0 for s in last)
        return Sign(
            "before", "obstructed", f"it was obstructed {worst:.1%} of the time before it went silent"
        )
    if any((s.ping_drop or 0.0) > 0.15 for s in last):
        return Sign("before", "lossy", "its pings were being lost before it went silent")
    return Sign("before", "healthy", "it was healthy in its last words")
