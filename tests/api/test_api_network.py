"""The network over HTTP: what is answered of a run is what its tables say; and who may ask."""

import json
import shutil
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import schemathesis
from api_world import AREA, PLENTY, founded
from fastapi import FastAPI
from fastapi.testclient import TestClient
from httpx2 import Response
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from starlette.websockets import WebSocketDisconnect

from openleo.api.app import create_app, create_network_app
from openleo.api.columns import OF_TABLE
from openleo.api.limits import Limits
from openleo.api.watching import Watching
from openleo.base.clock import format_utc, slot_start
from openleo.control.network import NetworkKind
from openleo.live.ephemeris import CHUNK_S, KEYFRAME_S, chunk_start
from openleo.orbits.propagation import Propagator
from openleo.results.evidence import explain_terminal
from openleo.results.execute import simulate
from openleo.results.folder import RunFolder
from openleo.results.run import Run
from openleo.results.timeline import timeline_of
from openleo.scenario.load import load_scenario
from openleo.snapshot.causes import Cause
from openleo.snapshot.stream import decode
from small_scenario import small_toml

SMALL = small_toml()


@dataclass
class Net:
    """A run behind the network's API."""

    run: Run
    app: FastAPI
    http: TestClient

    def get(self, path: str, status: int = 200) -> Any:
        answer = self.http.get(f"/v1/{path}")
        assert answer.status_code == status, answer.text
        return answer.json()

    @property
    def lost(self) -> int:
        """A slot in which both gateways are down."""
        return int(self.run.faults["from_slot"][0]) + 1


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    path = tmp_path_factory.mktemp("run") / "small.toml"
    path.write_text(SMALL)
    return simulate(load_scenario(path), path.parent / "run", workers=1)


@pytest.fixture(scope="module")
def net(run: Run) -> Iterator[Net]:
    yield from shown(run)


@pytest.fixture
def own_net(run: Run) -> Iterator[Net]:
    """A network of a test's own: schemathesis ends the app that it has asked."""
    yield from shown(run)


def shown(run: Run) -> Iterator[Net]:
    watching = Watching(folder=RunFolder(run.path), runs=(run.path.parent,))
    app = create_network_app(watching, limits=Limits(rates=PLENTY))
    with TestClient(app, raise_server_exceptions=False) as http:
        wait_for(http)
        yield Net(run, app, http)


def wait_for(http: TestClient, **headers: str) -> None:
    for _ in range(200):
        if http.get("/v1/network", headers=headers).json()["clock"]["slot"] >= 0:
            return
    raise AssertionError("the run was not opened")


def test_a_run_is_replayed_with_all_its_slots(net: Net) -> None:
    found = net.get("network")
    clock = found["clock"]
    assert (found["mode"], clock["state"], found["login"], found["kind"]) == (
        "replay",
        "replay",
        False,
        "simulated",
    )
    assert (clock["first_slot"], clock["last_slot"]) == (net.run.first_slot, net.run.until_slot - 1)
    assert found["counts"]["terminals"] == 49
    assert found["banner"].startswith("SIMULATION")
    west, south, east, north = found["bounds"]
    assert 20 < west < east < 42
    assert 44 < south < north < 53


def test_slots_and_causes_are_those_of_the_tables(net: Net) -> None:
    every = net.get(f"network/slots?from={net.run.first_slot}")["columns"]
    assert every["online"] == net.run.slots["online"].to_list()
    assert every["start"][0] == format_utc(slot_start(net.run.first_slot))
    third = net.get(f"network/slots?from={net.run.first_slot}&step=3")["columns"]
    assert third["slot"] == every["slot"][::3]
    for slot in (net.run.first_slot, net.lost):
        found = net.get(f"network/causes?slot={slot}")
        rows = net.run.slot_causes.filter(pl.col("slot") == slot)
        assert {c["cause"]: c["terminals"] for c in found["causes"]} == dict(
            rows.select("cause", "terminals").rows()
        )
    over_time = net.get(f"network/causes/history?from={net.run.first_slot}")
    no_gateway = over_time["causes"]["NO_GATEWAY"]
    assert [n > 0 for n in no_gateway] == [
        net.run.faults["from_slot"][0] <= s < net.run.faults["until_slot"][0] for s in over_time["slots"]
    ]


def test_a_frame_holds_the_slot(net: Net) -> None:
    answer = net.http.get(f"/v1/network/frames/{net.lost}")
    frame = decode(answer.content)
    assert frame.stamp.slot == net.lost
    assert "immutable" in answer.headers["Cache-Control"]
    cells = net.run.cells.filter(pl.col("slot") == net.lost).sort("cell")
    assert frame.parts["cells"]["cause"].tolist() == cells["cause"].to_list()
    assert frame.parts["measures"]["rtt_us"].tolist() == cells["rtt_us"].to_list()
    dark = net.run.overrides.filter((pl.col("from_slot") <= net.lost) & (pl.col("until_slot") > net.lost))
    assert frame.parts["dark"]["terminal"].tolist() == sorted(dark["terminal"].to_list())
    latest = net.http.get("/v1/network/frames/latest")
    assert decode(latest.content).stamp.slot == net.run.until_slot - 1
    assert latest.headers["Cache-Control"] == "no-store"


def test_tables_are_asked_for_once(net: Net) -> None:
    for name in (
        "cells",
        "terminals",
        "satellites",
        "gateways",
        "pops",
        "causes",
        "rules",
        "faults",
        "areas",
    ):
        answer = net.http.get(f"/v1/network/tables/{name}")
        assert answer.status_code == 200, answer.text
        found = answer.json()
        assert all(len(values) == found["rows"] for values in found["columns"].values()), name
        again = net.http.get(f"/v1/network/tables/{name}", headers={"If-None-Match": answer.headers["ETag"]})
        assert again.status_code == 304
    cells = net.get("network/tables/cells")["columns"]
    assert sum(cells["terminals"]) == 49
    assert all(
        place.endswith((", UA", ", RU", ", PL", ", MD", ", RO", ", BY", ", HU", ", SK"))
        for place in cells["place"]
    )
    terminals = net.get("network/tables/terminals")["columns"]
    first = net.run.cell_index["h3"][int(net.run.terminals["cell"][0])]
    assert cells["h3"][terminals["cell"][0]] == first


def states(net: Net, slot: int) -> list[dict[str, Any]]:
    found, path = [], f"/v1/network/terminals?slot={slot}&limit=20"
    while path:
        page = net.http.get(path).json()
        found += page["items"]
        path = page["next"]
    return found


def test_every_terminal_fares_in_a_list_as_in_its_own_timeline(net: Net) -> None:
    for slot in (net.run.first_slot + 3, net.lost, net.run.until_slot - 1):
        found = states(net, slot)
        assert [one["row"] for one in found] == list(range(49))
        for one in found:
            row = timeline_of(net.run, one["row"]).row(by_predicate=pl.col("slot") == slot, named=True)
            assert (one["cause"], one["online_s"], one["rule"], one["fault"]) == tuple(
                row[name] for name in ("cause", "online_s", "rule", "fault")
            )
            assert (one["satellite"], one["gateway"]) == (row["satellite"], row["gateway"])
            assert one["rtt_ms"] == (None if row["rtt_us"] is None else round(row["rtt_us"] / 1000, 2))


FILTERS = [
    ("cause=ACCOUNT_DISABLED", lambda one: one["cause"] == "ACCOUNT_DISABLED"),
    ("cause=OBSTRUCTED", lambda one: one["cause"] == "OBSTRUCTED" and not one["online_s"]),
    ("cause=ONLINE", lambda one: one["online_s"] > 0),
    ("state=online", lambda one: one["online_s"] > 0),
    ("state=policy", lambda one: one["cause"] in {"ACCOUNT_DISABLED", "NO_ACTIVE_ACCOUNT"}),
    ("dark=true", lambda one: not one["online_s"]),
    ("dark=false", lambda one: one["online_s"] > 0),
    ("partly=true", lambda one: 0 < one["online_s"] < 15),
    ("account=unpaid", lambda one: one["account"] == "unpaid"),
    ("group=vans", lambda one: one["moving"]),
    ("group=nobody", lambda one: False),
]


@pytest.mark.parametrize(("query", "wanted"), FILTERS)
def test_lists_are_filtered(net: Net, query: str, wanted: Any) -> None:
    slot = net.run.first_slot + 2
    found = net.get(f"network/terminals?slot={slot}&{query}&limit=500")
    assert [one["row"] for one in found["items"]] == [one["row"] for one in states(net, slot) if wanted(one)]
    assert found["total"] == len(found["items"])
    assert found["next"] is None


def test_a_terminal_is_explained_as_on_the_command_line(net: Net) -> None:
    for row in (0, 35, 43, 47):
        name = net.run.terminals["id"][row]
        found = net.get(f"network/terminals/{name}/explain?slot={net.lost}")
        wanted = json.loads(json.dumps(explain_terminal(net.run, row, net.lost)))
        assert found == wanted
        shown = net.get(f"network/terminals/{name}?slot={net.lost}")
        assert shown["cause"] == found["verdict"]["cause"]
        assert shown["cell_detail"]["h3"] == shown["h3"]
    assert "ACCOUNT_DISABLED" in net.get(f"network/terminals/{net.run.terminals['id'][43]}")["rule_text"]


def test_a_timeline_is_cut_to_the_slots_that_were_asked_for(net: Net) -> None:
    name, first = net.run.terminals["id"][2], net.run.first_slot + 7
    found = net.get(f"network/terminals/{name}/timeline?from={first}&until={first + 6}")
    assert found["columns"]["slot"] == list(range(first, first + 6))
    whole = timeline_of(net.run, 2).filter(pl.col("slot").is_in(found["columns"]["slot"]))
    assert found["columns"]["seconds"] == whole["seconds"].to_list()
    rates = [None if kbps is None else round(kbps / 1000, 1) for kbps in whole["rate_kbps"].to_list()]
    assert found["columns"]["rate_mbps"] == rates
    assert any(rates)


def test_a_gateway_over_time_is_what_its_slots_say(net: Net) -> None:
    first, name = net.run.first_slot, net.run.gateways["name"][0]
    found = net.get(f"network/gateways/{name}/history?from={first}&step=2")
    columns = found["columns"]
    assert columns["slot"] == list(range(first, net.run.until_slot, 2))
    for slot, antennas, cells in zip(columns["slot"], columns["antennas"], columns["cells"], strict=True):
        beams = net.run.beams.filter((pl.col("slot") == slot) & (pl.col("gateway") == 0))
        assert (antennas, cells) == (beams["satellite"].n_unique(), beams["cell"].n_unique())
    at = (
        columns["slot"].index(net.lost)
        if net.lost in columns["slot"]
        else columns["slot"].index(net.lost + 1)
    )
    assert (columns["antennas"][at], columns["rate_mbps"][at]) == (0, 0.0), "it is down there"
    assert max(columns["rate_mbps"]) > 100
    net.get("network/gateways/nowhere/history", 404)


def test_tables_have_the_columns_that_the_description_promises(net: Net) -> None:
    for name, shape in OF_TABLE.items():
        assert set(net.get(f"network/tables/{name}")["columns"]) == set(shape.model_fields), name


def test_a_terminal_behind_obstacles_tells_its_horizon(net: Net) -> None:
    masks = net.run.terminals["mask"].to_list()
    row = next(n for n, mask in enumerate(masks) if mask >= 0)
    own = net.get(f"network/terminals/{net.run.terminals['id'][row]}/explain")["own"]
    wanted = np.degrees(net.run.world.masks.elevation_rad[masks[row]])
    assert own["horizon_deg"] == pytest.approx(wanted.tolist(), abs=0.06)
    clear = net.run.terminals["id"][masks.index(-1)]
    assert net.get(f"network/terminals/{clear}/explain")["own"]["horizon_deg"] is None


def test_cells_and_what_serves_them_agree(net: Net) -> None:
    slot = net.run.first_slot + 2
    cells = net.get(f"network/cells?slot={slot}&limit=500")
    rows = net.run.cells.filter(pl.col("slot") == slot).sort("cell")
    assert [Cause[c["cause"]] for c in cells["items"]] == rows["cause"].to_list()
    one = cells["items"][0]
    found = net.get(f"network/cells/{one['h3']}?slot={slot}")
    assert found["beams"][0]["satellite"] == one["satellite"]
    assert sum(beam["units"] for beam in found["beams"]) == one["units"]
    why = net.get(f"network/cells/{one['h3']}/explain?slot={slot}")
    assert why["serving"]["satellite"] == one["satellite"]
    elsewhere = net.get("network/cells/85283473fffffff/explain")
    assert elsewhere["cell"]["meaning"] == "the scenario has no terminals here"


def test_outages_add_up_to_the_time_that_terminals_were_dark(net: Net) -> None:
    first = net.run.first_slot
    wanted = (
        sum(15 - line for row in range(49) for line in timeline_of(net.run, row)["online_s"].to_list()) / 3600
    )
    for by in ("cause", "country", "account", "group", "fault", "rule", "gateway", "satellite"):
        found = net.get(f"network/outages?from={first}&by={by}")["items"]
        assert sum(one["hours"] for one in found) == pytest.approx(wanted, abs=0.01 * len(found)), by
    both = next(
        o for o in net.get(f"network/outages?from={first}&by=fault")["items"] if o["key"] == "both-lost"
    )
    assert (both["cause"], both["group"], both["open"]) == ("NO_GATEWAY", "ground", False)
    fault = net.run.faults.row(0, named=True)
    assert (both["from_slot"], both["until_slot"]) == (fault["from_slot"], fault["until_slot"])
    assert both["example"] in net.run.terminals["id"]
    areas = net.get(f"network/outages?from={first}&by=area")["items"]
    assert {one["key"] for one in areas} <= {"", "kyiv"}


def test_gateways_satellites_and_pops_agree_with_the_cells(net: Net) -> None:
    slot = net.run.first_slot + 2
    cells = net.run.cells.filter((pl.col("slot") == slot) & (pl.col("gateway") >= 0))
    gateways = net.get(f"network/gateways?slot={slot}")["items"]
    assert sum(g["cells"] for g in gateways) == len(cells)
    assert all(len(g["satellites"]) == g["in_use"] <= g["antennas"] for g in gateways)
    lost = net.get(f"network/gateways/Muallim?slot={net.lost}")
    assert (lost["faults"], lost["cells"]) == (["both-lost"], 0)
    serving = net.get(f"network/satellites?slot={slot}&serving=true&limit=500")["items"]
    assert sum(s["serving_cells"] for s in serving) == len(cells)
    one = net.get(f"network/satellites/{serving[0]['name']}?slot={slot}")
    assert one["row"] == serving[0]["row"]
    assert one["cells"]
    pops = net.get(f"network/pops?slot={slot}")["items"]
    assert sum(p["terminals"] for p in pops) == 49
    assert sum(p["online"] for p in pops) == net.run.slots["online"][2]


def test_passes_are_those_that_a_slow_look_finds(net: Net) -> None:
    found = net.get("network/satellites/5/passes?latitude_deg=50.4&longitude_deg=30.5&hours=24")
    assert found["passes"]
    assert all(p["max_elevation_deg"] >= found["min_elevation_deg"] for p in found["passes"])
    times = [t for p in found["passes"] for t in (p["rise"], p["highest"], p["set"]) if t]
    assert times == sorted(times)


def test_positions_between_keyframes_are_within_metres(net: Net) -> None:
    about = net.get("ephemeris")
    answer = net.http.get(f"/v1/ephemeris/{about['first']}")
    assert "immutable" in answer.headers["Cache-Control"]
    magic, satellites, keyframes, step, start_ms = struct.unpack_from("<4sIIId", answer.content)
    assert (magic, satellites, keyframes, step) == (b"EPH1", about["satellites"], 17, KEYFRAME_S)
    assert start_ms == chunk_start(about["first"]).astype("datetime64[ms]").astype(int)
    values = np.frombuffer(answer.content, "<f4", offset=24).reshape(keyframes, satellites, 6)
    half = step / 2
    middle = 0.5 * (values[:-1, :, :3] + values[1:, :, :3]) + half / 4 * (
        values[:-1, :, 3:] - values[1:, :, 3:]
    )
    times = chunk_start(about["first"]) + (np.arange(keyframes - 1) * step + int(half)) * np.timedelta64(
        1, "s"
    )
    world = net.run.world
    exact = (
        Propagator(world.constellation.sets, dut1_s=world.scenario.constellation.dut1_s).itrs_m(times) / 1e3
    )
    assert np.nanmax(np.abs(exact - middle)) < 0.005
    assert (chunk_start(8) - chunk_start(7)) / np.timedelta64(1, "s") == CHUNK_S


def test_places_and_things_are_found_by_name(net: Net) -> None:
    assert net.get("network/places?q=Kyi")["items"][0]["name"] == "Kyiv"
    towns = net.get("network/towns")["items"]
    assert [one["population"] for one in towns] == sorted((one["population"] for one in towns), reverse=True)
    called = {f"{one['name']}, {one['country']}" for one in towns}
    assert {cell["place"] for cell in net.get("network/cells?limit=500")["items"]} <= called
    assert net.get("network/towns?limit=1")["items"] == towns[:1]
    assert net.get("network/places?q=Киї")["items"][:1] in ([], net.get("network/places?q=Kyi")["items"][:1])
    found = net.get("network/search?q=kyiv")["items"]
    assert {"area", "place"} <= {one["kind"] for one in found}
    # The gazetteer calls it Mykolayiv; Mykolaivka begins with what is typed, and goes behind.
    places = net.get("network/places?q=Mykolaiv&limit=20")["items"]
    assert (places[0]["name"], places[0]["near"]) == ("Mykolayiv", "")
    assert places[0]["population"] > 400_000
    assert "Mykolaivka" in [one["name"] for one in places]
    assert len({(one["name"], one["latitude_deg"], one["longitude_deg"]) for one in places}) == len(places)
    found = [one for one in net.get("network/search?q=mykolaiv")["items"] if one["kind"] == "place"]
    assert found[0]["title"] == "Mykolayiv, UA"
    assert found[0]["note"].endswith("000 people")
    alike = [one["note"] for one in net.get("network/search?q=mykolaivka")["items"] if one["kind"] == "place"]
    assert len(set(alike)) == len(alike) > 1
    assert all(" people, " in note and " km from " in note for note in alike)
    one = net.run.terminals["id"][0]
    first = net.get(f"network/search?q={one}")["items"][0]
    assert {"kind": "terminal", "id": one, "note": ""}.items() <= first.items()


MISSING = [
    ("network/terminals/nobody", 404), ("network/cells/851fb467fffffff", 404),
    ("network/gateways/Nowhere", 404), ("network/satellites/none", 404), ("network/pops/none", 404),
    ("network/slots?from=x", 422), ("network/causes?slot=5", 422), ("network/terminals?area=none", 404),
    ("network/terminals?cause=NONE", 422), ("ephemeris/1", 404), ("network/frames/1", 422),
    ("network/tables/none", 422), ("network/outages?by=x", 422), ("network/satellites/²", 404),
    ("network/satellites/" + "9" * 40, 404),
]  # fmt: skip


@pytest.mark.parametrize(("path", "status"), MISSING)
def test_what_is_not_there_is_told_as_a_problem(net: Net, path: str, status: int) -> None:
    found = net.get(path, status)
    assert found["status"] == status
    assert found["hint"]


def test_the_stream_of_a_replay_is_a_snapshot_of_its_end(net: Net) -> None:
    with net.http.websocket_connect("/v1/stream", subprotocols=["openleo.stream.v1"]) as socket:
        frame = decode(socket.receive_bytes())
    assert frame.stamp.slot == net.run.until_slot - 1
    assert frame.stamp.speed == 0.0


@pytest.mark.parametrize("first", ["²", "x", "12345678901"])
def test_a_stream_from_what_is_no_slot_is_refused(net: Net, first: str) -> None:
    connected = net.http.websocket_connect(f"/v1/stream?from={first}", subprotocols=["openleo.stream.v1"])
    with connected as socket, pytest.raises(WebSocketDisconnect) as closed:
        socket.receive_bytes()
    assert closed.value.code == 4400


def login(run: Run, folder: Path, kind: NetworkKind) -> Any:
    world = founded(folder / "control", kind=kind)
    watching = Watching(folder=RunFolder(run.path), kind=kind.value, login=True, network="test")
    world.app = create_app(world.plane, limits=Limits(rates=PLENTY), watching=watching)
    world.http = TestClient(world.app, raise_server_exceptions=False)
    for person in world.people.values():
        person.http = world.http
    return world


@pytest.mark.parametrize("kind", [NetworkKind.SIMULATED, NetworkKind.ENFORCED])
def test_people_see_the_network_who_may(run: Run, tmp_path: Path, kind: NetworkKind) -> None:
    """In a simulated network whoever sees a part of it; in others only over the whole of it."""
    world = login(run, tmp_path, kind)
    with world.http:
        made = world["amina"].post("/v1/areas", {**AREA, "id": "own"})
        assert made.status_code == 201, made.text
        for name, role, area in (
            ("viewer", "viewer", None), ("of-area", "viewer", "own"), ("billing", "billing", None),
            ("nobody", None, None),
        ):  # fmt: skip
            world.add_person(name, role, area)
        wait_for(world.http, Authorization=f"Bearer {world['amina'].credential.token}")
        statuses = {name: world[name].get("/v1/network").status_code for name in world.people}
        part = 200 if kind is NetworkKind.SIMULATED else 403
        assert statuses == {
            "amina": 200, "jonas": 200, "viewer": 200, "of-area": part, "billing": 403, "nobody": 403,
        }  # fmt: skip
        assert world.http.get("/v1/network").status_code == 401
        shown = world["viewer"].get("/v1/network/terminals?limit=1").json()["items"][0]
        assert (shown["latitude_deg"] is None) == (kind is NetworkKind.ENFORCED)
        why = world["viewer"].get(f"/v1/network/terminals/{shown['id']}/explain").json()
        assert (why["terminal"]["latitude_deg"] is None) == (kind is NetworkKind.ENFORCED)
        told = refused(world, None), refused(world, "wrong"), refused(world, world["nobody"].credential.token)
        assert told == (4401, 4401, 4403)
        token = world["viewer"].credential.token
        protocols = ["openleo.stream.v1", f"bearer.{token}"]
        with world.http.websocket_connect("/v1/stream", subprotocols=protocols) as socket:
            assert socket.accepted_subprotocol == "openleo.stream.v1"
            frame = decode(socket.receive_bytes())
        assert ("movers" in frame.parts) == (kind is NetworkKind.SIMULATED)
    world.plane.close()


def test_the_control_planes_areas_narrow_lists_for_those_who_see_them(run: Run, tmp_path: Path) -> None:
    world = login(run, tmp_path, NetworkKind.SIMULATED)
    with world.http:
        owner = world["amina"]
        cell = run.terminals.row(0, named=True)["cell"]
        h3 = run.cell_index["h3"][cell]
        for name, cells in (("drawn", [h3]), ("secret", [h3])):
            made = owner.post("/v1/areas", {"id": name, "title": f"{name} by hand", "cells": cells})
            assert made.status_code == 201, made.text
        part = world.add_person("of-area", "viewer", "drawn")
        wait_for(world.http, Authorization=f"Bearer {owner.credential.token}")
        slot = run.first_slot
        found = owner.get(f"/v1/network/terminals?area=drawn&slot={slot}").json()
        assert found["total"] == (run.terminals["cell"] == cell).sum()
        assert {one["h3"] for one in found["items"]} == {h3}
        assert part.get("/v1/network/terminals?area=drawn").json()["total"] > 0
        hidden = part.get("/v1/network/terminals?area=secret")
        assert (hidden.status_code, hidden.json()["type"]) == (404, "/problems/not-found")
        of_scenario = part.get(f"/v1/network/terminals?area=kyiv&slot={slot}").json()
        assert of_scenario["total"] > 0
        keys = {
            name: {
                one["key"]
                for one in world[name].get(f"/v1/network/outages?by=area&from={slot}").json()["items"]
            }
            for name in ("amina", "of-area")
        }
        assert "secret" in keys["amina"]
        assert "drawn" in keys["of-area"]
        assert "secret" not in keys["of-area"]
        titles = [
            [one["title"] for one in who.get("/v1/network/search?q=by hand").json()["items"]]
            for who in (owner, part)
        ]
        assert titles == [["drawn by hand", "secret by hand"], ["drawn by hand"]]
    world.plane.close()


def refused(world: Any, token: str | None) -> int:
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    connected = world.http.websocket_connect("/v1/stream", headers=headers)
    with connected as socket, pytest.raises(WebSocketDisconnect) as closed:
        socket.receive_bytes()
    return int(closed.value.code)


def test_runs_that_are_near_are_shown_beside_it(run: Run, tmp_path: Path) -> None:
    """Each under its own address, with the page's files; at most three are open at once."""
    for name in ("one", "two", "three", "four", "five"):
        shutil.copytree(run.path, tmp_path / name)
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "manifest.json").write_text("{")
    watching = Watching(folder=RunFolder(tmp_path / "one"), runs=(tmp_path,))
    app = create_network_app(watching, limits=Limits(rates=PLENTY))
    with TestClient(app) as http:
        wait_for(http)
        listed = {one["id"]: one for one in http.get("/v1/runs").json()["items"]}
        assert set(listed) == {"one", "two", "three", "four", "five"}
        assert listed["one"]["open"]
        assert listed["one"]["address"] is None
        for name in ("two", "three", "four", "five", "two"):
            assert listed[name]["address"] == f"runs/{name}/"
            for _ in range(200):
                told = http.get(f"/runs/{name}/v1/network").json()
                if told["clock"]["slot"] >= 0:
                    break
            assert told["clock"]["last_slot"] == run.until_slot - 1
        page = http.get("/runs/two/v1/network/terminals?limit=1").json()
        assert page["next"].startswith("/v1/network/terminals?")
        assert len(http.get(f"/runs/two{page['next']}").json()["items"]) == 1
        here = {one["id"] for one in http.get("/runs/two/v1/runs").json()["items"] if one["open"]}
        assert here == {"two"}
        assert http.get("/runs/two", follow_redirects=False).headers["location"] == "two/"
        for path in ("/runs/nine/v1/network", "/runs/../v1/network/x", "/runs/broken/v1/network"):
            assert http.get(path).status_code == 404, path


CHECKS = [status_code_conformance, content_type_conformance, response_schema_conformance]


def send_all(net: Net, each: int) -> dict[int, int]:
    """Send so many made-up requests to each route; return how many got which status."""
    schema = schemathesis.openapi.from_asgi("/openapi.json", net.app)
    counted: dict[int, int] = {}
    first, last = net.run.first_slot, net.run.until_slot - 1
    there = {
        "slot": str(net.lost), "terminal": net.run.terminals["id"][1], "h3": net.run.cell_index["h3"][0],
        "satellite": "7", "name": "Muallim", "code": net.run.pops["code"][0], "chunk": first * 15 // 960,
    }  # fmt: skip
    for found in schema.get_all_operations():
        operation = found.ok()
        parts = {k: v for k, v in there.items() if f"{{{k}}}" in operation.path}
        if "{name}" in operation.path and "tables" in operation.path:
            parts = {"name": "cells"}
        strategy = st.one_of(
            operation.as_strategy(path_parameters=parts or None, query={}),
            operation.as_strategy(path_parameters=parts or None, query={"slot": last}),
            operation.as_strategy(path_parameters=parts or None),
            operation.as_strategy(),
            operation.as_strategy(generation_mode=GenerationMode.NEGATIVE),
        )

        @seed(20_261_128)
        @settings(
            max_examples=each, database=None, deadline=None, phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )  # fmt: skip
        @given(case=strategy)
        def send(case: Any) -> None:
            answer: Response = case.call()
            counted[answer.status_code] = counted.get(answer.status_code, 0) + 1
            assert answer.status_code < 500 or answer.status_code == 503, answer.text
            case.validate_response(answer, checks=CHECKS)

        send()
    return counted


def test_made_up_requests_find_no_fault(own_net: Net) -> None:
    counted = send_all(own_net, 4)
    assert counted.get(200, 0) >= 30, counted


@pytest.mark.slow
def test_thousands_of_made_up_requests_find_no_fault_in_the_network(own_net: Net) -> None:
    counted = send_all(own_net, 100)
    assert counted.get(200, 0) >= 500, counted


def test_a_network_that_anybody_may_see_answers_to_its_own_name_alone(run: Run) -> None:
    """A page elsewhere could make its own name mean this machine, and read what a browser here may."""
    watching = Watching(folder=RunFolder(run.path), hosts=frozenset({"127.0.0.1"}))
    app = create_network_app(watching, limits=Limits(rates=PLENTY))
    with TestClient(app, base_url="http://evil.example") as http:
        answer = http.get("/v1/network")
        assert (answer.status_code, answer.json()["type"]) == (403, "/problems/forbidden")
        connected = http.websocket_connect("/v1/stream")
        with connected as socket, pytest.raises(WebSocketDisconnect) as closed:
            socket.receive_bytes()
        assert closed.value.code == 4403
