"""Dishes that do what a file says: states, pasts and futures, and mistakes named by key and line."""

from pathlib import Path

import pytest

from openleo.base.errors import BadInput
from openleo.dish import replies
from openleo.dish.causes import CONNECTED, OUTAGES
from openleo.dish.stage import Stage, read_stage

NOW = 1_700_000_000
FILE = """
lived_s = 1200
[[dishes]]
name = "school"
id = "ut01000000-00000000-0000a001"
latency_ms = 41.5
[[dishes.then]]
after_s = -600
state = "OBSTRUCTED"
[[dishes.then]]
after_s = 30
state = "ONLINE"
latency_ms = 55.0

[[dishes]]
count = 3
id = "ut01000000-00000000-0000000f"
state = "CELL_IS_DISABLED"
alerts = ["motors_stuck", "roaming"]
gps_satellites = 0
gps_valid = false

[[dishes]]
name = "off"
state = "POWER_OFF"
[[dishes]]
name = "old"
firmware = "2024.10.13.mr44429"
update = "2026.06.12.mr81164"
state = "NO_GATEWAY"
unknown_outage = 77
"""


def staged(tmp_path: Path, text: str = FILE) -> Stage:
    path = tmp_path / "dishes.toml"
    path.write_text(text)
    return read_stage(path, now_s=NOW)


def test_dishes_have_the_states_the_past_and_the_future_that_the_file_says(tmp_path: Path) -> None:
    stage = staged(tmp_path)
    d = stage.dishes
    assert stage.names[:2] == ["school", "ut01000000-00000000-0000000f"]
    assert [i.id[-8:] for i in d.identities[1:4]] == ["0000000f", "00000010", "00000011"]
    school = replies.status(d.terminal(0))
    assert school.outage.cause == OUTAGES["OBSTRUCTED"]
    assert school.outage.duration_ns == 600 * 10**9
    history = replies.history(d.terminal(0))
    drops = [history.pop_ping_drop_rate[c % 900] for c in range(history.current - 900, history.current)]
    assert drops == [0.0] * 300 + [1.0] * 600
    shut = replies.status(d.terminal(1))
    assert (shut.disablement_code, shut.is_cell_disabled) == (8, True)
    assert shut.alerts.motors_stuck
    assert shut.alerts.roaming
    assert not shut.gps_stats.gps_valid
    assert not d.reachable[4]
    stage.advance_to(NOW + 30)
    assert d.outage[0] == OUTAGES["OBSTRUCTED"]
    stage.advance_to(NOW + 31)
    assert d.outage[0] == CONNECTED
    assert replies.status(d.terminal(0)).pop_ping_latency_ms == 55.0


def test_knobs_reach_what_clients_see(tmp_path: Path) -> None:
    d = staged(tmp_path).dishes
    old = replies.status(d.terminal(5))
    assert old.outage.cause == 77
    assert old.device_info.software_version == "2024.10.13.mr44429"
    d.command(5, "reboot")
    assert replies.status(d.terminal(5)).device_info.software_version == "2026.06.12.mr81164"


# A mistake: what is put in place of what, and what the error says.
MISTAKES = [
    ('state = "NO_GATEWAY"', 'state = "NO_GATEWAYS"', "NO_GATEWAY"),
    ('"motors_stuck"', '"motor_stuck"', "motors_stuck"),
    ("after_s = -600", "after_s = -6000", "1200 s that the dishes have lived"),
    ("latency_ms = 41.5", 'latency_ms = "41"', "should be a number"),
    ('firmware = "2024.10.13.mr44429"', 'firmware = "new"', "is no version of a dish"),
    ('id = "ut01000000-00000000-0000a001"', 'id = "ut1"', "characters that cannot be used"),
    ("lived_s = 1200", "livd_s = 1200", "is not a key"),
    ("lived_s = 1200", "lived_s = ", "is no TOML"),
]


@pytest.mark.parametrize(("right", "wrong", "told"), MISTAKES, ids=[m[2][:20] for m in MISTAKES])
def test_a_mistake_is_told_with_what_to_do(tmp_path: Path, right: str, wrong: str, told: str) -> None:
    with pytest.raises(BadInput) as caught:
        staged(tmp_path, FILE.replace(right, wrong, 1))
    assert told in caught.value.detail + caught.value.hint
    assert "dishes.toml" in caught.value.detail


def test_two_dishes_with_one_id_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="two dishes have the id"):
        staged(tmp_path, FILE.replace("0000000f", "0000a001"))
