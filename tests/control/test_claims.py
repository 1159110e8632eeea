"""What outsiders say stands beside decisions and is none."""

from datetime import date, timedelta
from typing import Any

import pytest
from deciding import define, switched

from openleo.base.errors import BadInput
from openleo.control.areas import NotFound, Stale
from openleo.control.authorize import Forbidden
from openleo.control.claims import NewClaim, Status, find_claim, list_claims, record_claim, turn_claim
from openleo.control.reading import list_entries

SAID = {
    "said_by": "The Daily", "text": "service was cut in the city", "source": "https://daily.example/1",
    "said_on": date(2026, 2, 27),
}  # fmt: skip


def recorded(world: Any, who: str = "amina", **more: Any) -> Any:
    return world.act(who, lambda tx: record_claim(tx, NewClaim(**{**SAID, **more})))


def test_a_claim_takes_turns_with_who_and_by_what_source(network: Any) -> None:
    define(network, "kherson")
    claim = recorded(network, area_id="kherson")
    assert (claim.id, claim.status, claim.recorded_by) == ("c-1", Status.ASSERTED, "amina")
    network.clock.turn(days=1)

    def turn(status: Status, note: str) -> Any:
        return network.act(
            "jonas", lambda tx: turn_claim(tx, "c-1", status, note=note, source="run 7", version=None)
        )

    assert turn(Status.DENIED, "the vendor says it was on").status is Status.DENIED
    claim = turn(Status.CORROBORATED, "11 of 12 terminals dark")
    assert claim.status.label == "corroborated by telemetry"
    assert [(t.status, t.by, t.note) for t in claim.turns] == [
        (Status.DENIED, "jonas", "the vendor says it was on"),
        (Status.CORROBORATED, "jonas", "11 of 12 terminals dark"),
    ]
    assert claim.turns[0].at == network.clock.now


def test_a_claim_is_in_no_log_and_changes_nothing(network: Any) -> None:
    define(network, "kherson")
    _, index = switched(network, "kherson", "on")
    before = network.read("amina", list_entries)
    claim = recorded(network, about_entry=index)
    network.act("amina", lambda tx: turn_claim(tx, claim.id, Status.DENIED, note="no", source="x"))
    assert network.read("amina", list_entries) == before


def test_a_claim_about_an_entry_is_about_its_area(network: Any) -> None:
    define(network, "kherson")
    define(network, "odesa")
    _, index = switched(network, "kherson", "on")
    assert recorded(network, about_entry=index).area_id == "kherson"
    assert [c.id for c in network.read("amina", lambda tx: list_claims(tx, about_entry=index))] == ["c-1"]
    with pytest.raises(BadInput, match="about area kherson, and the claim is about odesa"):
        recorded(network, about_entry=index, area_id="odesa")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"said_by": " "}, "without who said it"),
        ({"source": ""}, "without source"),
        ({"text": ""}, "without text"),
        ({"said_on": date(2026, 3, 2)}, "after today, 2026-03-01"),
        ({"area_id": "nowhere"}, "no area 'nowhere'"),
        ({"about_entry": 99}, "no entry 99"),
    ],
)
def test_a_claim_says_who_what_where_and_when(network: Any, change: dict[str, Any], says: str) -> None:
    with pytest.raises(BadInput, match=says):
        recorded(network, **change)


def test_a_turn_needs_a_note_and_a_source_and_the_version_that_was_read(network: Any) -> None:
    recorded(network)
    for note, source in (("", "x"), ("x", " ")):
        with pytest.raises(BadInput, match="without a note and a source"):
            network.act(
                "amina", lambda tx, n=note, s=source: turn_claim(tx, "c-1", Status.DENIED, note=n, source=s)
            )
    with pytest.raises(Stale):
        network.act("amina", lambda tx: turn_claim(tx, "c-1", Status.DENIED, note="n", source="s", version=9))


def test_claims_are_read_and_written_within_ones_areas(network: Any) -> None:
    """A claim about no area is for those whose rights are over the whole network."""
    define(network, "kherson")
    define(network, "odesa")
    network.add_person("oleh", "operator", "kherson")
    network.add_person("vera", "viewer", "kherson")
    recorded(network, area_id="odesa")
    recorded(network)
    mine = recorded(network, who="oleh", area_id="kherson")
    for who in ("oleh", "vera"):
        assert [claim.id for claim in network.read(who, list_claims)] == [mine.id]
        with pytest.raises(NotFound):
            network.read(who, lambda tx: find_claim(tx, "c-1"))
    with pytest.raises(Forbidden):
        recorded(network, who="oleh", area_id="odesa")
    with pytest.raises(Forbidden):
        network.act("vera", lambda tx: turn_claim(tx, mine.id, Status.DENIED, note="n", source="s"))
    assert len(network.read("amina", list_claims)) == 3


def test_the_newest_claim_comes_first(network: Any) -> None:
    for days in (3, 1, 2):
        recorded(network, said_on=date(2026, 3, 1) - timedelta(days=days))
    assert [claim.id for claim in network.read("amina", list_claims)] == ["c-2", "c-3", "c-1"]
