"""The sentence of a cause agrees with the evidence under it."""

from typing import Any

import pytest

from openleo.results.way import why_gateway
from openleo.results.words import reason_of, sentence_of
from openleo.snapshot.causes import Cause, Reason

WOLA = {"name": "wola-lost", "kind": "gateway", "target": "Wola Krobowska"}
PLANE = {"name": "p3", "kind": "plane", "target": "53.0-550/3"}
WARSAW = {"name": "w", "kind": "pop", "target": "Warsaw"}


@pytest.mark.parametrize(
    ("cause", "how", "says"),
    [
        (
            Cause.NO_GATEWAY,
            {"fault": WOLA, "candidates": 3},
            "with Wola Krobowska lost (fault wola-lost), the satellites that still have a way were taken by"
            " others",
        ),
        (
            Cause.NO_GATEWAY,
            {"fault": WOLA},
            "with Wola Krobowska lost (fault wola-lost), no satellite in view has a way to a gateway",
        ),
        (Cause.NO_GATEWAY, {}, "no satellite in view has a way to a gateway"),
        (
            Cause.NO_SATS,
            {"fault": PLANE, "candidates": 2, "reason": Reason.OUT_OF_SERVICE},
            "with plane 53.0-550/3 lost (fault p3), the satellites that are left were taken by others",
        ),
        (
            Cause.NO_SATS,
            {"reason": Reason.GSO},
            "every satellite that is high enough is too near the geostationary arc",
        ),
        (Cause.POP_DOWN, {"fault": WARSAW}, "with Warsaw down (fault w), its point of presence is down"),
        (Cause.OBSTRUCTED, {"masked": True, "candidates": 4}, "obstacles hide the satellite that serves it"),
        (
            Cause.OBSTRUCTED,
            {"reason": Reason.FIELD_OF_VIEW},
            "every usable satellite is outside its field of view",
        ),
        (Cause.NO_BEAM, {"candidates": 4}, "the satellites in view have no beam time left"),
    ],
)  # fmt: skip
def test_each_cause_is_said_as_it_came_about(cause: Cause, how: dict[str, Any], says: str) -> None:
    assert sentence_of(cause, **{"reason": Reason.NONE, "fault": None, "candidates": 0} | how) == says


def test_the_sky_lacks_nothing_where_there_are_candidates() -> None:
    assert reason_of(Reason.OUT_OF_SERVICE, 2) is None
    assert reason_of(Reason.OUT_OF_SERVICE, 0) == "the satellites that are high enough are not in service"


def test_why_a_gateway_names_those_before_it_that_were_full() -> None:
    wola = {"gateway": "Wola", "used": False, "antennas": 8, "antennas_in_use": 8}
    kaunas = {"gateway": "Kaunas", "used": True, "antennas": 8, "antennas_in_use": 3}
    assert "Wola has 8 of 8 antennas in use" in why_gateway([wola, kaunas])
    assert why_gateway([kaunas, wola]) == "the shortest way of the 2 that this satellite reaches"
    assert why_gateway([kaunas]) == "the only one that this satellite reaches"
    assert why_gateway([]) == ""
