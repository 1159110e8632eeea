"""The one sentence that says why: as particular as what is known, and never against it."""

from typing import Any

from openleo.snapshot.causes import MEANING, Cause, Reason

REASONS = {
    Reason.HORIZON: "no satellite is above the horizon",
    Reason.ELEVATION: "no satellite in service stays above the minimum elevation for the whole slot",
    Reason.OUT_OF_SERVICE: "the satellites that are high enough are not in service",
    Reason.GSO: "every satellite that is high enough is too near the geostationary arc",
    Reason.FIELD_OF_VIEW: "every usable satellite is outside the terminals' field of view",
}
_PLAIN = {
    Cause.NO_SATS: "no satellite can be used from here",
    Cause.OBSTRUCTED: "every usable satellite is outside its field of view",
    Cause.POP_DOWN: "its point of presence is down",
    Cause.NO_GATEWAY: "no satellite in view has a way to a gateway",
}
_LOST = {
    "satellite": "satellite {} lost",
    "plane": "plane {} lost",
    "shell": "satellites of shell {} lost",
    "isl": "lasers of {} lost",
    "gateway": "{} lost",
    "pop": "{} down",
    "fibre": "the fibre {} cut",
}


def sentence_of(
    cause: Cause, *, reason: Reason, fault: dict[str, Any] | None, candidates: int, masked: bool = False
) -> str:
    """Say in words why a cell or terminal is dark.

    ``fault`` is the row of faults behind it; ``candidates`` satellites could be used from the cell, so that
    where there are some it lost out to others; ``masked``: the terminal's obstacles hide its satellite.
    """
    if cause == Cause.OBSTRUCTED and masked:
        return "obstacles hide the satellite that serves it"
    if cause not in _PLAIN:
        return MEANING[cause]
    plain = REASONS.get(reason, _PLAIN[cause]) if cause == Cause.NO_SATS else _PLAIN[cause]
    if fault is None:
        return plain
    lost = _LOST.get(fault["kind"], "{} failed").format(fault["target"] or fault["name"])
    with_fault = f"with {lost} (fault {fault['name']}), "
    if not candidates:
        return with_fault + plain
    left = "are left" if cause == Cause.NO_SATS else "still have a way"
    return with_fault + f"the satellites that {left} were taken by others"


def reason_of(reason: Reason, candidates: int) -> str | None:
    """Return what the sky lacks, in words; None where there are candidates, whatever made them too few."""
    return None if candidates else REASONS.get(reason)
