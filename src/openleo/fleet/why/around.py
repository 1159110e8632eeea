"""What other terminals, decisions, weather and a model say of one, as signs."""

from collections.abc import Iterator
from typing import Final

from openleo.fleet.why.course import Course
from openleo.fleet.why.inputs import Case, Share
from openleo.fleet.why.places import cell_at
from openleo.fleet.why.sign import Sign
from openleo.fleet.why.times import length, when

TOGETHER_S: Final = 180.0  # onsets within so many seconds are of the same moment, clocks being what they are
_MOST: Final = 0.6
_KIN: Final = 0.75
_SHARP_S: Final = 75.0
_WIDE_LEAST: Final = 5  # others, below which far terminals tell nothing of the fleet
_RAIN_MM_H: Final = 1.0
_HEAVY_MM_H: Final = 15.0

# Causes of the engine, by what of them could be seen from outside.
_EXPECTED: Final = {
    "ONLINE": "online", "NO_SATS": "sky", "NO_BEAM": "sky", "NO_CHANNEL": "sky", "NO_ANTENNA": "sky",
    "OBSTRUCTED": "sky", "POP_DOWN": "network", "NO_GATEWAY": "network", "CORE_DOWN": "network",
    "RAIN_FADE": "weather",
}  # fmt: skip


def around_signs(case: Case, course: Course) -> Iterator[Sign]:
    """Yield the signs around a terminal; none where there is nobody to compare it with."""
    around = case.around
    yield from _share("site", around.site, "at its site")
    yield from _share("cell", around.cell, "in its cell")
    yield from _share("near", around.near, "within 60 km")
    yield from _share("account", around.account, "of its account elsewhere")
    if around.wide.known >= _WIDE_LEAST:
        yield _few("wide", around.wide, "farther than 60 km")
    if around.gateway is not None and around.gateway.known >= 2:
        yield _few("gateway", around.gateway, f"of gateway {case.kit.gateway}")
    gps = around.near_gps
    if gps.known:
        value = "some" if gps.dark >= 2 or gps.part >= 0.3 else "none"
        yield Sign(
            "near-gps", value, f"{gps.dark} of {gps.known} terminals near by have lost satellite navigation"
        )
    if around.kin is not None:
        value = "same" if around.kin >= _KIN else "mixed"
        yield Sign("kin", value, f"{around.kin:.0%} of those that went dark with it are of its account")
    if around.spread_s is not None:
        value = "sharp" if around.spread_s <= _SHARP_S else "slow"
        within = length(around.spread_s)
        yield Sign(
            "spread",
            value,
            f"of {around.together} in its cell or near it that went dark about when it did, "
            f"the middle half did so within {within}",
        )
    yield from _decided(case, course)
    yield from _model(case)
    if case.rain_mm_h is not None:
        rain = case.rain_mm_h
        value = "heavy" if rain >= _HEAVY_MM_H else "some" if rain >= _RAIN_MM_H else "dry"
        yield Sign("rain", value, f"rain or melted snow there: {rain:.0f} mm/h")


def _share(name: str, share: Share, where: str) -> Iterator[Sign]:
    if not share.known:
        return
    value = "most" if share.part >= _MOST else "some" if share.with_it else "none"
    yield Sign(name, value, _counted(share, where))


def _few(name: str, share: Share, where: str) -> Sign:
    value = "most" if share.part >= _MOST else "some" if share.part >= 0.05 and share.with_it >= 2 else "few"
    return Sign(name, value, _counted(share, where))


def _counted(share: Share, where: str) -> str:
    of = f"{share.known} other{'s' * (share.known != 1)} {where}"
    if not share.dark:
        return f"the 1 other {where} is online" if share.known == 1 else f"all {of} are online"
    together = (
        "since the same time" if share.with_it == share.dark
        else f"{share.with_it} of them since the same time" if share.with_it
        else "none of them since the same time" if share.dark > 1
        else "not since the same time"
    )  # fmt: skip
    return f"{share.dark} of {of} {'is' if share.dark == 1 else 'are'} dark, {together}"


def _decided(case: Case, course: Course) -> Iterator[Sign]:
    """Compare with what was decided before the onset, as far as that is known."""
    if case.decisions is None:
        return
    until = (course.onset_ns or case.now_ns) + int(TOGETHER_S * 1e9)
    cell = _cell_of(case, course)
    hits = [d for d in case.decisions if d.at_ns <= until and d.concerns(case.kit, cell)]
    if not hits:
        yield Sign("decided", "none", "no decision that is known concerns it")
        return
    newest = max(hits, key=lambda d: d.at_ns)
    value = "area" if newest.kind == "area-off" else "account"
    yield Sign("decided", value, f"decided {when(newest.at_ns, case.now_ns)}: {newest.says or newest.kind}")


def _cell_of(case: Case, course: Course) -> int | None:
    if course.last is not None and course.last.cell is not None:
        return course.last.cell
    kit = case.kit
    if kit.latitude_deg is None or kit.longitude_deg is None:
        return None
    return cell_at((kit.latitude_deg, kit.longitude_deg))


def _model(case: Case) -> Iterator[Sign]:
    model = case.expected
    if model is None:
        return
    value = _EXPECTED.get(model.cause, "refused")
    says = f"{model.of} expected it {'online' if value == 'online' else f'dark with {model.cause}'}"
    yield Sign("expected", value, f"{says} ({model.online:.0%} of the time around then)")
