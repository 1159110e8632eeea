"""The real fleet over HTTP: what is shown of it, to whom, and jobs that people start by the page."""

import asyncio
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from api_world import PLENTY, World, founded
from fastapi.testclient import TestClient

from dish_fleet import dish_fleet, dish_name
from openleo.api.app import create_network_app
from openleo.api.fleet_shown import FleetShown
from openleo.api.limits import Limits
from openleo.fleet.acting.allowed import Allowances
from openleo.fleet.acting.jobs import Job, Jobs
from openleo.fleet.acting.orders import Order
from openleo.fleet.acting.plan import Candidate, Plan, Settings
from openleo.fleet.acting.remote import give
from openleo.fleet.acting.runner import Clocks, Runner
from openleo.fleet.acting.through import Contact, Orders
from openleo.fleet.database import FleetDatabase
from openleo.fleet.kits import Kit
from openleo.fleet.register import DishEntry, Register
from openleo.fleet.sample import Sample
from openleo.fleet.store import TelemetryStore

NS = 10**9
JOB = {
    "action": "unstow", "where": "all", "reason": "the wind is over",
    "canary": {"count": 1, "watch_minutes": 0},
}  # fmt: skip


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    found = founded(tmp_path / "control")
    with found.http:
        yield found
    found.plane.close()


def folder_of(world: World) -> Path:
    shown = world.app.state.fleet
    assert isinstance(shown, FleetShown)
    return shown.folder


@pytest.fixture
def told(world: World) -> World:
    """A fleet of three kits: one dark, one in service with software of its own, one never seen."""
    folder, now_ns = folder_of(world), time.time_ns()
    with Register(folder) as register:
        register.put_kits(
            [
                Kit(id="KIT1", terminal="ut-1", site="Lviv", latitude_deg=48.516712, longitude_deg=32.266712),
                Kit(id="KIT2", terminal="ut-2", site="Kyiv", account="A1", life_critical=True),
                Kit(id="KIT3", terminal="ut-3"),
            ]
        )
    with TelemetryStore(folder) as store:
        common = {"source": "dish", "latitude_deg": 48.516712, "longitude_deg": 32.266712}
        for n in range(40):
            at = now_ns - (n + 1) * 15 * NS
            dark = {"outage": "OBSTRUCTED", "obstructed": 0.4} if n < 20 else {"outage": ""}
            store.add([Sample(terminal="ut-1", time_ns=at, software="2026.1", **common, **dark)])  # type: ignore[arg-type]
            store.add(
                [
                    Sample(
                        terminal="ut-2", time_ns=at, software="2026.2", outage="", downlink_mbps=8.0,
                        uplink_mbps=1.0, **common,
                    )  # type: ignore[arg-type]
                ]
            )  # fmt: skip
    return world


def test_before_telemetry_begins_one_is_told_to_ask_again(world: World) -> None:
    shutil.rmtree(folder_of(world))
    for path in ("", "/terminals", "/terminals/ut-1", "/versions", "/usage"):
        answer = world["amina"].get(f"/v1/fleet{path}")
        assert answer.status_code == 503
        assert "no telemetry has come yet" in answer.json()["detail"]
        assert int(answer.headers["Retry-After"]) > 0


def test_the_fleet_is_told_by_state_cause_and_incident(told: World) -> None:
    found = told["amina"].get("/v1/fleet").json()
    assert found["terminals"] == 3
    assert (found["counts"]["dark"], found["counts"]["online"], found["counts"]["never-seen"]) == (1, 1, 1)
    assert [(c["cause"], c["terminals"]) for c in found["causes"]] == [("obstructed", 1)]
    assert found["incidents"][0]["terminals"] == ["ut-1"]
    actions = {one["action"]: one["allowed"] for one in found["acting"]["actions"]}
    assert (actions["reboot"], actions["stow"], actions["sleep"], actions["unstow"]) == (False,) * 3 + (True,)
    assert found["acting"]["may"] is True


def test_terminals_are_chosen_sorted_and_paged(told: World) -> None:
    get = told["amina"].get
    assert [t["terminal"] for t in get("/v1/fleet/terminals?where=dark").json()["items"]] == ["ut-1"]
    assert [t["terminal"] for t in get("/v1/fleet/terminals?q=kyiv").json()["items"]] == ["ut-2"]
    page = get("/v1/fleet/terminals?sort=terminal&limit=2").json()
    assert ([t["terminal"] for t in page["items"]], page["total"]) == (["ut-1", "ut-2"], 3)
    rest = get(page["next"]).json()
    assert ([t["terminal"] for t in rest["items"]], rest["next"]) == (["ut-3"], None)
    wrong = get("/v1/fleet/terminals?where=drak")
    assert (wrong.status_code, "dark" in wrong.json()["hint"]) == (422, True)
    saved = told["amina"].send("PUT", "/v1/fleet/filters/mine", {"where": "critical"})
    assert saved.json()["by"] == "amina"
    assert [t["terminal"] for t in get("/v1/fleet/terminals?filter=mine").json()["items"]] == ["ut-2"]
    told["amina"].post("/v1/fleet/filters/mine/removal", {})
    assert get("/v1/fleet/terminals?filter=mine").status_code == 404


@pytest.mark.parametrize("descending", [False, True])
def test_pages_by_name_lose_and_double_no_terminal_that_goes_dark_between_them(
    world: World, descending: bool
) -> None:
    folder, shown, now_ns = folder_of(world), world.app.state.fleet, time.time_ns()
    names = [f"u-{n}" for n in range(6)]
    with Register(folder) as register:
        register.put_kits([Kit(id=f"K{n}", terminal=name) for n, name in enumerate(names)])

    def tell(outage: dict[str, str], ago_s: int) -> None:
        with TelemetryStore(folder) as store:
            for n in range(20):
                at = now_ns - (ago_s - n * 15) * NS
                store.add(
                    Sample(terminal=t, time_ns=at, source="dish", outage=outage.get(t, "")) for t in names
                )
        shown.changed()

    tell({}, ago_s=600)
    get = world["amina"].get
    query = f"q=u-&sort=terminal&limit=3{'&descending=true' if descending else ''}"
    page = get(f"/v1/fleet/terminals?{query}").json()
    seen = [row["terminal"] for row in page["items"]]
    with Register(folder) as register:  # one more comes before them, and those of the next page go dark
        register.put_kits([Kit(id="K9", terminal="u-z" if descending else "u-")])
    tell(dict.fromkeys(set(names) - set(seen), "OBSTRUCTED"), ago_s=300)
    page = get(page["next"]).json()
    assert {row["state"] for row in page["items"]} == {"dark"}
    seen += [row["terminal"] for row in page["items"]]
    assert (seen, page["next"], page["total"]) == (sorted(names, reverse=descending), None, 7)
    assert get("/v1/fleet/terminals?sort=state&after=u-1").status_code == 422


@pytest.fixture
def people(world: World) -> World:
    """A dark dish whose register has a phone and a note, one without, and one that is the control plane's."""
    folder, now_ns = folder_of(world), time.time_ns()
    kit = Kit(
        id="K1", terminal="u-1", site="Camp 7", holder="Olena Lys, +380 (50) 111-22-33", note="gate code 4471"
    )
    with Register(folder) as register:
        register.put_kits([kit, Kit(id="K2", terminal="u-2", holder="Brigade 12")])
    with TelemetryStore(folder) as store:
        for n in range(20):
            at = now_ns - (20 - n) * 15 * NS
            store.add(
                [Sample(terminal="u-1", time_ns=at, source="dish", outage="OBSTRUCTED", obstructed=0.4)]
            )
    world.app.state.fleet.changed()
    return world


ANSWERS = ("", "/terminals", "/terminals/u-1", "/versions", "/usage?days=1", "/terminals?q=olena")


@pytest.mark.parametrize("role", ["viewer", "billing", "logistics", "auditor", "operator"])
def test_phones_and_notes_are_for_those_who_act(people: World, role: str) -> None:
    person = people["amina"] if role == "operator" else people.add_person("vera", role)
    told = {path: person.get(f"/v1/fleet{path}") for path in ANSWERS}
    assert {answer.status_code for answer in told.values()} == {200}
    acts = role == "operator"
    for path in ("", "/terminals", "/terminals/u-1", "/terminals?q=olena"):
        assert ("111-22-33" in told[path].text) is acts, path
        assert "Olena Lys" in told[path].text, "a holder's name is no secret here"
    assert "Brigade 12" in told["/terminals"].text
    assert not any("4471" in answer.text for answer in told.values())
    for query in ("q=111-22", "where=holder~111-22"):
        found = person.get(f"/v1/fleet/terminals?{query}").json()["items"]
        assert [row["terminal"] for row in found] == (["u-1"] if acts else []), query


def test_who_may_not_act_cannot_search_notes_by_words_or_by_a_saved_filter(people: World) -> None:
    people["amina"].send("PUT", "/v1/fleet/filters/gates", {"where": "note~gate"})
    vera = people.add_person("vera", "viewer")
    for query in ("where=note~4471", "where=not note~x", "where=dark or note=*", "filter=gates"):
        for path in ("terminals", "usage", "versions"):
            if "filter" not in query or path == "terminals":
                answer = vera.get(f"/v1/fleet/{path}?{query}")
                assert (answer.status_code, answer.json()["type"]) == (403, "/problems/forbidden"), query
    found = people["amina"].get("/v1/fleet/terminals?filter=gates").json()["items"]
    assert [row["terminal"] for row in found] == ["u-1"]


def test_one_terminal_is_told_with_its_cause_and_samples(told: World) -> None:
    found = told["amina"].get("/v1/fleet/terminals/ut-1").json()
    assert found["why"]["cause"] == "obstructed"
    assert len(found["samples"]) == 40
    assert found["samples"][-1]["outage"] == "OBSTRUCTED"
    assert told["amina"].get("/v1/fleet/terminals/ut-2").json()["why"] is None
    assert told["amina"].get("/v1/fleet/terminals/none").status_code == 404


def test_versions_and_data_use_are_told(told: World) -> None:
    versions = told["amina"].get("/v1/fleet/versions").json()
    assert {v["version"]: v["terminals"] for v in versions["items"]} == {"2026.1": 1, "2026.2": 1}
    used = told["amina"].get("/v1/fleet/usage?days=1").json()
    group = next(one for one in used["items"] if one["name"] == "A1")
    assert group["down_gb"] == pytest.approx(0.6, rel=0.1), "8 Mbit/s for ten minutes"


def test_no_answer_tells_an_exact_position(told: World) -> None:
    for path in ("", "/terminals", "/terminals/ut-1", "/versions", "/usage", "/jobs", "/filters"):
        answer = told["amina"].get(f"/v1/fleet{path}")
        assert answer.status_code == 200
        assert "48.51" not in answer.text
        assert "32.26" not in answer.text


def test_a_job_is_in_the_decision_log_before_anything_is_done_and_is_made_once(world: World) -> None:
    folder = folder_of(world)
    with dish_fleet(2) as dishes:
        with Register(folder) as register:
            register.put_kits([Kit(id=f"K{n}", terminal=dish_name(n)) for n in range(2)])
            for n in range(2):
                register.put_dish(DishEntry(address=dishes.address(n), terminal=dish_name(n)))
        seen = world["amina"].post("/v1/fleet/jobs/preview", JOB).json()
        assert sorted(seen["chosen"]) == [dish_name(0), dish_name(1)]
        assert {one["terminal"]: one["why"] for one in seen["left_out"]} == {
            "ut-1": "no-dish",
            "ut-2": "no-dish",
        }
        first = world["amina"].post("/v1/fleet/jobs", JOB, key="the-same-key-0000001")
        again = world["amina"].post("/v1/fleet/jobs", JOB, key="the-same-key-0000001")
        assert (first.status_code, again.status_code) == (201, 201)
        assert first.json() == again.json()
        name = first.json()["id"]
        entry = world["amina"].get(f"/v1/log/entries/{first.json()['entry']}").json()
        assert entry["kind"] == "fleet.job-started"
        assert [j["id"] for j in world["amina"].get("/v1/fleet/jobs").json()["items"]].count(name) == 1
        clocks = Clocks(look_s=0.05)
        with Runner(folder=folder, clocks=clocks).at_work() as runner:
            with FleetDatabase(folder) as database:
                assert Jobs(database).need(name).by == "amina"
            asyncio.run(_until_told(runner, name))
        whole = world["amina"].get(f"/v1/fleet/jobs/{name}").json()
        assert any(step["answer"] == "yes" for step in whole["steps"])
        stopped = world["amina"].post(f"/v1/fleet/jobs/{name}/stop", {"reason": "enough"})
        assert (stopped.status_code, stopped.json()["state"]) == (200, "stopped")
        events = world["amina"].get(f"/v1/fleet/jobs/{name}").json()["events"]
        assert [(e["what"], e["by"]) for e in events] == [("made", "amina"), ("stopped", "amina")]
        resumed = world["amina"].post(f"/v1/fleet/jobs/{name}/resume", {"reason": "on"})
        assert resumed.json()["state"] == "running"


def test_a_preview_names_the_way_that_a_job_takes(world: World) -> None:
    folder = folder_of(world)
    with Register(folder) as register:
        register.put_kits([Kit(id="K1", terminal="u-1", site="Lviv")])
        register.put_dish(
            DishEntry(address="dish.invalid:9200", terminal="u-1")
        )  # by which way, nobody can say
    with FleetDatabase(folder) as database, Orders.of(folder) as orders:
        Allowances(database).say("stow", allowed=True, by="olena", reason="r", now_ns=0)
        orders.note(
            Contact(
                agent="site-1", at_ns=time.time_ns(), can=frozenset({"stow"}), sees=frozenset({"u-1"}),
                reverts=True, version="1",
            )
        )  # fmt: skip
    body = {**JOB, "action": "stow", "where": None, "terminals": ["u-1"]}
    preview = world["amina"].post("/v1/fleet/jobs/preview", body).json()
    assert preview["chosen"] == ["u-1"]
    assert "site-1" in preview["through"]["u-1"]
    preview = world["amina"].post("/v1/fleet/jobs/preview", {**body, "not_our_path": ["u-1"]}).json()
    assert (preview["chosen"], preview["through"]) == (["u-1"], {}), "it is told from here"


async def _until_told(runner: Runner, name: str) -> None:
    stop = asyncio.Event()
    doing = asyncio.create_task(runner.run(name, stop))
    while not any(s.state == "well" for s in runner.jobs.steps(name)):
        await asyncio.sleep(0.02)
    stop.set()
    await doing


def test_a_stopped_job_says_what_its_agent_undoes_and_has_undone(told: World) -> None:
    folder, now_ns, http = folder_of(told), time.time_ns(), told["amina"]
    job = Job(
        id="j-far", order=Order(action="stow"), settings=Settings(), chosen_by="all", include=frozenset(),
        not_ours=frozenset(), site_sizes={}, reason="snow", by="amina", made_ns=now_ns,
    )  # fmt: skip
    chosen = (Candidate(terminal="ut-1"), Candidate(terminal="ut-2"))
    with FleetDatabase(folder) as database, Orders.of(folder) as orders:
        Jobs(database).add(job, Plan(chosen=chosen, canaries=0, left=()))
        sent = give(orders, job, "ut-1", "site-1", now_ns=now_ns)
        give(orders, job, "ut-2", "site-1", now_ns=now_ns)
        running = http.get("/v1/fleet/jobs/j-far").json()
        assert (running["waits"], "openleo fleet serve" in running["says"]) == (True, True)
        assert {step["state"] for step in running["steps"]} == {"sending"}
        assert {(step["at"], step["agent"]) for step in running["steps"]} == {(None, "site-1")}
        orders.take_result(sent.id, "site-1", {"state": "done", "answer": "yes"}, now_ns=now_ns + 1)
        stopped = http.post("/v1/fleet/jobs/j-far/stop", {"reason": "enough"}).json()
        assert stopped["counts"] == {"acknowledged": 1, "waiting": 1}
        assert any(note.startswith("1 terminal is undone by their agents by") for note in stopped["notes"])
        first = http.get("/v1/fleet/terminals/ut-1").json()["steps"][0]
        assert "agent site-1 undoes it by" in first["note"]
        orders.take_result(sent.id, "site-1", {"state": "reverted", "answer": ""}, now_ns=now_ns + 2)
    assert http.get("/v1/fleet/jobs").json()["items"][0]["counts"] == {"waiting": 1, "worse": 1}
    first = http.get("/v1/fleet/terminals/ut-1").json()["steps"][0]
    assert (first["state"], first["note"]) == ("worse", "")
    assert http.get("/v1/fleet/jobs/j-far").json()["notes"] == []


def test_a_job_that_is_not_allowed_or_tells_nobody_is_refused(world: World) -> None:
    reboot = world["amina"].post("/v1/fleet/jobs", {**JOB, "action": "reboot"})
    assert (reboot.status_code, reboot.json()["type"]) == (409, "/problems/not-allowed")
    shown = world["amina"].post("/v1/fleet/jobs/preview", {**JOB, "action": "reboot"})
    assert shown.status_code == 200, "what is off can be looked at"
    assert "openleo fleet allow reboot" in shown.json()["off"]
    with FleetDatabase(folder_of(world)) as database:
        Allowances(database).say("reboot", allowed=True, by="olena", reason="r", now_ns=0)
    nobody = world["amina"].post("/v1/fleet/jobs", {**JOB, "action": "reboot"})
    assert nobody.status_code == 422, "no dish of theirs is polled from here"
    assert world["amina"].post("/v1/fleet/jobs", {**JOB, "terminals": ["ut-1"]}).status_code == 422
    assert world["amina"].get("/v1/fleet/jobs").json()["items"][0]["id"] == "j-some", "none was made"


def test_who_only_reads_is_told_why_they_cannot_act(world: World) -> None:
    person = world.add_person("vera", "viewer")
    acting = person.get("/v1/fleet").json()["acting"]
    assert acting["may"] is False
    assert acting["why_not"]
    assert person.post("/v1/fleet/jobs", JOB).status_code == 403


def test_where_nobody_logs_in_anybody_here_looks_and_nobody_acts(told: World) -> None:
    shown = FleetShown(folder=folder_of(told), hosts=frozenset({"127.0.0.1"}))
    app = create_network_app(None, shown=shown, limits=Limits(rates=PLENTY))
    with TestClient(app, base_url="http://127.0.0.1", raise_server_exceptions=False) as http:
        assert http.get("/v1/fleet").json()["acting"]["may"] is False
        assert http.get("/v1/fleet/terminals").json()["total"] == 3
        for path, body in (("/v1/fleet/jobs", JOB), ("/v1/fleet/jobs/j-some/stop", {"reason": "r"})):
            answer = http.post(path, json=body, headers={"Idempotency-Key": "a-fresh-key-00000001"})
            assert answer.status_code == 403
            assert "openleo fleet do" in answer.json()["hint"]
        other = http.get("/v1/fleet", headers={"Host": "evil.example"})
        assert other.status_code == 403
        assert http.get("/v1/network").status_code == 404
