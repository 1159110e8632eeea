"""Settings change by name and are checked anew; an assumption that is off takes with it what rests on it."""

from datetime import UTC, datetime, timedelta

import pytest

from openleo.base.errors import BadInput
from openleo.scenario import load_scenario, scenario_from

START = datetime(2026, 3, 1, tzinfo=UTC)


def document(**more):
    return {
        "name": "mine",
        "start": START,
        "end": START + timedelta(hours=1),
        "constellation": {"use": "starlink-2026"},
        "terminals": [{"name": "civil", "count": 5, "country": "UA"}],
        **more,
    }


def scenario(**more):
    return scenario_from(document(**more), origin="mine")


GUESS = {"id": "guess", "text": "t", "source": "assumed", "confidence": "low"}
BOX = {"name": "box", "country": "UA"}


def test_settings_change_by_name():
    changed = scenario().with_changes(
        constellation="kuiper-630",
        seed=7,
        preference="stay",
        changes={"network.beams": 8, "terminals.civil.count": 9},
    )
    assert changed.constellation.use == "kuiper-630"
    assert (changed.seed, changed.network.preference, changed.network.beams) == (7, "stay", 8)
    assert changed.terminals[0].count == 9


def test_another_start_keeps_the_length():
    later = START + timedelta(days=2)
    assert scenario().with_changes(start=later).end == later + timedelta(hours=1)


def test_moving_to_an_epoch_moves_everything_by_whole_days():
    fault = {"kind": "core", "from": START + timedelta(minutes=5)}
    moved = scenario(faults=[fault]).with_changes(at_epoch=datetime(2026, 8, 22, 10, tzinfo=UTC))
    assert moved.start == datetime(2026, 8, 22, tzinfo=UTC)
    assert moved.faults[0].from_ == datetime(2026, 8, 22, 0, 5, tzinfo=UTC)


def test_a_moved_scenario_says_by_how_many_days_and_keeps_its_words():
    whole = scenario(title="A day in March", summary="What happened.")
    moved = whole.with_changes(at_epoch=datetime(2026, 8, 22, 10, tzinfo=UTC))
    assert moved.title == "A day in March (moved by +174 days to the date of the elements)"
    assert moved.summary.endswith("is about 1 March 2026.  What happened.")
    assert whole.with_changes(at_epoch=START) == whole


@pytest.mark.parametrize(
    ("change", "said", "hinted"),
    [
        ({"changes": {"network.beems": 8}}, "network.beems", "beams"),
        ({"changes": {"terminals.civi.count": 8}}, "terminals.civi", "civil"),
        ({"changes": {"name.x": 8}}, "name.x", "shorten"),
        ({"changes": {"network.beams": "x"}}, "network.beams", "quotes"),
        ({"preference": "hihgest-elevation"}, "preference", "highest-elevation"),
        ({"without": ["gess"]}, "gess", "guess"),
        ({"end": START}, "end", "later"),
        ({"start": datetime(2026, 1, 1)}, "time zone", "Z"),
    ],
)
def test_a_change_that_does_not_fit_is_refused(change, said, hinted):
    with pytest.raises(BadInput) as caught:
        scenario(assumptions=[GUESS]).with_changes(**change)
    assert said in caught.value.detail
    assert hinted in caught.value.hint


def test_an_assumption_that_is_off_takes_its_items_and_applies_its_changes():
    whole = scenario(
        assumptions=[{**GUESS, "off": {"network.beams": 8, "pops.home.UA": "Frankfurt"}}],
        faults=[{"kind": "core", "assumption": "guess"}, {"kind": "core", "name": "stays"}],
    )
    assert len(whole.in_force().faults) == 2
    off = whole.with_changes(without=["guess"]).in_force()
    assert [fault.name for fault in off.faults] == ["stays"]
    assert (off.network.beams, off.pops.home) == (8, {"UA": "Frankfurt"})


def test_what_names_an_area_that_is_left_out_goes_with_it():
    whole = scenario(
        assumptions=[GUESS],
        areas=[{**BOX, "assumption": "guess"}, {"name": "all", "union": ["box"]}],
        switches=[{"area": "box"}],
        terminals=[
            {"count": 5, "country": "UA", "outside": ["box"]},
            {"count": 1, "country": "UA", "inside": ["box"]},
        ],
        withdrawals=[{"by": "area", "target": "box"}],
    )
    off = whole.with_changes(without=["guess"]).in_force()
    assert (off.areas, off.switches, off.withdrawals) == ((), (), ())
    assert [group.outside for group in off.terminals] == [()]


def test_an_assumption_may_be_off_until_asked_for():
    whole = scenario(
        assumptions=[{**GUESS, "enabled": False}], limits=[{"speed_kmh": 100.0, "assumption": "guess"}]
    )
    assert whole.in_force().limits == ()
    assert len(whole.with_changes(with_=["guess"]).in_force().limits) == 1


def test_an_account_whose_entry_is_left_out_counts_as_active():
    whole = scenario(
        assumptions=[GUESS],
        accounts=[{"name": "default", "status": "disabled", "assumption": "guess"}],
    )
    off = whole.with_changes(without=["guess"]).in_force()
    assert [(a.name, a.status) for a in off.accounts] == [("default", "active")]


def test_the_hash_is_the_same_for_the_same_meaning_and_differs_for_another():
    one, same = scenario(), scenario(network={"beams": 16})
    assert one.sha256() == same.sha256()
    assert one.sha256() != one.with_changes(seed=1).sha256()


def test_the_hash_covers_the_files_a_scenario_names_but_not_where_they_lie(tmp_path):
    hashes = []
    for folder, content in (("a", "x"), ("b", "x"), ("c", "y")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "mine.tle").write_text(content)
        made = scenario_from(
            document(constellation={"use": "mine.tle"}), origin="mine", folder=tmp_path / folder
        )
        hashes.append(made.with_changes(constellation=str(tmp_path / folder / "mine.tle")).sha256())
    assert hashes[0] == hashes[1] != hashes[2]


def test_canonical_json_reads_back_as_the_same_scenario():
    import json

    whole = load_scenario("ukraine-2022")
    again = scenario_from(json.loads(whole.canonical_json()), origin="again")
    assert again == whole
