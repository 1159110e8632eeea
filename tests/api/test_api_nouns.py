"""What can be done with each noun, over HTTP, as a person would do it."""

from typing import Any

import pytest
from api_world import START, World
from sqlalchemy import select

from openleo.control.check_ins import CheckIn
from openleo.control.enrolment import to_prove
from openleo.control.keys import new_seed, public_of, sign
from openleo.control.log import VerifierKey, open_checkpoint, parse_proof, verify_proof
from openleo.control.schema import reads


@pytest.fixture
def depot(world: World, area: dict[str, Any]) -> World:
    """An account with two terminals in Kherson, brought as a CSV file."""
    world["amina"].post("/v1/accounts", {"id": "red-cross", "title": "Red Cross"})
    csv = "id,kind,life_critical,name\nut-1,standard,no,\nut-2,mini,yes,the hospital\n"
    headers = {"Content-Type": "text/csv", "Idempotency-Key": "onboarding-key-1"}
    headers |= {"Authorization": f"Bearer {world['amina'].credential.token}"}
    path = "/v1/terminals?account=red-cross&area=kherson&holder=depot&file=kherson.csv"
    made = world.http.post(path, content=csv, headers=headers)
    assert made.status_code == 201, made.text
    assert (made.json()["count"], made.json()["batch"]) == (2, "b-1")
    return world


def test_a_terminal_goes_from_stock_into_service(depot: World) -> None:
    amina = depot["amina"]
    for n, (verb, body) in enumerate(
        [("ship", {"holder": "Oksana"}), ("receive", {}), ("activate", {"reason": "ready"})], start=1
    ):
        answer = amina.post(f"/v1/terminals/ut-1/{verb}", body, match=n)
        assert answer.status_code == 200, answer.text
    found = amina.get("/v1/terminals/ut-1").json()
    assert (found["state"], found["holder"], found["version"]) == ("active", "Oksana", 4)
    links = amina.get("/v1/terminals/ut-1/custody").json()["items"]
    assert [link["event"] for link in links] == ["stocked", "shipped", "received"]
    assert amina.get("/v1/terminal-counts?batch=b-1").json()["states"] == {"stocked": 1, "active": 1}


def test_a_whole_batch_is_shipped_at_once_or_not_at_all(depot: World) -> None:
    body = {"which": {"batch": "b-1"}, "body": {"holder": "convoy"}}
    assert depot["amina"].post("/v1/terminal-acts/ship", body).json()["count"] == 2
    again = depot["amina"].post("/v1/terminal-acts/ship", body)
    assert (again.status_code, again.json()["type"]) == (409, "/problems/wrong-state")


def test_what_lives_depend_on_is_revoked_by_two(depot: World) -> None:
    amina, jonas = depot["amina"], depot["jonas"]
    alone = amina.post("/v1/terminals/ut-2/revoke", {"reason": "stolen"}, match=1)
    assert (alone.status_code, alone.json()["type"]) == (409, "/problems/needs-two-people")
    text = amina.post("/v1/terminal-acts/revoke/to-sign?reason=stolen", {"ids": ["ut-2"]}).json()["to_sign"]
    pair = {
        "first_signature": amina.sign("propose", text), "second_signature": jonas.sign("approve", text),
        "second_token": jonas.credential.token,
    }  # fmt: skip
    both = amina.post("/v1/terminals/ut-2/revoke", {"reason": "stolen", "pair": pair}, match=1)
    assert both.status_code == 200, both.text
    assert amina.get("/v1/terminals/ut-2").json()["state"] == "revoked"


def test_what_lives_depend_on_changes_hands_by_two(depot: World) -> None:
    amina, jonas = depot["amina"], depot["jonas"]
    amina.post("/v1/accounts", {"id": "shop"})
    wanted = {"account": "shop", "reason": "sold"}
    assert amina.send("PATCH", "/v1/terminals/ut-1", wanted, match=1).status_code == 200
    alone = amina.send("PATCH", "/v1/terminals/ut-2", wanted, match=1)
    assert alone.json()["type"] == "/problems/needs-two-people"
    text = amina.post("/v1/terminals/ut-2/change/to-sign", wanted).json()["to_sign"]
    pair = {
        "first_signature": amina.sign("propose", text), "second_signature": jonas.sign("approve", text),
        "second_token": jonas.credential.token,
    }  # fmt: skip
    both = amina.send("PATCH", "/v1/terminals/ut-2", {**wanted, "pair": pair}, match=1)
    assert both.status_code == 200, both.text
    named = {"name": "the clinic", "reason": "it moved"}
    assert amina.send("PUT", "/v1/terminals/ut-2/place", named, match=2).status_code == 200
    found = amina.get("/v1/terminals/ut-2").json()
    assert (found["account_id"], found["name"], found["version"]) == ("shop", "the clinic", 3)


def test_terminals_come_as_json_too_and_wrong_rows_are_told(depot: World) -> None:
    rows = [{"id": "ut-3", "kind": "standard"}, {"id": "ut-1", "kind": "standard"}]
    wrong = depot["amina"].post("/v1/terminals?area=kherson", {"terminals": rows})
    assert (wrong.status_code, wrong.json()["type"]) == (422, "/problems/bad-rows")
    assert "ut-1" in wrong.json()["detail"]
    right = depot["amina"].post("/v1/terminals?area=kherson", {"terminals": rows[:1]})
    assert right.status_code == 201, right.text


def test_a_device_enrols_its_key_and_checks_in(depot: World) -> None:
    amina, seed = depot["amina"], new_seed()
    made = amina.post("/v1/terminal-acts/claim-codes", {"ids": ["ut-1"]}).json()["codes"][0]
    key, code = public_of(seed), made["code"]
    offer = {"code": code, "public_key": key, "proof": sign(seed, to_prove(code, key))}
    headers = {"Idempotency-Key": "device-key-00001"}
    for _ in range(2):  # the answer was lost on its way: the same request again
        assert depot.http.post("/v1/enrolments", json=offer, headers=headers).json() == {"terminal": "ut-1"}
    used = depot.http.post("/v1/enrolments", json=offer, headers={"Idempotency-Key": "device-key-00002"})
    assert (used.status_code, used.json()["type"]) == (403, "/problems/wrong-code")
    assert amina.get("/v1/terminal-keys").json()["items"][0]["key"] == key
    assert amina.post("/v1/terminals/ut-1/key", {"key": key}, match=1).status_code == 200

    said = CheckIn(terminal="ut-1", boot="b1", seq=0, at=START, position=(46.63, 32.61))
    word = {
        "terminal": "ut-1", "boot": "b1", "seq": 0, "at": START.isoformat(), "latitude_deg": 46.63,
        "longitude_deg": 32.61, "signature": sign(seed, said.to_sign()),
    }  # fmt: skip
    heard = depot.http.post("/v1/check-ins", json=word)
    assert heard.json() == {"served": False, "code": "NO_ACTIVE_ACCOUNT", "fresh": True, "quarantined": False}
    forged = depot.http.post("/v1/check-ins", json={**word, "seq": 1})
    assert (forged.status_code, forged.json()["type"]) == (403, "/problems/bad-signature")

    read = amina.post("/v1/terminals/ut-1/position", {"why": "a call for help"}, key="position-key-001")
    assert read.json()["latitude_deg"] == 46.63
    amina.post("/v1/terminals/ut-1/position", {"why": "a call for help"}, key="position-key-001")
    with depot.plane.store.reading() as conn:
        assert [row.why for row in conn.execute(select(reads))] == ["a call for help"]


def test_a_password_gives_a_session_of_twelve_hours(world: World) -> None:
    words = "four words no one guesses"
    assert world["amina"].send("PUT", "/v1/people/amina/password", {"password": words}).status_code == 200
    session = world.http.post("/v1/login", json={"name": "amina", "password": words})
    assert session.status_code == 201
    headers = {"Authorization": f"Bearer {session.json()['token']}"}
    me = world.http.get("/v1/me", headers=headers).json()
    assert (me["id"], me["kind"], [g["role"] for g in me["grants"]]) == ("amina", "enforced", ["owner"])
    world.clock.turn(hours=12)
    assert world.http.get("/v1/me", headers=headers).status_code == 401
    for body in ({"name": "amina", "password": "wrong"}, {"name": "nobody", "password": words}):
        refused = world.http.post("/v1/login", json=body)
        assert (refused.status_code, refused.json()["type"]) == (401, "/problems/unauthenticated")


def test_a_role_that_decides_is_given_by_two(world: World, area: dict[str, Any]) -> None:
    amina, jonas = world["amina"], world["jonas"]
    key = public_of(new_seed())
    amina.post("/v1/people", {"id": "oksana", "public_key": key})
    wanted = {"person": "oksana", "role": "approver", "area": "kherson"}
    assert amina.post("/v1/grants", wanted).json()["type"] == "/problems/needs-two-people"
    text = amina.get("/v1/grants/to-sign?person=oksana&role=approver&area=kherson").json()["to_sign"]
    pair = {
        "first_signature": amina.sign("propose", text), "second_signature": jonas.sign("approve", text),
        "second_token": jonas.credential.token,
    }  # fmt: skip
    made = amina.post("/v1/grants", {**wanted, "pair": pair})
    assert made.status_code == 201, made.text
    able = amina.get("/v1/who-can?action=decide.approve&area=kherson").json()["items"]
    assert "oksana is approver of area kherson" in {one["person"]: one["reason"] for one in able}["oksana"]
    may = amina.get("/v1/may?person=oksana&action=decide.propose&area=kherson").json()
    assert (may["allowed"], "no role with decide.propose" in may["reason"]) == (False, True)


def test_an_emergency_off_is_confirmed_by_a_second_person_or_reverts(
    world: World, area: dict[str, Any]
) -> None:
    amina, jonas = world["amina"], world["jonas"]
    found = amina.get("/v1/areas/kherson/emergency-off?reason=jamming").json()
    body = {"reason": "jamming", "signature": amina.sign("emergency", found["to_sign"])}
    off = amina.post("/v1/areas/kherson/emergency-off", body)
    assert off.status_code == 201, off.text
    text = jonas.get(f"/v1/requests/{found['request']}").json()["to_sign"]
    confirmed = jonas.post(
        f"/v1/requests/{found['request']}/confirmation", {"signature": jonas.sign("confirm", text)}
    )
    assert confirmed.json()["request"]["state"] == "confirmed", confirmed.text


def test_what_outsiders_say_is_kept_beside_decisions(world: World, area: dict[str, Any]) -> None:
    claim = {"said_by": "a soldier", "text": "it was off", "source": "a paper", "said_on": "2026-02-27"}
    made = world["amina"].post("/v1/claims", {**claim, "area": "kherson"})
    assert made.json()["status"] == "asserted"
    turn = {"status": "denied", "note": "they say not", "source": "a letter"}
    assert world["jonas"].post("/v1/claims/c-1/turns", turn, match=1).json()["version"] == 2
    assert world["amina"].get("/v1/claims?status=denied").json()["items"][0]["turns"][0]["by"] == "jonas"


def test_an_account_is_disabled_and_a_plan_is_changed(world: World) -> None:
    amina = world["amina"]
    amina.post("/v1/accounts", {"id": "shop"})
    off = amina.send("PUT", "/v1/accounts/shop/status", {"status": "disabled", "reason": "unpaid"}, match=1)
    assert (off.json()["account"]["status"], off.headers["ETag"]) == ("disabled", '"2"')
    assert amina.send("PUT", "/v1/plans/roam", {"roaming": ["UA", "PL"]}).status_code == 200
    assert amina.send("PUT", "/v1/plans/roam", {"ocean": False}).status_code == 428
    assert amina.send("PUT", "/v1/plans/roam", {"ocean": False}, match=1).json()["version"] == 2
    line = amina.post("/v1/lines", {"id": "l-1", "account": "shop", "plan": "roam", "country": "UA"})
    assert line.status_code == 201, line.text
    block = {"kind": "block", "accounts": ["shop"], "reason": "stolen"}
    assert amina.send("PUT", "/v1/lists/thieves", block).json()["accounts"] == ["shop"]
    assert amina.post("/v1/lists/thieves/lifting", {}, match=1).json()["active"] is False


def test_anyone_can_check_the_log_with_its_key_and_tiles(world: World, area: dict[str, Any]) -> None:
    key = VerifierKey.parse(world.http.get("/v1/log/key").text.strip())
    signed = world.http.get("/v1/log/checkpoint")
    assert signed.headers["Content-Type"].startswith("text/plain")
    size = open_checkpoint(signed.content, [key]).size
    bundle = world.http.get(f"/v1/log/tile/entries/000.p/{size}")
    assert bundle.status_code == 200
    assert "immutable" in bundle.headers["Cache-Control"]
    assert len(world.http.get(f"/v1/log/tile/0/000.p/{size}").content) == 32 * size
    for wrong in (f"0/000.p/{size + 1}", "0/000", "1/000.p/1", "x", "../../etc/passwd"):
        assert world.http.get(f"/v1/log/tile/{wrong}").status_code == 404, wrong
    proof = parse_proof(world.http.get("/v1/log/proof/1").content)
    leaf = bundle.content[2 + (length := int.from_bytes(bundle.content[:2], "big")) + 2 :][:length]
    assert verify_proof(proof, leaf, [key]).size == size
    assert world.http.get("/v1/log/proof/99").status_code == 404


def test_entries_are_disclosed_when_their_embargo_is_over(world: World, area: dict[str, Any]) -> None:
    ask = {"fields": ["area", "kind"], "to": "the court", "reason": "it asked", "area": "kherson"}
    early = world["amina"].post("/v1/log/disclosures", ask)
    assert early.status_code == 422, early.text
    world.clock.turn(days=8)
    shown = world["amina"].post("/v1/log/disclosures", ask)
    assert shown.status_code == 201, shown.text
    assert list(shown.json()["files"]) == ["disclosed/1.json"]


def test_the_numbers_are_for_readers_of_the_log(world: World, area: dict[str, Any]) -> None:
    world["amina"].get("/v1/areas/kherson")
    text = world["jonas"].get("/metrics").text
    for line in (
        'openleo_http_requests_total{method="GET",route="/v1/areas/{area_id}",status="200"} 1.0',
        'openleo_decisions_total{kind="area.defined"} 1.0', "openleo_log_entries 2.0",
        "openleo_writer_queue 0.0", "openleo_commit_seconds_count 1.0",
    ):  # fmt: skip
        assert line in text
    assert "kherson" not in text
    vera = world.add_person("vera", "viewer")
    assert vera.get("/metrics").status_code == 403


def test_health_and_readiness(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    assert world.http.get("/health").json() == {"alive": True}
    assert world.http.get("/ready").json() == {"ready": True}
    monkeypatch.setattr("openleo.api.health.LEAST_FREE_BYTES", 10**18)
    assert world.http.get("/ready").json()["type"] == "/problems/not-ready"
