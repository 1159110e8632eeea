"""What a terminal's own telemetry shows, as signs: a name, one of few values, and a sentence with figures.

What a source does not tell gives no sign; nothing is read into what is missing.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from statistics import median
from typing import Final

from openleo.fleet.sample import ALERTS, Sample
from openleo.fleet.why.course import Course, is_dark
from openleo.fleet.why.inputs import MINUTE_NS, SECOND_NS, Case
from openleo.fleet.why.places import distance_m
from openleo.fleet.why.sign import Sign
from openleo.fleet.why.signs_course import before_it, kind, latency, traffic, went
from openleo.fleet.why.signs_direct import direct_signs
from openleo.fleet.why.times import length, when

FAR_M: Final = 25_000.0  # beyond the neighbouring cells of a service address
MOVED_M: Final = 2_000.0

_REFUSED: Final = {
    "OKAY": "okay",
    "CELL_IS_DISABLED": "area",
    "BLOCKED_AREA": "area",
    "BLOCKED_COUNTRY": "country",
    "NO_ACTIVE_ACCOUNT": "account",
    "ACCOUNT_DISABLED": "account",
    "TOO_FAR_FROM_SERVICE_ADDRESS": "far",
    "ROAM_RESTRICTED": "far",
    "IN_OCEAN": "far",
    "MOVING_TOO_FAST_FOR_POLICY": "fast",
    "UNDER_AVIATION_FLYOVER_LIMITS": "fast",
    "UNKNOWN_LOCATION": "place",
    "DATA_OVERAGE_SANDBOX_POLICY": "data",
    "UNSUPPORTED_VERSION": "version",
}
_REFUSED_ALERTS: Final = {
    89: "area", 83: "country", 58: "country", 55: "account", 56: "far", 57: "far", 60: "fast", 59: "fast",
    84: "data",
}  # fmt: skip
_OUTAGES: Final = frozenset({
    "BOOTING", "STOWED", "THERMAL_SHUTDOWN", "NO_SCHEDULE", "NO_SATS", "OBSTRUCTED", "NO_DOWNLINK",
    "NO_PINGS",
    "ACTUATOR_ACTIVITY", "CABLE_TEST", "SLEEPING", "SKY_SEARCH", "INHIBIT_RF", "UNKNOWN",
})  # fmt: skip
_MOVES: Final = frozenset({
    ("refused", "far"), ("refused", "fast"), ("refused", "country"), ("refused", "place"), ("place", "far"),
    ("place", "moved"),
})  # fmt: skip
_HARDWARE: Final = (53, 54, 63, 80, 81, 52)
_ETHERNET: Final = (50, 51)


def own_signs(case: Case, course: Course) -> list[Sign]:
    """Return the signs in a terminal's own telemetry and what a direct reading of it adds."""
    found = [sign for look in _LOOKS if (sign := look(case, course)) is not None]
    return [*found, *_no_move(course, found), *direct_signs(case)]


def _no_move(course: Course, found: Sequence[Sign]) -> Iterator[Sign]:
    """Say that a terminal that talks tells nothing of a move; what tells of one has signs of its own."""
    if not course.dark or any((s.name, s.value) in _MOVES for s in found):
        return
    yield Sign("move", "untold", "nothing tells that it moved: no place, cell, code or alert")


def _answer(case: Case, course: Course) -> Sign | None:
    last = course.last
    if last is None:
        return None
    name = "answer-dish" if "dish" in course.sources else "answer-vendor"
    if name == "answer-dish" and last.source != "dish":
        return _agent(case, course)
    if name == "answer-vendor" and course.answers == "no answer":
        return None
    at, gap = when(last.time_ns, course.now_ns), length((course.now_ns - last.time_ns) / SECOND_NS)
    says = {
        "answers": f"it still answers, last at {at}",
        "no answer": f"it is asked and does not answer, last tried at {at}",
        "silent": f"nothing was heard of it since {at}, {gap} ago",
    }
    return Sign(name, course.answers, says[course.answers])


def _agent(case: Case, course: Course) -> Sign:
    """Say how the dish's own interface answers where the vendor's telemetry is what tells."""
    newest = [s for s in case.samples if s.source == "dish" and s.time_ns <= course.now_ns + MINUTE_NS][-1]
    at = when(newest.time_ns, course.now_ns)
    if course.now_ns - newest.time_ns <= 5 * MINUTE_NS:
        return Sign("answer-dish", "no answer", f"asked beside it, it does not answer, last tried at {at}")
    return Sign("answer-dish", "silent", f"the agent beside it is silent since {at}")


def _other_source(case: Case, course: Course) -> Sign | None:
    """Compare the agent's word with the vendor's, where the agent is silent or gets no answer."""
    own_answers = course.answers == "answers" and course.last is not None and course.last.source == "dish"
    if "dish" not in course.sources or len(course.sources) < 2 or own_answers:
        return None
    others = [s for s in case.samples if s.source != "dish" and s.time_ns <= course.now_ns + MINUTE_NS]
    newest = others[-1]
    if course.now_ns - newest.time_ns > 5 * MINUTE_NS:
        return Sign(
            "vendor",
            "silent",
            f"the vendor's telemetry is silent too, since {when(newest.time_ns, course.now_ns)}",
        )
    value = "dark" if is_dark(newest) else "online"
    return Sign(
        "vendor", value, f"the vendor's telemetry sees it {value} at {when(newest.time_ns, course.now_ns)}"
    )


def _refused(case: Case, course: Course) -> Sign | None:
    told: list[tuple[str, Sample, str]] = []
    for sample in _spoken(course):
        if sample.disablement in _REFUSED:
            told.append((_REFUSED[sample.disablement], sample, f"disablement {sample.disablement}"))
            continue
        coded = [a for a in sample.alerts if a in _REFUSED_ALERTS]
        if coded:
            told.append((_REFUSED_ALERTS[coded[0]], sample, f"alert {coded[0]} {ALERTS[coded[0]]}"))
        elif sample.source == "enterprise":
            told.append(("unsaid", sample, "no alert of refused service"))
    if not told:
        return None
    refusals = [t for t in told if t[0] not in ("okay", "unsaid")]
    value, sample, words = (refusals or told)[-1]
    return Sign("refused", value, f"the network tells it: {words} (at {when(sample.time_ns, course.now_ns)})")


def _outage(case: Case, course: Course) -> Sign | None:
    named = [s for s in course.dark if s.outage]
    if not named:
        told = [s for s in course.dark if s.outage is not None]
        return Sign("outage", "none", "the dish itself says that it is connected") if told else None
    counts = Counter(str(s.outage) for s in named)
    value, times = counts.most_common(1)[0]
    rest = "".join(f", {n} of {name}" for name, n in counts.most_common(3)[1:])
    span = length((course.dark[-1].time_ns - course.dark[0].time_ns) / SECOND_NS + course.dark[0].period_s)
    until = when(course.dark[-1].time_ns, course.now_ns)
    share = f"{times} of the {len(course.dark)} samples of the {span} until {until}"
    says = f"the dish names its outage {value} in {share}{rest}"
    return Sign("outage", value if value in _OUTAGES else "UNKNOWN", says)


def _gps(case: Case, course: Course) -> Sign | None:
    told = [s for s in _spoken(course) if s.gps_valid is not None or s.gps_satellites is not None]
    if not told:
        return None
    lost = [s for s in told if s.gps_valid is False or s.gps_satellites == 0]
    least = min((s.gps_satellites for s in told if s.gps_satellites is not None), default=None)
    if len(lost) * 3 >= len(told):
        value, says = "lost", f"satellite navigation is lost in {len(lost)} of {len(told)} samples"
    elif lost or (least is not None and least < 6):
        value, says = "weak", f"satellite navigation is weak: {least} satellites at worst"
    else:
        value, says = "good", f"satellite navigation is good: never under {least} satellites"
    return Sign("gps", value, says)


def _signal(case: Case, course: Course) -> Sign | None:
    during = [s.signal_quality for s in _spoken(course) if s.signal_quality is not None]
    before = [s.signal_quality for s in course.before if s.signal_quality is not None]
    if not during:
        return None
    now, usual = median(during), median(before) if before else None
    if usual is not None and usual - now > 0.2:
        return Sign("signal", "fallen", f"signal quality fell from {usual:.2f} to {now:.2f}")
    value = "low" if now < 0.5 else "good"
    return Sign("signal", value, f"signal quality is {value}, {now:.2f}")


def _sky(case: Case, course: Course) -> Sign | None:
    told = [s.obstructed for s in _spoken(course) if s.obstructed is not None]
    if not told:
        return None
    most = median(told)
    value = "clear" if most < 0.02 else "some" if most < 0.05 else "much"
    alert = any(66 in s.alerts for s in course.dark)
    if alert:
        value = "much"
    return Sign(
        "sky",
        value,
        f"obstructed {most:.1%} of the time" + (" (alert high_time_obstruction)" if alert else ""),
    )


def _power(case: Case, course: Course) -> Sign | None:
    during = [s.power_w for s in course.dark if s.power_w is not None]
    before = [s.power_w for s in course.before if s.power_w is not None]
    if not during:
        return None
    now, usual = median(during), median(before) if before else None
    if usual is not None and now > max(1.35 * usual, usual + 20):
        return Sign("power", "high", f"it draws {now:.0f} W, before {usual:.0f} W")
    if now < 22:
        return Sign("power", "low", f"it draws {now:.0f} W only")
    return Sign("power", "usual", f"it draws {now:.0f} W")


def _alerts(name: str, codes: Sequence[int], words: str) -> Callable[[Case, Course], Sign | None]:
    def look(case: Case, course: Course) -> Sign | None:
        spoken = [*course.before[-20:], *course.dark]
        if not spoken:
            return None
        hit = [(s, a) for s in spoken for a in s.alerts if a in codes]
        if not hit:
            return Sign(name, "no", f"no alert of {words}")
        sample, code = hit[0]
        return Sign(name, "yes", f"alert {code} {ALERTS[code]} from {when(sample.time_ns, course.now_ns)}")

    return look


def _booted(case: Case, course: Course) -> Sign | None:
    """Count starts since the onset: by the dish's own count, else by uptime that began anew."""
    run = [*course.before[-1:], *course.dark, *[s for s in course.later[:120] if s.reachable]]
    if len(run) < 2 or course.onset_ns is None:
        return None
    boots = [s.boot for s in run if s.boot is not None]
    if len(boots) >= 2:
        starts = max(boots) - min(boots)
    else:
        ups = [s.uptime_s for s in run if s.uptime_s is not None]
        if len(ups) < 2:
            return None
        starts = sum(b < a for a, b in pairwise(ups))
    if not starts:
        return Sign("booted", "no", "it did not restart")
    value = "once" if starts == 1 else "often"
    return Sign(
        "booted",
        value,
        f"it restarted {starts} time{'s' * (starts > 1)} since {when(course.onset_ns, course.now_ns)}",
    )


def _update(case: Case, course: Course) -> Sign | None:
    spoken = [*course.before, *course.dark]
    if not spoken or all(s.reboot_in_s is None and s.software is None for s in spoken):
        return None
    versions = [s.software for s in [*spoken, *course.later[:120]] if s.software]
    if versions and versions[0] != versions[-1]:
        return Sign("update", "yes", f"its software went from {versions[0]} to {versions[-1]}")
    due = [s for s in spoken if 82 in s.alerts or (s.reboot_in_s is not None and 0 <= s.reboot_in_s < 3600)]
    if due:
        return Sign(
            "update", "yes", f"an update waited for a restart at {when(due[-1].time_ns, course.now_ns)}"
        )
    return Sign("update", "no", "no update was waiting")


def _stowed(case: Case, course: Course) -> Sign | None:
    told = [s for s in course.dark if s.stowed is not None]
    if not told:
        return None
    if not any(s.stowed for s in told):
        return Sign("stowed", "no", "it is not stowed")
    since = next(s for s in course.dark if s.stowed or s.outage == "STOWED")
    return Sign(
        "stowed", "yes", f"the dish says that it is stowed, since {when(since.time_ns, course.now_ns)}"
    )


def _place(case: Case, course: Course) -> Sign | None:
    spoken = [s for s in [*course.before, *course.dark] if s.cell is not None or s.latitude_deg is not None]
    if not spoken:
        return None
    kit, last = case.kit, spoken[-1]
    if kit.latitude_deg is not None and kit.longitude_deg is not None:
        away = distance_m(last, (kit.latitude_deg, kit.longitude_deg))
        if away is not None and away > FAR_M:
            return Sign("place", "far", f"it is {away / 1000:.0f} km from where it is registered")
    cells = {s.cell for s in spoken if s.cell is not None}
    spots = [s for s in spoken if s.latitude_deg is not None and s.longitude_deg is not None]
    way = 0.0
    if len(spots) >= 2:
        first = spots[0]
        assert first.latitude_deg is not None
        assert first.longitude_deg is not None
        way = distance_m(spots[-1], (first.latitude_deg, first.longitude_deg)) or 0.0
    if way > MOVED_M or len(cells) > 1:
        seen = f"it moved {way / 1000:.0f} km" if way else f"it was seen in {len(cells)} cells"
        return Sign("place", "moved", f"{seen} since {when(spoken[0].time_ns, course.now_ns)}")
    return Sign("place", "same", "it stayed where it was")


def _spoken(course: Course) -> Sequence[Sample]:
    """Return the samples of the trouble that tell: the dark ones, or all where it is only poor."""
    dark = [s for s in course.dark if is_dark(s)]
    return dark or course.dark


_LOOKS: Final = (
    _answer, _other_source, _refused, _outage, _gps, _signal, _sky, _power,
    _alerts("hardware", _HARDWARE, "hardware"),
    _alerts("ethernet", _ETHERNET, "a slow cable"),
    _alerts("power-alert", (61,), "power"),
    _booted, _update, _stowed, _place, traffic, latency, kind, went, before_it,
)  # fmt: skip
