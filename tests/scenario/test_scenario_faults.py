"""Faults hit the things they name, in the slots their times say; rules change at slots too."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from openleo.base.clock import slot_start
from openleo.policy import DisablementCode
from openleo.scenario import scenario_from
from openleo.scenario.world import compile_world

START = datetime(2026, 3, 1, tzinfo=UTC)
KYIV = {"name": "kyiv", "circle": {"latitude_deg": 50.45, "longitude_deg": 30.52, "radius_km": 25.0}}
HOUR = timedelta(hours=1)


def world(**more):
    document = {
        "name": "mine",
        "start": START,
        "end": START + 4 * HOUR,
        "constellation": {"use": "kuiper-630"},
        "gateways": {"include": ["Wola Krobowska", "Kaunas"]},
        "pops": {"include": ["Warsaw", "Frankfurt"]},
        "areas": [KYIV],
        "terminals": [{"name": "civil", "count": 400, "country": "UA", "inside": ["kyiv"]}],
        **more,
    }
    return compile_world(scenario_from(document, origin="mine"))


def only(fault, **more):
    w = world(faults=[fault], **more)
    return w, w.faults[0]


@pytest.mark.parametrize(
    ("kind", "target", "field", "expected"),
    [
        ("satellite", "51.9-630/p00/s01", "satellites", [1]),
        ("satellite", ["51.9-630/p01/s00", "3"], "satellites", [34, 2]),
        ("plane", "51.9-630/p01", "satellites", list(range(34, 68))),
        ("plane", "51.9-630/0", "satellites", list(range(34))),
        ("shell", "51.9-630", "satellites", list(range(1156))),
        ("isl", "51.9-630/p00/s01", "satellites", [1]),
        ("isl", ["51.9-630/p00/s00", "51.9-630/p00/s01"], "isl_pairs", [[0, 1]]),
        ("gateway", "kaunas", "gateways", [1]),
        ("pop", ["Frankfurt", "wrswpol1"], "pops", [1, 0]),
        ("fibre", ["Kaunas", "Warsaw"], "fibres", [[1, 0]]),
    ],
)
def test_a_fault_hits_what_it_names(kind, target, field, expected):
    _, fault = only({"kind": kind, "target": target})
    for name in ("satellites", "isl_pairs", "gateways", "pops", "fibres", "terminals"):
        assert getattr(fault, name).tolist() == (expected if name == field else []), name


def test_a_share_of_a_shell_is_chosen_by_hash():
    _, fault = only({"kind": "shell", "target": "51.9-630", "share": 0.1})
    assert 80 < len(fault.satellites) < 155


def test_a_fault_acts_at_the_first_slot_that_starts_at_or_after_its_time():
    at = START + timedelta(minutes=5)  # 00:05:00; slots start at :57 and :12
    _, fault = only({"kind": "core", "from": at, "until": at + timedelta(seconds=13)})
    assert str(slot_start(fault.from_slot))[11:19] == "00:05:12"
    assert fault.until_slot == fault.from_slot + 1


def test_a_fault_that_is_over_before_a_slot_starts_is_left_out_with_a_warning():
    at = START + timedelta(minutes=5)
    w = world(faults=[{"name": "blink", "kind": "core", "from": at, "until": at + timedelta(seconds=12)}])
    assert w.faults == ()
    assert "blink" in w.warnings[0][0]


@pytest.mark.parametrize(
    ("begin", "end", "held"),
    [(None, None, True), (-2, -1, False), (-1, 1, True), (3, 9, True), (4, 5, False), (0, 1, True)],
)
def test_a_fault_outside_the_run_is_left_out(begin, end, held):
    spell = {} if begin is None else {"from": START + begin * HOUR, "until": START + end * HOUR}
    w = world(faults=[{"kind": "core", **spell}])
    assert bool(w.faults) == held
    if begin is None:
        assert (w.faults[0].from_slot, w.faults[0].until_slot) == (w.first_slot, w.slots[1] + 1)


def test_mains_go_for_a_share_of_fixed_terminals_and_batteries_carry_some_through():
    block = {"count": 400, "country": "UA", "inside": ["kyiv"], "backup_hours": 1.0, "backup_share": 0.5}
    car = {"place": "roam", "count": 20, "kind": "in-motion", "inside": ["kyiv"]}
    spell = {"from": START + HOUR, "until": START + 3 * HOUR}
    w, fault = only(
        {"kind": "power", "area": "kyiv", "share": 0.5, **spell}, terminals=[{**block, "name": "a"}, car]
    )
    assert 150 < len(fault.terminals) < 250
    assert (w.terminals.track[fault.terminals] < 0).all()
    delay = fault.terminal_from_slot - fault.from_slot
    np.testing.assert_array_equal(delay, np.where(w.terminals.backup_hours[fault.terminals] > 0, 240, 0))
    _, short = only({"kind": "power", "area": "kyiv", "share": 0.5, **spell, "until": START + 2 * HOUR},
                    terminals=[{**block, "name": "a"}, car])  # fmt: skip
    assert (w.terminals.backup_hours[short.terminals] == 0).all()


def test_rules_change_at_slots_and_each_entry_holds_until_the_next():
    switch = {"name": "off", "area": "kyiv", "from": START + HOUR, "until": START + 2 * HOUR}
    account = {"name": "default", "status": "disabled", "from": START + 2 * HOUR}
    w = world(switches=[switch], accounts=[account], limits=[{"speed_kmh": 90.0}])
    slots = [slot for slot, _ in w.rules_timeline]
    assert [(s - w.first_slot) for s in slots] == [0, 240, 480]
    seen = [w.rules_at(s).decide(w.subjects())[0][0] for s in (*slots, w.slots[1])]
    code = DisablementCode
    assert seen == [code.OKAY, code.CELL_IS_DISABLED, code.ACCOUNT_DISABLED, code.ACCOUNT_DISABLED]
    fast = np.full(len(w.terminals), 26.0, np.float32)
    assert w.rules_at(slots[0]).decide(w.subjects(speed_m_s=fast))[0][0] == code.MOVING_TOO_FAST_FOR_POLICY


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"countries": {"served": ["PL"]}}, DisablementCode.BLOCKED_COUNTRY),
        ({"countries": {"served": ["UA"]}}, DisablementCode.OKAY),
        ({"countries": {"blocked": ["UA"]}}, DisablementCode.BLOCKED_COUNTRY),
        ({"countries": {"blocked": ["MC"]}}, DisablementCode.OKAY),
        ({"switches": [{"area": "kyiv", "except_accounts": ["default"]}]}, DisablementCode.OKAY),
        ({"accounts": [{"name": "default", "status": "none"}]}, DisablementCode.NO_ACTIVE_ACCOUNT),
        ({"withdrawals": [{"by": "area", "target": "kyiv"}]}, DisablementCode.BLOCKED_AREA),
        ({"withdrawals": [{"by": "country", "target": "UA"}]}, DisablementCode.BLOCKED_COUNTRY),
        ({"withdrawals": [{"by": "account", "target": "default"}]}, DisablementCode.ACCOUNT_DISABLED),
        ({"withdrawals": [{"by": "speed", "target": 50.0}]}, DisablementCode.OKAY),
        ({"terminals": [{"place": "points", "points": [[43.0, 34.0]]}]}, DisablementCode.OKAY),
        ({"terminals": [{"place": "points", "points": [[43.0, 34.0]]}], "countries": {"sea": False}},
         DisablementCode.IN_OCEAN),
    ],
)  # fmt: skip
def test_what_the_file_says_decides_who_is_served(more, code):
    w = world(**more)
    assert w.rules_at(w.first_slot).decide(w.subjects())[0][0] == code


def test_every_rule_says_why_and_when():
    switch = {"name": "off", "area": "kyiv", "why": "unrest", "source": "press", "until": START + HOUR}
    w = world(switches=[switch])
    text = w.rules_at(w.first_slot).describe("switch/off")
    for words in ("kyiv", "unrest", "press", "2026-03-01T01:00:00Z", "CELL_IS_DISABLED"):
        assert words in text
