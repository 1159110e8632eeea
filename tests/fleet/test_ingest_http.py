"""Telemetry over HTTP: what devices, Prometheus and the vendor's collectors get for an answer."""

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from fleet_world import CELL, NS, START_NS, Clock, Device, minute, sample
from prometheus_client.parser import text_string_to_metric_families
from starlette.testclient import TestClient

from openleo.api.ingest import RATES, Ingest, create_ingest_app
from openleo.api.limits import Limits
from openleo.control.driver import StoreBroken
from openleo.control.enrolment import to_prove
from openleo.control.keys import sign
from openleo.fleet.agents import Agents
from openleo.fleet.database import FleetDatabase
from openleo.fleet.intake import Intake
from openleo.fleet.keys import AgentKeys
from openleo.fleet.store import TelemetryStore

PATH = "/v1/telemetry"
STREAM = "/api/public/v2/telemetry/stream"
QUERY = "/api/public/v2/telemetry/query"


@dataclass
class World:
    client: TestClient
    at: Ingest
    device: Device
    clock: Clock
    store: TelemetryStore

    def send(self, samples: Any, **how: Any) -> Any:
        headers, body = self.device.batch(samples, **how)
        return self.client.post(PATH, headers=headers, content=body)

    def token(self, name: str = "grafana", account: str = "") -> dict[str, str]:
        secret = self.at.services.add(name, now_ns=0, account=account)
        form = {"client_id": name, "client_secret": secret, "grant_type": "client_credentials"}
        answer = self.client.post("/api/auth/connect/token", data=form)
        assert answer.status_code == 200, answer.text
        return {"Authorization": f"Bearer {answer.json()['access_token']}"}


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    device, clock = Device("ag-1"), Clock()
    broken: list[bool] = []
    with FleetDatabase(tmp_path) as database, TelemetryStore(tmp_path) as store:
        agents = Agents(database)
        enrol(agents, device, agents.add("ag-1", now_ns=clock()))
        limits = Limits(rates=RATES, clock=lambda: (clock() - START_NS) / NS)
        intake = Intake(
            store, AgentKeys(agents), clock_ns=clock, free_share=lambda: 0.9,
            count=lambda name: limits.take("telemetry", name),
        )  # fmt: skip
        at = Ingest.of(intake, database, limits=limits, clock_ns=clock, on_broken=lambda: broken.append(True))
        at.broken = broken  # type: ignore[attr-defined]
        with TestClient(create_ingest_app(at), base_url="http://127.0.0.1") as client:
            yield World(client, at, device, clock, store)
        intake.close()


def enrol(agents: Agents, device: Device, code: str) -> None:
    proof = sign(device.key.private_bytes_raw(), to_prove(code, device.public_key))
    agents.enrol(code, public_key=device.public_key, proof=proof, now_ns=Clock()())


def test_a_batch_is_answered_204_when_it_is_kept(world: World) -> None:
    answer = world.send(minute())
    assert (answer.status_code, answer.content) == (204, b"")
    assert world.store.samples("ut-1", 0, 2**62) == minute()


def test_a_batch_that_comes_again_is_told_so(world: World) -> None:
    headers, body = world.device.batch(minute())
    first, again = (world.client.post(PATH, headers=headers, content=body) for _ in range(2))
    assert (first.status_code, again.status_code) == (204, 204)
    assert "idempotent-replay" not in first.headers
    assert again.headers["idempotent-replay"] == "true"


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"openleo-signature": "AAAA"}, 403, "bad-signature"),
        ({"openleo-device": "ag-9"}, 403, "bad-signature"),
        ({"openleo-seq": "x"}, 422, "bad-batch"),
        ({"openleo-seq": "9-3"}, 422, "bad-batch"),
        ({"content-encoding": "br"}, 422, "bad-batch"),
    ],
)
def test_a_batch_that_is_wrong_is_told_why(
    world: World, change: dict[str, str], status: int, code: str
) -> None:
    headers, body = world.device.batch(minute())
    answer = world.client.post(PATH, headers={**headers, **change}, content=body)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["type"] == f"/problems/{code}"
    assert problem["hint"]
    assert world.store.terminals() == []


def test_a_body_over_64_kib_is_refused_unread(world: World) -> None:
    headers, _ = world.device.batch(minute())
    answer = world.client.post(PATH, headers=headers, content=b"x" * (64 * 1024 + 1))
    assert (answer.status_code, answer.json()["type"]) == (413, "/problems/too-large")


def test_only_post_is_done_there(world: World) -> None:
    answer = world.client.get(PATH)
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
    assert world.client.get("/v1/nothing").status_code == 404


def test_a_clock_that_is_off_and_what_is_late(world: World) -> None:
    assert world.send([sample(at_s=-90_000)]).json()["type"] == "/problems/clock-off"
    assert world.send([sample(at_s=-90_000)], backfill=True).status_code == 204


def test_a_revoked_agents_next_batch_is_refused(world: World) -> None:
    assert world.send(minute()).status_code == 204
    world.at.agents.cut_off("ag-1")
    answer = world.send(minute(at_s=60))
    assert (answer.status_code, answer.json()["type"]) == (403, "/problems/revoked")
    assert len(world.store.samples("ut-1", 0, 2**62)) == 4


def test_what_a_captured_agent_sends_looks_taken_and_is_not(world: World) -> None:
    world.at.agents.cut_off("ag-1", captured_since_ns=world.clock())
    assert world.send(minute()).status_code == 204
    assert world.store.terminals() == []


def test_a_device_that_sends_too_often_is_told_to_wait(world: World) -> None:
    answers = [world.send([sample(at_s=n)]) for n in range(21)]
    assert [a.status_code for a in answers] == [204] * 20 + [429]
    assert answers[-1].headers["retry-after"] == "1"
    world.clock.turn(1.0)
    assert world.send([sample(at_s=30)]).status_code == 204


def test_an_address_that_sends_what_nobody_signed_is_told_to_stop(world: World) -> None:
    stranger = Device("ag-x")
    answers = []
    for _ in range(101):
        headers, body = stranger.batch([sample()])
        answers.append(world.client.post(PATH, headers=headers, content=body).status_code)
    assert answers == [403] * 100 + [429]
    assert world.send(minute()).status_code == 204, "whoever is known is taken all the same"


def test_a_full_disk_is_507_and_a_full_queue_503(world: World) -> None:
    world.at.intake._free = (1e18, 0.01)
    answer = world.send(minute())
    assert (answer.status_code, answer.headers["retry-after"]) == (507, "60")
    world.at.intake._free = (1e18, 0.9)
    world.at.intake._pending = 9 * 1024 * 1024
    answer = world.send(minute())
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
    world.at.intake._pending = 0


def test_failed_storage_is_told_and_ends_the_process(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: object, **how: object) -> None:
        raise StoreBroken("storage failed: disk I/O error")

    monkeypatch.setattr(world.store, "add_sent", fail)
    answer = world.send(minute())
    assert (answer.status_code, answer.json()["type"]) == (503, "/problems/store-broken")
    assert world.at.broken  # type: ignore[attr-defined]


def test_a_fault_of_ours_tells_nothing_but_an_id(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: object, **how: object) -> None:
        raise ZeroDivisionError("secret")

    monkeypatch.setattr(world.at.intake, "take", fail)
    answer = world.send(minute())
    assert answer.status_code == 500
    assert "secret" not in answer.text


def test_an_agent_enrols_over_http_and_sends(world: World) -> None:
    code = world.at.agents.add("ag-2", now_ns=world.clock())
    device = Device("ag-2")
    proof = sign(device.key.private_bytes_raw(), to_prove(code, device.public_key))
    asked = {"code": code, "public_key": device.public_key, "proof": proof}
    answer = world.client.post(f"{PATH}/enrol", json=asked)
    assert (answer.status_code, answer.json()) == (200, {"device": "ag-2"})
    headers, body = device.batch(minute("ut-9"))
    assert world.client.post(PATH, headers=headers, content=body).status_code == 204
    assert world.client.post(f"{PATH}/enrol", json=asked).status_code == 403
    assert world.client.post(f"{PATH}/enrol", content=b"[1]").status_code == 422


def test_codes_cannot_be_tried_out(world: World) -> None:
    device = Device("ag-2")
    asked = {"code": "0" * 24, "public_key": device.public_key, "proof": "AAAA"}
    answers = [world.client.post(f"{PATH}/enrol", json=asked).status_code for _ in range(6)]
    assert answers == [403] * 5 + [429]


# Prometheus ----------------------------------------------------------------------------------------------


def metrics(world: World, **headers: str) -> dict[tuple[str, str], float]:
    answer = world.client.get("/metrics", headers=headers)
    assert answer.status_code == 200, answer.text
    assert "latitude" not in answer.text
    found = {}
    for family in text_string_to_metric_families(answer.text):
        for one in family.samples:
            who = one.labels.get("device_id") or one.labels.get("outcome") or one.labels.get("kind") or ""
            found[one.name, who] = one.value
    return found


def test_prometheus_gets_the_fleet_by_the_names_of_the_known_exporters(world: World) -> None:
    world.send(
        [
            sample("ut-1", ping_latency_ms=33.0, ping_drop=0.25, obstructed=0.5, uptime_s=7, alerts=(53,),
                   outage="OBSTRUCTED", gps_valid=True, gps_satellites=11, power_w=60.0, software='a"b\\c',
                   latitude_deg=49.8, longitude_deg=24.0, uplink_mbps=2.0),
            sample("ut-2", at_s=-400),
        ]
    )  # fmt: skip
    found = metrics(world)
    expected = {
        "up": 1, "pop_ping_latency_seconds": 0.033, "pop_ping_drop_ratio": 0.25, "uptime_seconds": 7,
        "fraction_obstruction_ratio": 0.5, "currently_obstructed": 1, "gps_valid": 1, "gps_sats": 11,
        "downlink_throughput_bytes": 1.5e6, "uplink_throughput_bytes": 2e6, "power_watt_current": 60.0,
        "alert_motors_stuck": 1, "alert_thermal_shutdown": 0, "info": 1, "disablement_code": 1,
    }  # fmt: skip
    assert {name: found[f"starlink_dish_{name}", "ut-1"] for name in expected} == expected
    assert found["starlink_dish_up", "ut-2"] == 0, "it was silent for more than five minutes"
    assert ("starlink_dish_uptime_seconds", "ut-2") not in found
    assert found["openleo_ingest_samples_total", "new"] == 2
    assert found["openleo_ingest_batches_total", "kept"] == 1


def test_metrics_of_a_port_that_others_reach_need_a_service_account(world: World) -> None:
    world.at.open_metrics = False
    assert world.client.get("/metrics").status_code == 401
    secret = world.at.services.add("prometheus", now_ns=0)
    header = base64.b64encode(f"prometheus:{secret}".encode()).decode()
    assert metrics(world, Authorization=f"Basic {header}")
    for wrong in ("Basic !!!", f"Basic {base64.b64encode(b'prometheus:x').decode()}", "Bearer x"):
        assert world.client.get("/metrics", headers={"Authorization": wrong}).status_code == 401


# The vendor's endpoints ----------------------------------------------------------------------------------


def read(answer: Any) -> list[dict[str, Any]]:
    """Read an answer of the stream as collectors do: columns by name, for each type of device."""
    assert answer.status_code == 200, answer.text
    body = answer.json()
    names = body["data"]["columnNamesByDeviceType"]
    rows = [dict(zip(names[row[0]], row, strict=True)) for row in body["data"]["values"]]
    alerts = body["metadata"]["enums"]["AlertsByDeviceType"]["u"]
    return [{**row, "Alerts": [alerts[str(code)] for code in row["ActiveAlerts"]]} for row in rows]


def test_a_collector_of_the_vendors_stream_gets_each_sample_once(world: World) -> None:
    world.send([sample("ut-1", cell=CELL, country="UA", alerts=(66,), ping_latency_ms=33.6)])
    token = world.token()
    asked = {"batchSize": 100, "maxLingerMs": 0}
    [row] = read(world.client.post(STREAM, json=asked, headers=token))
    assert row["DeviceType"] == "u"
    assert (row["DeviceId"], row["UtcTimestampNs"], row["H3CellId"]) == ("ut-1", sample().time_ns, CELL)
    assert (row["PingLatencyMsAvg"], row["CountryCode"], row["Alerts"]) == (
        34,
        "UA",
        ["high_time_obstruction"],
    )
    assert read(world.client.post(STREAM, json=asked, headers=token)) == []
    world.send(minute("ut-2", 60))
    parts = [read(world.client.post(STREAM, json={**asked, "batchSize": 3}, headers=token)) for _ in range(3)]
    assert [len(part) for part in parts] == [3, 1, 0]


def test_each_service_account_reads_for_itself_and_goes_on_after_a_restart(world: World) -> None:
    world.send(minute())
    first, second = world.token("one"), world.token("two")
    asked = {"batchSize": 100, "maxLingerMs": 0}
    assert len(read(world.client.post(STREAM, json=asked, headers=first))) == 4
    assert len(read(world.client.post(STREAM, json=asked, headers=second))) == 4
    with TestClient(create_ingest_app(world.at)) as restarted:
        assert restarted.post(STREAM, json=asked, headers=first).status_code == 401, "it asks for a new token"
    assert world.at.services.position("service:one")


def test_the_stream_reaches_back_eight_hours(world: World) -> None:
    world.send([sample(at_s=-8 * 3_600 - 1), sample(at_s=-8 * 3_600 + 1)])
    rows = read(world.client.post(STREAM, json={"maxLingerMs": 0}, headers=world.token()))
    assert [row["UtcTimestampNs"] for row in rows] == [sample(at_s=-8 * 3_600 + 1).time_ns]


def test_the_stream_waits_for_what_is_to_come_no_longer_than_it_is_asked_to(world: World) -> None:
    token = world.token()
    answer = world.client.post("/public/v2/telemetry/stream", json={"maxLingerMs": 300}, headers=token)
    assert read(answer) == []


@pytest.mark.parametrize(
    "body",
    [
        {"accountNumber": "ACC-1", "batchSize": 10, "maxLingerMs": 0},
        {"batchSize": 0, "maxLingerMs": 0},
        {"batchSize": 65_001},
        {"maxLingerMs": -1},
        {"batchSize": "many"},
        [],
    ],
)
def test_what_the_stream_is_not_asked(world: World, body: Any) -> None:
    answer = world.client.post(STREAM, json=body, headers=world.token())
    assert answer.status_code == 400


def test_a_service_account_of_a_customer_reads_its_terminals_alone(world: World) -> None:
    world.send([*minute("ut-1"), *minute("ut-2")])
    world.at.tags.put("ut-2", {"account": "relief"})
    token = world.token("relief-reads", account="relief")
    rows = read(world.client.post(STREAM, json={"maxLingerMs": 0}, headers=token))
    assert {row["DeviceId"] for row in rows} == {"ut-2"}
    content = world.client.post(QUERY, json={}, headers=token).json()["content"]
    assert set(content["userTerminals"]) == {"ut-2"}
    asked = {"userTerminalIds": ["ut-1"]}
    assert world.client.post(QUERY, json=asked, headers=token).json()["content"]["userTerminals"] == {}


def test_the_query_tells_what_is_newest_of_each_terminal(world: World) -> None:
    world.send([*minute("ut-1", alerts=(50,), disablement="ROAM_RESTRICTED", cell=CELL), sample("ut-2")])
    body = world.client.post(QUERY, json={"userTerminalIds": ["ut-1"]}, headers=world.token()).json()
    [one] = body["content"]["userTerminals"].values()
    assert one["userTerminalId"] == "ut-1"
    assert one["timestamp"] == "2026-03-01T12:00:45.000Z"
    assert one["h3CellId"] == f"{CELL:x}"
    assert (one["alertEthernetSlowLink10"], one["alertDisabledRoamRestricted"]) == (True, True)
    assert one["alertHighTimeObstruction"] is False
    assert body["isValid"] is True


def test_250_requests_a_minute_and_no_more(world: World) -> None:
    token = world.token()
    answers = [world.client.post(QUERY, json={}, headers=token) for _ in range(251)]
    assert [a.status_code for a in answers] == [200] * 250 + [429]
    assert int(answers[-1].headers["retry-after"]) >= 1


def test_tokens_are_given_for_a_secret_and_last_fifteen_minutes(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = world.token()
    ask = "/api/auth/connect/token"
    wrong = {"client_id": "grafana", "client_secret": "x", "grant_type": "client_credentials"}
    assert world.client.post(ask, data=wrong).status_code == 401
    assert world.client.post(ask, data={**wrong, "grant_type": "password"}).status_code == 400
    assert world.client.post(QUERY, json={}, headers={"Authorization": "Bearer x"}).status_code == 401
    assert world.client.post(QUERY, json={}).status_code == 401
    import time

    real = time.monotonic
    monkeypatch.setattr("openleo.api.enterprise.time.monotonic", lambda: real() + 901)
    assert world.client.post(QUERY, json={}, headers=token).status_code == 401


def test_every_error_of_telemetry_has_a_status() -> None:
    import importlib
    import pkgutil

    import openleo.fleet
    from openleo.api.problems import STATUS, all_errors

    for module in pkgutil.walk_packages(openleo.fleet.__path__, "openleo.fleet."):
        importlib.import_module(module.name)
    ours = {e for e in all_errors() if e.__module__.startswith(("openleo.fleet", "openleo.api"))}
    assert {e.code for e in ours} - set(STATUS) == set()
    assert json.dumps(sorted(e.code for e in ours))
