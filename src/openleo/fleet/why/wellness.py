"""How a terminal fares that is well: what it measures, and what to watch out for."""

from collections.abc import Iterable, Iterator
from statistics import median
from typing import Final

from openleo.fleet.sample import ALERTS, Sample
from openleo.fleet.why.course import Course
from openleo.fleet.why.inputs import SECOND_NS
from openleo.fleet.why.times import length, when

_LOSSY: Final = 0.01
_OBSTRUCTED: Final = 0.005
_SLOW_MS: Final = 100.0
_FRESH_S: Final = 3_600


def well_lines(course: Course) -> Iterator[str]:
    """Yield how a terminal in service fares."""
    told = [s for s in course.before if s.reachable]
    if not told:
        return
    last = told[-1]
    span = length((last.time_ns - told[0].time_ns) / SECOND_NS + told[0].period_s)
    measured = list(_measures(told))
    if measured:
        yield f"over the last {span}: {', '.join(measured)}"
    facts = list(_facts(told, course.now_ns))
    if facts:
        yield "; ".join(facts)
    alerts = _alerts(last)
    yield f"alerts: {', '.join(alerts) if alerts else 'none'}"
    cautions = list(_cautions(told, course.now_ns))
    yield "watch out for: " + ("; ".join(cautions) if cautions else "nothing that its telemetry tells")


def _middle(values: Iterable[float | None]) -> float | None:
    known = [v for v in values if v is not None]
    return median(known) if known else None


def _mean(values: Iterable[float | None]) -> float | None:
    known = [v for v in values if v is not None]
    return sum(known) / len(known) if known else None


def _measures(told: list[Sample]) -> Iterator[str]:
    latency = _middle(s.ping_latency_ms for s in told)
    drop = _mean(s.ping_drop for s in told)
    hidden = _middle(s.obstructed for s in told)
    if latency is not None:
        yield f"latency {latency:.0f} ms"
    if drop is not None:
        yield f"{drop:.1%} of pings lost"
    if hidden is not None:
        yield f"obstructed {hidden:.1%} of the time"


def _facts(told: list[Sample], now_ns: int) -> Iterator[str]:
    up = next((s for s in reversed(told) if s.uptime_s is not None), None)
    if up is not None and up.uptime_s is not None:
        restarted = when(up.time_ns - up.uptime_s * SECOND_NS, now_ns)
        yield f"up {length(up.uptime_s)}, last restart {restarted}"
    version = next((s.software for s in reversed(told) if s.software), None)
    if version:
        yield f"software {version}"


def _alerts(last: Sample) -> list[str]:
    return [f"{code} {ALERTS.get(code, 'which has no name here')}" for code in last.alerts]


def _cautions(told: list[Sample], now_ns: int) -> Iterator[str]:
    hidden = _middle(s.obstructed for s in told)
    drop = _mean(s.ping_drop for s in told)
    latency = _middle(s.ping_latency_ms for s in told)
    last = told[-1]
    if hidden is not None and hidden >= _OBSTRUCTED:
        yield f"something hides the sky {hidden:.1%} of the time"
    if drop is not None and drop >= _LOSSY:
        yield f"{drop:.1%} of pings are lost"
    if latency is not None and latency >= _SLOW_MS:
        yield f"its latency is high, {latency:.0f} ms"
    if 82 in last.alerts or (last.reboot_in_s is not None and last.reboot_in_s >= 0):
        yield "an update waits, and will restart it"
    if last.gps_valid is False:
        yield "its satellite navigation is lost"
    if last.uptime_s is not None and last.uptime_s < _FRESH_S:
        yield f"it restarted {length(last.uptime_s)} ago"
    for code in last.alerts:
        if code != 82:
            yield f"alert {code} {ALERTS.get(code, 'which has no name here')}"
