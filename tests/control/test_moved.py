import math
from datetime import timedelta

import numpy as np
import pytest
from control_terminals import (
    KHERSON,
    REGION,
    Device,
    enrolled,
    incidents_of,
    pair,
    prepare,
    row_of,
    serve,
)
from control_world import START, World
from sqlalchemy import select

from openleo.base.constants import LIGHT_M_S
from openleo.base.errors import BadInput
from openleo.control import custody, positions
from openleo.control.areas import NotFound
from openleo.control.authorize import Forbidden
from openleo.control.check_ins import CheckIn, check_in
from openleo.control.incidents import list_incidents
from openleo.control.inventory import Selection, list_terminals
from openleo.control.keys import sign
from openleo.control.moved import Evidence, Network, Place, Track, network_says, place_of
from openleo.control.plane import SYSTEM
from openleo.control.positions import (
    hold_by_policy,
    list_reads,
    locate,
    note_position,
    read_position,
    to_be_held,
)
from openleo.control.request import NeedsReason
from openleo.control.schema import terminals
from openleo.ground.cells import cell_centre_deg, cell_of, cells_around
from openleo.ground.frames import great_circle_m

AWAY = (48.0, 35.0)  # some 230 km from Kherson
AIRPORT = (55.97, 37.41)
FEW = timedelta(minutes=1)


def _cell(place: tuple[float, float]) -> int:
    return int(cell_of(*place))


def _beam(place: tuple[float, float]) -> Evidence:
    return Evidence(cells=(_cell(place),))


def _steps(words: str, network: Network = Network.SILENT) -> list[Track]:
    """Step through minutes: i in, e edge, o out, - nothing said."""
    track, tracks = Track(), []
    for n, letter in enumerate(words):
        if letter != "-":
            place = {"i": Place.IN, "e": Place.EDGE, "o": Place.OUT}[letter]
            track = track.step(place, network, at=START + n * FEW)
        tracks.append(track)
    return tracks


@pytest.mark.parametrize(
    ("words", "suspect"),
    [
        ("iii", False), ("oo", False), ("oio", False), ("ooo", True), ("oioio", True), ("o-o-o", True),
        ("o--o-o", False), ("oo---o", False), ("eeeeeeee", False), ("ooee", False), ("ioioe", False),
        ("oooi", True), ("oooii", True), ("oooiii", False), ("oooeeeeee", True), ("oooeeiii", False),
    ],
)  # fmt: skip
def test_three_of_the_last_five_minutes_make_a_suspect_and_unmake_one(words: str, suspect: bool) -> None:
    assert _steps(words)[-1].suspect is suspect


def test_many_words_in_one_minute_are_one() -> None:
    track = Track()
    for second in range(50):
        track = track.step(Place.OUT, Network.AGREES, at=START + timedelta(seconds=second))
    assert not track.suspect
    assert len(track.minutes) == 1


@pytest.mark.parametrize("says", Network)
def test_a_position_alone_never_holds(says: Network) -> None:
    """Whoever has been out for a day is to be held only where the network's own evidence agrees."""
    assert _steps("o" * 200, says)[-1].to_be_held is (says is Network.AGREES)


def test_places_beside_an_area_are_its_edge() -> None:
    ring = np.setdiff1d(cells_around(REGION), REGION)
    beyond = np.setdiff1d(cells_around(REGION, 2), cells_around(REGION))
    assert {place_of(int(c), REGION) for c in REGION} == {Place.IN}
    assert {place_of(int(c), REGION) for c in ring} == {Place.EDGE}
    assert {place_of(int(c), REGION) for c in beyond} == {Place.OUT}


@pytest.mark.parametrize(
    ("place", "evidence", "says"),
    [
        (AWAY, None, Network.SILENT),
        (AWAY, Evidence(), Network.SILENT),
        (KHERSON, _beam(KHERSON), Network.CONSISTENT),
        (AWAY, _beam(AWAY), Network.AGREES),
        (AIRPORT, _beam(KHERSON), Network.CONTRADICTS),
        (KHERSON, _beam(AWAY), Network.CONTRADICTS),
    ],
)
def test_what_the_network_says(place: tuple[float, float], evidence: Evidence | None, says: Network) -> None:
    assert network_says(*place, REGION, evidence) is says


def test_a_round_trip_bounds_the_distance_from_the_gateway() -> None:
    """The bound is never tighter than physics: up to a satellite and down again at the speed of light."""
    gateway, height_m = (50.0, 19.0), 550e3
    for longitude in np.linspace(19.0, 60.0, 30):
        ground = float(great_circle_m(*np.radians([*gateway, 50.0, longitude])))
        half = ground / 2 / 6_371_008.8
        leg_m = math.sqrt(6371e3**2 + 6921e3**2 - 2 * 6371e3 * 6921e3 * math.cos(half))
        evidence = Evidence(
            gateway_latitude_deg=50.0, gateway_longitude_deg=19.0, rtt_s=4 * leg_m / LIGHT_M_S
        )
        assert ground <= evidence.reach_m() < ground + 2.2e6
    assert height_m > 0
    near = Evidence(gateway_latitude_deg=50.0, gateway_longitude_deg=19.0, rtt_s=0.006)
    assert network_says(50.0, 35.0, REGION, near) is Network.CONTRADICTS
    assert network_says(50.5, 20.0, REGION, near) is Network.CONSISTENT
    assert math.isinf(Evidence(rtt_s=0.01).reach_m())


def test_evidence_names_cells_of_beams() -> None:
    with pytest.raises(BadInput, match="no cell of resolution 5"):
        Evidence(cells=(12,))


@pytest.fixture
def served(network: World) -> World:
    prepare(network)
    serve(network)
    return network


def _hear(
    world: World, device: Device, place: tuple[float, float], evidence: Evidence | None, n: int
) -> None:
    for _ in range(n):
        world.clock.turn(minutes=1)
        seq = int(world.clock.now.timestamp())
        device.say(device.word("boot", seq, position=place), evidence)


def test_who_moved_away_is_found_within_five_minutes_and_a_person_decides(served: World) -> None:
    """A policy may hold it too, for the network's evidence agrees; each hold is one that release ends."""
    device = enrolled(served, "ut-1")
    _hear(served, device, AWAY, _beam(AWAY), 3)
    assert [r.id for r in served.read("amina", lambda tx: list_terminals(tx, Selection(), suspect=True))] == [
        "ut-1"
    ]
    assert row_of(served, "ut-1").state == "active"
    done = served.plane.act(SYSTEM, hold_by_policy)
    assert done is not None
    assert done.ids == ("ut-1",)
    assert row_of(served, "ut-1").state == "held"
    served.act("amina", lambda tx: custody.release(tx, Selection(ids=["ut-1"]), reason="a permit was shown"))
    assert row_of(served, "ut-1").state == "active"


def test_a_policy_never_holds_what_lives_depend_on(network: World) -> None:
    prepare(network)
    serve(network, 0, extra="ut-h,standard,yes,Kherson hospital\n")
    _hear(network, enrolled(network, "ut-h"), AWAY, _beam(AWAY), 5)
    assert [row.id for row in network.read("amina", to_be_held)] == ["ut-h"]
    assert network.plane.act(SYSTEM, hold_by_policy) is None
    which = Selection(ids=["ut-h"])
    both = pair(network, "hold", which, reason="seen in Dnipro")
    network.act("amina", lambda tx: custody.hold(tx, which, reason="seen in Dnipro", pair=both))
    assert row_of(network, "ut-h").state == "held"


@pytest.mark.parametrize("evidence", [None, _beam(KHERSON)], ids=["no evidence", "evidence against"])
def test_a_policy_holds_nobody_for_a_position(served: World, evidence: Evidence | None) -> None:
    _hear(served, enrolled(served, "ut-1"), AWAY, evidence, 10)
    assert served.plane.act(SYSTEM, hold_by_policy) is None
    assert row_of(served, "ut-1").state == "active"


def test_five_thousand_terminals_at_one_airport_are_one_incident_and_no_hold(network: World) -> None:
    """A spoofer draws every receiver of a region to one airport; the beams still serve them at home."""
    prepare(network)
    serve(network, 5000)
    homes = [Evidence(cells=(int(REGION[n % len(REGION)]),)) for n in range(5000)]
    noise = np.random.default_rng(7).normal(0.0, 0.3, (5000, 2))  # they say it is here or there on the field
    with network.plane.store.reading() as conn:
        rows = conn.execute(select(terminals).order_by(terminals.c.id)).all()
    for count in (5000, 100):  # and some say it again
        now = network.clock.turn(minutes=1)
        said = list(zip(rows, homes, noise, strict=True))[:count]

        def hear(tx, now=now, said=said) -> None:
            for row, home, (north, east) in said:
                note_position(tx, row, now, (AIRPORT[0] + north / 10, AIRPORT[1] + east / 10), home)

        network.plane.act(SYSTEM, hear)
    [found] = incidents_of(network)
    assert (found.kind, found.details["terminals"]) == ("gnss-spoofing", 5000)
    assert len(found.details["examples"]) == 20
    assert network.plane.act(SYSTEM, hold_by_policy) is None
    with network.plane.store.reading() as conn:
        states = set(conn.execute(select(terminals.c.state)).scalars())
    assert states == {"active"}


def test_a_few_contradicted_positions_are_a_doubt_and_another_day_is_another_incident(served: World) -> None:
    device = enrolled(served, "ut-1")
    _hear(served, device, AIRPORT, _beam(KHERSON), 4)
    served.clock.turn(hours=5)
    _hear(served, device, AIRPORT, _beam(KHERSON), 1)
    found = incidents_of(served)
    assert [(i.kind, i.details["terminals"]) for i in found] == [("gnss-doubt", 1), ("gnss-doubt", 1)]
    assert served.read("amina", list_incidents) == []
    assert len(served.read("amina", lambda tx: list_incidents(tx, doubts=True))) == 2
    served.add_person("sven", "auditor", "kherson")
    assert len(served.read("sven", lambda tx: list_incidents(tx, doubts=True))) == 2


def test_noise_of_receivers_on_a_border_holds_nobody() -> None:
    """12 terminal-days on the border itself, three times the noise of a receiver, beams on either side."""
    noise = np.random.default_rng(11)
    ring = np.setdiff1d(cells_around(REGION), REGION)
    held = suspects = 0
    for outside in ring[::5][:12].tolist():
        inside = int(np.intersect1d(cells_around([outside]), REGION)[0])
        border = cell_centre_deg([inside, outside]).mean(axis=0)
        track, minute = Track(), timedelta(minutes=1)
        for n in range(1440):
            place = border + noise.normal(0.0, 3 * 10.0, 2) / 111e3
            beam = Evidence(cells=((inside, outside)[n % 2],))
            says = network_says(*place, REGION, beam)
            track = track.step(place_of(_cell(place), REGION), says, at=START + n * minute)
            held += track.to_be_held
            suspects += track.suspect
    assert (held, suspects) == (0, 0)


def test_whoever_reads_a_position_leaves_a_record(served: World) -> None:
    device = enrolled(served, "ut-1")
    served.add_person("sofia", "security", "kherson")
    served.add_person("viktor", "viewer")
    with pytest.raises(NotFound):
        served.act("sofia", lambda tx: read_position(tx, "ut-1", why="search"))
    _hear(served, device, KHERSON, _beam(KHERSON), 1)
    for who, why, refusal in (("viktor", "curious", Forbidden), ("sofia", " ", NeedsReason)):
        with pytest.raises(refusal):
            served.act(who, lambda tx, why=why: read_position(tx, "ut-1", why=why))
    assert served.read("amina", list_reads) == []
    row = served.act("sofia", lambda tx: read_position(tx, "ut-1", why="search after the shelling"))
    assert (row.latitude_deg, row.longitude_deg) == KHERSON
    [read] = served.read("amina", list_reads)
    assert (read.person_id, read.terminal_id, read.why) == ("sofia", "ut-1", "search after the shelling")
    with pytest.raises(Forbidden):
        served.read("sofia", list_reads)


def test_no_list_tells_where_a_terminal_is(served: World) -> None:
    _hear(served, enrolled(served, "ut-1"), KHERSON, _beam(KHERSON), 1)
    served.plane.act(SYSTEM, locate)
    [row, *_] = served.read("amina", lambda tx: list_terminals(tx, Selection(ids=["ut-1"])))
    assert not {"cell", "latitude_deg", "longitude_deg", "at"} & set(row._mapping)


def test_operations_see_the_cell_where_a_terminal_credibly_is(served: World) -> None:
    one, two = enrolled(served, "ut-1"), enrolled(served, "ut-2")
    _hear(served, one, KHERSON, _beam(KHERSON), 1)
    _hear(served, two, AIRPORT, _beam(KHERSON), 1)
    assert served.plane.act(SYSTEM, locate) == 1
    assert served.plane.act(SYSTEM, locate) == 0
    assert f"{row_of(served, 'ut-1').cell:x}".startswith("87")
    assert row_of(served, "ut-1").service_cell == cell_of(*KHERSON), "areas hold this one"
    assert row_of(served, "ut-2").cell is None


def test_an_old_word_does_not_take_a_terminal_back(served: World) -> None:
    device = enrolled(served, "ut-1")
    _hear(served, device, KHERSON, None, 2)
    late = CheckIn(
        terminal="ut-1", boot="boot-2", seq=0, at=served.clock.now - timedelta(hours=2), position=AWAY
    )
    served.act("openleo", lambda tx: check_in(tx, late, signature=sign(device.seed, late.to_sign())))
    row = served.act("amina", lambda tx: positions.read_position(tx, "ut-1", why="test"))
    assert (row.latitude_deg, row.longitude_deg) == KHERSON
